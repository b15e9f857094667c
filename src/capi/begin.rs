//! Beginning calls that run for some fuel at a time.

use super::{
    arguments::{array, not_null, text},
    call::{Input, pw_bytes, several},
    entry::entry,
    error::{Problem, pw_error},
    held::Held,
    instance::pw_instance,
    options::pw_options,
    runner::{pw_runner, share},
    suspended::pw_call,
};
use alloc::boxed::Box;
use core::{ffi::c_char, mem::MaybeUninit};

/// Begins a call in a fresh instance.
///
/// # Safety
///
/// Both names must be NULL or strings.
unsafe fn begin_fresh(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    export_name: *const c_char,
    input: Input<'_>,
    options: Option<&pw_options>,
) -> Result<Box<pw_call>, Problem> {
    let inner = share(runner)?;
    // SAFETY: the caller ensures it.
    let (plugin, export) = unsafe { (text("plugin", plugin)?, text("export", export_name)?) };
    let (plugin, configuration) = inner.plugin(plugin)?;
    let held = Held::fresh(&plugin, export, input, &configuration, options)?;
    Ok(pw_call::new(held))
}

/// Begins a call in a kept instance.
///
/// # Safety
///
/// The name must be NULL or a string.
unsafe fn begin_kept(
    instance: Option<&pw_instance>,
    export_name: *const c_char,
    input: Input<'_>,
    options: Option<&pw_options>,
) -> Result<Box<pw_call>, Problem> {
    let kept = not_null("instance", instance)?.0.share();
    // SAFETY: the caller ensures it.
    let export = unsafe { text("export", export_name)? };
    Ok(pw_call::new(Held::kept(kept, export, input, options)?))
}

/// Begins a call like that of pw_runner_run, which runs by pw_call_run. What is passed is copied.
/// Returns NULL and an error if the call is refused. Free it with pw_call_free. It may outlive the
/// runner.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_begin(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    export_name: *const c_char,
    params: *const u64,
    length: usize,
    options: Option<&pw_options>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_call>> {
    entry(error, || {
        // SAFETY: the header asks for as many parameters as the length says.
        let params = Input::Params(unsafe { array("params", params, length)? });
        // SAFETY: the header asks for two strings.
        unsafe { begin_fresh(runner, plugin, export_name, params, options) }
    })
}

/// Begins a call like that of pw_runner_run_bytes; see pw_runner_begin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_begin_bytes(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    export_name: *const c_char,
    input: *const u8,
    length: usize,
    options: Option<&pw_options>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_call>> {
    entry(error, || {
        // SAFETY: the header asks for as many bytes as the length says.
        let input = Input::Bytes(unsafe { array("input", input, length)? });
        // SAFETY: the header asks for two strings.
        unsafe { begin_fresh(runner, plugin, export_name, input, options) }
    })
}

/// Begins a call like that of pw_runner_run_inputs; see pw_runner_begin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_begin_inputs(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    export_name: *const c_char,
    inputs: *const pw_bytes,
    length: usize,
    options: Option<&pw_options>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_call>> {
    entry(error, || {
        // SAFETY: the header asks for as many inputs as the length says, and for their bytes.
        let inputs = unsafe { several(inputs, length)? };
        // SAFETY: the header asks for two strings.
        unsafe {
            begin_fresh(
                runner,
                plugin,
                export_name,
                Input::Several(&inputs),
                options,
            )
        }
    })
}

/// Begins a call like that of pw_instance_run; see pw_runner_begin. Until it has ended or is freed, the
/// instance is in use. If it is freed before it has ended, the instance is poisoned. The instance may be
/// freed before it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_instance_begin(
    instance: Option<&pw_instance>,
    export_name: *const c_char,
    params: *const u64,
    length: usize,
    options: Option<&pw_options>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_call>> {
    entry(error, || {
        // SAFETY: the header asks for as many parameters as the length says.
        let params = Input::Params(unsafe { array("params", params, length)? });
        // SAFETY: the header asks for a string.
        unsafe { begin_kept(instance, export_name, params, options) }
    })
}

/// Begins a call like that of pw_instance_run_bytes; see pw_instance_begin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_instance_begin_bytes(
    instance: Option<&pw_instance>,
    export_name: *const c_char,
    input: *const u8,
    length: usize,
    options: Option<&pw_options>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_call>> {
    entry(error, || {
        // SAFETY: the header asks for as many bytes as the length says.
        let input = Input::Bytes(unsafe { array("input", input, length)? });
        // SAFETY: the header asks for a string.
        unsafe { begin_kept(instance, export_name, input, options) }
    })
}

/// Begins a call like that of pw_instance_run_inputs; see pw_instance_begin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_instance_begin_inputs(
    instance: Option<&pw_instance>,
    export_name: *const c_char,
    inputs: *const pw_bytes,
    length: usize,
    options: Option<&pw_options>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_call>> {
    entry(error, || {
        // SAFETY: the header asks for as many inputs as the length says, and for their bytes.
        let inputs = unsafe { several(inputs, length)? };
        // SAFETY: the header asks for a string.
        unsafe { begin_kept(instance, export_name, Input::Several(&inputs), options) }
    })
}
