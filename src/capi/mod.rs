//! The C interface, on top of the public API. cbindgen generates `include/pocketwasm.h` from this
//! file and the others in this folder, and comments on public items become the header's
//! documentation. The functions are in one long file because the header keeps their order. Nothing
//! else in this crate may call this room.
//!
//! But for two calls of the C library (`system::pages`), this is the only unsafe code in the crate.
//! A pointer has a Rust type with the same layout where there is one: `Option<&T>` is a pointer that
//! may be NULL, `Option<Box<T>>` is one that passes ownership. Only strings and arrays rely on the
//! caller. They are read in [`text`] and [`array()`].
//!
//! Panics never cross into C: whatever can panic runs in [`caught`]. Accessors only read fields.
#![allow(
    unsafe_code,
    reason = "a C interface reads what pointers point to and exports its names unmangled"
)]
#![allow(
    non_camel_case_types,
    unreachable_pub,
    reason = "these are the names in the header; they are reached from C, not from Rust"
)]

mod kind;
mod settings;

use crate::{
    Call, CancelToken, ENGINE, Error, Outcome, Runner, RunnerConfig,
    common::{
        failure::{Cause, Failure},
        text::first_line,
    },
};
use alloc::{
    borrow::ToOwned,
    boxed::Box,
    ffi::CString,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{
    error::Error as _,
    ffi::{CStr, c_char},
    mem::MaybeUninit,
    panic::AssertUnwindSafe,
    time::Duration,
};
use kind::pw_kind;
use settings::{Mistake, Options, Settings, mistake, with};
use std::{panic::catch_unwind, sync::LazyLock};

/// The settings of a runner. Only one thread may use them at a time.
pub struct pw_config(Settings<RunnerConfig>);

/// Runs plugins under limits. Any number of threads may use a runner at once.
pub struct pw_runner(Runner);

/// Options of calls: limits, standard input, arguments and environment. Only one thread may change
/// them at a time. Any number of calls may use them at once while no thread changes them.
pub struct pw_options(Settings<Options>);

/// Ends calls, from any thread. Any number of threads may use it at once.
pub struct pw_cancel(CancelToken);

/// The result of a call: what it returned, wrote and cost. It never changes.
pub struct pw_outcome(Outcome);

/// Why something failed. It never changes.
pub struct pw_error {
    kind: pw_kind,
    message: CString,
    cause: CString,
    exit_code: i32,
    outcome: Option<pw_outcome>,
}

/// What loading a directory did. It never changes.
pub struct pw_report {
    plugins: Vec<CString>,
    failures: Vec<(CString, Box<pw_error>)>,
}

/// Checks what the header says about threads.
const _: () = {
    const fn any_thread<T: Send + Sync>() {}
    any_thread::<pw_runner>();
    any_thread::<pw_options>();
    any_thread::<pw_cancel>();
    any_thread::<pw_outcome>();
    any_thread::<pw_error>();
    any_thread::<pw_report>();
};

impl pw_error {
    fn new(error: Error) -> Box<Self> {
        let cause = error.source().map(|cause| first_line(&cause));
        Box::new(Self {
            kind: error.kind().into(),
            message: c_string(&error.to_string()),
            cause: c_string(&cause.unwrap_or_default()),
            exit_code: error.exit_code().unwrap_or_default(),
            outcome: error.outcome().cloned().map(pw_outcome),
        })
    }
}

/// Runs code that may panic. A panic becomes a line of text.
fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    // State that `run` shares with other threads is behind locks that survive a panic. The rest is
    // owned by the call.
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        let problem = format!("a panic inside: {}", first_line(&text.unwrap_or("no text")));
        // Dropping the payload could panic as well.
        core::mem::forget(payload);
        problem
    })
}

/// Runs an entry point. Writes the error, or NULL, to `out`, which C need not have initialised.
fn entry<T>(
    out: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
    run: impl FnOnce() -> Result<T, Error>,
) -> Option<T> {
    let result = caught(|| run().map_err(pw_error::new)).unwrap_or_else(|problem| {
        let source = None;
        Err(pw_error::new(
            Failure::from(Cause::Host { problem, source }).into(),
        ))
    });
    let (value, error) = match result {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error)),
    };
    if let Some(out) = out {
        out.write(error);
    }
    value
}

