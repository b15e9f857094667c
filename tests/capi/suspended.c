// Calls that are paused and go on, and host functions that wait for their results.
#include "check.h"

#include <pthread.h>

// What the function `act` does, by the number that the guest passes.
enum { WAIT = 100, WAIT_THEN_CALL, USE_ITS_CALL, FREE_ITS_CALL };

typedef struct {
  pw_call *call;
  pw_context *kept;
  unsigned finished;
} Data;

static pw_kind kind_of(pw_error *error) {
  pw_kind kind = pw_error_kind(error);
  pw_error_free(error);
  return kind;
}

static bool act(void *user_data, pw_context *context, const uint64_t *params, uint64_t *results) {
  Data *data = (Data *)user_data;
  pw_error *error;
  unsigned *state = (unsigned *)pw_context_user_data(context);
  if (state != NULL) ++*state;
  results[0] = 1;
  switch (params[0]) {
    case WAIT:
      data->kept = context;
      return pw_context_wait(context, 77);
    case WAIT_THEN_CALL: {
      uint64_t wait = WAIT;
      return pw_context_call(context, "act", &wait, 1, results, 1, NULL);
    }
    case USE_ITS_CALL:
      CHECK(pw_call_run(data->call, 1000, &error) == PW_PROGRESS_FAILED);
      FAILS(error, PW_KIND_MISUSE, "the call is in use: it runs");
      CHECK(pw_call_outcome(data->call) == NULL && pw_call_fuel_used(data->call) == 0);
      TEXT(pw_call_function(data->call), "");
      return true;
    case FREE_ITS_CALL:
      pw_call_free(data->call);
      data->call = NULL;
      return true;
  }
  return true;
}

static bool mix(void *user_data, pw_context *context, const uint64_t *params, uint64_t *results) {
  (void)user_data, (void)context, (void)params, (void)results;
  return true;
}

static pw_runner *host_runner(Data *data, uint32_t setting, uint64_t value) {
  pw_config *config = pw_config_new();
  pw_config_set(config, PW_SETTING_MAX_MEMORIES, 2);
  if (setting != 0) pw_config_set(config, setting, value);
  pw_config_function(config, "env", "mix", "(i32, i64, f32, f64) -> (f64)", mix, data, NULL);
  pw_config_function(config, "env", "act", "(i32) -> (i32)", act, data, NULL);
  pw_config_global(config, "env", "base", "i64", 0);
  pw_runner *runner = runner_of(config);
  load(runner, "c-host");
  return runner;
}

static pw_call *begin_act(const pw_runner *runner, uint64_t what, const pw_options *options) {
  pw_error *error;
  pw_call *call = pw_runner_begin(runner, "c-host", "act", &what, 1, options, &error);
  TEXT(pw_error_message(error), "");
  pw_error_free(error);
  return call;
}

static void *run_on(void *call) {
  return (void *)(uintptr_t)pw_call_run((const pw_call *)call, 1000000, NULL);
}

