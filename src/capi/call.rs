//! Calls: of a plugin in a fresh instance, and of a kept instance.

use super::{
    arguments::{array, not_null, text},
    entry::entry,
    error::{Problem, pw_error},
    instance::pw_instance,
    options::{CallData, pw_options},
    outcome::pw_outcome,
    runner::{Configuration, pw_runner, share},
};
use crate::Call;
use alloc::{boxed::Box, vec::Vec};
use core::{ffi::c_char, mem::MaybeUninit};

/// Bytes of the caller's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pw_bytes {
    /// The first of them; may be NULL if the number is 0.
    pub bytes: *const u8,
    /// The number of bytes.
    pub length: usize,
}

/// What a call passes.
#[derive(Clone, Copy)]
pub(super) enum Input<'a> {
    Params(&'a [u64]),
    Bytes(&'a [u8]),
    Several(&'a [&'a [u8]]),
}

/// The inputs of the caller's.
///
/// # Safety
///
/// `inputs` must be NULL, misaligned, or point to `length` inputs, each with as many bytes as it says,
/// that do not change for `'a`.
pub(super) unsafe fn several<'a>(
    inputs: *const pw_bytes,
    length: usize,
) -> Result<Vec<&'a [u8]>, Problem> {
    // SAFETY: the caller ensures it.
    let inputs = unsafe { array("inputs", inputs, length)? };
    let mut all = Vec::with_capacity(inputs.len());
    for input in inputs {
        // SAFETY: the caller ensures it.
        all.push(unsafe { array("inputs", input.bytes, input.length)? });
    }
    Ok(all)
}

/// A call with all that C says of it. The plugin's configuration comes first, and the call's own keys
/// replace it.
pub(super) fn prepare<'a>(
    mut call: Call<'a>,
    input: Input<'a>,
    configuration: &Configuration,
    options: Option<&pw_options>,
    call_data: &'a mut CallData,
) -> Result<Call<'a>, Problem> {
    call = match input {
        Input::Params(params) => call.params(params),
        Input::Bytes(bytes) => call.input(bytes),
        Input::Several(inputs) => call.inputs(inputs),
    };
    for (key, value) in &**configuration {
        call = call.config(key, value);
    }
    match options {
        Some(pw_options(options)) => Ok(options.get()?.apply(call, call_data)),
        None => Ok(call),
    }
}

/// Runs a call in a fresh instance.
///
/// # Safety
///
/// Both names must be NULL or strings.
unsafe fn run_fresh(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    export_name: *const c_char,
    input: Input<'_>,
    options: Option<&pw_options>,
) -> Result<Box<pw_outcome>, Problem> {
    let inner = share(runner)?;
    // SAFETY: the caller ensures it.
    let (plugin, export) = unsafe { (text("plugin", plugin)?, text("export", export_name)?) };
    let (plugin, configuration) = inner.plugin(plugin)?;
    let mut call_data = CallData::default();
    let call = plugin.call(export);
    let call = prepare(call, input, &configuration, options, &mut call_data)?;
    Ok(Box::new(pw_outcome::new(call.run()?)))
}

/// Runs a call in a kept instance.
///
/// # Safety
///
/// The name must be NULL or a string.
unsafe fn run_kept(
    instance: Option<&pw_instance>,
    export_name: *const c_char,
    input: Input<'_>,
    options: Option<&pw_options>,
) -> Result<Box<pw_outcome>, Problem> {
    let kept = not_null("instance", instance)?.0.share();
    // SAFETY: the caller ensures it.
    let export = unsafe { text("export", export_name)? };
    let mut call_data = CallData::default();
    kept.with(|instance| {
        let call = instance.call(export);
        let call = prepare(call, input, &kept.configuration, options, &mut call_data)?;
        Ok(Box::new(pw_outcome::new(call.run()?)))
    })
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
        // SAFETY: the header asks for as many parameters as the length says.
        let params = Input::Params(unsafe { array("params", params, length)? });
        // SAFETY: the header asks for two strings.
        unsafe { run_fresh(runner, plugin, export_name, params, options) }
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
        // SAFETY: the header asks for as many bytes as the length says.
        let input = Input::Bytes(unsafe { array("input", input, length)? });
        // SAFETY: the header asks for two strings.
        unsafe { run_fresh(runner, plugin, export_name, input, options) }
    })
}

/// Calls an export with several inputs, in a fresh instance: of a Typst plugin, or of a function of
/// several pointers or strings. `options` may be NULL. Free the outcome with pw_outcome_free. Returns
/// NULL and an error if the call failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_run_inputs(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    export_name: *const c_char,
    inputs: *const pw_bytes,
    length: usize,
    options: Option<&pw_options>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_outcome>> {
    entry(error, || {
        // SAFETY: the header asks for as many inputs as the length says, and for their bytes.
        let inputs = unsafe { several(inputs, length)? };
        // SAFETY: the header asks for two strings.
        unsafe {
            run_fresh(
                runner,
                plugin,
                export_name,
                Input::Several(&inputs),
                options,
            )
        }
    })
}

/// Calls an export with numbers, on the state that earlier calls left in the instance. Like
/// pw_runner_run otherwise. After a call that failed, the instance is poisoned, unless the kind is
/// PW_KIND_PLUGIN or the call had not begun.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_instance_run(
    instance: Option<&pw_instance>,
    export_name: *const c_char,
    params: *const u64,
    length: usize,
    options: Option<&pw_options>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_outcome>> {
    entry(error, || {
        // SAFETY: the header asks for as many parameters as the length says.
        let params = Input::Params(unsafe { array("params", params, length)? });
        // SAFETY: the header asks for a string.
        unsafe { run_kept(instance, export_name, params, options) }
    })
}

/// Calls an export with bytes, on the state that earlier calls left in the instance. Like
/// pw_runner_run_bytes otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_instance_run_bytes(
    instance: Option<&pw_instance>,
    export_name: *const c_char,
    input: *const u8,
    length: usize,
    options: Option<&pw_options>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_outcome>> {
    entry(error, || {
        // SAFETY: the header asks for as many bytes as the length says.
        let input = Input::Bytes(unsafe { array("input", input, length)? });
        // SAFETY: the header asks for a string.
        unsafe { run_kept(instance, export_name, input, options) }
    })
}

/// Calls an export with several inputs, on the state that earlier calls left in the instance. Like
/// pw_runner_run_inputs otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_instance_run_inputs(
    instance: Option<&pw_instance>,
    export_name: *const c_char,
    inputs: *const pw_bytes,
    length: usize,
    options: Option<&pw_options>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_outcome>> {
    entry(error, || {
        // SAFETY: the header asks for as many inputs as the length says, and for their bytes.
        let inputs = unsafe { several(inputs, length)? };
        // SAFETY: the header asks for a string.
        unsafe { run_kept(instance, export_name, Input::Several(&inputs), options) }
    })
}
