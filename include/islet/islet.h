/* Islet's C interface. C99, C++11 and later.
 *
 *   islet_error *error = islet_error_new();
 *   islet_snapshot *snapshot = islet_snapshot_open_embedded(islet_snapshot_x_begin, islet_snapshot_x_end, error);
 *   islet_isolate *isolate = islet_isolate_new(snapshot, NULL, error);
 *   if (islet_enter(isolate, error) == ISLET_OK) {
 *     islet_value name = islet_string(isolate, "Ada", ISLET_Z), greeting;
 *     const char *text;
 *     if (islet_call(isolate, "greet", &name, 1, &greeting, error) == ISLET_OK &&
 *         islet_get_text(isolate, greeting, &text, NULL, error) == ISLET_OK) puts(text);
 *   }
 *   if (islet_error_status(error) != ISLET_OK) fputs(islet_error_report(error), stderr);
 *   islet_isolate_free(isolate);
 *   islet_snapshot_free(snapshot);
 *   islet_error_free(error);
 *
 * Rules, which each function keeps and which are not repeated
 *  1 A function that can fail returns an islet_status (0 is success), or NULL, or a failed value. `error` may be NULL
 *    everywhere; else it is filled on failure, and left alone on success.
 *  2 NULL may be: outputs, data of length 0, what is freed, and what is marked "or NULL". Any other NULL gives
 *    ISLET_INVALID_ARGUMENT, and the message names the parameter. But an object (snapshot, options, isolate, pool) that
 *    is NULL counts as the result of an earlier failure, if *error holds one: that is kept, and given again. So a chain
 *    of calls may be checked once, at its end. Nothing crashes.
 *  3 Names and messages end in a zero byte. Other text and data are a pointer and a length; the length ISLET_Z means
 *    that text ends in a zero byte. Text is UTF-8; invalid bytes become U+FFFD. Text that comes out ends in a zero byte
 *    that its length does not count.
 *  4 Threads: [any] may be called by any thread at any time; [own] by the thread that has entered the isolate; [free]
 *    by that thread, or by any while no thread has entered it. What has no such mark: [own] if it takes an isolate,
 *    else one thread at a time for each object. By another thread: ISLET_NOT_ENTERED, or ISLET_BUSY from [free].
 *  5 What a function takes is copied, or kept alive by Islet. A `data` pointer is yours, until its `release` is called,
 *    if there is one. What comes out is borrowed for as long as is said; what has a _free is the caller's.
 *  6 Numbers are set and asked for by number. Tables of functions start with `size`, which is sizeof, and grow at their
 *    end: members that you do not set are 0. A size of 0 is refused; a member that this library does not know must be
 *    0, else it is ISLET_UNSUPPORTED. What Islet makes and lends (islet_host_call) may grow at its end. Other
 *    structures never change.
 *  7 Nothing is thrown or jumped across this interface, in either direction. In C++, an exception that leaves a
 *    callback all the same is a failure of kind "host"; but frames without unwind tables in between end the process. */
#ifndef ISLET_ISLET_H_
#define ISLET_ISLET_H_

#include <stddef.h>
#include <stdint.h>

#include "islet/version.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ISLET_API __attribute__((visibility("default")))
#define ISLET_Z SIZE_MAX

/* [any] The library's ISLET_VERSION. */
ISLET_API int32_t islet_version(void);

typedef int32_t islet_status;
typedef struct islet_error islet_error;

/* [any] For programs that load the library themselves: `header_version` is the ISLET_VERSION that they were compiled
 * with. ISLET_MISMATCH: this library has another major number, or a smaller minor one. */
ISLET_API islet_status islet_check_version(int32_t header_version, islet_error* error);

