//! The C interface, over the public API. `include/pocketwasm.h` is made by cbindgen from this file and
//! those beside it, and the comments on what is public in them are that header's documentation. The
//! functions are in one file, which is long for that, since the header has them in its order.
//!
//! Here is the only unsafe code of this crate. Where a pointer has a Rust type with the same layout, that
//! is its type: `Option<&T>` is a pointer that may be NULL, `Option<Box<T>>` one that changes its
//! owner. What is left to the caller's word is strings and arrays, read in [`text`] and [`array()`].
//!
//! No panic crosses: whatever can panic runs in [`caught`]. The accessors only read fields.
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

/// The settings of a runner. For one thread at a time.
pub struct pw_config(Settings<RunnerConfig>);

/// Runs plugins under limits. Any number of threads may use one runner at once.
pub struct pw_runner(Runner);

/// What one call gets beside its parameters or input, and what it may use. May be changed by one
/// thread at a time; any number of calls may use it at once while nobody changes it.
pub struct pw_options(Settings<Options>);

/// Ends calls from elsewhere. Any number of threads may use it at once.
pub struct pw_cancel(CancelToken);

/// What a call returned, what it wrote and what it cost. Never changes.
pub struct pw_outcome(Outcome);

/// Why something failed. Never changes.
pub struct pw_error {
    kind: pw_kind,
    message: CString,
    cause: CString,
    exit_code: i32,
    outcome: Option<pw_outcome>,
}

/// What loading a directory did. Never changes.
pub struct pw_report {
    plugins: Vec<CString>,
    failures: Vec<(CString, Box<pw_error>)>,
}

/// What the header says of threads.
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

/// Runs what could panic; a panic becomes a line of text.
fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    // What `run` shares with others is behind locks that survive a panic or is owned by the call.
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        let problem = format!("a panic inside: {}", first_line(&text.unwrap_or("no text")));
        // Whatever it is, dropping it could panic as well.
        core::mem::forget(payload);
        problem
    })
}

/// Runs an entry point: the error, or NULL, goes to what `out` points to, which C need not have
/// initialised.
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

/// Drops an object that the caller gives up.
fn free<T>(object: Option<Box<T>>) {
    // There is nobody to tell.
    let _ = caught(|| drop(object));
}

fn given<T>(what: &'static str, pointer: Option<T>) -> Result<T, Mistake> {
    pointer.ok_or_else(|| mistake(what, "is NULL"))
}

/// A string of the caller's.
///
/// # Safety
///
/// `pointer` is NULL, or points to a string that ends with a zero byte and stays as it is for `'a`.
unsafe fn text<'a>(what: &'static str, pointer: *const c_char) -> Result<&'a str, Mistake> {
    if pointer.is_null() {
        return Err(mistake(what, "is NULL"));
    }
    // SAFETY: it is not NULL; the rest is this function's own condition.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str()
        .map_err(|error| mistake(what, format!("is not UTF-8: {error}")))
}

/// An array of the caller's.
///
/// # Safety
///
/// `pointer` is NULL, misaligned, or points to `length` values that stay as they are for `'a`.
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
    // SAFETY: it is aligned and not NULL, and the length in bytes fits an `isize`; that so much is
    // there is this function's own condition.
    Ok(unsafe { core::slice::from_raw_parts(pointer, length) })
}

fn c_string(text: &str) -> CString {
    // No zero byte is left, so this never falls back to the empty string.
    CString::new(text.replace('\0', "\\0")).unwrap_or_default()
}

/// An array of ours: never NULL, so that C may pass it to `memcpy` and the like when it is empty.
fn lend<T>(values: &[T], length: Option<&mut MaybeUninit<usize>>) -> *const T {
    if let Some(length) = length {
        length.write(values.len());
    }
    values.as_ptr()
}

/// The settings with their defaults. All limits are finite.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_new() -> Option<Box<pw_config>> {
    entry(None, || {
        Ok(Box::new(pw_config(Settings::new(RunnerConfig::new()))))
    })
}

/// Sets one of `pw_setting`. What cannot be set is not ignored: pw_runner_new reports it.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_set(config: Option<&mut pw_config>, setting: u32, value: u64) {
    if let Some(config) = config {
        config.0.change(|config| {
            *config = with(config.clone(), setting, value)?;
            Ok(())
        });
    }
}

/// Frees settings. NULL is nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_free(config: Option<Box<pw_config>>) {
    free(config);
}

