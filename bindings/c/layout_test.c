/* What programs that were compiled against the header count on: sizes and places of the structures, and the numbers.
 * C99 without extensions. */

#include <stdio.h>

#include "islet/islet.h"

#define SAME(name, a, b) typedef char same_##name[(a) == (b) ? 1 : -1]
#define AT(type, member, place) SAME(type##_##member, offsetof(type, member), place)

SAME(value, sizeof(islet_value), 16);
AT(islet_value, owner, 0);
AT(islet_value, place, 8);

SAME(frame, sizeof(islet_frame), 24);
AT(islet_frame, procedure, 0);
AT(islet_frame, file, 8);
AT(islet_frame, line, 16);
AT(islet_frame, column, 20);

/* May grow at its end. */
AT(islet_host_call, isolate, 0);
AT(islet_host_call, data, 8);
AT(islet_host_call, self, 16);
AT(islet_host_call, arguments, 24);
AT(islet_host_call, count, 32);
AT(islet_host_call, result, 40);
AT(islet_host_call, error, 56);

AT(islet_streams, size, 0);
AT(islet_streams, data, 8);
AT(islet_streams, read, 16);
AT(islet_streams, write, 24);
AT(islet_streams, flush, 32);
AT(islet_streams, ready, 40);
AT(islet_streams, release, 48);

AT(islet_file_system, size, 0);
AT(islet_file_system, data, 8);
AT(islet_file_system, open, 16);
AT(islet_file_system, read, 24);
AT(islet_file_system, write, 32);
AT(islet_file_system, flush, 40);
AT(islet_file_system, close, 48);
AT(islet_file_system, exists, 56);
AT(islet_file_system, remove, 64);
AT(islet_file_system, release, 72);

AT(islet_host_type_info, size, 0);
AT(islet_host_type_info, name, 8);
AT(islet_host_type_info, data, 16);
AT(islet_host_type_info, finalize, 24);
AT(islet_host_type_info, copy, 32);
AT(islet_host_type_info, release, 40);

SAME(cursor, sizeof(islet_cursor), 32);
SAME(status, sizeof(islet_status), 4);
SAME(z, ISLET_Z, SIZE_MAX);
SAME(no_limit, ISLET_NO_LIMIT, UINT64_MAX);

/* Statuses never change. */
SAME(ok, ISLET_OK, 0);
SAME(invalid_argument, ISLET_INVALID_ARGUMENT, 1);
SAME(exception, ISLET_EXCEPTION, 2);
SAME(not_found, ISLET_NOT_FOUND, 3);
SAME(out_of_range, ISLET_OUT_OF_RANGE, 4);
SAME(resource_exhausted, ISLET_RESOURCE_EXHAUSTED, 5);
SAME(cancelled, ISLET_CANCELLED, 6);
SAME(not_entered, ISLET_NOT_ENTERED, 7);
SAME(data_loss, ISLET_DATA_LOSS, 8);
SAME(internal, ISLET_INTERNAL, 9);
SAME(mismatch, ISLET_MISMATCH, 10);
SAME(exited, ISLET_EXITED, 11);
SAME(deadline_exceeded, ISLET_DEADLINE_EXCEEDED, 12);
SAME(permission_denied, ISLET_PERMISSION_DENIED, 13);
SAME(heap_limit, ISLET_HEAP_LIMIT, 14);
SAME(stack_limit, ISLET_STACK_LIMIT, 15);
SAME(fuel_limit, ISLET_FUEL_LIMIT, 16);
SAME(cpu_time_limit, ISLET_CPU_TIME_LIMIT, 17);
SAME(wall_time_limit, ISLET_WALL_TIME_LIMIT, 18);
SAME(stale, ISLET_STALE, 19);
SAME(foreign, ISLET_FOREIGN, 20);
SAME(lost, ISLET_LOST, 21);
SAME(busy, ISLET_BUSY, 22);
SAME(unsupported, ISLET_UNSUPPORTED, 26);
SAME(host_status, ISLET_HOST_STATUS, 1000);

int main(void) {
  if (islet_version() != ISLET_VERSION || islet_check_version(ISLET_VERSION, NULL) != ISLET_OK) {
    fputs("the library is of another version than its header\n", stderr);
    return 1;
  }
  return 0;
}
