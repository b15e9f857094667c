// What a runner and a call can be told: clocks, random numbers, output, files, several inputs,
// snapshots; and what a module is.
#include "check.h"

static const char *text_of(pw_outcome *outcome) {
  static char text[2048];
  size_t length;
  const uint8_t *written = pw_outcome_stdout(outcome, &length);
  if (length >= sizeof text) length = sizeof text - 1;
  memcpy(text, written, length);
  text[length] = '\0';
  return text;
}

void descriptions(void) {
  pw_runner *runner = new_runner(PW_SETTING_MAX_MEMORIES, 2);
  pw_error *error;
  size_t length;
  uint8_t *bytes = read_guest("c-host", &length);
  pw_description *module = pw_runner_describe_module(runner, bytes, length, &error);
  CHECK(error == NULL);
  CHECK(pw_description_size(module) == length);
  CHECK(pw_description_functions(module) == 7);
  CHECK(pw_description_memory_pages(module) == 2);
  TEXT(pw_description_convention(module), "");
  CHECK(strlen(pw_description_convention_reason(module)) > 10);
  TEXT(pw_description_snapshot(module), "");
  static const struct {
    const char *name, *type;
    pw_extern kind;
  } imports[] = {
      {"mix", "(i32, i64, f32, f64) -> (f64)", PW_EXTERN_FUNCTION},
      {"act", "(i32) -> (i32)", PW_EXTERN_FUNCTION},
      {"base", "global i64", PW_EXTERN_GLOBAL},
  };
  CHECK(pw_description_imports(module) == 3);
  for (size_t i = 0; i < 3; i++) {
    TEXT(pw_description_import_module(module, i), "env");
    TEXT(pw_description_import_name(module, i), imports[i].name);
    TEXT(pw_description_import_type(module, i), imports[i].type);
    CHECK(pw_description_import_kind(module, i) == imports[i].kind);
    CHECK(pw_description_import_missing(module, i) != NULL);
  }
  static const struct {
    const char *name, *type;
    pw_extern kind;
  } exports[] = {
      {"act", "(i32) -> (i32)", PW_EXTERN_FUNCTION},
      {"base", "() -> (i64)", PW_EXTERN_FUNCTION},
      {"count", "global mut i32", PW_EXTERN_GLOBAL},
      {"count_up", "() -> (i32)", PW_EXTERN_FUNCTION},
      {"fixed", "global i32", PW_EXTERN_GLOBAL},
      {"half", "global mut f64", PW_EXTERN_GLOBAL},
      {"memory", "memory 1..4", PW_EXTERN_MEMORY},
      {"mix", "(i32, i64, f32, f64) -> (f64)", PW_EXTERN_FUNCTION},
      {"nothing", "global mut funcref", PW_EXTERN_GLOBAL},
      {"second", "memory 1..", PW_EXTERN_MEMORY},
      {"spin", "() -> ()", PW_EXTERN_FUNCTION},
      {"table", "table 3.. of funcref", PW_EXTERN_TABLE},
      {"trap", "() -> ()", PW_EXTERN_FUNCTION},
      {"twice", "(i32) -> (i32)", PW_EXTERN_FUNCTION},
  };
  const size_t count = sizeof exports / sizeof *exports;
  CHECK(pw_description_exports(module) == count);
  for (size_t i = 0; i < count; i++) {
    TEXT(pw_description_export_name(module, i), exports[i].name);
    TEXT(pw_description_export_type(module, i), exports[i].type);
    CHECK(pw_description_export_kind(module, i) == exports[i].kind);
  }
  CHECK(pw_description_import_name(module, 3) == NULL);
  CHECK(pw_description_import_kind(module, 3) == PW_EXTERN_NONE);
  CHECK(pw_description_export_type(module, count) == NULL);
  CHECK(pw_description_export_kind(module, SIZE_MAX) == PW_EXTERN_NONE);
  pw_description_free(module);
  free(bytes);

  load(runner, "add");
  pw_description *plugin = pw_runner_describe_plugin(runner, "add", &error);
  // sha256sum fixtures/add.wasm
  char hash[65] = "";
  for (int i = 0; i < 32; i++)
    snprintf(hash + 2 * i, 3, "%02x", pw_description_sha256(plugin)[i]);
  TEXT(hash, ADD_SHA256);
  TEXT(pw_description_snapshot(plugin), "not needed");
  CHECK(pw_description_init_fuel(plugin) == 0);
  pw_description_free(plugin);
  load(runner, "rust-greet");
  plugin = pw_runner_describe_plugin(runner, "rust-greet", &error);
  TEXT(pw_description_convention(plugin), "packed-pointer");
  pw_description_free(plugin);
  CHECK(pw_runner_describe_plugin(runner, "gone", &error) == NULL);
  FAILS(error, PW_KIND_NOT_FOUND, "no plugin \"gone\"; loaded are: add, spin, rust-greet");
  CHECK(pw_runner_describe_module(runner, (const uint8_t *)"\0asm", 4, &error) == NULL);
  CHECK(pw_error_kind(error) == PW_KIND_INVALID_MODULE);
  pw_error_free(error);
  pw_report *report = pw_runner_plugins(runner, &error);
  CHECK(pw_report_plugins(report) == 3 && pw_report_failures(report) == 0);
  TEXT(pw_report_plugin(report, 0), "add");
  TEXT(pw_report_plugin(report, 2), "spin");
  pw_report_free(report);
  pw_runner_free(runner);
}

