/* Islet's C interface: the C++ API (islet/isolate.h) for programs in C and whatever can call C. C99.
 *
 *   islet_error error;
 *   islet_snapshot *snapshot = islet_snapshot_open_embedded(begin, end, &error);
 *   islet_isolate *isolate = islet_isolate_new(snapshot, NULL, &error);
 *   islet_enter(isolate, &error);
 *   islet_value argument = islet_string(isolate, "Ada", 3), result;
 *   if (islet_call(isolate, "greet", &argument, 1, &result, &error) == ISLET_OK) ...
 *   islet_leave(isolate);
 *   islet_isolate_free(isolate);
 *   islet_snapshot_free(snapshot);
 *
 * Rules
 *  - A function that can fail returns an islet_status, or a null pointer, and fills *error unless `error` is NULL.
 *  - Text is UTF-8, with its length in bytes; it need not end in a zero byte. Text that comes out does end in one.
 *  - islet_value is a handle: good until the islet_leave that ends the innermost islet_enter before it was made, and
 *    within a host function until that returns. A handle used later gives ISLET_NOT_ENTERED.
 *  - An isolate is used by the thread that has entered it; islet_interrupt may be called by any.
 *  - Nothing is thrown or jumped across this interface, in either direction.
 *  - The process may fork(): see islet/isolate.h. In the child, isolates that another thread was inside of give
 *    ISLET_NOT_ENTERED, and islet_isolate_free returns at once without freeing their memory.
 *  - A shared object that holds this library may be unloaded by dlclose when no isolate, pool or snapshot is left and
 *    no call is running; that ends the thread that watches over limits of time. The C library keeps the object loaded
 *    until the threads that have used it have ended.
 */
#ifndef ISLET_C_ISLET_H_
#define ISLET_C_ISLET_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ISLET_API __attribute__((visibility("default")))

/* Numbers never change. */
typedef enum islet_status {
  ISLET_OK = 0,
  ISLET_INVALID_ARGUMENT = 1, /* wrong type or form; a syntax error */
  ISLET_EXCEPTION = 2,        /* a condition that nothing in the script handled */
  ISLET_NOT_FOUND = 3,        /* no such file or variable */
  ISLET_OUT_OF_RANGE = 4,     /* an integer that does not fit */
  /* Address space, mappings, nested calls; or the system has no memory left, and an isolate that was at work can only
   * be freed: its calls say so from then on. */
  ISLET_RESOURCE_EXHAUSTED = 5,
  ISLET_CANCELLED = 6,   /* interrupted */
  ISLET_NOT_ENTERED = 7, /* not entered, entered by another thread, or a stale handle */
  ISLET_DATA_LOSS = 8,   /* a snapshot that is truncated or changed */
  ISLET_INTERNAL = 9,
  ISLET_MISMATCH = 10,          /* a snapshot of another build, or host functions that it needs are missing */
  ISLET_EXITED = 11,            /* the script called exit: see islet_error.exit_status */
  ISLET_DEADLINE_EXCEEDED = 12, /* of a host function's */
  ISLET_PERMISSION_DENIED = 13, /* a file that may not be used, or what has not been granted */
  /* A limit has ended the call: islet_limits. The isolate stays usable. */
  ISLET_HEAP_LIMIT = 14,
  ISLET_STACK_LIMIT = 15,
  ISLET_FUEL_LIMIT = 16,
  ISLET_CPU_TIME_LIMIT = 17,
  ISLET_WALL_TIME_LIMIT = 18
} islet_status;

/* What went wrong, and where: message and, for a script, file:line:column and a backtrace. Cut if it is longer. */
typedef struct islet_error {
  islet_status status;
  int exit_status; /* 0 to 255, with ISLET_EXITED (R7RS 6.14) */
  char message[2040];
} islet_error;

typedef struct islet_snapshot islet_snapshot;
typedef struct islet_isolate islet_isolate;
typedef struct islet_value {
  uint32_t slot;
  uint32_t stamp;
} islet_value;

