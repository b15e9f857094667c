// Uses all of pocketwasm.h as documented, with the other files here: main FIXTURES SCRATCH, where
// FIXTURES has the guests and SCRATCH is an empty directory. Prints every check that fails; the exit
// code is the result. Valid C99 and C++.
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "check.h"

#include <pthread.h>
#include <time.h>

static void versions(void) {
  TEXT(pw_version(), VERSION);
  CHECK(strncmp(pw_engine(), "wasmi ", 6) == 0);
}

static void settings(void) {
  static const struct {
    uint32_t setting;
    uint64_t value;
    const char *problem;
  } cases[] = {
      {PW_SETTING_TIMEOUT_MS, 0, "`timeout` is 0ns; it must be at least 1\u00b5s"},
      {PW_SETTING_FUEL_PER_SECOND, 0, "`fuel_per_second` is 0; it must be at least 1"},
      {PW_SETTING_SLICE, 0, "`slice` is 0; it must be from 1 to 1000000000"},
      {PW_SETTING_MAX_MEMORY_PAGES, 65537,
       "`max_memory_pages` is 65537; it must be from 0 to 65536"},
      {PW_SETTING_MAX_MEMORY_PAGES, 4294967296, "`max_memory_pages` is 4294967296; it has 32 bits"},
      {PW_SETTING_MAX_MEMORIES, 101, "`max_memories` is 101; it must be from 0 to 100"},
      {PW_SETTING_MAX_TABLES, 101, "`max_tables` is 101; it must be from 0 to 100"},
      {PW_SETTING_MAX_TABLE_ELEMENTS, 10000001,
       "`max_table_elements` is 10000001; it must be from 0 to 10000000"},
      {PW_SETTING_MAX_RECURSION_DEPTH, 0,
       "`max_recursion_depth` is 0; it must be from 1 to 1000000"},
      {PW_SETTING_MAX_STACK_BYTES, 4095,
       "`max_stack_bytes` is 4095; it must be from 4096 to 1073741824"},
      {PW_SETTING_MAX_MODULE_BYTES, 7,
       "`max_module_bytes` is 7; it must be from 8 to 1073741824"},
      {PW_SETTING_MAX_FUNCTIONS, 0, "`max_functions` is 0; it must be from 1 to 1000000"},
      {PW_SETTING_MAX_LOCALS, 30001, "`max_locals` is 30001; it must be from 0 to 30000"},
      {PW_SETTING_MAX_TOTAL_LOCALS, 1000000001,
       "`max_total_locals` is 1000000001; it must be from 0 to 1000000000"},
      {PW_SETTING_MAX_NESTING, 0, "`max_nesting` is 0; it must be from 1 to 1000000"},
      {PW_SETTING_MAX_SEGMENTS, 100001, "`max_segments` is 100001; it must be from 0 to 100000"},
      {PW_SETTING_MAX_GLOBALS, 1000001, "`max_globals` is 1000001; it must be from 0 to 1000000"},
      {PW_SETTING_MAX_IMPORTS, 100001, "`max_imports` is 100001; it must be from 0 to 100000"},
      {PW_SETTING_MAX_EXPORTS, 0, "`max_exports` is 0; it must be from 1 to 1000000"},
      {PW_SETTING_MAX_PARAMS, 1001, "`max_params` is 1001; it must be from 0 to 1000"},
      {PW_SETTING_MAX_OUTPUT_BYTES, 2147483648,
       "`max_output_bytes` is 2147483648; it must be from 0 to 2147483647"},
      {PW_SETTING_MAX_INPUT_BYTES, 2147483648,
       "`max_input_bytes` is 2147483648; it must be from 0 to 2147483647"},
      {PW_SETTING_MAX_RESULT_BYTES, 2147483648,
       "`max_result_bytes` is 2147483648; it must be from 0 to 2147483647"},
      {PW_SETTING_MAX_HOST_DEPTH, 33, "`max_host_depth` is 33; it must be from 1 to 32"},
      {PW_SETTING_MAX_RESULTS, 1001, "`max_results` is 1001; it must be from 0 to 1000"},
      {PW_SETTING_MAX_CONSTANT_OPERATORS, 256,
       "`max_constant_operators` is 256; it must be from 1 to 255"},
      {PW_SETTING_MAX_HOST_STACK_BYTES, 4095,
       "`max_host_stack_bytes` is 4095; it must be from 4096 to 1073741824"},
      {PW_SETTING_MAX_EXCHANGE_BYTES, 2147483648,
       "`max_exchange_bytes` is 2147483648; it must be from 0 to 2147483647"},
      {PW_SETTING_MAX_VARIABLE_BYTES, 2147483648,
       "`max_variable_bytes` is 2147483648; it must be from 0 to 2147483647"},
      {0, 1, "`setting` has no number 0"},
      {4294967295, 1, "`setting` has no number 4294967295"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pw_config *config = pw_config_new();
    pw_config_set(config, cases[i].setting, cases[i].value);
    char message[200];
    snprintf(message, sizeof message, "invalid config: %s", cases[i].problem);
    pw_error *error;
    CHECK(pw_runner_new(config, &error) == NULL);
    FAILS(error, PW_KIND_INVALID_CONFIG, message);
    pw_config_free(config);
  }
  // Those that take every value: they are taken, and what can be seen of them is seen below.
  pw_config *config = pw_config_new();
  pw_config_set(config, PW_SETTING_FUEL, UINT64_MAX);
  pw_config_set(config, PW_SETTING_SEED, UINT64_MAX);
  pw_config_set(config, PW_SETTING_MAX_CACHE_BYTES, 0);
  pw_config_set(config, PW_SETTING_TIMEOUT_MS, UINT64_MAX);
  pw_runner *runner = pw_runner_new(config, NULL);
  CHECK(runner != NULL);
  pw_runner_free(runner);
  // A mistake stays, and is the first one.
  pw_config_set(config, 77, 1);
  pw_config_set(config, 78, 1);
  pw_config_set(config, PW_SETTING_SEED, 1);
  pw_error *error;
  CHECK(pw_runner_new(config, &error) == NULL);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `setting` has no number 77");
  pw_config_free(config);
}

static void numbers(void) {
  pw_runner *runner = new_runner(0, 0);
  load(runner, "add");
  const uint64_t params[] = {10, (uint64_t)-3};
  pw_error *error = (pw_error *)(uintptr_t)1;  // Never read, and NULL when all went well.
  pw_outcome *outcome = pw_runner_run(runner, "add", "add", params, 2, NULL, &error);
  CHECK(error == NULL);
  size_t length;
  const uint64_t *results = pw_outcome_results(outcome, &length);
  CHECK(length == 1 && results[0] == 7);
  CHECK(pw_outcome_results(outcome, NULL) == results);
  CHECK(pw_outcome_fuel_used(outcome) == 4);
  CHECK(pw_outcome_peak_memory_pages(outcome) == 0);
  CHECK(!pw_outcome_output_truncated(outcome));
  CHECK(pw_outcome_bytes(outcome, &length) != NULL && length == 0);
  pw_outcome_free(outcome);

  CHECK(pw_runner_run(runner, "add", "add", params, 1, NULL, NULL) == NULL);
  CHECK(pw_runner_run(runner, "add", "add", params, 1, NULL, &error) == NULL);
  CHECK(pw_error_kind(error) == PW_KIND_SIGNATURE);
  CHECK(pw_error_outcome(error) == NULL);
  pw_error_free(error);
  CHECK(pw_runner_unload(runner, "add.wasm"));
  CHECK(!pw_runner_unload(runner, "add"));
  CHECK(pw_runner_run(runner, "add", "add", params, 2, NULL, &error) == NULL);
  FAILS(error, PW_KIND_NOT_FOUND, "no plugin \"add\"; loaded are: spin");
  pw_runner_free(runner);
}

static void bytes(void) {
  pw_runner *runner = new_runner(PW_SETTING_MAX_INPUT_BYTES, 5);
  load(runner, "rust-greet");
  pw_error *error;
  pw_outcome *outcome = pw_runner_run_bytes(runner, "rust-greet", "greet",
                                            (const uint8_t *)"World", 5, NULL, &error);
  size_t length;
  const uint8_t *given = pw_outcome_bytes(outcome, &length);
  BYTES(given, length, "Hello, World");
  CHECK(pw_outcome_peak_memory_pages(outcome) > 0);
  pw_outcome_free(outcome);

  outcome = pw_runner_run_bytes(runner, "rust-greet", "echo", NULL, 0, NULL, &error);
  CHECK(outcome != NULL && error == NULL);
  CHECK(pw_outcome_bytes(outcome, &length) != NULL && length == 0);
  pw_outcome_free(outcome);

  CHECK(pw_runner_run_bytes(runner, "rust-greet", "echo", (const uint8_t *)"123456", 6, NULL,
                            &error) == NULL);
  FAILS(error, PW_KIND_TOO_LARGE,
        "plugin \"rust-greet\", export \"echo\": an input of 6 bytes; the limit "
        "`max_input_bytes` is 5");
  pw_runner_free(runner);
}

static void refused_modules(void) {
  pw_runner *runner = new_runner(PW_SETTING_MAX_FUNCTIONS, 2);
  pw_error *error;
  CHECK(!pw_runner_load(runner, "spin", (const uint8_t *)"\0asm", 4, &error));
  CHECK(pw_error_kind(error) == PW_KIND_INVALID_MODULE);
  pw_error_free(error);
  CHECK(!pw_runner_load(runner, "", SPIN, sizeof SPIN, &error));
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `name` is empty");
  size_t length;
  uint8_t *greet = read_guest("rust-greet", &length);
  CHECK(!pw_runner_load(runner, "greet", greet, length, &error));
  CHECK(pw_error_kind(error) == PW_KIND_SHAPE_LIMIT);
  CHECK(strstr(pw_error_message(error), "the limit `max_functions` is 2") != NULL);
  pw_error_free(error);
  // What had the name before is still there.
  CHECK(pw_runner_run(runner, "spin", "trap", NULL, 0, NULL, &error) == NULL);
  CHECK(pw_error_kind(error) == PW_KIND_TRAP);
  pw_error_free(error);
  pw_runner_free(runner);

  runner = new_runner(PW_SETTING_MAX_MEMORY_PAGES, 0);
  CHECK(!pw_runner_load(runner, "greet", greet, length, &error));
  CHECK(pw_error_kind(error) == PW_KIND_MEMORY_LIMIT);
  pw_error_free(error);
  pw_runner_free(runner);
  free(greet);
}

static void limits(void) {
  pw_runner *runner = new_runner(PW_SETTING_FUEL, 1000000);
  pw_error *error;
  CHECK(pw_runner_run(runner, "spin", "spin", NULL, 0, NULL, &error) == NULL);
  CHECK(pw_outcome_fuel_used(pw_error_outcome(error)) == 1000000);
  FAILS(error, PW_KIND_OUT_OF_FUEL,
        "plugin \"spin\", export \"spin\": out of fuel: all 1000000 units of the limit `fuel` are "
        "used");

  pw_options *options = pw_options_new();
  pw_options_fuel(options, 77);
  CHECK(pw_runner_run(runner, "spin", "spin", NULL, 0, options, &error) == NULL);
  FAILS(error, PW_KIND_OUT_OF_FUEL,
        "plugin \"spin\", export \"spin\": out of fuel: all 77 units of the limit `fuel` are used");
  pw_options_fuel(options, UINT64_MAX);
  pw_options_timeout_ms(options, 20);
  CHECK(pw_runner_run(runner, "spin", "spin", NULL, 0, options, &error) == NULL);
  CHECK(pw_outcome_fuel_used(pw_error_outcome(error)) > 0);
  FAILS(error, PW_KIND_TIMEOUT,
        "plugin \"spin\", export \"spin\": timed out: the limit `timeout` is 20ms");
  pw_options_free(options);

  CHECK(pw_runner_run(runner, "spin", "trap", NULL, 0, NULL, &error) == NULL);
  CHECK(pw_error_kind(error) == PW_KIND_TRAP);
  CHECK(strstr(pw_error_message(error), "plugin \"spin\", export \"trap\": trap: ") != NULL);
  pw_error_free(error);
  pw_runner_free(runner);
}

static void nap(long milliseconds) {
  struct timespec time = {0, milliseconds * 1000000L};
  nanosleep(&time, NULL);
}

static void *cancel_soon(void *cancel) {
  nap(30);
  pw_cancel_now((const pw_cancel *)cancel);
  return NULL;
}

static void *close_soon(void *runner) {
  nap(30);
  pw_runner_close((const pw_runner *)runner);
  return NULL;
}

static void ended_from_another_thread(void) {
  pw_runner *runner = new_runner(PW_SETTING_TIMEOUT_MS, 60000);
  pw_cancel *cancel = pw_cancel_new();
  pw_options *options = pw_options_new();
  pw_options_cancel(options, cancel);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, cancel_soon, cancel) == 0);
  pw_error *error;
  CHECK(pw_runner_run(runner, "spin", "spin", NULL, 0, options, &error) == NULL);
  CHECK(pw_outcome_fuel_used(pw_error_outcome(error)) > 0);
  FAILS(error, PW_KIND_CANCELLED, "plugin \"spin\", export \"spin\": cancelled");
  pthread_join(thread, NULL);
  pw_cancel_free(cancel);
  // The options have the token still; it stays cancelled.
  CHECK(pw_runner_run(runner, "spin", "spin", NULL, 0, options, &error) == NULL);
  CHECK(pw_error_kind(error) == PW_KIND_CANCELLED);
  pw_error_free(error);
  pw_options_cancel(options, NULL);

  CHECK(pthread_create(&thread, NULL, close_soon, runner) == 0);
  CHECK(pw_runner_run(runner, "spin", "spin", NULL, 0, options, &error) == NULL);
  FAILS(error, PW_KIND_CLOSED, "plugin \"spin\", export \"spin\": the runner is closed");
  pthread_join(thread, NULL);
  pw_runner_close(runner);
  CHECK(pw_runner_run(runner, "spin", "spin", NULL, 0, options, &error) == NULL);
  FAILS(error, PW_KIND_CLOSED, "the runner is closed");
  pw_options_free(options);
  pw_runner_free(runner);
}