// A clock that goes on by a millisecond each time that it is read.
static uint64_t monotonic(void *user_data) { return *(uint64_t *)user_data += 1000000; }
static uint64_t since_epoch(void *user_data) {
  (void)user_data;
  return 123;
}
static void sleep_ns(void *user_data, uint64_t nanoseconds) {
  *(uint64_t *)user_data += nanoseconds;
}

static bool sevens(void *user_data, uint8_t *bytes, size_t length) {
  (void)user_data;
  memset(bytes, 7, length);
  return true;
}

typedef struct {
  char text[256];
  size_t length;
} Written;

static bool keep(void *user_data, const uint8_t *bytes, size_t length) {
  Written *written = (Written *)user_data;
  if (written->length + length >= sizeof written->text) return false;
  memcpy(written->text + written->length, bytes, length);
  written->length += length;
  written->text[written->length] = '\0';
  return true;
}

static void mistaken(pw_config *config, const char *message) {
  pw_error *error;
  CHECK(pw_runner_new(config, &error) == NULL);
  FAILS(error, PW_KIND_INVALID_CONFIG, message);
  pw_config_free(config);
}

void surroundings(void) {
  pw_error *error;
  uint64_t now = 0;
  const pw_clock clock = {&now, monotonic, since_epoch, sleep_ns};
  const pw_clock lame = {&now, monotonic, NULL, sleep_ns};

  // Deadlines by the embedder's clock.
  pw_config *config = pw_config_new();
  pw_config_clock(config, &clock);
  pw_config_set(config, PW_SETTING_TIMEOUT_MS, 50);
  pw_runner *runner = runner_of(config);
  CHECK(pw_runner_load(runner, "spin", SPIN, sizeof SPIN, NULL));
  CHECK(pw_runner_run(runner, "spin", "spin", NULL, 0, NULL, &error) == NULL);
  FAILS(error, PW_KIND_TIMEOUT,
        "plugin \"spin\", export \"spin\": timed out: the limit `timeout` is 50ms");
  CHECK(now > 50000000);
  pw_runner_free(runner);

  // No clock: the timeout is a budget of fuel.
  config = pw_config_new();
  pw_config_clock(config, NULL);
  pw_config_set(config, PW_SETTING_TIMEOUT_MS, 1);
  pw_config_set(config, PW_SETTING_FUEL_PER_SECOND, 1000000);
  runner = runner_of(config);
  CHECK(pw_runner_load(runner, "spin", SPIN, sizeof SPIN, NULL));
  CHECK(pw_runner_run(runner, "spin", "spin", NULL, 0, NULL, &error) == NULL);
  CHECK(pw_outcome_fuel_used(pw_error_outcome(error)) == 1000);
  FAILS(error, PW_KIND_OUT_OF_FUEL,
        "plugin \"spin\", export \"spin\": out of fuel: all 1000 units that `timeout` 1ms stands for "
        "are used");
  pw_runner_free(runner);

  // What guests see.
  config = pw_config_new();
  Written written = {"", 0};
  pw_config_guest_clock(config, &clock);
  pw_config_guest_entropy(config, sevens, NULL);
  pw_config_output(config, PW_STREAM_STDERR, keep, &written);
  runner = runner_of(config);
  load(runner, "rust-clock");
  load(runner, "c-command");
  pw_outcome *outcome = pw_runner_run(runner, "rust-clock", "_start", NULL, 0, NULL, &error);
  CHECK(error == NULL);
  CHECK(strncmp(text_of(outcome), "now: 123 ns\nmonotonic ok\nrandom 1: ", 35) == 0);
  CHECK(!pw_outcome_is_reproducible(outcome));
  pw_outcome_free(outcome);
  outcome = pw_runner_run(runner, "c-command", "_start", NULL, 0, NULL, &error);
  size_t length;
  CHECK(pw_outcome_stderr(outcome, &length) != NULL && length == 0);
  TEXT(written.text, "done\n");
  pw_outcome_free(outcome);
  pw_runner_free(runner);
  config = pw_config_new();
  pw_config_guest_system_clock(config);
  runner = runner_of(config);
  load(runner, "rust-clock");
  outcome = pw_runner_run(runner, "rust-clock", "_start", NULL, 0, NULL, &error);
  CHECK(strncmp(text_of(outcome), "now: 1", 6) == 0);
  CHECK(!pw_outcome_is_reproducible(outcome));
  pw_outcome_free(outcome);
  pw_runner_free(runner);

  // Seed and virtual clock of a call.
  runner = new_runner(PW_SETTING_SEED, 1);
  load(runner, "rust-clock");
  char texts[3][2048];
  for (int i = 0; i < 3; i++) {
    pw_options *options = pw_options_new();
    pw_options_seed(options, i == 2 ? 2 : 1);
    if (i != 0) pw_options_clock_start_ns(options, 1000000000000000000);
    outcome = pw_runner_run(runner, "rust-clock", "_start", NULL, 0, options, &error);
    strcpy(texts[i], text_of(outcome));
    CHECK(pw_outcome_is_reproducible(outcome));
    pw_outcome_free(outcome);
    pw_options_free(options);
  }
  CHECK(strncmp(texts[0], "now: 15778368000", 16) == 0);
  CHECK(strncmp(texts[1], "now: 10000000000", 16) == 0);
  TEXT(strstr(texts[1], "monotonic"), strstr(texts[0], "monotonic"));
  CHECK(strcmp(strstr(texts[2], "random"), strstr(texts[1], "random")) != 0);
  pw_runner_free(runner);

  for (int i = 0; i < 6; i++) {
    static const char *const told[] = {
        "invalid config: `clock` lacks one of its three functions",
        "invalid config: `clock` lacks one of its three functions",
        "invalid config: `clock` is NULL",
        "invalid config: `entropy` is NULL",
        "invalid config: `output` is NULL",
        "invalid config: `stream` is neither PW_STREAM_STDOUT nor PW_STREAM_STDERR",
    };
    config = pw_config_new();
    if (i == 0) pw_config_clock(config, &lame);
    if (i == 1) pw_config_guest_clock(config, &lame);
    if (i == 2) pw_config_guest_clock(config, NULL);
    if (i == 3) pw_config_guest_entropy(config, NULL, NULL);
    if (i == 4) pw_config_output(config, PW_STREAM_STDOUT, NULL, NULL);
    if (i == 5) pw_config_output(config, 0, keep, &written);
    mistaken(config, told[i]);
  }
}

