// Functions that plugins import, kept instances, and what both can reach of a guest.
#include "check.h"

#include <pthread.h>

// What the function `act` does, by the number that the guest passes.
enum {
  READ = 1,
  WRITE,
  FAIL_WITH_MESSAGE,
  FAIL_SILENTLY,
  READ_OUTSIDE,
  READ_OUTSIDE_AND_GO_ON,
  CALL,
  CALL_WRONG,
  CALL_TRAP_AND_GO_ON,
  CHARGE,
  CHECK_CANCELLED,
  OUTPUT,
  STATE,
  NAMES,
  GROW,
  NESTED,
  USE_OUTER,
  USE_ON_OTHER_THREAD,
  KEEP,
  OTHER_RESULTS
};

// What the test's functions share, by user data.
typedef struct {
  unsigned calls, freed;
  pw_context *kept;
  pw_instance *instance;
  pw_runner *runner;
  pw_cancel *cancel;
  pw_kind kinds[8];
} Data;

static pw_kind kind_of(pw_error *error) {
  pw_kind kind = pw_error_kind(error);
  pw_error_free(error);
  return kind;
}

static bool mix(void *user_data, pw_context *context, const uint64_t *params, uint64_t *results) {
  Data *data = (Data *)user_data;
  data->calls++;
  (void)context;
  double sum = (double)(int32_t)params[0] + (double)(int64_t)params[1];
  sum += (double)pw_to_f32(params[2]) + pw_to_f64(params[3]);
  results[0] = pw_from_f64(sum);
  return true;
}

static bool read_and_write(pw_context *context, uint64_t number, uint64_t *results) {
  uint8_t bytes[5];
  uint64_t size, pages;
  size_t length;
  pw_error *error;
  switch (number) {
    case READ:
      if (!pw_context_read(context, NULL, 16, bytes, sizeof bytes, NULL)) return false;
      BYTES(bytes, sizeof bytes, "hello");
      CHECK(pw_context_string_length(context, "memory", 16, 10, &length, NULL) && length == 5);
      CHECK(!pw_context_string_length(context, "memory", 16, 4, &length, &error));
      FAILS(error, PW_KIND_GUEST_DATA,
            "plugin \"c-host\": the text at 0x10 has more than 4 bytes");
      CHECK(pw_context_memory_size(context, NULL, &size, NULL) && size == 65536);
      CHECK(pw_context_read(context, NULL, 65536, NULL, 0, NULL));
      results[0] = bytes[4];
      return true;
    case WRITE:
      return pw_context_write(context, "second", 65531, (const uint8_t *)"later", 5, NULL);
    case READ_OUTSIDE:
      return pw_context_read(context, NULL, 65535, bytes, 2, NULL);
    case READ_OUTSIDE_AND_GO_ON:
      CHECK(!pw_context_read(context, NULL, 0xffffffff, bytes, 2, &error));
      CHECK(kind_of(error) == PW_KIND_GUEST_DATA);
      CHECK(!pw_context_write(context, "third", 0, bytes, 2, &error));
      CHECK(kind_of(error) == PW_KIND_NOT_FOUND);
      return true;
    case GROW:
      CHECK(pw_context_memory_size(context, "memory", &size, NULL) && size == 65536);
      CHECK(pw_context_grow(context, "memory", 2, &pages, NULL) && pages == 1);
      CHECK(pw_context_write(context, "memory", 3 * 65536 - 1, bytes, 1, NULL));
      CHECK(!pw_context_grow(context, "memory", 2, &pages, &error));
      CHECK(kind_of(error) == PW_KIND_MEMORY_LIMIT);
      CHECK(pw_context_table_size(context, "table", &size, NULL) && size == 3);
      CHECK(pw_context_global(context, "count", &size, NULL) && size == 0);
      CHECK(pw_context_set_global(context, "count", 41, NULL));
      return true;
  }
  return false;
}

static void *use_context(void *context) {
  uint8_t byte;
  pw_error *error;
  CHECK(!pw_context_read((pw_context *)context, NULL, 0, &byte, 1, &error));
  FAILS(error, PW_KIND_MISUSE,
        "the context is that of a host function that has returned, or of another thread");
  return NULL;
}