/* ---- Status: 1 to 999 are Islet's, and never change; from 1000 on they are the host's own. */
enum {
  ISLET_OK = 0,
  ISLET_INVALID_ARGUMENT = 1,   /* of this interface: NULL, another type, a number out of its range; a syntax error */
  ISLET_EXCEPTION = 2,          /* a condition, or another object raised, that nothing in the script has handled */
  ISLET_NOT_FOUND = 3,          /* no such file, variable, key */
  ISLET_OUT_OF_RANGE = 4,       /* an integer that does not fit, an index */
  ISLET_RESOURCE_EXHAUSTED = 5, /* memory, address space, mappings, nested calls */
  ISLET_CANCELLED = 6,          /* islet_interrupt */
  ISLET_NOT_ENTERED = 7,        /* this thread has not entered the isolate */
  ISLET_DATA_LOSS = 8,          /* a snapshot that is truncated or changed */
  ISLET_INTERNAL = 9,           /* a fault of Islet's, or an end of a run that a host function has made up */
  ISLET_MISMATCH = 10,          /* a snapshot of another build; host functions that it needs and that are missing */
  ISLET_EXITED = 11,            /* the script has called exit: islet_error_exit_status */
  ISLET_DEADLINE_EXCEEDED = 12, /* of a host function's */
  ISLET_PERMISSION_DENIED = 13, /* a file that may not be used, or what has not been granted */
  /* A limit has ended the call. The isolate stays usable. */
  ISLET_HEAP_LIMIT = 14,
  ISLET_STACK_LIMIT = 15,
  ISLET_FUEL_LIMIT = 16,
  ISLET_CPU_TIME_LIMIT = 17,
  ISLET_WALL_TIME_LIMIT = 18,
  ISLET_STALE = 19,       /* a value after its scope, an isolate that was freed */
  ISLET_FOREIGN = 20,     /* a value of another isolate, or of another snapshot */
  ISLET_LOST = 21,        /* the system had no memory while the isolate was at work: it can only be freed */
  ISLET_BUSY = 22,        /* in use in a way that forbids this; the message says by what */
  ISLET_UNSUPPORTED = 26, /* a member of a structure, a flag or a number of a later version */
  ISLET_HOST_STATUS = 1000
};

/* ---- Errors: one object serves any number of calls, isolates and threads in turn, and outlives them; each failure
 * replaces its contents. Text that the functions below give is good until then. Asked of NULL, they answer as for a
 * lack of memory. */

/* [any] NULL if there is no memory, which all functions take for `error`. */
ISLET_API islet_error* islet_error_new(void);
ISLET_API void islet_error_free(islet_error* error);
/* As if nothing had failed yet. */
ISLET_API void islet_error_clear(islet_error* error);
ISLET_API islet_status islet_error_status(const islet_error* error);
/* "car: argument 1 should be a pair: 5"; never NULL. */
ISLET_API const char* islet_error_message(const islet_error* error);
/* Message, place and backtrace in one text, for people. */
ISLET_API const char* islet_error_report(const islet_error* error);
/* The kind of condition: "wrong-type", "file" (docs/language.md), the host's own; "" for limits and the like. */
ISLET_API const char* islet_error_kind(const islet_error* error);
/* What a condition is about, each as `write` prints it: the first 100. */
ISLET_API size_t islet_error_irritants(const islet_error* error);
/* NULL past the last. */
ISLET_API const char* islet_error_irritant(const islet_error* error, size_t index);
/* 0 to 255, with ISLET_EXITED (R7RS 6.14). */
ISLET_API int islet_error_exit_status(const islet_error* error);
/* A call that had not returned, or a place in a text. Line and column count from 1; line 0: not known. */
typedef struct islet_frame {
  const char* procedure; /* its name, "lambda", or "top level" for a form of a text */
  const char* file;      /* "" if it is not known */
  uint32_t line, column;
} islet_frame;
/* Innermost first; 0 if there is no such frame. Of an error in a text, frame 0 is its place. `frame` or NULL. */
ISLET_API int islet_error_frame(const islet_error* error, size_t index, islet_frame* frame);
/* What a host function fills before it returns `status`, which is the result: the condition's code, kind and message
 * (condition-code, condition-kind, error-object-message). Statuses from ISLET_HOST_STATUS on, to 1073741823, are the
 * host's own and have a kind of its choosing, 1 to 255 characters; NULL, and all others: "host". `message` or NULL. A
 * status that is ISLET_OK, or no number of this header and less than ISLET_HOST_STATUS, becomes ISLET_INTERNAL. */
ISLET_API islet_status islet_error_set(islet_error* error, islet_status status, const char* kind, const char* message);
/* The same failure in another object: returned by a host function, it goes on as what it was. Returns its status. */
ISLET_API islet_status islet_error_copy(islet_error* error, const islet_error* from);

/* ---- Values: handles, which copy freely. Their content is Islet's business, but all zero bytes are "no value". Good
 * until the scope that was innermost when they were made ends, or as said. Misuse gives ISLET_STALE or ISLET_FOREIGN,
 * never another object. A value that could not be made is a failed value: whatever uses it fails with the reason. */