/// A runner with nothing loaded. It takes a copy of the settings, so they may be freed or used
/// again. NULL and an error if a setting is out of its bounds or `config` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_runner_new(
    config: Option<&pw_config>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_runner>> {
    entry(error, || {
        let config = given("config", config)?.0.get()?.clone();
        Ok(Box::new(pw_runner(Runner::new(config)?)))
    })
}

/// Closes a runner: calls that run end with PW_KIND_CLOSED, every later call says the same, and
/// all plugins are let go. NULL, and closing again, is nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pw_runner_close(runner: Option<&pw_runner>) {
    if let Some(pw_runner(runner)) = runner {
        // There is nobody to tell.
        let _ = caught(|| runner.close());
    }
}

/// Frees a runner. NULL is nothing. No other thread may still be using it: close it, wait for
/// the threads that call on it, then free it.
#[unsafe(no_mangle)]
pub extern "C" fn pw_runner_free(runner: Option<Box<pw_runner>>) {
    free(runner);
}

/// Compiles a module and keeps it as `plugin`, in place of what had the name before. The bytes
/// are only read during this call. False and an error if it is refused; what had the name before
/// then stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_load(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    bytes: *const u8,
    length: usize,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let loaded = entry(error, || {
        let pw_runner(runner) = given("runner", runner)?;
        // SAFETY: the header asks for a string and for as many bytes as the length says.
        let (plugin, bytes) = unsafe { (text("plugin", plugin)?, array("bytes", bytes, length)?) };
        runner.load_plugin(plugin, bytes).map(drop)
    });
    loaded.is_some()
}

/// Loads every `.wasm` file below a directory. A plugin's name is its path in there without the
/// suffix, with `/` between folders. One bad file does not keep the others from loading: the
/// report, to be freed with pw_report_free, has the reasons. NULL and an error if the directory
/// itself cannot be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_load_dir(
    runner: Option<&pw_runner>,
    directory: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_report>> {
    entry(error, || {
        let pw_runner(runner) = given("runner", runner)?;
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

/// Lets go of a plugin; false if there was none by that name. Calls that run are not disturbed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_unload(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
) -> bool {
    let unloaded = entry(None, || {
        let pw_runner(runner) = given("runner", runner)?;
        // SAFETY: the header asks for a string.
        let plugin = unsafe { text("plugin", plugin)? };
        Ok(runner.unload_plugin(plugin))
    });
    unloaded.unwrap_or(false)
}

/// Calls an export with numbers, in a fresh instance. The parameters are bit patterns, as many as
/// the export has; 32-bit ones in the low half, zero- or sign-extended. `options` may be NULL.
/// The outcome is to be freed with pw_outcome_free; NULL and an error if the call failed.
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
        let pw_runner(runner) = given("runner", runner)?;
        // SAFETY: the header asks for two strings.
        let (plugin, export) = unsafe { (text("plugin", plugin)?, text("export", export_name)?) };
        // SAFETY: the header asks for as many parameters as the length says.
        let params = unsafe { array("params", params, length)? };
        run(runner.plugin(plugin)?.call(export).params(params), options)
    })
}

/// Calls an export with bytes, by the plugin's convention, in a fresh instance. `options` may be
/// NULL. The outcome is to be freed with pw_outcome_free; NULL and an error if the call failed.
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
        let pw_runner(runner) = given("runner", runner)?;
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

/// Options that change nothing: the runner's own fuel and deadline, no cancel, no standard input,
/// no arguments, no environment. What cannot be set is not ignored: the call reports it.
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

/// The fuel that a call may use, instead of the runner's.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_fuel(options: Option<&mut pw_options>, fuel: u64) {
    change(options, |options| {
        options.fuel = Some(fuel);
        Ok(())
    });
}

/// The milliseconds that a call may take, instead of the runner's; 0 is over at once.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_timeout_ms(options: Option<&mut pw_options>, timeout_ms: u64) {
    change(options, |options| {
        options.timeout = Some(Duration::from_millis(timeout_ms));
        Ok(())
    });
}

/// Lets `cancel` end a call. The options keep what they need of it, so it may be freed before
/// them. NULL: nothing does.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_cancel(options: Option<&mut pw_options>, cancel: Option<&pw_cancel>) {
    change(options, |options| {
        options.cancel = cancel.map(|pw_cancel(token)| token.clone());
        Ok(())
    });
}

/// The bytes of standard input, in place of earlier ones. They are copied.
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

/// Adds a variable to the environment, which is empty and never the host's own. Both are copied.
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

/// Frees options. NULL is nothing. No call may still be using them.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_free(options: Option<Box<pw_options>>) {
    free(options);
}