/// Drops an object whose ownership the caller gives up.
fn free<T>(object: Option<Box<T>>) {
    // There is nobody to tell.
    let _ = caught(|| drop(object));
}

fn not_null<T>(what: &'static str, pointer: Option<T>) -> Result<T, Mistake> {
    pointer.ok_or_else(|| mistake(what, "is NULL"))
}

/// Reads a string of the caller's.
///
/// # Safety
///
/// `pointer` must be NULL, or point to a string that ends with a zero byte and does not change for
/// `'a`.
unsafe fn text<'a>(what: &'static str, pointer: *const c_char) -> Result<&'a str, Mistake> {
    if pointer.is_null() {
        return Err(mistake(what, "is NULL"));
    }
    // SAFETY: it is not NULL. The caller ensures the rest.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str()
        .map_err(|error| mistake(what, format!("is not UTF-8: {error}")))
}

/// Reads an array of the caller's.
///
/// # Safety
///
/// `pointer` must be NULL, misaligned, or point to `length` values that do not change for `'a`.
unsafe fn array<'a, T: Copy>(
    what: &'static str,
    pointer: *const T,
    length: usize,
) -> Result<&'a [T], Mistake> {
    if length == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(mistake(what, format!("is NULL, with a length of {length}")));
    }
    if !pointer.is_aligned() {
        return Err(mistake(what, "is not aligned"));
    }
    let most = isize::MAX.unsigned_abs() / size_of::<T>();
    if length > most {
        let problem = format!("has a length of {length}; there can be {most}");
        return Err(mistake(what, problem));
    }
    // SAFETY: it is aligned and not NULL, and the length in bytes fits an `isize`. The caller
    // ensures that the values are there.
    Ok(unsafe { core::slice::from_raw_parts(pointer, length) })
}

fn c_string(text: &str) -> CString {
    // No zero byte is left, so this never falls back to the empty string.
    CString::new(text.replace('\0', "\\0")).unwrap_or_default()
}

/// Passes an array to C, and its length. The pointer is never NULL: C may then pass it to `memcpy`
/// even if the array is empty.
fn lend<T>(values: &[T], length: Option<&mut MaybeUninit<usize>>) -> *const T {
    if let Some(length) = length {
        length.write(values.len());
    }
    values.as_ptr()
}

/// Creates settings with their defaults. All limits are finite. Free them with pw_config_free.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_new() -> Option<Box<pw_config>> {
    entry(None, || {
        Ok(Box::new(pw_config(Settings::new(RunnerConfig::new()))))
    })
}

/// Sets one of `pw_setting`. An invalid number or value is not ignored: pw_runner_new reports it.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_set(config: Option<&mut pw_config>, setting: u32, value: u64) {
    if let Some(config) = config {
        config.0.change(|config| {
            *config = with(config.clone(), setting, value)?;
            Ok(())
        });
    }
}

/// Frees settings. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_free(config: Option<Box<pw_config>>) {
    free(config);
}

/// Creates a runner with nothing loaded. It copies the settings, which may then be freed or used
/// again. Returns NULL and an error if a setting is out of its bounds or `config` is NULL. Free it
/// with pw_runner_free.
#[unsafe(no_mangle)]
pub extern "C" fn pw_runner_new(
    config: Option<&pw_config>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_runner>> {
    entry(error, || {
        let config = not_null("config", config)?.0.get()?.clone();
        Ok(Box::new(pw_runner(Runner::new(config)?)))
    })
}

/// Closes a runner. Running calls end with PW_KIND_CLOSED, every later call fails with it too, and
/// all plugins are dropped. NULL is ignored, and closing again does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pw_runner_close(runner: Option<&pw_runner>) {
    if let Some(pw_runner(runner)) = runner {
        // There is nobody to tell.
        let _ = caught(|| runner.close());
    }
}

/// Frees a runner. NULL is ignored. No other thread may still be using it: close it, wait for the
/// threads that call on it, then free it.
#[unsafe(no_mangle)]
pub extern "C" fn pw_runner_free(runner: Option<Box<pw_runner>>) {
    free(runner);
}

