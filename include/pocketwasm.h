// pocketwasm: runs untrusted WebAssembly plugins where no JIT may run.
//
// Made by cbindgen from src/capi: change those, then make this again as tests/capi.rs says.
//
// Every object has one owner and one function that frees it. What a function returns without
// `const` is the caller's, to be freed; what it returns with `const` is borrowed from the object
// that was asked and lasts as long. What is passed to a function stays the caller's, except to
// the functions that free; strings and arrays are copied where they outlast the call.
//
// Strings are UTF-8 and end with a zero byte, unless a length goes with them. An array may be
// NULL where its length is 0. An object may be NULL everywhere: a call on it then fails with
// PW_KIND_INVALID_CONFIG, and an accessor gives nothing (0, false, an empty string).
//
// The last parameter `error` may be NULL. Otherwise the variable that it points to need not be
// initialised; it gets NULL, or an error to be freed with pw_error_free. No panic of the library
// leaves it: it becomes an error of the class PW_KIND_HOST.

#ifndef POCKETWASM_H
#define POCKETWASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The class of an error. The numbers never change; later versions may add some.
typedef enum {
  /// There is no error.
  PW_KIND_NONE = 0,
  /// A setting is outside its bounds, or an argument is NULL, no UTF-8 or no possible name.
  PW_KIND_INVALID_CONFIG = 1,
  /// The operating system refused a file or a directory.
  PW_KIND_IO = 2,
  /// The bytes are no WebAssembly module that this engine can run.
  PW_KIND_INVALID_MODULE = 3,
  /// The module exceeds a limit on its shape; it was not compiled.
  PW_KIND_SHAPE_LIMIT = 4,
  /// The module imports something that is not provided.
  PW_KIND_UNSUPPORTED_IMPORT = 5,
  /// No such plugin, export or directory.
  PW_KIND_NOT_FOUND = 6,
  /// The export's signature does not fit the call.
  PW_KIND_SIGNATURE = 7,
  /// The module declares more memory than it may have.
  PW_KIND_MEMORY_LIMIT = 8,
  /// The call used up its fuel.
  PW_KIND_OUT_OF_FUEL = 9,
  /// The call did not end before its deadline.
  PW_KIND_TIMEOUT = 10,
  /// A pw_cancel ended the call.
  PW_KIND_CANCELLED = 11,
  /// The guest trapped.
  PW_KIND_TRAP = 12,
  /// The guest ended with an exit code other than 0.
  PW_KIND_EXIT = 13,
  /// The guest handed over bytes that are none: a pointer outside memory, no UTF-8.
  PW_KIND_GUEST_DATA = 14,
  /// The input or the result is larger than allowed; nothing was copied.
  PW_KIND_TOO_LARGE = 15,
  /// Something on the host's side failed, a panic inside this library included.
  PW_KIND_HOST = 16,
  /// An instance was left in an unknown state by an earlier call.
  PW_KIND_POISONED = 17,
  /// The runner is closed.
  PW_KIND_CLOSED = 18,
  /// The plugin itself said no, in its convention's own way.
  PW_KIND_PLUGIN = 19,
  /// The embedder did not admit the module.
  PW_KIND_REFUSED = 20,
  /// No snapshot can be made of the module without changing what can be observed.
  PW_KIND_SNAPSHOT = 21,
} pw_kind;