static bool act(void *user_data, pw_context *context, const uint64_t *params, uint64_t *results) {
  Data *data = (Data *)user_data;
  char name[256];
  uint64_t number = 21;
  pw_error *error;
  data->calls++;
  switch (params[0]) {
    case FAIL_WITH_MESSAGE:
      return pw_context_fail(context, "no such key: \xc3\xa4");
    case FAIL_SILENTLY:
      return false;
    case CALL:
      return pw_context_call(context, "twice", &number, 1, results, 1, NULL);
    case CALL_WRONG:
      CHECK(!pw_context_call(context, "twice", &number, 0, results, 1, &error));
      data->kinds[0] = kind_of(error);
      CHECK(!pw_context_call(context, "twice", &number, 1, results, 0, &error));
      data->kinds[1] = kind_of(error);
      CHECK(!pw_context_call(context, "gone", &number, 1, results, 1, &error));
      data->kinds[2] = kind_of(error);
      CHECK(!pw_context_call(context, NULL, &number, 1, results, 1, &error));
      data->kinds[3] = kind_of(error);
      CHECK(!pw_context_call(context, "twice", NULL, 1, results, 1, &error));
      data->kinds[4] = kind_of(error);
      return true;
    case CALL_TRAP_AND_GO_ON:
      CHECK(!pw_context_call(context, "trap", NULL, 0, NULL, 0, &error));
      data->kinds[0] = kind_of(error);
      return true;
    case CHARGE:
      CHECK(pw_context_check(context, NULL));
      CHECK(pw_context_charge(context, 1000, NULL));
      CHECK(pw_context_time_left_ms(context) > 0);
      return pw_context_charge(context, UINT64_MAX, NULL);
    case CHECK_CANCELLED:
      pw_cancel_now(data->cancel);
      return pw_context_check(context, NULL);
    case OUTPUT:
      CHECK(pw_context_output(context, PW_STREAM_STDOUT, (const uint8_t *)"out", 3, NULL));
      CHECK(pw_context_output(context, PW_STREAM_STDERR, (const uint8_t *)"err", 3, NULL));
      CHECK(!pw_context_output(context, 3, (const uint8_t *)"err", 3, &error));
      data->kinds[0] = kind_of(error);
      return true;
    case STATE: {
      unsigned *state = (unsigned *)pw_context_user_data(context);
      if (state != NULL) results[0] = ++*state;
      return true;
    }
    case NAMES:
      CHECK(pw_context_plugin(context, name, sizeof name, NULL));
      TEXT(name, "c-host");
      CHECK(!pw_context_plugin(context, name, 6, &error));
      data->kinds[0] = kind_of(error);
      return true;
    case NESTED: {
      // The guest calls `act` again, with a context of its own, which then uses this one.
      uint64_t use_outer = USE_OUTER;
      data->kept = context;
      bool done = pw_context_call(context, "act", &use_outer, 1, results, 1, NULL);
      CHECK(pw_context_check(context, NULL));
      return done;
    }
    case USE_OUTER:
      CHECK(!pw_context_check(data->kept, &error));
      FAILS(error, PW_KIND_MISUSE,
            "the context is in use: a call of the guest by it has not ended");
      CHECK(pw_context_check(context, NULL));
      return true;
    case USE_ON_OTHER_THREAD: {
      pthread_t thread;
      CHECK(pthread_create(&thread, NULL, use_context, context) == 0);
      pthread_join(thread, NULL);
      return pw_context_check(context, NULL);
    }
    case KEEP:
      data->kept = context;
      // The instance, and the runner that it is of, are in use, and can be freed.
      CHECK(pw_instance_run(data->instance, "twice", &number, 1, NULL, &error) == NULL);
      FAILS(error, PW_KIND_MISUSE, "the instance is in use: a call on it has not ended");
      CHECK(!pw_instance_read(data->instance, NULL, 0, NULL, 0, &error));
      CHECK(kind_of(error) == PW_KIND_MISUSE);
      CHECK(!pw_instance_reset(data->instance, &error));
      CHECK(kind_of(error) == PW_KIND_MISUSE);
      CHECK(!pw_instance_is_poisoned(data->instance));
      pw_instance_free(data->instance);
      pw_runner_free(data->runner);
      data->instance = NULL;
      data->runner = NULL;
      return true;
    case OTHER_RESULTS:
      results[0] = UINT64_MAX;  // Of an i32, the upper half counts for nothing.
      return true;
  }
  return read_and_write(context, params[0], results);
}