/// Compiles a module and keeps it under the name `plugin`, replacing any plugin of that name. The
/// bytes are only read during this call. Returns false and an error if the module is refused; the
/// plugin that had the name before then stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_load(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    bytes: *const u8,
    length: usize,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let loaded = entry(error, || {
        let pw_runner(runner) = not_null("runner", runner)?;
        // SAFETY: the header asks for a string and for as many bytes as the length says.
        let (plugin, bytes) = unsafe { (text("plugin", plugin)?, array("bytes", bytes, length)?) };
        runner.load_plugin(plugin, bytes).map(drop)
    });
    loaded.is_some()
}

/// Loads every `.wasm` file below a directory. A plugin's name is its path relative to the
/// directory, without the suffix and with `/` between folders. If a file cannot be loaded, the
/// report has the reason, and the others still load. Free the report with pw_report_free. Returns
/// NULL and an error if the directory itself cannot be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_load_dir(
    runner: Option<&pw_runner>,
    directory: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_report>> {
    entry(error, || {
        let pw_runner(runner) = not_null("runner", runner)?;
        // SAFETY: the header asks for a string.
        let directory = unsafe { text("directory", directory)? };
        let report = runner.load_plugins(directory)?;
        let mut plugins = [report.loaded, report.replaced, report.unchanged].concat();
        plugins.sort_unstable();
        let plugins = plugins.iter().map(|name| c_string(name)).collect();
        let failures = report.failed.into_iter().map(|failure| {
            let path = c_string(&failure.path.to_string_lossy());
            (path, pw_error::new(failure.error))
        });
        Ok(Box::new(pw_report {
            plugins,
            failures: failures.collect(),
        }))
    })
}

/// Unloads a plugin. Returns false if there was no plugin of this name. Running calls are not
/// disturbed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_unload(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
) -> bool {
    let unloaded = entry(None, || {
        let pw_runner(runner) = not_null("runner", runner)?;
        // SAFETY: the header asks for a string.
        let plugin = unsafe { text("plugin", plugin)? };
        Ok(runner.unload_plugin(plugin))
    });
    unloaded.unwrap_or(false)
}

/// Calls an export with numbers, in a fresh instance. The parameters are bit patterns, as many as
/// the export has. 32-bit values are in the low half, zero- or sign-extended. `options` may be
/// NULL. Free the outcome with pw_outcome_free. Returns NULL and an error if the call failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_run(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    export_name: *const c_char,
    params: *const u64,
    length: usize,
    options: Option<&pw_options>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_outcome>> {
    entry(error, || {
        let pw_runner(runner) = not_null("runner", runner)?;
        // SAFETY: the header asks for two strings.
        let (plugin, export) = unsafe { (text("plugin", plugin)?, text("export", export_name)?) };
        // SAFETY: the header asks for as many parameters as the length says.
        let params = unsafe { array("params", params, length)? };
        run(runner.plugin(plugin)?.call(export).params(params), options)
    })
}

/// Calls an export with bytes, by the plugin's convention, in a fresh instance. `options` may be
/// NULL. Free the outcome with pw_outcome_free. Returns NULL and an error if the call failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_run_bytes(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    export_name: *const c_char,
    input: *const u8,
    length: usize,
    options: Option<&pw_options>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_outcome>> {
    entry(error, || {
        let pw_runner(runner) = not_null("runner", runner)?;
        // SAFETY: the header asks for two strings.
        let (plugin, export) = unsafe { (text("plugin", plugin)?, text("export", export_name)?) };
        // SAFETY: the header asks for as many bytes as the length says.
        let input = unsafe { array("input", input, length)? };
        run(runner.plugin(plugin)?.call(export).input(input), options)
    })
}

fn run(call: Call<'_>, options: Option<&pw_options>) -> Result<Box<pw_outcome>, Error> {
    let call = match options {
        Some(pw_options(options)) => options.get()?.apply(call),
        None => call,
    };
    call.run().map(|outcome| Box::new(pw_outcome(outcome)))
}

/// Creates options with their defaults: the runner's own fuel and deadline, no cancel token, no
/// standard input, no arguments, no environment. An invalid value that is set later is not ignored:
/// the call reports it. Free them with pw_options_free.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_new() -> Option<Box<pw_options>> {
    entry(None, || {
        Ok(Box::new(pw_options(Settings::new(Options::default()))))
    })
}

fn change(
    options: Option<&mut pw_options>,
    change: impl FnOnce(&mut Options) -> Result<(), Mistake>,
) {
    if let Some(pw_options(options)) = options {
        options.change(change);
    }
}