typedef struct islet_value {
  uint64_t owner, place;
} islet_value;
typedef struct islet_isolate islet_isolate;
typedef struct islet_snapshot islet_snapshot;
typedef struct islet_options islet_options;
typedef struct islet_pool islet_pool;
typedef struct islet_host_type islet_host_type;

/* The object that was raised, until the next failure in that isolate. ISLET_NOT_FOUND: a later failure, another
 * isolate's, or no object: a limit, an interrupt, exit. */
ISLET_API islet_status islet_error_raised(const islet_error* error, islet_isolate* isolate, islet_value* raised);
/* [own] After islet_error_set, in a host function: one more irritant of the condition. */
ISLET_API islet_status islet_error_add(islet_error* error, islet_isolate* isolate, islet_value irritant);

/* One call of a host function: gone when the function returns. */
typedef struct islet_host_call {
  islet_isolate* isolate;
  void* data;                   /* as it was bound */
  void* self;                   /* of a method: its object's pointer, whose type was checked; else NULL */
  const islet_value* arguments; /* as many as the arity allows; good until the function returns */
  size_t count;
  islet_value result; /* to be set; the unspecified value at first */
  islet_error* error; /* never NULL */
} islet_host_call;
/* Anything but ISLET_OK is raised in the script as a condition, with what call->error holds. The status of
 * a nested call that was given call->error goes on as what it was: a condition, or the end of the run. An end of the
 * run that did not happen (an ISLET_FUEL_LIMIT made up by a host) is ISLET_INTERNAL. */
typedef islet_status (*islet_function)(islet_host_call* call);
/* Called once, when nothing can use `data` any more, on whatever thread that is so; must not call Islet. */
typedef void (*islet_release)(void* data);

/* ---- Snapshots: [any]; immutable. Each lives on until its last isolate has ended, whenever it is freed. */

enum { ISLET_TRUSTED = 1 /* bytes that you trust as your program's code: checked against damage, not verified */ };
/* `begin` and `end` are islet_snapshot_NAME_begin and _end of a snapshot that is linked in. What carries it must stay
 * loaded until the snapshot and all that was made of it have been freed. */
ISLET_API islet_snapshot* islet_snapshot_open_embedded(const unsigned char* begin, const unsigned char* end,
                                                       islet_error* error);
/* `flags`: ISLET_TRUSTED or 0. The file may change or vanish afterwards. */
ISLET_API islet_snapshot* islet_snapshot_open_file(const char* path, uint32_t flags, islet_error* error);
/* The bytes are copied. */
ISLET_API islet_snapshot* islet_snapshot_open_bytes(const void* bytes, size_t size, uint32_t flags, islet_error* error);
/* A copy in huge pages, where the system has them: see Snapshot::Resident in islet/snapshot.h. */
ISLET_API islet_snapshot* islet_snapshot_resident(islet_snapshot* snapshot, islet_error* error);
/* Of the heap image that isolates share. */
ISLET_API size_t islet_snapshot_bytes(const islet_snapshot* snapshot);
/* The name of a host function, or behind those of a host type, that its scripts use; NULL past the last. Good as long
 * as the snapshot. */
ISLET_API const char* islet_snapshot_needs(const islet_snapshot* snapshot, size_t index);
/* What a top-level variable holds in the snapshot: a value for all its isolates, entered or not, as long as one of
 * them, or the snapshot, exists. */
ISLET_API islet_status islet_snapshot_lookup(islet_snapshot* snapshot, const char* name, islet_value* value,
                                             islet_error* error);
ISLET_API void islet_snapshot_free(islet_snapshot* snapshot);

/* ---- Options of isolates and pools. A setter cannot fail: the first mistake is reported by what uses the options.
 * They may be freed, or changed for the next isolate, as soon as an isolate or pool has been made. Functions and data
 * serve all threads at once. */

/* [any] NULL if there is no memory. Nothing is granted. */
ISLET_API islet_options* islet_options_new(void);
ISLET_API void islet_options_free(islet_options* options);
/* What a script has declared by (host-function 'name arity): `least` to `most` arguments, 0 to 255; `most` -1: any
 * number. The last one of a name counts. `release` or NULL. */
ISLET_API void islet_options_add_function(islet_options* options, const char* name, int least, int most,
                                          islet_function function, void* data, islet_release release);
/* Binds (host-predicate 'name), which is true of the type's objects, by the type's name. */
ISLET_API void islet_options_add_type(islet_options* options, islet_host_type* type);
/* A host function whose first argument, which `least` counts, must be of the type: that is checked before the function
 * is called. `release` or NULL. */