// A module that imports its memory: (import "env" "memory" (memory 1)), and exports
// `at`, which reads a byte of it.
static const uint8_t IMPORTS_MEMORY[] = {
    0x00, 'a', 's', 'm', 0x01, 0x00, 0x00, 0x00,              // header
    0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f,           // type: (i32) -> (i32)
    0x02, 0x0f, 0x01, 3, 'e', 'n', 'v', 6, 'm', 'e', 'm', 'o', 'r', 'y', 0x02, 0x00, 0x01,
    0x03, 0x02, 0x01, 0x00,                                   // one function
    0x07, 0x06, 0x01, 2, 'a', 't', 0x00, 0x00,                // export
    0x0a, 0x09, 0x01, 0x07, 0x00, 0x20, 0x00, 0x2d, 0x00, 0x00, 0x0b};

// (module (memory (export "memory") 1) (data (i32.const 0) "B"))
static const uint8_t HAS_MEMORY[] = {
    0x00, 'a', 's', 'm', 0x01, 0x00, 0x00, 0x00,              // header
    0x05, 0x03, 0x01, 0x00, 0x01,                             // memory
    0x07, 0x0a, 0x01, 6, 'm', 'e', 'm', 'o', 'r', 'y', 0x02, 0x00,
    0x0b, 0x07, 0x01, 0x00, 0x41, 0x00, 0x0b, 0x01, 'B'};