/// What pw_config_set can set. Units, defaults and bounds are those of the Rust methods by the
/// same names. The numbers never change; later versions may add some.
typedef enum {
  /// The deadline of a whole call in milliseconds. Default 5,000, at least 1.
  PW_SETTING_TIMEOUT_MS = 1,
  /// The fuel of a whole call. Default: none but what the deadline implies.
  PW_SETTING_FUEL = 2,
  /// The fuel that drives the guests' virtual clock for a second. Default 500,000,000.
  PW_SETTING_FUEL_PER_SECOND = 3,
  /// The fuel between two looks at deadline and cancel. Default: adapts; 1 to 1,000,000,000.
  PW_SETTING_SLICE = 4,
  /// The seed of the guests' reproducible random numbers. Default 0.
  PW_SETTING_SEED = 5,
  /// The pages (65,536 bytes each) of linear memory. Default 1,024, at most 65,536.
  PW_SETTING_MAX_MEMORY_PAGES = 6,
  /// The linear memories of a module. Default 1, at most 100.
  PW_SETTING_MAX_MEMORIES = 7,
  /// The tables of a module. Default 16, at most 100.
  PW_SETTING_MAX_TABLES = 8,
  /// The elements of all tables together. Default 100,000, at most 10,000,000.
  PW_SETTING_MAX_TABLE_ELEMENTS = 9,
  /// How deep calls inside a guest may nest. Default 10,000, at most 1,000,000.
  PW_SETTING_MAX_RECURSION_DEPTH = 10,
  /// The bytes of a guest's stack. Default 1 MiB, from 4,096 to 1 GiB.
  PW_SETTING_MAX_STACK_BYTES = 11,
  /// The size of a module in bytes. Default 32 MiB, from 8 to 1 GiB.
  PW_SETTING_MAX_MODULE_BYTES = 12,
  /// The functions that a module defines. Default 100,000, at most 1,000,000.
  PW_SETTING_MAX_FUNCTIONS = 13,
  /// The locals that one function declares. Default 10,000, at most 30,000.
  PW_SETTING_MAX_LOCALS = 14,
  /// The locals that all functions declare together. Default 2,000,000.
  PW_SETTING_MAX_TOTAL_LOCALS = 15,
  /// How deep blocks nest in a function. Default 10,000, at most 1,000,000.
  PW_SETTING_MAX_NESTING = 16,
  /// The data segments of a module, and its element segments. Default and at most
  /// 100,000.
  PW_SETTING_MAX_SEGMENTS = 17,
  /// The globals that a module defines. Default 10,000, at most 1,000,000.
  PW_SETTING_MAX_GLOBALS = 18,
  /// The imports of a module. Default 1,000, at most 100,000.
  PW_SETTING_MAX_IMPORTS = 19,
  /// The exports of a module. Default 10,000, at most 1,000,000.
  PW_SETTING_MAX_EXPORTS = 20,
  /// The parameters of a function. Default 128, at most 1,000.
  PW_SETTING_MAX_PARAMS = 21,
  /// The bytes of stdout and stderr together. Default 1 MiB, less than 2 GiB.
  PW_SETTING_MAX_OUTPUT_BYTES = 22,
  /// The bytes of a call's input, and of its stdin, arguments and environment each. Default
  /// 16 MiB, less than 2 GiB.
  PW_SETTING_MAX_INPUT_BYTES = 23,
  /// The bytes that a call may return. Default 16 MiB, less than 2 GiB.
  PW_SETTING_MAX_RESULT_BYTES = 24,
  /// How deep calls from the host back into the guest may nest. Default 16, at most 32.
  PW_SETTING_MAX_HOST_DEPTH = 25,
  /// The bytes that the cache of compiled modules may take. Default 256 MiB.
  PW_SETTING_MAX_CACHE_BYTES = 26,
  /// The bytes that a convention keeps outside the guest's memory. Default 64 MiB, less than
  /// 2 GiB.
  PW_SETTING_MAX_EXCHANGE_BYTES = 27,
  /// The bytes of an Extism plugin's variables. Default 1 MiB, less than 2 GiB.
  PW_SETTING_MAX_VARIABLE_BYTES = 28,
  /// The results of a function or block. Default 16, at most 1,000.
  PW_SETTING_MAX_RESULTS = 29,
  /// The operators of a constant expression. Default 64, from 1 to 255.
  PW_SETTING_MAX_CONSTANT_OPERATORS = 30,
  /// The bytes of native stack that calls from the host back into the guest may take. Default
  /// 112 KiB, from 4 KiB to 1 GiB.
  PW_SETTING_MAX_HOST_STACK_BYTES = 31,
} pw_setting;

/// Ends calls from elsewhere. Any number of threads may use it at once.
typedef struct pw_cancel pw_cancel;

/// The settings of a runner. For one thread at a time.
typedef struct pw_config pw_config;

/// Why something failed. Never changes.
typedef struct pw_error pw_error;