ISLET_API void islet_options_add_method(islet_options* options, islet_host_type* type, const char* name, int least,
                                        int most, islet_function function, void* data, islet_release release);
/* `which`: ISLET_HEAP_LIMIT (512 MiB if not set), ISLET_STACK_LIMIT, in bytes; ISLET_FUEL_LIMIT, in instructions;
 * ISLET_CPU_TIME_LIMIT, ISLET_WALL_TIME_LIMIT, in nanoseconds. Fuel and times are of each call of the host's. */
#define ISLET_NO_LIMIT UINT64_MAX
ISLET_API void islet_options_set_limit(islet_options* options, islet_status which, uint64_t limit);
/* Asked when a limit is reached: the call goes on if islet_set_limit raises it far enough. Nothing else of the isolate
 * may be used but islet_limit and islet_stat. `release` or NULL. */
typedef void (*islet_near_limit)(void* data, islet_isolate* isolate, islet_status limit);
ISLET_API void islet_options_set_near_limit(islet_options* options, islet_near_limit ask, void* data,
                                            islet_release release);

/* Where the standard ports lead. The functions run on the thread that has entered the isolate, and must not call it.
 * What they return but ISLET_OK is raised in the script, with what *error holds, as a condition of kind "file". */
typedef struct islet_streams {
  size_t size;
  void* data;
  /* Stores at most `capacity` bytes; *count 0: the end. NULL: input is at its end. */
  islet_status (*read)(void* data, char* buffer, size_t capacity, size_t* count, islet_error* error);
  /* Takes all of the text; `descriptor` is 1 (output) or 2 (errors). NULL: output is refused. */
  islet_status (*write)(void* data, int descriptor, const char* text, size_t length, islet_error* error);
  /* Passes on what was held back. NULL: nothing is. */
  islet_status (*flush)(void* data, islet_error* error);
  /* Whether `read` would not wait. NULL: it would not. */
  int (*ready)(void* data);
  islet_release release;
} islet_streams;
ISLET_API void islet_options_set_streams(islet_options* options, const islet_streams* streams);

/* ISLET_FILE_WRITE: a file that is empty, whether there was one or not; ISLET_FILE_APPEND: writing goes to its end. */
enum { ISLET_FILE_READ = 0, ISLET_FILE_WRITE = 1, ISLET_FILE_APPEND = 2 };
/* A file system of the host's own. Paths are what scripts give. Likewise; an ISLET_NOT_FOUND or ISLET_PERMISSION_DENIED
 * is one for the script's caller, too. NULL members are refused, but for `flush` (nothing is held back). */
typedef struct islet_file_system {
  size_t size;
  void* data;
  islet_status (*open)(void* data, const char* path, int mode, void** file, islet_error* error);
  islet_status (*read)(void* data, void* file, char* buffer, size_t capacity, size_t* count, islet_error* error);
  islet_status (*write)(void* data, void* file, const char* bytes, size_t length, islet_error* error);
  islet_status (*flush)(void* data, void* file, islet_error* error);
  /* Called once for each file opened, last. Not NULL, if `open` is not. */
  islet_status (*close)(void* data, void* file, islet_error* error);
  islet_status (*exists)(void* data, const char* path, int* exists, islet_error* error);
  islet_status (*remove)(void* data, const char* path, islet_error* error);
  islet_release release;
} islet_file_system;
/* The last of these three counts. */
ISLET_API void islet_options_set_file_system(islet_options* options, const islet_file_system* files);
ISLET_API void islet_options_allow_all_files(islet_options* options);
/* None else, as no path leads out. */
ISLET_API void islet_options_allow_files_below(islet_options* options, const char* directory, int read_only);
/* Where in the files granted libraries are looked for. */
ISLET_API void islet_options_add_library_path(islet_options* options, const char* directory);
/* `clock` or NULL: the system's. It gives nanoseconds since 1970-01-01T00:00:00Z or, if `monotonic` is not 0, since any
 * fixed moment. */
ISLET_API void islet_options_allow_clock(islet_options* options, int64_t (*clock)(void* data, int monotonic),
                                         void* data);