typedef enum islet_type {
  ISLET_TYPE_UNSPECIFIED = 0,
  ISLET_TYPE_BOOLEAN = 1,
  ISLET_TYPE_INTEGER = 2,
  ISLET_TYPE_REAL = 3,
  ISLET_TYPE_RATIONAL = 4,
  ISLET_TYPE_COMPLEX = 5,
  ISLET_TYPE_CHARACTER = 6,
  ISLET_TYPE_STRING = 7,
  ISLET_TYPE_SYMBOL = 8,
  ISLET_TYPE_NULL = 9,
  ISLET_TYPE_PAIR = 10,
  ISLET_TYPE_VECTOR = 11,
  ISLET_TYPE_BYTEVECTOR = 12,
  ISLET_TYPE_HASH_TABLE = 13,
  ISLET_TYPE_PROCEDURE = 14,
  ISLET_TYPE_RECORD = 15,
  ISLET_TYPE_EOF = 16,
  ISLET_TYPE_OTHER = 17
} islet_type;

/* ---- Snapshots: immutable, usable from all threads; one must not be freed before its isolates are. */

/* `begin` and `end` are the symbols islet_snapshot_NAME_begin and _end of a linked snapshot. A shared object that
 * carries it must stay loaded until the snapshot and all isolates and pools made of it have been freed. */
ISLET_API islet_snapshot* islet_snapshot_open_embedded(const unsigned char* begin, const unsigned char* end,
                                                       islet_error* error);
ISLET_API islet_snapshot* islet_snapshot_open_file(const char* path, islet_error* error);
/* The bytes are copied. */
ISLET_API islet_snapshot* islet_snapshot_open_bytes(const void* bytes, size_t size, islet_error* error);
ISLET_API void islet_snapshot_free(islet_snapshot* snapshot);

/* ---- Host functions */

/* Called with handles; sets *result (a handle, islet_unspecified by default) and returns ISLET_OK, or fills *error and
 * returns anything else, which is raised in the script; if nothing handles it there, it is what the islet_call or
 * islet_eval around returns. A failure of a nested islet_call or islet_eval should be returned with the *error it gave,
 * so that it goes on as what it was. */
typedef islet_status (*islet_host_function)(islet_isolate* isolate, void* user_data, const islet_value* arguments,
                                            size_t count, islet_value* result, islet_error* error);

typedef struct islet_host_binding {
  const char* name;
  int least_arguments; /* 0 to 255 */
  int most_arguments;  /* 0 to 255; -1: any number */
  islet_host_function function;
  void* user_data;
} islet_host_binding;

/* ---- What scripts may reach outside of their isolate. See islet/capabilities.h. */

typedef enum islet_file_mode {
  ISLET_FILE_READ = 0,
  ISLET_FILE_WRITE = 1, /* a file that is empty, whether there was one or not */
  ISLET_FILE_APPEND = 2 /* an existing file keeps its contents, and writing goes to its end */
} islet_file_mode;

/* A file system of the host's own. Paths are what scripts give, ending in a zero byte. A function returns ISLET_OK, or
 * fills error->message ("cannot open: no such page") and returns anything else, which is raised in the script. They are
 * called on the thread that has entered the isolate, and must not call it. */
typedef struct islet_file_system {
  size_t size; /* sizeof(islet_file_system) */
  void* user_data;
  /* Sets *file to whatever the functions below are to get. */
  islet_status (*open)(void* user_data, const char* path, islet_file_mode mode, void** file, islet_error* error);
  /* Stores at most `size` bytes, and sets *count to how many; 0 at the end. */
  islet_status (*read)(void* user_data, void* file, char* buffer, size_t size, size_t* count, islet_error* error);
  /* Takes all bytes. NULL: nothing can be written. */
  islet_status (*write)(void* user_data, void* file, const char* bytes, size_t size, islet_error* error);
  /* Passes on what was held back. NULL: nothing is. */
  islet_status (*flush)(void* user_data, void* file, islet_error* error);
  /* Called once for each file opened, last, with `error` never NULL. */
  islet_status (*close)(void* user_data, void* file, islet_error* error);
  /* Sets *exists to 0 or 1. */
  islet_status (*exists)(void* user_data, const char* path, int* exists, islet_error* error);
  /* Deletes a file. NULL: none can be. */
  islet_status (*remove)(void* user_data, const char* path, islet_error* error);
} islet_file_system;