/// Sets the fuel that a call may use. Default: the runner's.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_fuel(options: Option<&mut pw_options>, fuel: u64) {
    change(options, |options| {
        options.fuel = Some(fuel);
        Ok(())
    });
}

/// Sets the time that a call may take, in milliseconds. Default: the runner's. A timeout of 0 is
/// over at once.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_timeout_ms(options: Option<&mut pw_options>, timeout_ms: u64) {
    change(options, |options| {
        options.timeout = Some(Duration::from_millis(timeout_ms));
        Ok(())
    });
}

/// Lets `cancel` end a call. The options keep what they need of it, and it may be freed before
/// them. NULL removes it.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_cancel(options: Option<&mut pw_options>, cancel: Option<&pw_cancel>) {
    change(options, |options| {
        options.cancel = cancel.map(|pw_cancel(token)| token.clone());
        Ok(())
    });
}

/// Sets the bytes of standard input, replacing earlier ones. They are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_options_stdin(
    options: Option<&mut pw_options>,
    bytes: *const u8,
    length: usize,
) {
    change(options, |options| {
        // SAFETY: the header asks for as many bytes as the length says.
        options.stdin = unsafe { array("stdin", bytes, length)? }.to_vec();
        Ok(())
    });
}

/// Adds an argument after the program's name, which is the plugin's. It is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_options_arg(options: Option<&mut pw_options>, arg: *const c_char) {
    change(options, |options| {
        // SAFETY: the header asks for a string.
        options.args.push(unsafe { text("arg", arg)? }.to_owned());
        Ok(())
    });
}

/// Adds a variable to the environment, which is empty by default and never the host's. Name and
/// value are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_options_env(
    options: Option<&mut pw_options>,
    name: *const c_char,
    value: *const c_char,
) {
    change(options, |options| {
        // SAFETY: the header asks for two strings.
        let (name, value) = unsafe { (text("env", name)?, text("env", value)?) };
        options.env.push((name.to_owned(), value.to_owned()));
        Ok(())
    });
}

/// Frees options. NULL is ignored. No call may still be using them.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_free(options: Option<Box<pw_options>>) {
    free(options);
}

/// Creates a token that is not cancelled. Any number of calls may use it. Free it with
/// pw_cancel_free.
#[unsafe(no_mangle)]
pub extern "C" fn pw_cancel_new() -> Option<Box<pw_cancel>> {
    entry(None, || Ok(Box::new(pw_cancel(CancelToken::new()))))
}

/// Ends the calls that use the token, now and later, with PW_KIND_CANCELLED. May be called from any
/// thread or signal handler. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn pw_cancel_now(cancel: Option<&pw_cancel>) {
    if let Some(pw_cancel(token)) = cancel {
        token.cancel();
    }
}

/// Frees the token. Calls that use it go on, and can no longer be cancelled by it. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn pw_cancel_free(cancel: Option<Box<pw_cancel>>) {
    free(cancel);
}

/// The results of an export that was called with numbers. They are bit patterns, 32-bit values in
/// the low half, zero-extended. Borrowed from the outcome, never NULL. `length`, unless NULL,
/// receives their number.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_results(
    outcome: Option<&pw_outcome>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u64 {
    lend(outcome.map_or(&[], |outcome| outcome.0.results()), length)
}

/// The bytes returned by an export that was called with bytes. Borrowed from the outcome, never
/// NULL, without a zero byte at the end. `length`, unless NULL, receives their number.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_bytes(
    outcome: Option<&pw_outcome>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    lend(outcome.map_or(&[], |outcome| outcome.0.bytes()), length)
}

/// What the guest wrote to stdout, borrowed as with pw_outcome_bytes.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_stdout(
    outcome: Option<&pw_outcome>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    lend(outcome.map_or(&[], |outcome| outcome.0.stdout()), length)
}

/// What the guest wrote to stderr, borrowed as with pw_outcome_bytes.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_stderr(
    outcome: Option<&pw_outcome>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    lend(outcome.map_or(&[], |outcome| outcome.0.stderr()), length)
}

/// Whether the guest tried to write more than PW_SETTING_MAX_OUTPUT_BYTES, in which case some
/// output is missing.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_output_truncated(outcome: Option<&pw_outcome>) -> bool {
    outcome.is_some_and(|outcome| outcome.0.output_truncated())
}