static void *greet_often(void *runner) {
  size_t right = 0;
  for (int i = 0; i < 50; i++) {
    pw_outcome *outcome = pw_runner_run_bytes((const pw_runner *)runner, "rust-greet", "greet",
                                              (const uint8_t *)"you", 3, NULL, NULL);
    size_t length;
    const uint8_t *given = pw_outcome_bytes(outcome, &length);
    right += length == 10 && memcmp(given, "Hello, you", 10) == 0;
    pw_outcome_free(outcome);
  }
  return (void *)(uintptr_t)right;
}

static void many_threads(void) {
  pw_runner *runner = new_runner(0, 0);
  load(runner, "rust-greet");
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, greet_often, runner) == 0);
  for (int i = 0; i < 4; i++) {
    void *right;
    pthread_join(threads[i], &right);
    CHECK((uintptr_t)right == 50);
  }
  pw_runner_free(runner);
}

static void commands(void) {
  pw_runner *runner = new_runner(0, 0);
  load(runner, "c-command");
  pw_options *options = pw_options_new();
  pw_options_arg(options, "a");
  pw_options_arg(options, "b c");
  pw_options_env(options, "FOO", "x");
  pw_options_stdin(options, (const uint8_t *)"replaced", 8);
  pw_options_stdin(options, (const uint8_t *)"hi", 2);
  const char *stdout_text = "arg 1: a\narg 2: b c\nFOO=x\nstdin: 2 bytes\nHI\n";
  pw_error *error;
  pw_outcome *outcome = pw_runner_run(runner, "c-command", "_start", NULL, 0, options, &error);
  TEXT(pw_error_message(error), "");
  size_t length;
  const uint8_t *written = pw_outcome_stdout(outcome, &length);
  BYTES(written, length, stdout_text);
  written = pw_outcome_stderr(outcome, &length);
  BYTES(written, length, "done\n");
  pw_outcome_free(outcome);

  // An exit code is an error that knows what was written until then.
  pw_options_env(options, "CODE", "7");
  CHECK(pw_runner_run(runner, "c-command", "_start", NULL, 0, options, &error) == NULL);
  CHECK(pw_error_exit_code(error) == 7);
  written = pw_outcome_stdout(pw_error_outcome(error), &length);
  BYTES(written, length, stdout_text);
  FAILS(error, PW_KIND_EXIT,
        "plugin \"c-command\", export \"_start\": the guest exited with code 7");
  pw_runner_free(runner);

  runner = new_runner(PW_SETTING_MAX_OUTPUT_BYTES, 4);
  load(runner, "c-command");
  outcome = pw_runner_run(runner, "c-command", "_start", NULL, 0, NULL, &error);
  const pw_outcome *cut = outcome != NULL ? outcome : pw_error_outcome(error);
  CHECK(pw_outcome_output_truncated(cut));
  // Stderr comes first: C keeps back what goes to stdout until the end.
  written = pw_outcome_stderr(cut, &length);
  BYTES(written, length, "done");
  CHECK(pw_outcome_stdout(cut, &length) != NULL && length == 0);
  pw_outcome_free(outcome);
  pw_error_free(error);
  pw_options_free(options);
  pw_runner_free(runner);
}