/// What one call gets beside its parameters or input, and what it may use. May be changed by one
/// thread at a time; any number of calls may use it at once while nobody changes it.
typedef struct pw_options pw_options;

/// What a call returned, what it wrote and what it cost. Never changes.
typedef struct pw_outcome pw_outcome;

/// What loading a directory did. Never changes.
typedef struct pw_report pw_report;

/// Runs plugins under limits. Any number of threads may use one runner at once.
typedef struct pw_runner pw_runner;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// The settings with their defaults. All limits are finite.
pw_config *pw_config_new(void);

/// Sets one of `pw_setting`. What cannot be set is not ignored: pw_runner_new reports it.
void pw_config_set(pw_config *config, uint32_t setting, uint64_t value);

/// Frees settings. NULL is nothing.
void pw_config_free(pw_config *config);

/// A runner with nothing loaded. It takes a copy of the settings, so they may be freed or used
/// again. NULL and an error if a setting is out of its bounds or `config` is NULL.
pw_runner *pw_runner_new(const pw_config *config, pw_error **error);

/// Closes a runner: calls that run end with PW_KIND_CLOSED, every later call says the same, and
/// all plugins are let go. NULL, and closing again, is nothing.
void pw_runner_close(const pw_runner *runner);

/// Frees a runner. NULL is nothing. No other thread may still be using it: close it, wait for
/// the threads that call on it, then free it.
void pw_runner_free(pw_runner *runner);

/// Compiles a module and keeps it as `plugin`, in place of what had the name before. The bytes
/// are only read during this call. False and an error if it is refused; what had the name before
/// then stays.
bool pw_runner_load(const pw_runner *runner,
                    const char *plugin,
                    const uint8_t *bytes,
                    size_t length,
                    pw_error **error);

/// Loads every `.wasm` file below a directory. A plugin's name is its path in there without the
/// suffix, with `/` between folders. One bad file does not keep the others from loading: the
/// report, to be freed with pw_report_free, has the reasons. NULL and an error if the directory
/// itself cannot be read.
pw_report *pw_runner_load_dir(const pw_runner *runner, const char *directory, pw_error **error);

/// Lets go of a plugin; false if there was none by that name. Calls that run are not disturbed.
bool pw_runner_unload(const pw_runner *runner, const char *plugin);

/// Calls an export with numbers, in a fresh instance. The parameters are bit patterns, as many as
/// the export has; 32-bit ones in the low half, zero- or sign-extended. `options` may be NULL.
/// The outcome is to be freed with pw_outcome_free; NULL and an error if the call failed.
pw_outcome *pw_runner_run(const pw_runner *runner,
                          const char *plugin,
                          const char *export_name,
                          const uint64_t *params,
                          size_t length,
                          const pw_options *options,
                          pw_error **error);

/// Calls an export with bytes, by the plugin's convention, in a fresh instance. `options` may be
/// NULL. The outcome is to be freed with pw_outcome_free; NULL and an error if the call failed.
pw_outcome *pw_runner_run_bytes(const pw_runner *runner,
                                const char *plugin,
                                const char *export_name,
                                const uint8_t *input,
                                size_t length,
                                const pw_options *options,
                                pw_error **error);

/// Options that change nothing: the runner's own fuel and deadline, no cancel, no standard input,
/// no arguments, no environment. What cannot be set is not ignored: the call reports it.
pw_options *pw_options_new(void);

/// The fuel that a call may use, instead of the runner's.
void pw_options_fuel(pw_options *options, uint64_t fuel);

/// The milliseconds that a call may take, instead of the runner's; 0 is over at once.
void pw_options_timeout_ms(pw_options *options, uint64_t timeout_ms);

/// Lets `cancel` end a call. The options keep what they need of it, so it may be freed before
/// them. NULL: nothing does.
void pw_options_cancel(pw_options *options, const pw_cancel *cancel);

/// The bytes of standard input, in place of earlier ones. They are copied.
void pw_options_stdin(pw_options *options, const uint8_t *bytes, size_t length);

/// Adds an argument after the program's name, which is the plugin's. It is copied.
void pw_options_arg(pw_options *options, const char *arg);