/* ---- What scripts may use up. See islet/limits.h. */

/* Zero means the default: 512 MiB of heap, and no limit of the others. */
typedef struct islet_limits {
  size_t size; /* sizeof(islet_limits) */
  size_t heap_bytes;
  size_t stack_bytes;
  uint64_t fuel;                 /* instructions of each call of the host's */
  int64_t cpu_time_nanoseconds;  /* of the thread, for each call of the host's */
  int64_t wall_time_nanoseconds; /* elapsed, for each call of the host's */
} islet_limits;

typedef struct islet_isolate_stats {
  size_t heap_bytes; /* young_bytes + old_bytes */
  size_t young_bytes;
  size_t old_bytes;
  size_t large_bytes; /* of old_bytes */
  size_t snapshot_bytes;
  size_t dirty_pages; /* snapshot pages written, of 4 KiB */
  size_t stack_bytes;
  uint64_t allocated_bytes;
  uint64_t minor_collections, full_collections;
  double minor_seconds, full_seconds;
  double longest_minor_seconds, longest_full_seconds;
  uint64_t instructions; /* counted only under a limit of fuel, or with count_instructions */
  uint64_t host_calls;
  size_t spare_bytes;        /* not of heap_bytes: free, but resident; see islet_isolate_options */
  uint64_t rehashed_entries; /* of hash tables: see IsolateStats in islet/isolate.h */
} islet_isolate_stats;

/* ---- Isolates */

/* Zero means the default. Later versions may append members; `size` tells which there are. */
typedef struct islet_isolate_options {
  size_t size; /* sizeof(islet_isolate_options) */
  size_t heap_limit;
  uint64_t cage_size;
  const islet_host_binding* host_functions; /* copied */
  size_t host_function_count;
  /* Receives what scripts print; descriptor 1 or 2. */
  void (*write)(void* user_data, int descriptor, const char* text, size_t length);
  void* write_user_data;
  /* Nonzero: scripts may reach all files that the process can. */
  int allow_files;
  /* Instead: the files below this directory, and none else, as no path leads out. Copied. */
  const char* files_below;
  int files_read_only; /* of `files_below` */
  /* Instead of both. The structure is copied. */
  const islet_file_system* file_system;
  /* Nonzero: the system's clock. */
  int allow_clock;
  /* Instead: the host's own, in nanoseconds since 1970-01-01T00:00:00Z, or if `monotonic` is not 0, since any fixed
   * moment. */
  int64_t (*clock)(void* user_data, int monotonic);
  void* clock_user_data;
  /* Nonzero: the system's randomness. */
  int allow_randomness;
  /* Instead: the same numbers for the same seed, in every isolate and after every reset; copied. */
  const uint64_t* random_seed;
  /* What (command-line) returns; copied. */
  const char* const* command_line;
  size_t command_line_count;
  /* What get-environment-variable finds, each "NAME=VALUE"; copied. The process's own environment is not reached. */
  const char* const* environment;
  size_t environment_count;
  /* Where libraries are looked for in the files granted; copied. */
  const char* const* library_path;
  size_t library_path_count;
  /* All limits, instead of `heap_limit`; copied. */
  const islet_limits* limits;
  /* Asked when a limit is reached, `limit` being its status: the call goes on if islet_set_limits
   * raises it far enough. Nothing else of the isolate may be used but islet_get_limits and
   * islet_get_stats. */
  void (*near_limit)(void* user_data, islet_isolate* isolate, islet_status limit);
  void* near_limit_user_data;
  int count_instructions; /* for islet_get_stats, even without a limit of fuel */
  /* Bytes of free memory that the isolate's heap may keep resident, at most, since a program that has used them is
   * likely to do so again and fresh pages are dear. Less than a page, 1 say: what a collection frees goes back to the
   * system at once. Default: as much as islet/limits.h says of the heap limit. islet_collect_garbage gives back all. */
  size_t spare_bytes;
} islet_isolate_options;

/* `options` may be NULL: then scripts reach nothing outside. ISLET_NOT_FOUND: there is no directory `files_below`. */
ISLET_API islet_isolate* islet_isolate_new(islet_snapshot* snapshot, const islet_isolate_options* options,
                                           islet_error* error);