static void count_free(void *user_data) { ((Data *)user_data)->freed++; }

static pw_config *host_config(Data *data) {
  pw_config *config = pw_config_new();
  pw_config_set(config, PW_SETTING_MAX_MEMORIES, 2);
  pw_config_function(config, "env", "mix", "(i32,i64,f32, f64)->(f64)", mix, data, NULL);
  pw_config_function(config, "env", "act", " ( i32 ) -> ( i32 ) ", act, data, count_free);
  pw_config_global(config, "env", "base", "i64", (uint64_t)-5);
  return config;
}

static pw_outcome *do_act(const pw_runner *runner, uint64_t what, const pw_options *options,
                          pw_error **error) {
  return pw_runner_run(runner, "c-host", "act", &what, 1, options, error);
}

// The result of `act`, which ends well.
static uint64_t acted(const pw_runner *runner, uint64_t what) {
  pw_error *error;
  pw_outcome *outcome = do_act(runner, what, NULL, &error);
  size_t length;
  TEXT(pw_error_message(error), "");
  pw_error_free(error);
  const uint64_t *results = pw_outcome_results(outcome, &length);
  uint64_t result = length == 1 ? results[0] : UINT64_MAX;
  pw_outcome_free(outcome);
  return result;
}

void host_functions(void) {
  Data data = {0, 0, NULL, NULL, NULL, NULL, {PW_KIND_NONE}};
  pw_config *config = host_config(&data);
  pw_runner *runner = runner_of(config);
  load(runner, "c-host");
  CHECK(data.freed == 0);
  pw_error *error;
  size_t length;

  const uint64_t params[] = {(uint64_t)-1, (uint64_t)-2, pw_from_f32(0.25f), pw_from_f64(10.5)};
  pw_outcome *outcome = pw_runner_run(runner, "c-host", "mix", params, 4, NULL, &error);
  const uint64_t *results = pw_outcome_results(outcome, &length);
  CHECK(length == 1 && pw_to_f64(results[0]) == 7.75);
  pw_outcome_free(outcome);
  outcome = pw_runner_run(runner, "c-host", "base", NULL, 0, NULL, &error);
  CHECK((int64_t)pw_outcome_results(outcome, NULL)[0] == -5);
  pw_outcome_free(outcome);

  CHECK(acted(runner, READ) == 'o');
  CHECK(acted(runner, WRITE) == 0);
  CHECK(acted(runner, READ_OUTSIDE_AND_GO_ON) == 0);
  CHECK(acted(runner, CALL) == 42);
  CHECK(acted(runner, CALL_WRONG) == 0);
  CHECK(data.kinds[0] == PW_KIND_SIGNATURE && data.kinds[1] == PW_KIND_SIGNATURE);
  CHECK(data.kinds[2] == PW_KIND_NOT_FOUND && data.kinds[3] == PW_KIND_INVALID_CONFIG);
  CHECK(data.kinds[4] == PW_KIND_INVALID_CONFIG);
  CHECK(acted(runner, GROW) == 0);
  CHECK(acted(runner, NAMES) == 0 && data.kinds[0] == PW_KIND_TOO_LARGE);
  CHECK(acted(runner, NESTED) == 0);
  CHECK(acted(runner, USE_ON_OTHER_THREAD) == 0);
  CHECK(acted(runner, STATE) == 0);
  CHECK(acted(runner, OTHER_RESULTS) == 0xffffffff);
  outcome = do_act(runner, OUTPUT, NULL, &error);
  CHECK(data.kinds[0] == PW_KIND_INVALID_CONFIG);
  const uint8_t *written = pw_outcome_stdout(outcome, &length);
  BYTES(written, length, "out");
  written = pw_outcome_stderr(outcome, &length);
  BYTES(written, length, "err");
  pw_outcome_free(outcome);

  const char *host = "plugin \"c-host\", export \"act\": host function \"env\" \"act\": ";
  char message[300];
  CHECK(do_act(runner, FAIL_WITH_MESSAGE, NULL, &error) == NULL);
  snprintf(message, sizeof message, "%sno such key: \xc3\xa4", host);
  FAILS(error, PW_KIND_HOST, message);
  CHECK(do_act(runner, FAIL_SILENTLY, NULL, &error) == NULL);
  snprintf(message, sizeof message, "%sit failed and said no reason", host);
  FAILS(error, PW_KIND_HOST, message);
  // An error of the context's functions stays what it is.
  CHECK(do_act(runner, READ_OUTSIDE, NULL, &error) == NULL);
  CHECK(pw_error_kind(error) == PW_KIND_GUEST_DATA);
  TEXT(pw_error_plugin(error), "c-host");
  TEXT(pw_error_export(error), "act");
  pw_error_free(error);
  CHECK(do_act(runner, CHARGE, NULL, &error) == NULL);
  CHECK(kind_of(error) == PW_KIND_OUT_OF_FUEL);

  unsigned state = 7;
  pw_options *options = pw_options_new();
  pw_options_user_data(options, &state);
  data.cancel = pw_cancel_new();
  pw_options_cancel(options, data.cancel);
  pw_outcome_free(do_act(runner, STATE, options, &error));
  CHECK(error == NULL && state == 8);
  CHECK(do_act(runner, CHECK_CANCELLED, options, &error) == NULL);
  CHECK(kind_of(error) == PW_KIND_CANCELLED);
  pw_cancel_free(data.cancel);
  pw_options_free(options);

  CHECK(data.calls == 20);
  CHECK(data.freed == 0);
  pw_runner_free(runner);
  CHECK(data.freed == 1);
}

