// A program without an operating system that runs plugins: it greets through one, and keeps an instance
// of another, which calls a function of the program's.
#include "greet.h"

#include "guests.h"

#include <pocketwasm.h>

// Says what went wrong, and frees the error.
static int fail(pw_error *error) {
  print(pw_error_message(error));
  print("\n");
  pw_error_free(error);
  return 1;
}

// What the guest imports: prints the text at 16 in its memory, and returns the text's length.
static bool print_text(void *user_data, pw_context *context, const uint64_t *params,
                       uint64_t *results) {
  size_t length;
  char text[32] = "";
  (void)params;
  if (!pw_context_string_length(context, NULL, 16, sizeof text - 1, &length, NULL)) return false;
  if (!pw_context_read(context, NULL, 16, (uint8_t *)text, length, NULL)) return false;
  print((const char *)user_data);
  print(text);
  print("\n");
  results[0] = length;
  return true;
}

static bool sum(void *user_data, pw_context *context, const uint64_t *params, uint64_t *results) {
  (void)user_data, (void)context;
  results[0] = pw_from_f64((double)(int32_t)params[0] + pw_to_f64(params[3]));
  return true;
}

static int use_instance(const pw_runner *runner) {
  pw_error *error;
  pw_instance *instance = pw_runner_instantiate(runner, "host", &error);
  if (instance == NULL) return fail(error);
  const uint64_t number = 0;
  const uint64_t numbers[] = {2, 0, 0, pw_from_f64(0.5)};
  pw_outcome *act = pw_instance_run(instance, "act", &number, 1, NULL, &error);
  pw_outcome *mixed = NULL;
  if (act != NULL) mixed = pw_instance_run(instance, "mix", numbers, 4, NULL, &error);
  bool right = mixed != NULL && pw_outcome_results(act, NULL)[0] == 5 &&
               pw_to_f64(pw_outcome_results(mixed, NULL)[0]) == 2.5;
  pw_outcome_free(act);
  pw_outcome_free(mixed);
  pw_instance_free(instance);
  if (error != NULL) return fail(error);
  if (!right) print("other results than expected\n");
  return !right;
}

static int use_plugins(const pw_runner *runner) {
  static const char name[] = "World";
  pw_error *error;
  if (!pw_runner_load(runner, "greet", GREET, sizeof GREET, &error)) return fail(error);
  if (!pw_runner_load(runner, "host", HOST, sizeof HOST, &error)) return fail(error);
  pw_outcome *outcome = pw_runner_run_bytes(runner, "greet", "greet", (const uint8_t *)name,
                                            sizeof name - 1, NULL, &error);
  if (outcome == NULL) return fail(error);
  size_t length;
  const uint8_t *bytes = pw_outcome_bytes(outcome, &length);
  print_bytes((const char *)bytes, length);
  print("\n");
  pw_outcome_free(outcome);
  return use_instance(runner);
}

static int greet(void) {
  pw_error *error;
  pw_config *config = pw_config_new();
  pw_config_set(config, PW_SETTING_MAX_MEMORY_PAGES, 20);  // 65,536 bytes each
  pw_config_set(config, PW_SETTING_MAX_MEMORIES, 2);
  pw_config_set(config, PW_SETTING_FUEL, 50000000);
  pw_config_function(config, "env", "act", "(i32) -> (i32)", print_text,
                     (void *)"the plugin has: ", NULL);
  pw_config_function(config, "env", "mix", "(i32, i64, f32, f64) -> (f64)", sum, NULL, NULL);
  pw_config_global(config, "env", "base", "i64", 0);
  pw_runner *runner = pw_runner_new(config, &error);
  pw_config_free(config);
  if (runner == NULL) return fail(error);
  int code = use_plugins(runner);
  pw_runner_free(runner);
  return code;
}

int run(void) {
  int code = greet();
  size_t kept = heap_used();
  if (code != 0 || (code = greet()) != 0) return code;
  if (heap_used() <= kept) return 0;
  print("not all of the heap came back\n");
  return 1;
}
