/* The smallest host in C: opens the snapshot that startup.lisp left, calls a procedure in it, and prints what it gives.
 * */

#include <islet/islet.h>
#include <stdio.h>

#include "startup.h"

int main(void) {
  islet_error* error = islet_error_new();
  islet_snapshot* snapshot =
      islet_snapshot_open_embedded(islet_snapshot_startup_begin, islet_snapshot_startup_end, error);
  islet_isolate* isolate = islet_isolate_new(snapshot, NULL, error);
  islet_status status = islet_enter(isolate, error);
  if (status == ISLET_OK) {
    islet_value numbers[3], list, result;
    int64_t score = 0;
    for (int i = 0; i < 3; ++i) numbers[i] = islet_integer(isolate, i + 1);
    list = islet_list(isolate, numbers, 3);
    status = islet_call(isolate, "score", &list, 1, &result, error);
    if (status == ISLET_OK) status = islet_get_integer(isolate, result, &score, error);
    if (status == ISLET_OK) printf("score: %d\n", (int)score);
  }
  if (status != ISLET_OK) fprintf(stderr, "host: %s\n", islet_error_report(error));
  islet_isolate_free(isolate);
  islet_snapshot_free(snapshot);
  islet_error_free(error);
  return status != ISLET_OK;
}