static uint64_t at(const pw_runner *runner, const char *plugin, uint64_t place) {
  pw_error *error;
  pw_outcome *outcome = pw_runner_run(runner, plugin, "at", &place, 1, NULL, &error);
  TEXT(pw_error_message(error), "");
  uint64_t byte = pw_outcome_results(outcome, NULL)[0];
  pw_outcome_free(outcome);
  pw_error_free(error);
  return byte;
}

void inputs(void) {
  pw_error *error;
  size_t length;
  const uint8_t *bytes;

  // Several inputs, of a fresh and of a kept instance.
  pw_runner *runner = new_runner(PW_SETTING_COMPILATION, PW_COMPILATION_WHEN_CALLED);
  load(runner, "typst-rust");
  const pw_bytes two[] = {{(const uint8_t *)"Hello, ", 7}, {(const uint8_t *)"World", 5}};
  const pw_bytes null[] = {{(const uint8_t *)"Hello, ", 7}, {NULL, 5}};
  pw_outcome *outcome = pw_runner_run_inputs(runner, "typst-rust", "concat", two, 2, NULL, &error);
  bytes = pw_outcome_bytes(outcome, &length);
  BYTES(bytes, length, "Hello, World");
  pw_outcome_free(outcome);
  pw_instance *instance = pw_runner_instantiate(runner, "typst-rust", &error);
  outcome = pw_instance_run_inputs(instance, "concat", two, 2, NULL, &error);
  bytes = pw_outcome_bytes(outcome, &length);
  BYTES(bytes, length, "Hello, World");
  pw_outcome_free(outcome);
  CHECK(pw_instance_run_inputs(instance, "concat", null, 2, NULL, &error) == NULL);
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `inputs` is NULL, with a length of 5");
  CHECK(pw_runner_run_inputs(runner, "typst-rust", "concat", two, 1, NULL, &error) == NULL);
  CHECK(pw_error_kind(error) == PW_KIND_SIGNATURE);
  pw_error_free(error);
  pw_instance_free(instance);

  // A plugin's own message.
  CHECK(pw_runner_run_inputs(runner, "typst-rust", "fail", NULL, 0, NULL, &error) == NULL);
  CHECK(pw_error_kind(error) == PW_KIND_PLUGIN);
  bytes = pw_error_plugin_message(error, &length);
  CHECK(length > 0 && strstr(pw_error_message(error), "plugin") != NULL);
  CHECK(strncmp(strstr(pw_error_message(error), (const char *)"fail"), "fail", 4) == 0);
  pw_error_free(error);
  pw_runner_free(runner);

  // Configuration by plugin and by call.
  runner = new_runner(0, 0);
  load(runner, "extism-rust");
  CHECK(!pw_runner_configure(runner, "gone", "who", "me", &error));
  CHECK(pw_error_kind(error) == PW_KIND_NOT_FOUND);
  pw_error_free(error);
  CHECK(!pw_runner_configure(runner, "extism-rust", NULL, "me", &error));
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `key` is NULL");
  for (int i = 0; i < 4; i++) {
    static const char *const answers[] = {"", "plugin", "call", ""};
    pw_options *options = pw_options_new();
    if (i == 1) CHECK(pw_runner_configure(runner, "extism-rust", "who", "plugin", &error));
    if (i == 2) pw_options_config(options, "who", "call");
    if (i == 3) CHECK(pw_runner_configure(runner, "extism-rust", "who", NULL, &error));
    outcome = pw_runner_run_bytes(runner, "extism-rust", "config", NULL, 0, options, &error);
    TEXT(pw_error_message(error), "");
    bytes = pw_outcome_bytes(outcome, &length);
    BYTES(bytes, length, answers[i]);
    pw_outcome_free(outcome);
    pw_error_free(error);
    pw_options_free(options);
  }
  // A convention that is named, and one that there is not.
  pw_options *options = pw_options_new();
  pw_options_convention(options, "c-string");
  CHECK(pw_runner_run_bytes(runner, "extism-rust", "config", NULL, 0, options, &error) == NULL);
  FAILS(error, PW_KIND_GUEST_DATA,
        "plugin \"extism-rust\", export \"config\": the result is a null pointer (c-string)");
  pw_options_convention(options, "telegraph");
  CHECK(pw_runner_run_bytes(runner, "extism-rust", "config", NULL, 0, options, &error) == NULL);
  CHECK(strstr(pw_error_message(error), "`convention` is \"telegraph\": no such convention") != NULL);
  pw_error_free(error);
  pw_options_free(options);
  options = pw_options_new();
  pw_options_max_memory_pages(options, 1);
  CHECK(pw_runner_run_bytes(runner, "extism-rust", "config", NULL, 0, options, &error) == NULL);
  CHECK(pw_error_kind(error) == PW_KIND_MEMORY_LIMIT);
  pw_error_free(error);
  pw_options_free(options);
  pw_runner_free(runner);

  // Snapshots: the initialiser's fuel is told apart.
  uint64_t used[2], saved[2];
  for (int i = 0; i < 2; i++) {
    runner = new_runner(PW_SETTING_SNAPSHOTS,
                        i == 0 ? PW_SNAPSHOTS_NEVER : PW_SNAPSHOTS_WHERE_POSSIBLE);
    load(runner, "as-greet");
    outcome = pw_runner_run_bytes(runner, "as-greet", "greet", (const uint8_t *)"you", 3, NULL,
                                  &error);
    bytes = pw_outcome_bytes(outcome, &length);
    BYTES(bytes, length, "Hello, you");
    used[i] = pw_outcome_fuel_used(outcome);
    saved[i] = pw_outcome_init_fuel(outcome);
    pw_outcome_free(outcome);
    pw_description *description = pw_runner_describe_plugin(runner, "as-greet", &error);
    CHECK(pw_description_init_fuel(description) == saved[i]);
    CHECK(strncmp(pw_description_snapshot(description), i == 0 ? "off" : "taken", 3) == 0);
    pw_description_free(description);
    pw_runner_free(runner);
  }
  CHECK(saved[0] == 0 && saved[1] > 0 && used[0] == used[1] + saved[1]);

  // A memory that is given, and one of another module.
  pw_config *config = pw_config_new();
  pw_config_memory(config, "env", "memory", (const uint8_t *)"A", 1);
  runner = runner_of(config);
  CHECK(pw_runner_load(runner, "given", IMPORTS_MEMORY, sizeof IMPORTS_MEMORY, &error));
  CHECK(at(runner, "given", 0) == 'A' && at(runner, "given", 1) == 0);
  const pw_module modules[] = {{"env", HAS_MEMORY, sizeof HAS_MEMORY},
                               {"main", IMPORTS_MEMORY, sizeof IMPORTS_MEMORY}};
  const pw_module unnamed[] = {{NULL, HAS_MEMORY, sizeof HAS_MEMORY}};
  CHECK(pw_runner_load_linked(runner, "linked", modules, 2, &error));
  CHECK(at(runner, "linked", 0) == 'B');
  CHECK(!pw_runner_load_linked(runner, "linked", unnamed, 1, &error));
  FAILS(error, PW_KIND_INVALID_CONFIG, "invalid config: `modules` is NULL");
  pw_runner_free(runner);

  // Imports that nothing provides.
  runner = new_runner(PW_SETTING_MISSING_IMPORTS, PW_MISSING_TRAP);
  load(runner, "wapc-rust");
  pw_runner_free(runner);
}