/* A second isolate in the state of this one: see Isolate::Fork in islet/isolate.h. */
ISLET_API islet_isolate* islet_isolate_fork(islet_isolate* isolate, islet_error* error);
/* An isolate from a pool is given back; any other is disposed of. */
ISLET_API void islet_isolate_free(islet_isolate* isolate);

/* ---- Pools: isolates that are reset and used again, at a fraction of what making one costs. Any thread may use a
 * pool at any time. See islet/isolate_pool.h.
 *
 *   islet_value handler;
 *   islet_pool_procedure(pool, "handler", &handler, &error);        once
 *   islet_isolate *isolate = islet_pool_get(pool, &error);          for each request
 *   islet_enter(isolate, &error);
 *   ... islet_call_value(isolate, handler, ...) ...
 *   islet_isolate_free(isolate);                                    leaves, resets and gives back
 */

typedef struct islet_pool islet_pool;

/* Zero means the default. */
typedef struct islet_pool_options {
  size_t size;                /* sizeof(islet_pool_options) */
  size_t keep_bytes;          /* memory that an idle isolate keeps; default 2 MiB */
  size_t max_idle_per_thread; /* isolates that wait for each thread; default 16 */
  int verify_resets;          /* compare with a new isolate after each reset; for tests, takes milliseconds */
} islet_pool_options;

typedef struct islet_pool_statistics {
  size_t idle;       /* isolates waiting */
  uint64_t created;  /* made anew */
  uint64_t reused;   /* handed out again */
  size_t idle_bytes; /* memory that those waiting keep, but for page tables */
} islet_pool_statistics;

/* Both kinds of options may be NULL. Host functions, `write`, the file system and the clock serve all threads at
 * once. */
ISLET_API islet_pool* islet_pool_new(islet_snapshot* snapshot, const islet_isolate_options* isolate_options,
                                     const islet_pool_options* options, islet_error* error);
/* Isolates that are out are then disposed of when they are freed. */
ISLET_API void islet_pool_free(islet_pool* pool);
/* An isolate in the snapshot's state, not entered, to be given back by islet_isolate_free, on any thread. */
ISLET_API islet_isolate* islet_pool_get(islet_pool* pool, islet_error* error);
/* The procedure that the top-level variable holds in the snapshot. It serves in every isolate of the snapshot, entered
 * or not, from this pool or not, and never becomes stale. */
ISLET_API islet_status islet_pool_procedure(islet_pool* pool, const char* name, islet_value* procedure,
                                            islet_error* error);
/* Disposes of idle isolates but for `keep` of each thread; returns how many. */
ISLET_API size_t islet_pool_trim(islet_pool* pool, size_t keep);
ISLET_API void islet_pool_stats(islet_pool* pool, islet_pool_statistics* statistics);
/* What verify_resets has found first; ISLET_OK if nothing. */
ISLET_API islet_status islet_pool_reset_status(islet_pool* pool, islet_error* error);

/* ---- Stacks that the host has made itself, for fibers: see islet/stack.h. */

/* [low, low + bytes) is the stack of whatever code runs in it, on any thread, until it is forgotten. Such ranges do not
 * overlap. Calls on a stack that is neither a thread's nor announced give ISLET_RESOURCE_EXHAUSTED, as those do that
 * have less than 24 KiB left. */
ISLET_API islet_status islet_stack_announce(const void* low, size_t bytes, islet_error* error);
ISLET_API void islet_stack_forget(const void* low);

/* Enters the isolate on this thread and opens a scope of handles. Each success is matched by one islet_leave. */
ISLET_API islet_status islet_enter(islet_isolate* isolate, islet_error* error);
ISLET_API void islet_leave(islet_isolate* isolate);
/* Any thread: ends the running, or next, call with ISLET_CANCELLED. */
ISLET_API void islet_interrupt(islet_isolate* isolate);