// What a guest prints of time and randomness under a seed.
static char *seeded(uint64_t seed) {
  pw_runner *runner = new_runner(PW_SETTING_SEED, seed);
  load(runner, "rust-clock");
  pw_outcome *outcome = pw_runner_run(runner, "rust-clock", "_start", NULL, 0, NULL, NULL);
  size_t length;
  const uint8_t *written = pw_outcome_stdout(outcome, &length);
  CHECK(length > 0);
  char *text = (char *)calloc(length + 1, 1);
  if (text == NULL) exit(2);
  memcpy(text, written, length);
  pw_outcome_free(outcome);
  pw_runner_free(runner);
  return text;
}

static void seeds(void) {
  char *one = seeded(1), *again = seeded(1), *other = seeded(2);
  TEXT(again, one);
  CHECK(strcmp(one, other) != 0);
  free(one);
  free(again);
  free(other);
}

static void write_file(const char *path, const uint8_t *bytes, size_t length) {
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(bytes, 1, length, file) != length) exit(2);
  fclose(file);
}

static void directories(void) {
  char good[4096], bad[4096];
  snprintf(good, sizeof good, "%s/good.wasm", scratch);
  snprintf(bad, sizeof bad, "%s/bad.wasm", scratch);
  write_file(good, SPIN, sizeof SPIN);
  write_file(bad, (const uint8_t *)"no module", 9);
  pw_runner *runner = new_runner(0, 0);
  pw_error *error;
  pw_report *report = pw_runner_load_dir(runner, scratch, &error);
  CHECK(error == NULL);
  CHECK(pw_report_plugins(report) == 1);
  TEXT(pw_report_plugin(report, 0), "good");
  CHECK(pw_report_plugin(report, 1) == NULL);
  CHECK(pw_report_failures(report) == 1);
  TEXT(pw_report_path(report, 0), bad);
  CHECK(pw_error_kind(pw_report_error(report, 0)) == PW_KIND_INVALID_MODULE);
  CHECK(pw_report_path(report, 1) == NULL && pw_report_error(report, 1) == NULL);
  pw_report_free(report);
  CHECK(pw_runner_unload(runner, "good"));

  char missing[5000];
  snprintf(missing, sizeof missing, "%s/missing", scratch);
  CHECK(pw_runner_load_dir(runner, missing, &error) == NULL);
  CHECK(pw_error_kind(error) == PW_KIND_NOT_FOUND);
  TEXT(pw_error_cause(error), "No such file or directory (os error 2)");
  pw_error_free(error);
  pw_runner_free(runner);
}

