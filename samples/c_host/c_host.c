/* The quickstart in plain C, through the C interface alone. */

#include <stdio.h>

#include "islet/islet.h"
#include "samples/c_host/startup.h"

/* Calls greet in a fresh isolate. Each function does nothing after one that has failed, and leaves its error. */
static islet_status greet(islet_snapshot* snapshot, const char* language, const char* name, islet_error* error) {
  islet_isolate* isolate = islet_isolate_new(snapshot, NULL, error);
  islet_status status = islet_enter(isolate, error);
  if (status == ISLET_OK) {
    islet_value arguments[2], answer;
    const char* text;
    arguments[0] = islet_string(isolate, language, ISLET_Z);
    arguments[1] = islet_string(isolate, name, ISLET_Z);
    status = islet_call(isolate, "greet", arguments, 2, &answer, error);
    if (status == ISLET_OK) status = islet_get_text(isolate, answer, &text, NULL, error);
    if (status == ISLET_OK) puts(text);
  }
  islet_isolate_free(isolate);
  return status;
}

int main(void) {
  islet_error* error = islet_error_new();
  islet_snapshot* snapshot =
      islet_snapshot_open_embedded(islet_snapshot_startup_begin, islet_snapshot_startup_end, error);
  islet_status status = greet(snapshot, "en", "Ada", error);
  if (status == ISLET_OK) status = greet(snapshot, "ja", "Grace", error);
  if (status != ISLET_OK) fprintf(stderr, "c_host: %s\n", islet_error_report(error));
  islet_snapshot_free(snapshot);
  islet_error_free(error);
  return status == ISLET_OK ? 0 : 1;
}
