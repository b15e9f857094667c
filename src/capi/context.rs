//! What host functions can do with the guest that called them, apart from its memory.

use super::{
    arguments::{array, fill, mistake, room, text},
    entry::entry,
    error::pw_error,
    live::{self, pw_context},
    options::CallData,
    outgoing::c_string,
    surroundings::pw_stream,
};
use crate::{
    HostContext,
    common::failure::{Cause, Failure},
};
use alloc::{boxed::Box, format};
use core::{
    ffi::{c_char, c_void},
    mem::MaybeUninit,
    ptr,
};

/// Says why the host function fails, as text that PW_KIND_HOST will have. Always returns false, for
/// `return pw_context_fail(context, "no such key");`. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_context_fail(context: *mut pw_context, message: *const c_char) -> bool {
    entry(None, || {
        // SAFETY: the header asks for a string.
        let message = unsafe { text("message", message) };
        live::fail(
            context,
            message.unwrap_or("a message that is not UTF-8 text"),
        );
        Ok(())
    });
    false
}

/// Says that the host function has no results yet. Always returns false, for
/// `return pw_context_wait(context, request);`. The call is then suspended with PW_PROGRESS_WAITING,
/// `request` is what pw_call_request says, and pw_call_resume_with or pw_call_finish goes on as if the
/// function had returned then. `request` is any number that tells the embedder what to wait for.
///
/// The call fails with PW_KIND_CANNOT_WAIT if it was not begun by pw_runner_begin, pw_instance_begin or
/// one of their siblings, and if a host function has called the guest back.
#[unsafe(no_mangle)]
pub extern "C" fn pw_context_wait(context: *mut pw_context, request: u64) -> bool {
    entry(None, || {
        live::with(context, |context: &mut HostContext<'_>| {
            Err::<(), _>(context.wait(request))
        })
    });
    false
}

/// What pw_options_user_data set for this call; NULL if nothing did.
#[unsafe(no_mangle)]
pub extern "C" fn pw_context_user_data(context: *mut pw_context) -> *mut c_void {
    let found = entry(None, || {
        live::with(context, |context| {
            let data = context.state::<CallData>();
            Ok(data.map_or(0, |CallData(address)| *address))
        })
    });
    ptr::with_exposed_provenance_mut(found.unwrap_or_default())
}

/// Copies the name of the plugin that made the call to `name`, with a zero byte at the end. Names have
/// at most 255 bytes: there is always room if `capacity` is 256. Fails with PW_KIND_TOO_LARGE
/// otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_context_plugin(
    context: *mut pw_context,
    name: *mut c_char,
    capacity: usize,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let done = entry(error, || {
        // SAFETY: the header asks for as much room as the capacity says.
        let room = unsafe { room("name", name.cast::<u8>(), capacity)? };
        live::with(context, |context| {
            let plugin = c_string(context.plugin());
            let bytes = plugin.as_bytes_with_nul();
            if bytes.len() > room.len() {
                return Err(Failure::from(Cause::TooLarge {
                    what: "the plugin's name",
                    length: bytes.len() as u64,
                    limit: "capacity",
                    maximum: room.len() as u64,
                })
                .into());
            }
            fill(room, bytes);
            Ok(())
        })
    });
    done.is_some()
}

/// Takes fuel from the call for the host function's own work. Fails with PW_KIND_OUT_OF_FUEL,
/// PW_KIND_TIMEOUT, PW_KIND_CANCELLED or PW_KIND_CLOSED if the call must end: return false then.
#[unsafe(no_mangle)]
pub extern "C" fn pw_context_charge(
    context: *mut pw_context,
    fuel: u64,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let done = entry(error, || {
        live::with(context, |context| context.charge(fuel))
    });
    done.is_some()
}

/// Checks the deadline and the cancel token, which nothing else does while a host function runs. Fails
/// like pw_context_charge.
#[unsafe(no_mangle)]
pub extern "C" fn pw_context_check(
    context: *mut pw_context,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let done = entry(error, || {
        live::with(context, |context: &mut HostContext<'_>| context.check())
    });
    done.is_some()
}

/// The milliseconds that the call has left, rounded down; UINT64_MAX if the runner has no clock. 0 if
/// the context cannot be used.
#[unsafe(no_mangle)]
pub extern "C" fn pw_context_time_left_ms(context: *mut pw_context) -> u64 {
    let left = entry(None, || {
        live::with(context, |context| Ok(context.time_left()))
    });
    let left = left.map(|left| {
        left.map_or(u64::MAX, |left| {
            u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
        })
    });
    left.unwrap_or_default()
}

/// Writes to the guest's standard output or error, as far as PW_SETTING_MAX_OUTPUT_BYTES allows.
/// `stream` is one of pw_stream. Fails like pw_context_charge.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_context_output(
    context: *mut pw_context,
    stream: u32,
    bytes: *const u8,
    length: usize,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let done = entry(error, || {
        // SAFETY: the header asks for as many bytes as the length says.
        let bytes = unsafe { array("bytes", bytes, length)? };
        live::with(context, |context| {
            let written = match stream {
                stream if stream == pw_stream::Stdout as u32 => context.write_stdout(bytes),
                stream if stream == pw_stream::Stderr as u32 => context.write_stderr(bytes),
                _ => Err(mistake("stream", format!("has no number {stream}")).into()),
            };
            written.map(drop)
        })
    });
    done.is_some()
}

/// Calls an export of the guest with numbers, with the fuel and the deadline of the current call.
/// `params_length` must be the number of its parameters and `results_length` that of its results, which
/// receive bit patterns. If the guest fails, its instance is poisoned, even if the host function goes on.
///
/// Such calls nest at most PW_SETTING_MAX_HOST_DEPTH deep. Meanwhile the context cannot be used: host
/// functions that are called get contexts of their own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_context_call(
    context: *mut pw_context,
    export_name: *const c_char,
    params: *const u64,
    params_length: usize,
    results: *mut u64,
    results_length: usize,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let done = entry(error, || {
        // SAFETY: the header asks for a string, for as many parameters as their length says, and for
        // room for as many results as theirs says.
        let (export, params, room) = unsafe {
            (
                text("export", export_name)?,
                array("params", params, params_length)?,
                room("results", results, results_length)?,
            )
        };
        live::with(context, |context| {
            let returned = context.call(export, params)?;
            if returned.len() != room.len() {
                let problem = format!(
                    "{export:?} returns {} results, not {}",
                    returned.len(),
                    room.len()
                );
                return Err(Failure::from(Cause::Signature { problem }).into());
            }
            fill(room, &returned);
            Ok(())
        })
    });
    done.is_some()
}