static void pauses(void) {
  pw_runner *runner = new_runner(PW_SETTING_TIMEOUT_MS, 60000);
  load(runner, "rust-greet");
  load(runner, "typst-rust");
  pw_error *error;
  size_t length;
  pw_outcome *whole =
      pw_runner_run_bytes(runner, "rust-greet", "greet", (const uint8_t *)"World", 5, NULL, &error);

  // In portions, on this thread and another, it is the same call.
  char name[] = "World";
  pw_call *call =
      pw_runner_begin_bytes(runner, "rust-greet", "greet", (const uint8_t *)name, 5, NULL, &error);
  CHECK(call != NULL && error == NULL);
  memset(name, 'x', 5);  // It has its own copy.
  CHECK(pw_call_outcome(call) == NULL && pw_call_request(call) == 0);
  CHECK(pw_call_bytes(call) > 1000);
  uint64_t frames = 1;
  pw_progress progress;
  while ((progress = pw_call_run(call, 10, &error)) == PW_PROGRESS_PAUSED && frames < 20) frames++;
  CHECK(frames == 20 && pw_call_fuel_used(call) <= 210);
  pthread_t thread;
  void *came = NULL;
  CHECK(pthread_create(&thread, NULL, run_on, call) == 0);
  pthread_join(thread, &came);
  CHECK((uintptr_t)came == PW_PROGRESS_FINISHED);
  const pw_outcome *outcome = pw_call_outcome(call);
  const uint8_t *bytes = pw_outcome_bytes(outcome, &length);
  BYTES(bytes, length, "Hello, World");
  CHECK(pw_outcome_fuel_used(outcome) == pw_outcome_fuel_used(whole));
  CHECK(pw_call_fuel_used(call) == pw_outcome_fuel_used(whole) && pw_call_bytes(call) == 0);
  CHECK(pw_call_run(call, 1, &error) == PW_PROGRESS_FAILED);
  FAILS(error, PW_KIND_MISUSE, "the call has ended");
  CHECK(pw_call_outcome(call) == outcome);
  pw_call_free(call);
  pw_outcome_free(whole);

  // The guest that never ends: limits hold for all portions together, and freeing cancels.
  pw_options *options = pw_options_new();
  pw_options_fuel(options, 1000);
  call = pw_runner_begin(runner, "spin", "spin", NULL, 0, options, &error);
  for (int i = 0; i < 9; i++) CHECK(pw_call_run(call, 100, &error) == PW_PROGRESS_PAUSED);
  CHECK(pw_call_run(call, 200, &error) == PW_PROGRESS_FAILED);
  CHECK(pw_outcome_fuel_used(pw_error_outcome(error)) == 1000);
  CHECK(kind_of(error) == PW_KIND_OUT_OF_FUEL);
  CHECK(pw_call_run(call, 1, &error) == PW_PROGRESS_FAILED);
  CHECK(kind_of(error) == PW_KIND_MISUSE);
  pw_call_free(call);
  pw_options_free(options);

  options = pw_options_new();
  pw_cancel *cancel = pw_cancel_new();
  pw_options_cancel(options, cancel);
  call = pw_runner_begin(runner, "spin", "spin", NULL, 0, options, &error);
  pw_options_free(options);
  CHECK(pw_call_run(call, 1000, &error) == PW_PROGRESS_PAUSED);
  pw_cancel_now(cancel);
  CHECK(pw_call_run(call, 1000, &error) == PW_PROGRESS_FAILED);
  CHECK(kind_of(error) == PW_KIND_CANCELLED);
  pw_call_free(call);
  pw_cancel_free(cancel);

  // Several inputs, and calls that are refused.
  const pw_bytes two[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}};
  call = pw_runner_begin_inputs(runner, "typst-rust", "concat", two, 2, NULL, &error);
  CHECK(pw_call_run(call, 1000000, &error) == PW_PROGRESS_FINISHED);
  bytes = pw_outcome_bytes(pw_call_outcome(call), &length);
  BYTES(bytes, length, "ab");
  pw_call_free(call);
  CHECK(pw_runner_begin(runner, "spin", "gone", NULL, 0, NULL, &error) == NULL);
  CHECK(kind_of(error) == PW_KIND_NOT_FOUND);
  CHECK(pw_runner_begin(runner, "spin", "spin", NULL, 1, NULL, &error) == NULL);
  CHECK(kind_of(error) == PW_KIND_INVALID_CONFIG);

  // It outlives the runner, and ends with it when that is closed.
  call = pw_runner_begin(runner, "spin", "spin", NULL, 0, NULL, &error);
  CHECK(pw_call_run(call, 1000, &error) == PW_PROGRESS_PAUSED);
  pw_runner_close(runner);
  pw_runner_free(runner);
  CHECK(pw_call_run(call, 1000, &error) == PW_PROGRESS_FAILED);
  CHECK(kind_of(error) == PW_KIND_CLOSED);
  pw_call_free(call);
}

static bool write_and_return(void *user_data, pw_context *context, const uint64_t *params,
                             uint64_t *results) {
  Data *data = (Data *)user_data;
  (void)params;
  data->finished++;
  results[0] = 42;
  return pw_context_write(context, "second", 0, (const uint8_t *)"late", 4, NULL);
}

static bool refuse(void *user_data, pw_context *context, const uint64_t *params,
                   uint64_t *results) {
  (void)user_data, (void)params, (void)results;
  return pw_context_fail(context, "it never came");
}