ISLET_API void islet_options_allow_randomness(islet_options* options);
/* Instead: the same numbers for the same seed, in every isolate and after every reset. */
ISLET_API void islet_options_set_random_seed(islet_options* options, uint64_t seed);
/* What (command-line) returns. */
ISLET_API void islet_options_set_command_line(islet_options* options, const char* const* words, size_t count);
/* What get-environment-variable finds. The process's own environment is not reached. */
ISLET_API void islet_options_add_environment(islet_options* options, const char* name, const char* value);
/* Bytes of address space; see IsolateOptions in islet/isolate.h, also for the next two. */
ISLET_API void islet_options_set_cage_size(islet_options* options, uint64_t bytes);
ISLET_API void islet_options_set_spare_bytes(islet_options* options, uint64_t bytes);
ISLET_API void islet_options_set_count_instructions(islet_options* options, int count);
/* Of pools: the memory that an idle isolate keeps (2 MiB if not set), and how many wait for each thread (16). */
ISLET_API void islet_options_set_idle(islet_options* options, size_t keep_bytes, size_t isolates_per_thread);
/* Of pools. Runs in each isolate, entered and under the limits, before it is handed out; its failure is
 * islet_pool_get's. What it does is undone by the next reset: the pristine state is the snapshot's. `prepare` or NULL,
 * `release` or NULL. */
typedef islet_status (*islet_prepare)(islet_isolate* isolate, void* data, islet_error* error);
ISLET_API void islet_options_set_prepare(islet_options* options, islet_prepare prepare, void* data,
                                         islet_release release);
/* Of pools: compares with a new isolate after each reset; for tests, since it takes milliseconds. */
ISLET_API void islet_options_set_verify_resets(islet_options* options, int verify);

/* ---- Isolates and pools */

/* [any] `options` or NULL: nothing outside is reached. ISLET_MISMATCH names all host functions that are missing. */
ISLET_API islet_isolate* islet_isolate_new(islet_snapshot* snapshot, const islet_options* options, islet_error* error);
/* [free] A second isolate in the state of this one: see Isolate::Fork in islet/isolate.h. ISLET_BUSY: a call runs in
 * it, or a file is open. */
ISLET_API islet_isolate* islet_isolate_fork(islet_isolate* isolate, islet_error* error);
/* [free] Leaves it, if this thread has entered; disposes of it, or resets it and gives it back to its pool. ISLET_BUSY:
 * in a host function of this isolate, or entered by another thread; then nothing has happened. ISLET_STALE: it has been
 * freed before, and no more than 256 isolates since. In the child of a fork() it is ISLET_NOT_ENTERED for what another
 * thread was inside of; nothing is freed then. */
ISLET_API islet_status islet_isolate_free(islet_isolate* isolate);

/* [any] `options` or NULL. */
ISLET_API islet_pool* islet_pool_new(islet_snapshot* snapshot, const islet_options* options, islet_error* error);
/* [any] Isolates that are out live on. */
ISLET_API void islet_pool_free(islet_pool* pool);
/* [any] An isolate in the snapshot's state, not entered; islet_isolate_free gives it back. */
ISLET_API islet_isolate* islet_pool_get(islet_pool* pool, islet_error* error);
/* [any] Disposes of idle isolates but for `keep` of each thread; returns how many. */
ISLET_API size_t islet_pool_trim(islet_pool* pool, size_t keep);
/* [any] What islet_options_set_verify_resets has found first; ISLET_OK if nothing. */
ISLET_API islet_status islet_pool_reset_status(islet_pool* pool, islet_error* error);

/* [any] Enters, and opens a scope. ISLET_BUSY: another thread is in it. Each success is matched by one islet_leave. */
ISLET_API islet_status islet_enter(islet_isolate* isolate, islet_error* error);
/* Ends the scope of the latest islet_enter, and those inside of it. ISLET_BUSY: it was entered outside of the host
 * function that runs. */
ISLET_API islet_status islet_leave(islet_isolate* isolate);
/* [any] Also for signal handlers: ends the running, or next, call with ISLET_CANCELLED. */
ISLET_API void islet_interrupt(islet_isolate* isolate);
/* [free] Forgets an interrupt that came when nothing was running any more. */
ISLET_API void islet_clear_interrupt(islet_isolate* isolate);
/* [free] The host's own pointer; NULL in an isolate that is new, forked, or handed out anew. */
ISLET_API void islet_set_data(islet_isolate* isolate, void* data);
ISLET_API void* islet_data(islet_isolate* isolate);
/* [free] Another limit from now on: see Isolate::SetLimits in islet/isolate.h. */
ISLET_API islet_status islet_set_limit(islet_isolate* isolate, islet_status which, uint64_t limit);
/* [free] ISLET_NO_LIMIT if there is none. */
ISLET_API uint64_t islet_limit(islet_isolate* isolate, islet_status which);
/* Bytes, counts, nanoseconds, since the isolate was made or handed out. See IsolateStats in islet/isolate.h, and
 * IsolatePool::Statistics in islet/isolate_pool.h. */
