// Calls an instance that keeps its state, of a plugin that calls a function of this program:
// host PLUGIN.wasm, for fixtures/c-host.wasm. examples/c/main.c says how to build it.
#include <pocketwasm.h>

#include <stdio.h>
#include <stdlib.h>

static int fail(pw_error *error) {
  fprintf(stderr, "%s\n", pw_error_message(error));
  pw_error_free(error);
  return EXIT_FAILURE;
}

// What the plugin imports as "env" "act": it greets by what lies at 16 in the plugin's memory, counts, and
// leaves the count in the plugin's memory, at 32.
static bool act(void *user_data, pw_context *context, const uint64_t *params, uint64_t *results) {
  unsigned *count = user_data;
  char text[64] = "";
  size_t length;
  // If one of these fails, it has the reason, and ends the plugin's call.
  if (!pw_context_string_length(context, NULL, 16, sizeof text - 1, &length, NULL)) return false;
  if (!pw_context_read(context, NULL, 16, (uint8_t *)text, length, NULL)) return false;
  if (params[0] > 2) return pw_context_fail(context, "it is enough");
  printf("the plugin says %s\n", text);
  *count += 1;
  results[0] = *count;
  return pw_context_write(context, NULL, 32, (const uint8_t *)count, 1, NULL);
}

static bool add(void *user_data, pw_context *context, const uint64_t *params, uint64_t *results) {
  (void)user_data, (void)context;
  results[0] = pw_from_f64((double)(int32_t)params[0] + pw_to_f64(params[3]));
  return true;
}

static int use(pw_instance *instance) {
  pw_error *error;
  for (uint64_t number = 1; number <= 3; number++) {
    pw_outcome *outcome = pw_instance_run(instance, "act", &number, 1, NULL, &error);
    if (outcome == NULL) return fail(error);
    printf("call %llu returned %llu\n", (unsigned long long)number,
           (unsigned long long)pw_outcome_results(outcome, NULL)[0]);
    pw_outcome_free(outcome);
    // The state is there between calls.
    uint8_t count;
    if (!pw_instance_read(instance, NULL, 32, &count, 1, &error)) return fail(error);
    printf("in its memory is %d\n", count);
  }
  return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
  static unsigned char module[1 << 20];
  FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  if (file == NULL) {
    fprintf(stderr, "usage: %s PLUGIN.wasm\n", argv[0]);
    return EXIT_FAILURE;
  }
  size_t length = fread(module, 1, sizeof module, file);
  fclose(file);

  unsigned count = 0;
  pw_config *config = pw_config_new();
  pw_config_set(config, PW_SETTING_MAX_MEMORIES, 2);
  pw_config_function(config, "env", "act", "(i32) -> (i32)", act, &count, NULL);
  pw_config_function(config, "env", "mix", "(i32, i64, f32, f64) -> (f64)", add, NULL, NULL);
  pw_config_global(config, "env", "base", "i64", 0);
  pw_error *error;
  pw_runner *runner = pw_runner_new(config, &error);
  pw_config_free(config);
  if (runner == NULL) return fail(error);

  int code = EXIT_FAILURE;
  pw_instance *instance = NULL;
  if (pw_runner_load(runner, "host", module, length, &error))
    instance = pw_runner_instantiate(runner, "host", &error);
  if (instance != NULL)
    code = use(instance);
  else
    fail(error);
  pw_instance_free(instance);
  pw_runner_free(runner);
  return code;
}