static void waits(void) {
  Data data = {NULL, NULL, 0};
  pw_runner *runner = host_runner(&data, PW_SETTING_DEADLINE, PW_DEADLINE_WALL_TIME);
  pw_error *error;
  const uint64_t answer = 41, two[] = {1, 2};
  unsigned state = 0;
  pw_options *options = pw_options_new();
  pw_options_user_data(options, &state);

  pw_call *call = begin_act(runner, WAIT, options);
  CHECK(state == 0);
  CHECK(pw_call_run(call, 100000, &error) == PW_PROGRESS_WAITING);
  CHECK(state == 1 && pw_call_request(call) == 77);
  TEXT(pw_call_module(call), "env");
  TEXT(pw_call_function(call), "act");
  // What does not fit leaves it as it is.
  CHECK(pw_call_run(call, 1, &error) == PW_PROGRESS_FAILED);
  FAILS(error, PW_KIND_MISUSE,
        "the call waits for a host function's results: pw_call_resume_with goes on");
  CHECK(pw_call_resume_with(call, two, 2, 1, &error) == PW_PROGRESS_FAILED);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `results` are 2; the function has 1");
  CHECK(pw_call_resume_with(call, NULL, 1, 1, &error) == PW_PROGRESS_FAILED);
  CHECK(kind_of(error) == PW_KIND_INVALID_CONFIG);
  CHECK(pw_call_finish(call, NULL, NULL, 1, &error) == PW_PROGRESS_FAILED);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `finish` is NULL");
  CHECK(pw_call_fail(call, NULL, &error) == PW_PROGRESS_FAILED);
  CHECK(kind_of(error) == PW_KIND_INVALID_CONFIG);
  // The context of the function that waits is over.
  CHECK(!pw_context_check(data.kept, &error));
  CHECK(kind_of(error) == PW_KIND_MISUSE);
  CHECK(pw_call_resume_with(call, &answer, 1, 100000, &error) == PW_PROGRESS_FINISHED);
  CHECK(pw_outcome_results(pw_call_outcome(call), NULL)[0] == 41);
  CHECK(pw_call_request(call) == 0);
  TEXT(pw_call_module(call), "");
  CHECK(pw_call_resume_with(call, &answer, 1, 1, &error) == PW_PROGRESS_FAILED);
  FAILS(error, PW_KIND_MISUSE, "the call has ended");
  pw_call_free(call);
  pw_options_free(options);

  call = begin_act(runner, WAIT, NULL);
  CHECK(pw_call_resume_with(call, &answer, 1, 1, &error) == PW_PROGRESS_FAILED);
  FAILS(error, PW_KIND_MISUSE, "the call is paused and waits for nothing: pw_call_run goes on");
  CHECK(pw_call_run(call, 100000, &error) == PW_PROGRESS_WAITING);
  CHECK(pw_call_fail(call, "no network", &error) == PW_PROGRESS_FAILED);
  CHECK(strstr(pw_error_message(error), "no network") != NULL);
  CHECK(kind_of(error) == PW_KIND_HOST);
  pw_call_free(call);
  call = begin_act(runner, WAIT, NULL);
  CHECK(pw_call_run(call, 100000, &error) == PW_PROGRESS_WAITING);
  CHECK(pw_call_finish(call, refuse, NULL, 1, &error) == PW_PROGRESS_FAILED);
  CHECK(strstr(pw_error_message(error), "it never came") != NULL);
  CHECK(kind_of(error) == PW_KIND_HOST);
  pw_call_free(call);

  // Where a call cannot be kept.
  uint64_t wait = WAIT;
  CHECK(pw_runner_run(runner, "c-host", "act", &wait, 1, NULL, &error) == NULL);
  CHECK(kind_of(error) == PW_KIND_CANNOT_WAIT);
  call = begin_act(runner, WAIT_THEN_CALL, NULL);
  CHECK(pw_call_run(call, 100000, &error) == PW_PROGRESS_FAILED);
  CHECK(kind_of(error) == PW_KIND_CANNOT_WAIT);
  pw_call_free(call);
  CHECK(!pw_context_wait(data.kept, 1) && !pw_context_wait(NULL, 1));

  // A host function that uses and frees the call that it was called by.
  data.call = begin_act(runner, USE_ITS_CALL, NULL);
  CHECK(pw_call_run(data.call, 100000, &error) == PW_PROGRESS_FINISHED);
  pw_call_free(data.call);
  data.call = begin_act(runner, FREE_ITS_CALL, NULL);
  CHECK(pw_call_run(data.call, 100000, &error) == PW_PROGRESS_FINISHED);
  CHECK(data.call == NULL && error == NULL);

  // A kept instance, in use until the call has ended.
  uint8_t bytes[4];
  uint64_t number = 3;
  pw_instance *instance = pw_runner_instantiate(runner, "c-host", &error);
  call = pw_instance_begin(instance, "act", &wait, 1, NULL, &error);
  CHECK(pw_instance_begin(instance, "twice", &number, 1, NULL, &error) == NULL);
  FAILS(error, PW_KIND_MISUSE, "the instance is in use: a call on it has not ended");
  CHECK(pw_call_run(call, 100000, &error) == PW_PROGRESS_WAITING);
  CHECK(!pw_instance_read(instance, "second", 0, bytes, 4, &error));
  CHECK(kind_of(error) == PW_KIND_MISUSE);
  CHECK(pw_call_finish(call, write_and_return, &data, 100000, &error) == PW_PROGRESS_FINISHED);
  CHECK(data.finished == 1 && pw_outcome_results(pw_call_outcome(call), NULL)[0] == 42);
  CHECK(pw_instance_read(instance, "second", 0, bytes, 4, &error));
  BYTES(bytes, sizeof bytes, "late");
  pw_call_free(call);
  // One that has begun and is freed leaves an unknown state.
  pw_call_free(pw_instance_begin(instance, "spin", NULL, 0, NULL, &error));
  CHECK(pw_instance_is_poisoned(instance));
  CHECK(pw_instance_reset(instance, &error));
  call = pw_instance_begin(instance, "spin", NULL, 0, NULL, &error);
  CHECK(call != NULL && error == NULL);
  CHECK(pw_call_run(call, 1000, &error) == PW_PROGRESS_PAUSED);
  pw_call_free(call);
  CHECK(pw_instance_is_poisoned(instance));
  CHECK(pw_instance_begin(instance, "twice", &number, 1, NULL, &error) == NULL);
  CHECK(strstr(pw_error_message(error), "suspended") != NULL);
  CHECK(kind_of(error) == PW_KIND_POISONED);
  CHECK(pw_instance_reset(instance, &error));
  // The call outlives its instance and its runner.
  call = pw_instance_begin(instance, "act", &wait, 1, NULL, &error);
  pw_instance_free(instance);
  pw_runner_free(runner);
  CHECK(pw_call_run(call, 100000, &error) == PW_PROGRESS_WAITING);
  CHECK(pw_call_resume_with(call, &answer, 1, 100000, &error) == PW_PROGRESS_FINISHED);
  pw_call_free(call);

  load(runner = new_runner(0, 0), "typst-rust");
  instance = pw_runner_instantiate(runner, "typst-rust", &error);
  const pw_bytes inputs[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}};
  call = pw_instance_begin_inputs(instance, "concat", inputs, 2, NULL, &error);
  CHECK(pw_call_run(call, 1000000, &error) == PW_PROGRESS_FINISHED);
  pw_call_free(call);
  call = pw_instance_begin_bytes(instance, "greet", (const uint8_t *)"Ada", 3, NULL, &error);
  CHECK(pw_call_run(call, 1000000, &error) == PW_PROGRESS_FINISHED);
  pw_call_free(call);
  pw_instance_free(instance);
  pw_runner_free(runner);
}