enum {
  ISLET_STAT_HEAP_BYTES = 1,
  ISLET_STAT_YOUNG_BYTES = 2,
  ISLET_STAT_OLD_BYTES = 3,
  ISLET_STAT_LARGE_BYTES = 4,
  ISLET_STAT_EXTERNAL_BYTES = 5,
  ISLET_STAT_SNAPSHOT_BYTES = 6,
  ISLET_STAT_DIRTY_PAGES = 7,
  ISLET_STAT_STACK_BYTES = 8,
  ISLET_STAT_ALLOCATED_BYTES = 9,
  ISLET_STAT_INSTRUCTIONS = 10,
  ISLET_STAT_HOST_CALLS = 11,
  ISLET_STAT_HOST_OBJECTS = 13,
  ISLET_STAT_MINOR_COLLECTIONS = 14,
  ISLET_STAT_FULL_COLLECTIONS = 15,
  ISLET_STAT_MINOR_NS = 16,
  ISLET_STAT_FULL_NS = 17,
  ISLET_STAT_LONGEST_MINOR_NS = 18,
  ISLET_STAT_LONGEST_FULL_NS = 19,
  ISLET_STAT_SPARE_BYTES = 20,
  ISLET_STAT_REHASHED_ENTRIES = 21,
  ISLET_STAT_POOL_IDLE = 100,
  ISLET_STAT_POOL_IDLE_BYTES = 101,
  ISLET_STAT_POOL_CREATED = 102,
  ISLET_STAT_POOL_REUSED = 103,
  ISLET_STAT_POOL_ABANDONED = 104
};
/* [free] 0 for what this library does not know. */
ISLET_API uint64_t islet_stat(islet_isolate* isolate, int which);
/* [any] Likewise. */
ISLET_API uint64_t islet_pool_stat(islet_pool* pool, int which);
/* Runs finalizers, too. MINOR: young objects only, a millisecond or less. FULL: all, and free memory goes back to the
 * system. */
enum { ISLET_COLLECT_MINOR = 0, ISLET_COLLECT_FULL = 1 };
ISLET_API islet_status islet_collect(islet_isolate* isolate, int how, islet_error* error);
/* Writes out what open files and the standard ports hold back. */
ISLET_API islet_status islet_flush(islet_isolate* isolate, islet_error* error);

/* Stacks that the host has made itself, for fibers: [low, low + bytes) is the stack of whatever code runs in it, on any
 * thread, until it is forgotten. Such ranges do not overlap. Calls on a stack that is neither a thread's nor announced,
 * or that has less than 24 KiB left, give ISLET_RESOURCE_EXHAUSTED. [any] */
ISLET_API islet_status islet_stack_announce(const void* low, size_t bytes, islet_error* error);
ISLET_API void islet_stack_forget(const void* low);

/* ---- Scopes inside of what islet_enter opens, for loops; and values that outlive them. */

/* A mark of the scope; 0 if none could be opened. */
ISLET_API size_t islet_scope_open(islet_isolate* isolate);
/* Ends the scope and those inside of it. What is no mark of an open one, or was opened outside of the host function
 * that runs, or holds an islet_enter that has not been left, does nothing. */
ISLET_API void islet_scope_close(islet_isolate* isolate, size_t scope);
/* The same; and gives the value anew in the scope around. */
ISLET_API islet_value islet_scope_escape(islet_isolate* isolate, size_t scope, islet_value value);
/* The same datum, until islet_release_value, or until the isolate is reset or ends. */
ISLET_API islet_value islet_keep(islet_isolate* isolate, islet_value value);
/* Does not keep the datum alive: ISLET_STALE once it has been collected. Also ended by islet_release_value. */
ISLET_API islet_value islet_keep_weak(islet_isolate* isolate, islet_value value);
/* [any] Even after the isolate's end, so for destructors of other languages. Of what was not kept: nothing happens. */
ISLET_API void islet_release_value(islet_isolate* isolate, islet_value kept);

/* ---- Calls. `result` or NULL: the only value, or the first of several; unspecified if there is none. */

/* As snapshot_gen evaluates a script: a first `import` makes it a program (R7RS 5.1), a first line `#!` is a comment.
 * */
enum { ISLET_EVAL_SCRIPT = 1 };
/* Evaluates the forms of a text; the value of the last. `name` or NULL stands for the text in messages. `flags`:
 * ISLET_EVAL_SCRIPT or 0. */