static void wrong_arguments(void) {
  pw_runner *runner = new_runner(0, 0);
  pw_error *error;
  uint64_t numbers[2] = {1, 2};
  const uint64_t *misaligned = (const uint64_t *)(const void *)((const char *)numbers + 1);

  CHECK(pw_runner_new(NULL, &error) == NULL);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `config` is NULL");
  CHECK(!pw_runner_load(NULL, "a", SPIN, sizeof SPIN, &error));
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `runner` is NULL");
  CHECK(!pw_runner_load(runner, NULL, SPIN, sizeof SPIN, &error));
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `plugin` is NULL");
  CHECK(!pw_runner_load(runner, "a", NULL, 8, &error));
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `bytes` is NULL, with a length of 8");
  CHECK(!pw_runner_load(runner, "a", NULL, 0, &error));
  CHECK(pw_error_kind(error) == PW_KIND_INVALID_MODULE);
  pw_error_free(error);
  CHECK(!pw_runner_load(runner, "\xff", SPIN, sizeof SPIN, &error));
  FAILS(error, PW_KIND_INVALID_CONFIG,
        "invalid config: `plugin` is not UTF-8: invalid utf-8 sequence of 1 bytes from index 0");
  CHECK(pw_runner_load_dir(NULL, ".", &error) == NULL);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `runner` is NULL");
  CHECK(pw_runner_load_dir(runner, NULL, &error) == NULL);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `directory` is NULL");
  CHECK(pw_runner_run(NULL, "spin", "trap", NULL, 0, NULL, &error) == NULL);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `runner` is NULL");
  CHECK(pw_runner_run(runner, NULL, "trap", NULL, 0, NULL, &error) == NULL);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `plugin` is NULL");
  CHECK(pw_runner_run(runner, "spin", NULL, NULL, 0, NULL, &error) == NULL);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `export` is NULL");
  CHECK(pw_runner_run(runner, "spin", "trap", NULL, 2, NULL, &error) == NULL);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `params` is NULL, with a length of 2");
  CHECK(pw_runner_run(runner, "spin", "trap", misaligned, 1, NULL, &error) == NULL);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `params` is not aligned");
  CHECK(pw_runner_run(runner, "spin", "trap", numbers, SIZE_MAX, NULL, &error) == NULL);
  CHECK(strstr(pw_error_message(error), "invalid config: `params` has a length of ") != NULL);
  pw_error_free(error);
  CHECK(pw_runner_run(runner, "spin", "gone", NULL, 0, NULL, &error) == NULL);
  FAILS(error, PW_KIND_NOT_FOUND,
        "plugin \"spin\", export \"gone\": no export \"gone\"; this plugin exports: spin, trap");
  CHECK(pw_runner_run_bytes(NULL, "spin", "trap", NULL, 0, NULL, &error) == NULL);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `runner` is NULL");
  CHECK(pw_runner_run_bytes(runner, "spin", "trap", NULL, 1, NULL, &error) == NULL);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `input` is NULL, with a length of 1");
  CHECK(!pw_runner_unload(NULL, "spin") && !pw_runner_unload(runner, NULL));

  // Options tell their first mistake when they are used.
  static const char *const told[] = {
      "invalid config: `stdin` is NULL, with a length of 1",
      "invalid config: `arg` is NULL",
      "invalid config: `arg` is not UTF-8: incomplete utf-8 byte sequence from index 1",
      "invalid config: `env` is NULL",
  };
  for (int i = 0; i < 4; i++) {
    pw_options *options = pw_options_new();
    if (i == 0) pw_options_stdin(options, NULL, 1);
    if (i == 1) pw_options_arg(options, NULL);
    if (i == 2) pw_options_arg(options, "a\xc3");
    if (i == 3) pw_options_env(options, "A", NULL);
    pw_options_arg(options, NULL);
    CHECK(pw_runner_run(runner, "spin", "trap", NULL, 0, options, &error) == NULL);
    FAILS(error, PW_KIND_INVALID_CONFIG, told[i]);
    pw_options_free(options);
  }
  pw_runner_free(runner);
}

