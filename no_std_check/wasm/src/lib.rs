//! The runner as a WebAssembly module that imports nothing: for browsers, for Node, and for the
//! runner itself, to which it is a plugin of the packed-pointer convention.
//!
//! - `load(module)` loads a module in place of the last one, and describes it.
//! - `call(request)` calls an export of it: `{"export", "params" or "input", "fuel"}`.
//! - `table(nothing)` runs the table of cases, where that was built in.
//!
//! Each answers with JSON, or lines of text for the table.

#![no_std]

extern crate alloc;

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::cell::RefCell;
use pocketwasm::{Error, Outcome, Plugin, Runner, RunnerConfig, types::ExternType};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// What there is one of: a module instance has one thread.
struct Single<T>(RefCell<T>);

// SAFETY: the module is built without threads.
unsafe impl<T> Sync for Single<T> {}

static RUNNER: Single<Option<Runner>> = Single(RefCell::new(None));

/// A buffer for the host to write into; it goes back by `deallocate`.
#[unsafe(no_mangle)]
pub extern "C" fn allocate(length: usize) -> *mut u8 {
    Box::leak(alloc::vec![0; length.max(1)].into_boxed_slice()).as_mut_ptr()
}

/// Takes a buffer back.
///
/// # Safety
///
/// It came from this module, with that length, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn deallocate(pointer: *mut u8, length: usize) {
    let slice = core::ptr::slice_from_raw_parts_mut(pointer, length.max(1));
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(slice) });
}

/// Gives bytes to the host, which releases them.
fn give(bytes: Vec<u8>) -> u64 {
    let length = bytes.len() as u64;
    let bytes = if bytes.is_empty() {
        alloc::vec![0]
    } else {
        bytes
    };
    let pointer = Box::leak(bytes.into_boxed_slice()).as_mut_ptr();
    (pointer as u64) << 32 | length
}

/// The bytes that the host passed.
///
/// # Safety
///
/// They came from `allocate` and hold `length` bytes.
unsafe fn taken<'a>(pointer: *const u8, length: usize) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts(pointer, length) }
}

/// Loads a module in place of the last one, and describes it.
///
/// # Safety
///
/// As for every function of the convention: the buffer came from `allocate`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn load(pointer: *const u8, length: usize) -> u64 {
    // SAFETY: the caller's promise.
    let module = unsafe { taken(pointer, length) };
    let described = with_runner(|runner| {
        runner
            .load_plugin("plugin", module)
            .map(|plugin| describe(&plugin))
    });
    give(answer(described).into_bytes())
}

/// Calls an export of the module.
///
/// # Safety
///
/// As for every function of the convention: the buffer came from `allocate`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn call(pointer: *const u8, length: usize) -> u64 {
    // SAFETY: the caller's promise.
    let request = unsafe { taken(pointer, length) };
    let request: Value = match serde_json::from_slice(request) {
        Ok(request) => request,
        Err(error) => {
            return give(
                json!({ "error": { "message": error.to_string() } })
                    .to_string()
                    .into_bytes(),
            );
        }
    };
    give(answer(with_runner(|runner| perform(runner, &request))).into_bytes())
}

/// Runs the table of cases, and gives its lines.
#[cfg(feature = "table")]
#[unsafe(no_mangle)]
pub extern "C" fn table(_pointer: *const u8, _length: usize) -> u64 {
    let mut lines = String::new();
    let result = cases::run(|line| {
        lines.push_str(line);
        lines.push('\n');
    });
    if let Err(error) = result {
        lines.push_str(&format!("not loaded: {error}\n"));
    }
    give(lines.into_bytes())
}

fn with_runner<R>(act: impl FnOnce(&Runner) -> Result<R, Error>) -> Result<R, Error> {
    let mut runner = RUNNER.0.borrow_mut();
    if runner.is_none() {
        *runner = Some(Runner::new(RunnerConfig::new())?);
    }
    match &*runner {
        Some(runner) => act(runner),
        None => Runner::new(RunnerConfig::new()).and_then(|runner| act(&runner)),
    }
}

fn describe(plugin: &Plugin) -> Value {
    let functions = plugin
        .exports()
        .iter()
        .filter_map(|export| match &export.ty {
            ExternType::Func(signature) => Some(json!({
                "name": export.name,
                "signature": signature.to_string(),
                "params": signature.params().iter().map(ToString::to_string).collect::<Vec<_>>(),
                "results": signature.results().iter().map(ToString::to_string).collect::<Vec<_>>(),
            })),
            _ => None,
        });
    json!({
        "size": plugin.size(),
        "memory_pages": plugin.memory_pages(),
        "convention": plugin.convention().map(|convention| convention.name()),
        "functions": functions.collect::<Vec<_>>(),
    })
}

fn perform(runner: &Runner, request: &Value) -> Result<Value, Error> {
    let text = |key| request.get(key).and_then(Value::as_str);
    let plugin = runner.plugin("plugin")?;
    // 64-bit params do not fit a JavaScript number, so they may be strings.
    let params: Vec<u64> = request
        .get("params")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|param| match param {
            Value::String(digits) => digits
                .parse::<i64>()
                .map(i64::cast_unsigned)
                .or_else(|_| digits.parse())
                .unwrap_or_default(),
            number => number
                .as_i64()
                .map(i64::cast_unsigned)
                .or_else(|| number.as_u64())
                .unwrap_or_default(),
        })
        .collect();
    let mut call = plugin.call(text("export").unwrap_or("greet"));
    call = match text("input") {
        Some(input) => call.input(input),
        None => call.params(&params),
    };
    if let Some(fuel) = request.get("fuel").and_then(Value::as_u64) {
        call = call.fuel(fuel);
    }
    call.run().map(|outcome| tell(&outcome))
}

fn tell(outcome: &Outcome) -> Value {
    json!({
        "results": outcome.results().iter().map(|result| result.cast_signed().to_string()).collect::<Vec<_>>(),
        "output": String::from_utf8_lossy(outcome.bytes()),
        "stdout": String::from_utf8_lossy(outcome.stdout()),
        "stderr": String::from_utf8_lossy(outcome.stderr()),
        "output_truncated": outcome.output_truncated(),
        "fuel_used": outcome.fuel_used(),
        "peak_memory_pages": outcome.peak_memory_pages(),
    })
}

fn answer(result: Result<Value, Error>) -> String {
    let value = result.unwrap_or_else(|error| {
        let mut value = error.outcome().map_or_else(|| json!({}), tell);
        let told = json!({ "kind": format!("{:?}", error.kind()), "message": error.to_string() });
        if let Some(map) = value.as_object_mut() {
            map.insert("error".to_string(), told);
        }
        value
    });
    value.to_string()
}