/// The fuel that the whole call used; the whole budget if it ran out.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_fuel_used(outcome: Option<&pw_outcome>) -> u64 {
    outcome.map_or(0, |outcome| outcome.0.fuel_used())
}

/// The most linear memory the instance has had, in pages of 65,536 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_peak_memory_pages(outcome: Option<&pw_outcome>) -> u32 {
    outcome.map_or(0, |outcome| outcome.0.peak_memory_pages())
}

/// Frees an outcome, and with it everything borrowed from it. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_free(outcome: Option<Box<pw_outcome>>) {
    free(outcome);
}

/// The kind of an error, for programs to decide by. PW_KIND_NONE if `error` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_kind(error: Option<&pw_error>) -> pw_kind {
    error.map_or(pw_kind::None, |error| error.kind)
}

/// One line of UTF-8 that names the plugin, the export and the limit. Borrowed from the error,
/// never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_message(error: Option<&pw_error>) -> *const c_char {
    error.map_or(c"", |error| &error.message).as_ptr()
}

/// One line of UTF-8 about the underlying cause, such as the operating system's error; empty if
/// there is no cause. Borrowed from the error, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_cause(error: Option<&pw_error>) -> *const c_char {
    error.map_or(c"", |error| &error.cause).as_ptr()
}

/// The guest's exit code if the kind is PW_KIND_EXIT, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_exit_code(error: Option<&pw_error>) -> i32 {
    error.map_or(0, |error| error.exit_code)
}

/// What the failed call cost and wrote until then; NULL if it had not begun. Borrowed from the
/// error; do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_outcome(error: Option<&pw_error>) -> Option<&pw_outcome> {
    error.and_then(|error| error.outcome.as_ref())
}

/// Frees an error, and with it everything borrowed from it. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_free(error: Option<Box<pw_error>>) {
    free(error);
}

/// The number of plugins that are now loaded from the directory's files.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_plugins(report: Option<&pw_report>) -> usize {
    report.map_or(0, |report| report.plugins.len())
}

/// The name of a plugin by its index, from 0, in sorted order. Borrowed from the report; NULL
/// beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_plugin(report: Option<&pw_report>, index: usize) -> *const c_char {
    let name = report.and_then(|report| report.plugins.get(index));
    name.map_or(core::ptr::null(), |name| name.as_ptr())
}

/// The number of files that could not be loaded.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_failures(report: Option<&pw_report>) -> usize {
    report.map_or(0, |report| report.failures.len())
}

/// The path of a file that could not be loaded, by its index, from 0. Borrowed from the report;
/// NULL beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_path(report: Option<&pw_report>, index: usize) -> *const c_char {
    let failure = report.and_then(|report| report.failures.get(index));
    failure.map_or(core::ptr::null(), |(path, _)| path.as_ptr())
}

/// Why the file with that index could not be loaded. Borrowed from the report; do not free it. NULL
/// beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_error(report: Option<&pw_report>, index: usize) -> Option<&pw_error> {
    let failure = report.and_then(|report| report.failures.get(index));
    failure.map(|(_, error)| &**error)
}

/// Frees a report, and with it everything borrowed from it. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_free(report: Option<Box<pw_report>>) {
    free(report);
}

/// The version of this library, such as `0.1.0`. The string is static.
#[unsafe(no_mangle)]
pub extern "C" fn pw_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// A description of what this build's results depend on. Two builds with the same text give the
/// same results and the same fuel. The string is static.
#[unsafe(no_mangle)]
pub extern "C" fn pw_engine() -> *const c_char {
    static TEXT: LazyLock<CString> = LazyLock::new(|| c_string(ENGINE));
    TEXT.as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No public function panics, which is why this is tested here.
    #[test]
    fn a_panic_becomes_an_error() {
        let mut error = MaybeUninit::uninit();
        let value = entry::<()>(Some(&mut error), || panic!("lost {}\nits way", 1));
        // SAFETY: `entry` always writes.
        let error = unsafe { error.assume_init() };
        assert!(value.is_none());
        let error = error.expect("an error");
        assert_eq!(error.kind as u32, pw_kind::Host as u32);
        assert_eq!(error.message.as_c_str(), c"a panic inside: lost 1");
    }
}
