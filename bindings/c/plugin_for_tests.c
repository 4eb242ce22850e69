/* The snapshot that the tests' plugin carries, for those who have loaded it. */

#include "islet/islet.h"

extern const uint8_t islet_snapshot_plugin_startup_begin[];
extern const uint8_t islet_snapshot_plugin_startup_end[];

ISLET_API islet_snapshot* islet_plugin_snapshot(islet_error* error);

islet_snapshot* islet_plugin_snapshot(islet_error* error) {
  return islet_snapshot_open_embedded(islet_snapshot_plugin_startup_begin, islet_snapshot_plugin_startup_end, error);
}