void files(void) {
  pw_error *error;
  size_t length;
  pw_runner *runner = new_runner(0, 0);
  load(runner, "rust-shell");
  pw_files *library = pw_files_new();
  pw_files_file(library, "book", (const uint8_t *)"chapter 1", 9);
  pw_files *tree = pw_files_new();
  pw_files_file(tree, "/data/in", (const uint8_t *)"old", 3);
  pw_files_file(tree, "/data/in", (const uint8_t *)"new", 3);
  pw_files_directory(tree, "/out");
  pw_files_file(tree, "/gone", NULL, 0);
  pw_files_symlink(tree, "/link", "data/in");
  pw_files_mount(tree, "/library", library);
  pw_files_read_only(tree, "/library");
  pw_files_modified_ns(tree, "/data/in", 1000000000);
  pw_files_free(library);

  pw_options *options = pw_options_new();
  pw_options_files(options, tree);
  static const char *const steps[] = {
      "cat /data/in", "cat /link", "cat /library/book", "write /library/book mine",
      "write /out/a result", "write /data/in more", "rm /gone", "mkdir /made",
  };
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) pw_options_arg(options, steps[i]);
  pw_outcome *outcome = pw_runner_run(runner, "rust-shell", "_start", NULL, 0, options, &error);
  TEXT(pw_error_message(error), "");
  TEXT(text_of(outcome), "new\nnew\nchapter 1\nerrno 69\nok\nok\nok\nok\n");
  static const struct {
    const char *path, *bytes;
    pw_change change;
  } changes[] = {
      {"/data/in", "more", PW_CHANGE_CHANGED},
      {"/gone", "", PW_CHANGE_DELETED},
      {"/made", "", PW_CHANGE_MADE},
      {"/out/a", "result", PW_CHANGE_MADE},
  };
  CHECK(pw_outcome_files(outcome) == 4);
  for (size_t i = 0; i < 4; i++) {
    TEXT(pw_outcome_file_path(outcome, i), changes[i].path);
    CHECK(pw_outcome_file_change(outcome, i) == changes[i].change);
    const uint8_t *bytes = pw_outcome_file_bytes(outcome, i, &length);
    BYTES(bytes, length, changes[i].bytes);
  }
  CHECK(pw_outcome_file_path(outcome, 4) == NULL);
  CHECK(pw_outcome_file_change(outcome, 4) == PW_CHANGE_NONE);
  CHECK(pw_outcome_file_bytes(outcome, 4, &length) != NULL && length == 0);
  CHECK(pw_outcome_is_reproducible(outcome));
  pw_outcome_free(outcome);
  pw_options_free(options);
  pw_runner_free(runner);

  // Those of all calls, of which the guest finds a part open.
  pw_files_preopen(tree, "/data", "/here");
  pw_config *config = pw_config_new();
  pw_config_files(config, tree);
  pw_files_free(tree);
  runner = runner_of(config);
  load(runner, "rust-shell");
  options = pw_options_new();
  pw_options_arg(options, "cat /here/in");
  pw_options_arg(options, "cat /out/a");
  outcome = pw_runner_run(runner, "rust-shell", "_start", NULL, 0, options, &error);
  CHECK(strncmp(text_of(outcome), "new\nerrno ", 10) == 0);
  pw_outcome_free(outcome);
  pw_options_free(options);
  pw_runner_free(runner);

  // Mistakes are told when the files are used.
  static const char *const told[] = {
      "invalid config: `path` is NULL",
      "invalid config: `files` has \"a/b\" below something that is no directory in memory",
      "invalid config: `other` is NULL",
      "invalid config: `files` is NULL",
  };
  for (int i = 0; i < 4; i++) {
    tree = pw_files_new();
    pw_files_file(tree, "a", NULL, 0);
    if (i == 0) pw_files_directory(tree, NULL);
    if (i == 1) pw_files_file(tree, "a/b", NULL, 0);
    if (i == 2) pw_files_mount(tree, "b", NULL);
    config = pw_config_new();
    pw_config_files(config, i == 3 ? NULL : tree);
    mistaken(config, told[i]);
    pw_files_free(tree);
  }
}