/// Adds a variable to the environment, which is empty and never the host's own. Both are copied.
void pw_options_env(pw_options *options, const char *name, const char *value);

/// Frees options. NULL is nothing. No call may still be using them.
void pw_options_free(pw_options *options);

/// A token that is not cancelled. It can be given to any number of calls.
pw_cancel *pw_cancel_new(void);

/// Ends the calls that have the token, now and later, with PW_KIND_CANCELLED. From any thread or
/// signal handler. NULL is nothing.
void pw_cancel_now(const pw_cancel *cancel);

/// Frees the token; calls that have it go on, and can no longer be cancelled by it. NULL is
/// nothing.
void pw_cancel_free(pw_cancel *cancel);

/// The results of an export called with numbers: bit patterns, 32-bit ones in the low half,
/// zero-extended. Borrowed from the outcome, never NULL. `length`, unless NULL, gets their number.
const uint64_t *pw_outcome_results(const pw_outcome *outcome, size_t *length);

/// The bytes returned by an export called with bytes. Borrowed from the outcome, never NULL, not
/// ended by a zero byte. `length`, unless NULL, gets their number.
const uint8_t *pw_outcome_bytes(const pw_outcome *outcome, size_t *length);

/// What the guest wrote to stdout, lent as pw_outcome_bytes does.
const uint8_t *pw_outcome_stdout(const pw_outcome *outcome, size_t *length);

/// What the guest wrote to stderr, lent as pw_outcome_bytes does.
const uint8_t *pw_outcome_stderr(const pw_outcome *outcome, size_t *length);

/// Whether the guest tried to write more than PW_SETTING_MAX_OUTPUT_BYTES, so that some is
/// missing.
bool pw_outcome_output_truncated(const pw_outcome *outcome);

/// The fuel that the whole call used; the whole budget if it ran out.
uint64_t pw_outcome_fuel_used(const pw_outcome *outcome);

/// The most linear memory the instance has had, in pages of 65,536 bytes.
uint32_t pw_outcome_peak_memory_pages(const pw_outcome *outcome);

/// Frees an outcome, and with it everything borrowed from it. NULL is nothing.
void pw_outcome_free(pw_outcome *outcome);

/// The class of an error, for programs to decide by; PW_KIND_NONE for NULL.
pw_kind pw_error_kind(const pw_error *error);

/// One line of UTF-8 that names the plugin, the export and the limit. Borrowed from the error,
/// never NULL.
const char *pw_error_message(const pw_error *error);

/// One line of UTF-8 on the cause beneath, such as the operating system's; empty if there is none.
/// Borrowed from the error, never NULL.
const char *pw_error_cause(const pw_error *error);

/// The guest's exit code if the class is PW_KIND_EXIT, else 0.
int32_t pw_error_exit_code(const pw_error *error);

/// What the failed call had cost and written until then; NULL if it had not begun. Borrowed from
/// the error: not to be freed.
const pw_outcome *pw_error_outcome(const pw_error *error);

/// Frees an error, and with it everything borrowed from it. NULL is nothing.
void pw_error_free(pw_error *error);

/// The number of plugins that the directory's files are now loaded as.
size_t pw_report_plugins(const pw_report *report);

/// The name of a plugin, sorted, counted from 0. Borrowed from the report; NULL beyond the last.
const char *pw_report_plugin(const pw_report *report, size_t index);

/// The number of files that could not be loaded.
size_t pw_report_failures(const pw_report *report);

/// The path of a file that could not be loaded, counted from 0. Borrowed from the report; NULL
/// beyond the last.
const char *pw_report_path(const pw_report *report, size_t index);

/// Why that file could not be loaded. Borrowed from the report: not to be freed; NULL beyond the
/// last.
const pw_error *pw_report_error(const pw_report *report, size_t index);

/// Frees a report, and with it everything borrowed from it. NULL is nothing.
void pw_report_free(pw_report *report);

/// The version of this library, such as `0.1.0`. Static.
const char *pw_version(void);

/// What this build's answers depend on. Two builds with the same text give the same results and
/// the same fuel. Static.
const char *pw_engine(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* POCKETWASM_H */