/* Other limits from now on; see Isolate::SetLimits. */
ISLET_API islet_status islet_set_limits(islet_isolate* isolate, const islet_limits* limits, islet_error* error);
/* Fills what `limits->size` tells of. */
ISLET_API void islet_get_limits(islet_isolate* isolate, islet_limits* limits);
ISLET_API void islet_get_stats(islet_isolate* isolate, islet_isolate_stats* stats);
/* Frees what is unreachable, and gives all memory of the heap that is free back to the system. Nothing happens unless
 * the isolate has been entered on this thread. */
ISLET_API void islet_collect_garbage(islet_isolate* isolate);

/* `result` may be NULL. */
ISLET_API islet_status islet_eval(islet_isolate* isolate, const char* text, size_t length, const char* name,
                                  islet_value* result, islet_error* error);
/* Calls the procedure that a top-level variable holds. */
ISLET_API islet_status islet_call(islet_isolate* isolate, const char* name, const islet_value* arguments, size_t count,
                                  islet_value* result, islet_error* error);
ISLET_API islet_status islet_call_value(islet_isolate* isolate, islet_value procedure, const islet_value* arguments,
                                        size_t count, islet_value* result, islet_error* error);

/* ---- Values in. On failure (not entered, no memory) the handle is stale, which its use reports. */

ISLET_API islet_value islet_unspecified(islet_isolate* isolate);
ISLET_API islet_value islet_boolean(islet_isolate* isolate, int b);
ISLET_API islet_value islet_integer(islet_isolate* isolate, int64_t n);
/* Decimal digits with an optional sign: an integer of any size. */
ISLET_API islet_value islet_big_integer(islet_isolate* isolate, const char* decimal, size_t length);
ISLET_API islet_value islet_real(islet_isolate* isolate, double d);
ISLET_API islet_value islet_character(islet_isolate* isolate, uint32_t scalar);
ISLET_API islet_value islet_string(islet_isolate* isolate, const char* text, size_t length);
ISLET_API islet_value islet_symbol(islet_isolate* isolate, const char* name, size_t length);
ISLET_API islet_value islet_bytevector(islet_isolate* isolate, const void* bytes, size_t size);
ISLET_API islet_value islet_list(islet_isolate* isolate, const islet_value* items, size_t count);
ISLET_API islet_value islet_vector(islet_isolate* isolate, const islet_value* items, size_t count);
/* `entries` holds `count` keys, each followed by its value. */
ISLET_API islet_value islet_hash_table(islet_isolate* isolate, const islet_value* entries, size_t count);

/* ---- Values out */

ISLET_API islet_type islet_type_of(islet_isolate* isolate, islet_value value);
ISLET_API islet_status islet_get_boolean(islet_isolate* isolate, islet_value value, int* out, islet_error* error);
ISLET_API islet_status islet_get_integer(islet_isolate* isolate, islet_value value, int64_t* out, islet_error* error);
ISLET_API islet_status islet_get_real(islet_isolate* isolate, islet_value value, double* out, islet_error* error);
ISLET_API islet_status islet_get_character(islet_isolate* isolate, islet_value value, uint32_t* out,
                                           islet_error* error);
/* These copy into `buffer`, at most `size` bytes with the final zero, and set *length to the whole length without it,
 * so that a first call with size 0 asks for it. Strings and symbols: contents; integers of any size: decimal;
 * bytevectors: bytes. */
ISLET_API islet_status islet_get_text(islet_isolate* isolate, islet_value value, char* buffer, size_t size,
                                      size_t* length, islet_error* error);
ISLET_API islet_status islet_get_decimal(islet_isolate* isolate, islet_value value, char* buffer, size_t size,
                                         size_t* length, islet_error* error);
ISLET_API islet_status islet_get_bytes(islet_isolate* isolate, islet_value value, void* buffer, size_t size,
                                       size_t* length, islet_error* error);
/* As the procedure `write` prints it. */
ISLET_API islet_status islet_print(islet_isolate* isolate, islet_value value, char* buffer, size_t size, size_t* length,
                                   islet_error* error);
/* Items of a list or vector, or keys and values in turn of a hash table: at most `size` of them, *count being how many
 * there are. */
ISLET_API islet_status islet_get_items(islet_isolate* isolate, islet_value value, islet_value* items, size_t size,
                                       size_t* count, islet_error* error);

#ifdef __cplusplus
}
#endif

#endif /* ISLET_C_ISLET_H_ */