void instances(void) {
  Data data = {0, 0, NULL, NULL, NULL, NULL, {PW_KIND_NONE}};
  pw_runner *runner = runner_of(host_config(&data));
  pw_error *error;
  CHECK(pw_runner_instantiate(runner, "c-host", &error) == NULL);
  FAILS(error, PW_KIND_NOT_FOUND, "no plugin \"c-host\"; loaded are: none");
  load(runner, "c-host");
  pw_instance *instance = pw_runner_instantiate(runner, "c-host", &error);
  CHECK(instance != NULL && error == NULL);
  for (uint64_t i = 1; i <= 3; i++) {
    pw_outcome *outcome = pw_instance_run(instance, "count_up", NULL, 0, NULL, &error);
    CHECK(pw_outcome_results(outcome, NULL)[0] == i);
    pw_outcome_free(outcome);
  }

  uint64_t value, size;
  size_t length;
  uint8_t bytes[5];
  CHECK(pw_instance_global(instance, "count", &value, &error) && value == 3);
  CHECK(pw_instance_set_global(instance, "count", 40, &error));
  CHECK(pw_instance_global(instance, "half", &value, &error) && pw_to_f64(value) == 0.5);
  CHECK(pw_instance_set_global(instance, "half", pw_from_f64(-1.5), &error));
  CHECK(pw_instance_global(instance, "half", &value, &error) && pw_to_f64(value) == -1.5);
  CHECK(!pw_instance_set_global(instance, "fixed", 1, &error));
  CHECK(kind_of(error) == PW_KIND_SIGNATURE);
  CHECK(!pw_instance_global(instance, "nothing", &value, &error));
  CHECK(strstr(pw_error_message(error), "funcref cannot be passed as a number") != NULL);
  CHECK(kind_of(error) == PW_KIND_SIGNATURE);
  CHECK(!pw_instance_set_global(instance, "nothing", 0, &error));
  CHECK(kind_of(error) == PW_KIND_SIGNATURE);
  CHECK(!pw_instance_global(instance, "gone", &value, &error));
  CHECK(kind_of(error) == PW_KIND_NOT_FOUND);
  CHECK(pw_instance_table_size(instance, "table", &size, &error) && size == 3);
  CHECK(!pw_instance_table_size(instance, "gone", &size, &error));
  CHECK(kind_of(error) == PW_KIND_NOT_FOUND);

  CHECK(pw_instance_memory_size(instance, NULL, &size, &error) && size == 65536);
  CHECK(pw_instance_read(instance, "memory", 16, bytes, sizeof bytes, &error));
  BYTES(bytes, sizeof bytes, "hello");
  CHECK(pw_instance_string_length(instance, NULL, 16, 100, &length, &error) && length == 5);
  CHECK(pw_instance_write(instance, NULL, 16, (const uint8_t *)"J", 1, &error));
  CHECK(pw_instance_read(instance, NULL, 16, bytes, sizeof bytes, &error));
  BYTES(bytes, sizeof bytes, "Jello");
  CHECK(pw_instance_write(instance, "second", 65531, (const uint8_t *)"later", 5, &error));
  CHECK(!pw_instance_write(instance, "second", 65532, (const uint8_t *)"never", 5, &error));
  CHECK(kind_of(error) == PW_KIND_GUEST_DATA);
  CHECK(pw_instance_read(instance, "second", 65531, bytes, sizeof bytes, &error));
  BYTES(bytes, sizeof bytes, "later");
  CHECK(!pw_instance_read(instance, "third", 0, bytes, 1, &error));
  FAILS(error, PW_KIND_NOT_FOUND,
        "plugin \"c-host\": no memory \"third\"; this plugin's memories: second, memory");
  CHECK(!pw_instance_read(instance, NULL, 0, NULL, 1, &error));
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `bytes` is NULL, with a length of 1");
  CHECK(pw_instance_grow(instance, NULL, 1, NULL, &error));
  CHECK(pw_instance_memory_size(instance, NULL, &size, &error) && size == 131072);
  CHECK(!pw_instance_grow(instance, NULL, UINT64_MAX, &size, &error));
  CHECK(kind_of(error) == PW_KIND_MEMORY_LIMIT);

  // A host function's failure poisons, and what is in memory can still be read.
  CHECK(!pw_instance_is_poisoned(instance));
  CHECK(pw_instance_run(instance, "trap", NULL, 0, NULL, &error) == NULL);
  CHECK(kind_of(error) == PW_KIND_TRAP);
  CHECK(pw_instance_is_poisoned(instance));
  CHECK(pw_instance_run(instance, "count_up", NULL, 0, NULL, &error) == NULL);
  CHECK(kind_of(error) == PW_KIND_POISONED);
  CHECK(pw_instance_read(instance, NULL, 100, bytes, 1, &error) && bytes[0] == 42);
  CHECK(pw_instance_reset(instance, &error));
  CHECK(pw_instance_global(instance, "count", &value, &error) && value == 0);
  CHECK(pw_instance_memory_size(instance, NULL, &size, &error) && size == 65536);
  uint64_t what = CALL_TRAP_AND_GO_ON;
  pw_outcome_free(pw_instance_run(instance, "act", &what, 1, NULL, &error));
  pw_error_free(error);
  CHECK(data.kinds[0] == PW_KIND_TRAP && pw_instance_is_poisoned(instance));

  // It outlives the runner and its name, and ends when the runner is closed.
  CHECK(pw_instance_reset(instance, &error));
  CHECK(pw_runner_unload(runner, "c-host"));
  pw_outcome_free(pw_instance_run(instance, "count_up", NULL, 0, NULL, &error));
  CHECK(error == NULL);
  pw_runner_close(runner);
  CHECK(pw_instance_run(instance, "count_up", NULL, 0, NULL, &error) == NULL);
  CHECK(kind_of(error) == PW_KIND_CLOSED);
  pw_runner_free(runner);
  CHECK(data.freed == 0);
  pw_instance_free(instance);
  CHECK(data.freed == 1);

  load(runner = new_runner(0, 0), "rust-greet");
  instance = pw_runner_instantiate(runner, "rust-greet", &error);
  pw_runner_free(runner);
  pw_outcome *outcome =
      pw_instance_run_bytes(instance, "greet", (const uint8_t *)"Ada", 3, NULL, &error);
  const uint8_t *greeting = pw_outcome_bytes(outcome, &length);
  BYTES(greeting, length, "Hello, Ada");
  pw_outcome_free(outcome);
  pw_instance_free(instance);
}