static void nothing(void) {
  size_t length = 9;
  pw_config_set(NULL, PW_SETTING_FUEL, 1);
  pw_config_free(NULL);
  pw_runner_close(NULL);
  pw_runner_free(NULL);
  pw_options_fuel(NULL, 1);
  pw_options_timeout_ms(NULL, 1);
  pw_options_cancel(NULL, NULL);
  pw_options_stdin(NULL, NULL, 0);
  pw_options_arg(NULL, NULL);
  pw_options_env(NULL, NULL, NULL);
  pw_options_free(NULL);
  pw_cancel_now(NULL);
  pw_cancel_free(NULL);
  CHECK(pw_outcome_results(NULL, &length) != NULL && length == 0);
  CHECK(pw_outcome_bytes(NULL, NULL) != NULL);
  CHECK(pw_outcome_stdout(NULL, NULL) != NULL && pw_outcome_stderr(NULL, NULL) != NULL);
  CHECK(!pw_outcome_output_truncated(NULL));
  CHECK(pw_outcome_fuel_used(NULL) == 0 && pw_outcome_peak_memory_pages(NULL) == 0);
  pw_outcome_free(NULL);
  CHECK(pw_error_kind(NULL) == PW_KIND_NONE && pw_error_exit_code(NULL) == 0);
  TEXT(pw_error_message(NULL), "");
  TEXT(pw_error_cause(NULL), "");
  CHECK(pw_error_outcome(NULL) == NULL);
  pw_error_free(NULL);
  CHECK(pw_report_plugins(NULL) == 0 && pw_report_failures(NULL) == 0);
  CHECK(pw_report_plugin(NULL, 0) == NULL && pw_report_path(NULL, 0) == NULL);
  CHECK(pw_report_error(NULL, 0) == NULL);
  pw_report_free(NULL);
  CHECK(pw_outcome_init_fuel(NULL) == 0 && !pw_outcome_is_reproducible(NULL));
  CHECK(pw_outcome_files(NULL) == 0 && pw_outcome_file_path(NULL, 0) == NULL);
  CHECK(pw_outcome_file_bytes(NULL, 0, &length) != NULL && length == 0);
  CHECK(pw_outcome_file_change(NULL, 0) == PW_CHANGE_NONE);
  TEXT(pw_error_plugin(NULL), "");
  TEXT(pw_error_export(NULL), "");
  CHECK(pw_error_plugin_message(NULL, &length) != NULL && length == 0);
  pw_config_function(NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  pw_config_global(NULL, NULL, NULL, NULL, 0);
  pw_config_memory(NULL, NULL, NULL, NULL, 0);
  pw_config_clock(NULL, NULL);
  pw_config_guest_clock(NULL, NULL);
  pw_config_guest_system_clock(NULL);
  pw_config_guest_entropy(NULL, NULL, NULL);
  pw_config_output(NULL, PW_STREAM_STDOUT, NULL, NULL);
  pw_config_files(NULL, NULL);
  pw_options_config(NULL, NULL, NULL);
  pw_options_convention(NULL, NULL);
  pw_options_seed(NULL, 1);
  pw_options_clock_start_ns(NULL, 1);
  pw_options_max_memory_pages(NULL, 1);
  pw_options_user_data(NULL, NULL);
  pw_options_files(NULL, NULL);
  pw_files_file(NULL, NULL, NULL, 0);
  pw_files_directory(NULL, NULL);
  pw_files_symlink(NULL, NULL, NULL);
  pw_files_mount(NULL, NULL, NULL);
  pw_files_read_only(NULL, NULL);
  pw_files_modified_ns(NULL, NULL, 0);
  pw_files_preopen(NULL, NULL, NULL);
  pw_files_free(NULL);
  CHECK(pw_runner_plugins(NULL, NULL) == NULL);
  CHECK(pw_runner_describe_plugin(NULL, NULL, NULL) == NULL);
  CHECK(pw_runner_describe_module(NULL, NULL, 0, NULL) == NULL);
  CHECK(!pw_runner_load_linked(NULL, NULL, NULL, 0, NULL));
  CHECK(!pw_runner_configure(NULL, NULL, NULL, NULL, NULL));
  CHECK(pw_runner_run_inputs(NULL, NULL, NULL, NULL, 0, NULL, NULL) == NULL);
  CHECK(pw_runner_instantiate(NULL, NULL, NULL) == NULL);
  CHECK(!pw_instance_reset(NULL, NULL) && !pw_instance_is_poisoned(NULL));
  CHECK(pw_instance_run(NULL, NULL, NULL, 0, NULL, NULL) == NULL);
  CHECK(pw_instance_run_bytes(NULL, NULL, NULL, 0, NULL, NULL) == NULL);
  CHECK(pw_instance_run_inputs(NULL, NULL, NULL, 0, NULL, NULL) == NULL);
  CHECK(!pw_instance_read(NULL, NULL, 0, NULL, 0, NULL));
  CHECK(!pw_instance_write(NULL, NULL, 0, NULL, 0, NULL));
  CHECK(!pw_instance_memory_size(NULL, NULL, NULL, NULL));
  CHECK(!pw_instance_string_length(NULL, NULL, 0, 0, NULL, NULL));
  CHECK(!pw_instance_grow(NULL, NULL, 0, NULL, NULL));
  CHECK(!pw_instance_global(NULL, NULL, NULL, NULL));
  CHECK(!pw_instance_set_global(NULL, NULL, 0, NULL));
  CHECK(!pw_instance_table_size(NULL, NULL, NULL, NULL));
  pw_instance_free(NULL);
  CHECK(pw_description_sha256(NULL) == NULL && pw_description_size(NULL) == 0);
  CHECK(pw_description_functions(NULL) == 0 && pw_description_memory_pages(NULL) == 0);
  CHECK(pw_description_imports(NULL) == 0 && pw_description_exports(NULL) == 0);
  CHECK(pw_description_init_fuel(NULL) == 0);
  TEXT(pw_description_convention(NULL), "");
  TEXT(pw_description_convention_reason(NULL), "");
  TEXT(pw_description_snapshot(NULL), "");
  pw_description_free(NULL);
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  fixtures = arguments[1];
  scratch = arguments[2];
  versions();
  settings();
  numbers();
  bytes();
  refused_modules();
  limits();
  ended_from_another_thread();
  many_threads();
  commands();
  seeds();
  directories();
  host_functions();
  instances();
  misuse();
  descriptions();
  surroundings();
  inputs();
  files();
  suspended();
  wrong_arguments();
  nothing();
  printf("%u checks, %u failed\n", checks, failures);
  return failures != 0;
}