void suspended(void) {
  pauses();
  waits();
  pw_error *error;
  size_t none = 0;
  CHECK(pw_call_run(NULL, 1, &error) == PW_PROGRESS_FAILED);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `call` is NULL");
  CHECK(pw_call_resume_with(NULL, NULL, 0, 1, NULL) == PW_PROGRESS_FAILED);
  CHECK(pw_call_finish(NULL, refuse, NULL, 1, NULL) == PW_PROGRESS_FAILED);
  CHECK(pw_call_fail(NULL, "", NULL) == PW_PROGRESS_FAILED);
  CHECK(pw_call_request(NULL) == 0 && pw_call_fuel_used(NULL) == 0 && pw_call_bytes(NULL) == none);
  CHECK(pw_call_outcome(NULL) == NULL);
  TEXT(pw_call_module(NULL), "");
  TEXT(pw_call_function(NULL), "");
  CHECK(pw_runner_begin(NULL, NULL, NULL, NULL, 0, NULL, NULL) == NULL);
  CHECK(pw_runner_begin_bytes(NULL, NULL, NULL, NULL, 0, NULL, NULL) == NULL);
  CHECK(pw_runner_begin_inputs(NULL, NULL, NULL, NULL, 0, NULL, NULL) == NULL);
  CHECK(pw_instance_begin(NULL, NULL, NULL, 0, NULL, NULL) == NULL);
  CHECK(pw_instance_begin_bytes(NULL, NULL, NULL, 0, NULL, NULL) == NULL);
  CHECK(pw_instance_begin_inputs(NULL, NULL, NULL, 0, NULL, NULL) == NULL);
  pw_call_free(NULL);
}
