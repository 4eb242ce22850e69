/* The quickstart in plain C, through the C interface alone. */

#include <stdio.h>
#include <string.h>

#include "bindings/c/islet.h"
#include "samples/c_host/startup.h"

static int fail(const islet_error* error) {
  fprintf(stderr, "c_host: %s\n", error->message);
  return 1;
}

/* Calls greet in a fresh isolate. */
static int greet(islet_snapshot* snapshot, const char* language, const char* name) {
  islet_error error;
  islet_value arguments[2], answer;
  char text[256];
  int result = 0;
  islet_isolate* isolate = islet_isolate_new(snapshot, NULL, &error);
  if (isolate == NULL) return fail(&error);
  if (islet_enter(isolate, &error) != ISLET_OK) {
    result = fail(&error);
  } else {
    arguments[0] = islet_string(isolate, language, strlen(language));
    arguments[1] = islet_string(isolate, name, strlen(name));
    if (islet_call(isolate, "greet", arguments, 2, &answer, &error) != ISLET_OK ||
        islet_get_text(isolate, answer, text, sizeof text, NULL, &error) != ISLET_OK) {
      result = fail(&error);
    } else {
      printf("%s\n", text);
    }
    islet_leave(isolate);
  }
  islet_isolate_free(isolate);
  return result;
}

int main(void) {
  islet_error error;
  int result;
  islet_snapshot* snapshot =
      islet_snapshot_open_embedded(islet_snapshot_startup_begin, islet_snapshot_startup_end, &error);
  if (snapshot == NULL) return fail(&error);
  result = greet(snapshot, "en", "Ada");
  if (result == 0) result = greet(snapshot, "ja", "Grace");
  islet_snapshot_free(snapshot);
  return result;
}