ISLET_API islet_status islet_eval(islet_isolate* isolate, const char* text, size_t length, const char* name,
                                  uint32_t flags, islet_value* result, islet_error* error);
/* Calls the procedure that a top-level variable holds. ISLET_NOT_FOUND: there is none of the name. */
ISLET_API islet_status islet_call(islet_isolate* isolate, const char* name, const islet_value* arguments, size_t count,
                                  islet_value* result, islet_error* error);
ISLET_API islet_status islet_call_value(islet_isolate* isolate, islet_value procedure, const islet_value* arguments,
                                        size_t count, islet_value* result, islet_error* error);
/* What a top-level variable holds. */
ISLET_API islet_status islet_lookup(islet_isolate* isolate, const char* name, islet_value* value, islet_error* error);

/* Sets a top-level variable, as (define name 'value) would, whether there is one or not. ISLET_BUSY: the name is a
 * keyword, or imported from a library, whose users would not see the new value. */
ISLET_API islet_status islet_define(islet_isolate* isolate, const char* name, islet_value value, islet_error* error);

/* ---- Values in */
ISLET_API islet_value islet_unspecified(islet_isolate* isolate);
ISLET_API islet_value islet_null(islet_isolate* isolate);
ISLET_API islet_value islet_eof(islet_isolate* isolate);
ISLET_API islet_value islet_boolean(islet_isolate* isolate, int b);
ISLET_API islet_value islet_integer(islet_isolate* isolate, int64_t n);
/* Decimal digits with an optional sign: an integer of any size. */
ISLET_API islet_value islet_big_integer(islet_isolate* isolate, const char* decimal, size_t length);
ISLET_API islet_value islet_real(islet_isolate* isolate, double d);
ISLET_API islet_value islet_character(islet_isolate* isolate, uint32_t scalar);
ISLET_API islet_value islet_string(islet_isolate* isolate, const char* text, size_t length);
ISLET_API islet_value islet_symbol(islet_isolate* isolate, const char* text, size_t length);
ISLET_API islet_value islet_bytevector(islet_isolate* isolate, const void* bytes, size_t size);
/* Zeroed; the bytes may be written through *storage until the next call with this isolate: read(2) straight into the
 * heap. */
ISLET_API islet_value islet_bytevector_new(islet_isolate* isolate, size_t size, void** storage);
ISLET_API islet_value islet_pair(islet_isolate* isolate, islet_value car, islet_value cdr);
ISLET_API islet_value islet_list(islet_isolate* isolate, const islet_value* items, size_t count);
ISLET_API islet_value islet_vector(islet_isolate* isolate, const islet_value* items, size_t count);
/* Keys are compared by equal?. `pairs` holds `count` keys, each followed by its value. */
ISLET_API islet_value islet_hash_table(islet_isolate* isolate, const islet_value* pairs, size_t count);
/* Made at run time, with numbers of arguments as for islet_options_add_function; collected like any other, which ends
 * its data. Cannot be frozen. `release` or NULL. */
ISLET_API islet_value islet_procedure(islet_isolate* isolate, const char* name, int least, int most,
                                      islet_function function, void* data, islet_release release);

/* ---- Values out. A value of another type gives ISLET_INVALID_ARGUMENT, what does not fit ISLET_OUT_OF_RANGE. */
enum {
  ISLET_TYPE_NONE = -1, /* stale, foreign, failed, or no value */
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
  ISLET_TYPE_OTHER = 17,
  ISLET_TYPE_HOST_OBJECT = 18
};
ISLET_API int islet_type_of(islet_isolate* isolate, islet_value value);
/* 1 for anything but #f; 0 also for what islet_type_of calls ISLET_TYPE_NONE. */
ISLET_API int islet_is_true(islet_isolate* isolate, islet_value value);
/* Of an exact integer. */
ISLET_API islet_status islet_get_integer(islet_isolate* isolate, islet_value value, int64_t* out, islet_error* error);
/* Of any real number, rounded. */
ISLET_API islet_status islet_get_real(islet_isolate* isolate, islet_value value, double* out, islet_error* error);
ISLET_API islet_status islet_get_character(islet_isolate* isolate, islet_value value, uint32_t* out,
                                           islet_error* error);
/* Contents of a string or symbol, and of a bytevector: borrowed until the scope ends that is innermost now. If a script
 * changes the object meanwhile, it is not said which of the two you see. */