static bool never(void *user_data, pw_context *context, const uint64_t *params,
                  uint64_t *results) {
  (void)user_data, (void)context, (void)params, (void)results;
  CHECK(false);
  return true;
}

void misuse(void) {
  Data data = {0, 0, NULL, NULL, NULL, NULL, {PW_KIND_NONE}};
  pw_error *error;
  data.runner = runner_of(host_config(&data));
  load(data.runner, "c-host");
  data.instance = pw_runner_instantiate(data.runner, "c-host", &error);
  uint64_t what = KEEP;
  // The host function frees the instance and the runner: the call ends well, and then all goes.
  pw_outcome *outcome = pw_instance_run(data.instance, "act", &what, 1, NULL, &error);
  CHECK(outcome != NULL && error == NULL && data.instance == NULL && data.freed == 1);
  pw_outcome_free(outcome);

  // A context that was kept.
  const char *over =
      "the context is that of a host function that has returned, or of another thread";
  uint8_t byte;
  uint64_t value;
  CHECK(!pw_context_read(data.kept, NULL, 0, &byte, 1, &error));
  FAILS(error, PW_KIND_MISUSE, over);
  CHECK(!pw_context_call(data.kept, "twice", &what, 1, &value, 1, &error));
  FAILS(error, PW_KIND_MISUSE, over);
  CHECK(!pw_context_charge(data.kept, 1, &error));
  FAILS(error, PW_KIND_MISUSE, over);
  CHECK(!pw_context_fail(data.kept, "too late"));
  CHECK(pw_context_user_data(data.kept) == NULL && pw_context_time_left_ms(data.kept) == 0);
  CHECK(!pw_context_check(NULL, &error));
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `context` is NULL");
  CHECK(!pw_context_fail(NULL, NULL) && pw_context_user_data(NULL) == NULL);

  // What is wrong with a function is told when the runner is made, and its data is freed.
  static const struct {
    const char *module, *name, *signature, *problem;
    pw_host_function function;
  } cases[] = {
      {NULL, "f", "() -> ()", "`module` is NULL", never},
      {"env", "f\xff", "() -> ()",
       "`name` is not UTF-8: invalid utf-8 sequence of 1 bytes from index 1", never},
      {"env", "f", NULL, "`signature` is NULL", never},
      {"env", "f", "() -> ()", "`function` is NULL", NULL},
      {"env", "f", "(i32)", "`signature` is \"(i32)\"; it must be like \"(i32, f64) -> (i64)\", of "
       "i32, i64, f32 and f64", never},
      {"env", "f", "(i32,) -> ()", "`signature` is \"(i32,) -> ()\"; it must be like \"(i32, f64) -> "
       "(i64)\", of i32, i64, f32 and f64", never},
      {"env", "f", "(v128) -> ()", "`signature` is \"(v128) -> ()\"; it must be like \"(i32, f64) -> "
       "(i64)\", of i32, i64, f32 and f64", never},
  };
  unsigned freed = data.freed;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pw_config *config = pw_config_new();
    pw_config_function(config, cases[i].module, cases[i].name, cases[i].signature,
                       cases[i].function, &data, count_free);
    CHECK(data.freed == ++freed);
    char message[200];
    snprintf(message, sizeof message, "invalid config: %s", cases[i].problem);
    CHECK(pw_runner_new(config, &error) == NULL);
    FAILS(error, PW_KIND_INVALID_CONFIG, message);
    pw_config_free(config);
  }
  pw_config_function(NULL, "env", "f", "() -> ()", never, &data, count_free);
  CHECK(data.freed == ++freed);
  pw_config *config = host_config(&data);
  pw_config_free(config);
  CHECK(data.freed == ++freed);
  config = host_config(&data);
  pw_config_global(config, "env", "base", "v128", 1);
  CHECK(pw_runner_new(config, &error) == NULL);
  FAILS(error, PW_KIND_INVALID_CONFIG,
        "invalid config: `type_name` is \"v128\"; it must be i32, i64, f32 or f64");
  pw_config_free(config);

  // A type that does not fit is refused when the plugin is loaded.
  config = host_config(&data);
  pw_config_function(config, "env", "act", "(i64) -> (i32)", never, NULL, NULL);
  pw_runner *runner = runner_of(config);
  size_t length;
  uint8_t *bytes = read_guest("c-host", &length);
  CHECK(!pw_runner_load(runner, "c-host", bytes, length, &error));
  CHECK(kind_of(error) == PW_KIND_UNSUPPORTED_IMPORT);
  free(bytes);
  pw_runner_free(runner);
}
