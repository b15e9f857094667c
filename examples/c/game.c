// A game loop that gives its script a budget of fuel for each frame: game PLUGIN.wasm NAME, for
// fixtures/rust-greet.wasm. examples/c/main.c says how to build it.
//
// However long a script computes, a frame is not late: the script goes on where it was in the next one.
// What it has computed in the end, and in how many frames, is the same on every machine.
#include <pocketwasm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What a script may use in one frame. A real game would take some hundred thousand units, which a
// desktop processor runs in less than a millisecond.
#define FUEL_PER_FRAME 2000

static int fail(pw_error *error) {
  fprintf(stderr, "%s\n", pw_error_message(error));
  pw_error_free(error);
  return EXIT_FAILURE;
}

static void draw(unsigned frame, const char *bubble) {
  printf("frame %u: %s\n", frame, bubble);
}

// Runs frames until the script has ended.
static int play(pw_call *script) {
  pw_error *error;
  for (unsigned frame = 1;; frame++) {
    switch (pw_call_run(script, FUEL_PER_FRAME, &error)) {
      case PW_PROGRESS_PAUSED:
        draw(frame, "(thinks)");
        break;
      case PW_PROGRESS_FINISHED: {
        // Borrowed from the call.
        const pw_outcome *outcome = pw_call_outcome(script);
        size_t length;
        const uint8_t *bytes = pw_outcome_bytes(outcome, &length);
        char bubble[64];
        snprintf(bubble, sizeof bubble, "%.*s", (int)length, (const char *)bytes);
        draw(frame, bubble);
        printf("fuel: %llu\n", (unsigned long long)pw_outcome_fuel_used(outcome));
        return EXIT_SUCCESS;
      }
      case PW_PROGRESS_WAITING:  // This script imports no function that waits.
      case PW_PROGRESS_FAILED:
        return fail(error);
    }
  }
}

int main(int argc, char **argv) {
  static unsigned char module[1 << 20];
  FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
  if (file == NULL) {
    fprintf(stderr, "usage: %s PLUGIN.wasm NAME\n", argv[0]);
    return EXIT_FAILURE;
  }
  size_t length = fread(module, 1, sizeof module, file);
  fclose(file);

  pw_error *error;
  pw_config *config = pw_config_new();
  pw_config_set(config, PW_SETTING_FUEL, 1000000);  // A script that computes longer than this is lost.
  pw_runner *runner = pw_runner_new(config, &error);
  pw_config_free(config);
  if (runner == NULL) return fail(error);
  pw_call *script = NULL;
  if (pw_runner_load(runner, "script", module, length, &error))
    script = pw_runner_begin_bytes(runner, "script", "greet", (const uint8_t *)argv[2],
                                   strlen(argv[2]), NULL, &error);
  int code = script != NULL ? play(script) : fail(error);
  pw_call_free(script);
  pw_runner_free(runner);
  return code;
}