ISLET_API islet_status islet_get_text(islet_isolate* isolate, islet_value value, const char** text, size_t* length,
                                      islet_error* error);
ISLET_API islet_status islet_get_bytes(islet_isolate* isolate, islet_value value, const void** bytes, size_t* size,
                                       islet_error* error);
/* As `write` prints it, at most about `limit` bytes (0: a mebibyte); an integer of any size in decimal. Likewise
 * borrowed. */
ISLET_API islet_status islet_print(islet_isolate* isolate, islet_value value, size_t limit, const char** text,
                                   size_t* length, islet_error* error);
/* Items of a list or vector, keys and values in turn of a hash table, fields of a record: `capacity` (even, for a hash
 * table) at a time, *got being how many there were; less than that at the end. Start with a zeroed cursor, which holds
 * in the scope in which the first call was made. If a script changes the object meanwhile, some may be missed or seen
 * twice. A list that is circular or improper is none. */
typedef struct islet_cursor {
  uint64_t state[4];
} islet_cursor;
ISLET_API islet_status islet_items(islet_isolate* isolate, islet_value value, islet_cursor* cursor, islet_value* items,
                                   size_t capacity, size_t* got, islet_error* error);
/* Of a list, vector, bytevector, string (characters), hash table (keys) or record (fields). */
ISLET_API islet_status islet_length(islet_isolate* isolate, islet_value value, size_t* length, islet_error* error);
ISLET_API islet_status islet_car(islet_isolate* isolate, islet_value pair, islet_value* out, islet_error* error);
ISLET_API islet_status islet_cdr(islet_isolate* isolate, islet_value pair, islet_value* out, islet_error* error);
/* `key`: an index of a list, vector, string or bytevector; a hash table's key; a symbol that names a record's field.
 * ISLET_NOT_FOUND: no such key or field. */
ISLET_API islet_status islet_ref(islet_isolate* isolate, islet_value value, islet_value key, islet_value* out,
                                 islet_error* error);
/* Of a vector, bytevector, hash table or record; a key that a hash table lacks is added. ISLET_INVALID_ARGUMENT: it is
 * a literal, which cannot be changed. */
ISLET_API islet_status islet_set(islet_isolate* isolate, islet_value value, islet_value key, islet_value item,
                                 islet_error* error);
enum { ISLET_EQ = 0, ISLET_EQV = 1, ISLET_EQUAL = 2 };
/* By eq?, eqv? or equal?: 0 or 1; 0 also where one is ISLET_TYPE_NONE, or `how` is none of these. */
ISLET_API int islet_same(islet_isolate* isolate, islet_value a, islet_value b, int how);

/* ---- Host objects: a pointer of the host's with a type. See islet/host_objects.h for what becomes of them. */

typedef struct islet_host_type_info {
  size_t size;
  const char* name; /* what scripts and messages call it: at most 255 characters */
  void* data;       /* for the functions below, which must not use the object's isolate */
  /* NULL: nothing is to be done. Once for each object: after it was collected, at a reset, or at its isolate's end. */
  void (*finalize)(void* data, void* pointer);
  /* The pointer for the object in a fork of its isolate. NULL: isolates with such objects cannot be forked. */
  void* (*copy)(void* data, void* pointer);
  islet_release release;
} islet_host_type_info;
/* [any] Told from all others by itself, not by its name. */
ISLET_API islet_host_type* islet_host_type_new(const islet_host_type_info* info, islet_error* error);
/* [any] ISLET_BUSY: so many objects (in the message), or options, isolates or pools, still have it, and their code must
 * stay loaded; then nothing has happened. */
ISLET_API islet_status islet_host_type_free(islet_host_type* type, islet_error* error);
/* `external_bytes`, of memory that is behind it, count against the heap limit until it is finalized. If it fails, no
 * finalizer will see `pointer`. */
ISLET_API islet_value islet_host_object(islet_isolate* isolate, islet_host_type* type, void* pointer,
                                        size_t external_bytes);
/* ISLET_INVALID_ARGUMENT: anything else, or of another type; ISLET_NOT_FOUND: it was revoked. */
ISLET_API islet_status islet_host_pointer(islet_isolate* isolate, islet_value value, const islet_host_type* type,
                                          void** pointer, islet_error* error);
/* Takes the pointer from the object: methods raise, and the finalizer will not run. */
ISLET_API islet_status islet_host_revoke(islet_isolate* isolate, islet_value value, islet_error* error);

#ifdef __cplusplus
}
#endif

#endif /* ISLET_ISLET_H_ */