/// A token that is not cancelled. It can be given to any number of calls.
#[unsafe(no_mangle)]
pub extern "C" fn pw_cancel_new() -> Option<Box<pw_cancel>> {
    entry(None, || Ok(Box::new(pw_cancel(CancelToken::new()))))
}

/// Ends the calls that have the token, now and later, with PW_KIND_CANCELLED. From any thread or
/// signal handler. NULL is nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pw_cancel_now(cancel: Option<&pw_cancel>) {
    if let Some(pw_cancel(token)) = cancel {
        token.cancel();
    }
}

/// Frees the token; calls that have it go on, and can no longer be cancelled by it. NULL is
/// nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pw_cancel_free(cancel: Option<Box<pw_cancel>>) {
    free(cancel);
}

/// The results of an export called with numbers: bit patterns, 32-bit ones in the low half,
/// zero-extended. Borrowed from the outcome, never NULL. `length`, unless NULL, gets their number.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_results(
    outcome: Option<&pw_outcome>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u64 {
    lend(outcome.map_or(&[], |outcome| outcome.0.results()), length)
}

/// The bytes returned by an export called with bytes. Borrowed from the outcome, never NULL, not
/// ended by a zero byte. `length`, unless NULL, gets their number.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_bytes(
    outcome: Option<&pw_outcome>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    lend(outcome.map_or(&[], |outcome| outcome.0.bytes()), length)
}

/// What the guest wrote to stdout, lent as pw_outcome_bytes does.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_stdout(
    outcome: Option<&pw_outcome>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    lend(outcome.map_or(&[], |outcome| outcome.0.stdout()), length)
}

/// What the guest wrote to stderr, lent as pw_outcome_bytes does.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_stderr(
    outcome: Option<&pw_outcome>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    lend(outcome.map_or(&[], |outcome| outcome.0.stderr()), length)
}

/// Whether the guest tried to write more than PW_SETTING_MAX_OUTPUT_BYTES, so that some is
/// missing.
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

/// Frees an outcome, and with it everything borrowed from it. NULL is nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_free(outcome: Option<Box<pw_outcome>>) {
    free(outcome);
}

/// The class of an error, for programs to decide by; PW_KIND_NONE for NULL.
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

/// One line of UTF-8 on the cause beneath, such as the operating system's; empty if there is none.
/// Borrowed from the error, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_cause(error: Option<&pw_error>) -> *const c_char {
    error.map_or(c"", |error| &error.cause).as_ptr()
}

/// The guest's exit code if the class is PW_KIND_EXIT, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_exit_code(error: Option<&pw_error>) -> i32 {
    error.map_or(0, |error| error.exit_code)
}

/// What the failed call had cost and written until then; NULL if it had not begun. Borrowed from
/// the error: not to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_outcome(error: Option<&pw_error>) -> Option<&pw_outcome> {
    error.and_then(|error| error.outcome.as_ref())
}

/// Frees an error, and with it everything borrowed from it. NULL is nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_free(error: Option<Box<pw_error>>) {
    free(error);
}

/// The number of plugins that the directory's files are now loaded as.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_plugins(report: Option<&pw_report>) -> usize {
    report.map_or(0, |report| report.plugins.len())
}

/// The name of a plugin, sorted, counted from 0. Borrowed from the report; NULL beyond the last.
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

/// The path of a file that could not be loaded, counted from 0. Borrowed from the report; NULL
/// beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_path(report: Option<&pw_report>, index: usize) -> *const c_char {
    let failure = report.and_then(|report| report.failures.get(index));
    failure.map_or(core::ptr::null(), |(path, _)| path.as_ptr())
}

/// Why that file could not be loaded. Borrowed from the report: not to be freed; NULL beyond the
/// last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_error(report: Option<&pw_report>, index: usize) -> Option<&pw_error> {
    let failure = report.and_then(|report| report.failures.get(index));
    failure.map(|(_, error)| &**error)
}

/// Frees a report, and with it everything borrowed from it. NULL is nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_free(report: Option<Box<pw_report>>) {
    free(report);
}

/// The version of this library, such as `0.1.0`. Static.
#[unsafe(no_mangle)]
pub extern "C" fn pw_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// What this build's answers depend on. Two builds with the same text give the same results and
/// the same fuel. Static.
#[unsafe(no_mangle)]
pub extern "C" fn pw_engine() -> *const c_char {
    static TEXT: LazyLock<CString> = LazyLock::new(|| c_string(ENGINE));
    TEXT.as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No public door panics, so only from in here can it be tried.
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
