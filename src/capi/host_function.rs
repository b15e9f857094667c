//! What plugins may import: functions of C's, and the values of globals and memories.

use super::{
    arguments::{array, mistake, text},
    config::pw_config,
    live::{self, pw_context},
    user_data::{UserData, pw_free_user_data},
    value::{self, bits, number, number_type},
};
use crate::{
    HostContext, HostFunction,
    common::{failure::Source, wasm_value::Value},
};
use alloc::format;
use core::ffi::{c_char, c_void};
use smallvec::SmallVec;

/// A function that plugins can import. `params` and `results` have as many numbers as the signature
/// says, as bit patterns: 32-bit ones in the low half. Results begin as zeros. Neither array is there
/// after the function returned.
///
/// It returns true if all went well. If it returns false, the plugin's call ends: with the error of the
/// function on `context` that failed last, or with PW_KIND_HOST and the message of pw_context_fail.
///
/// It is called on the thread that calls the plugin. It must not throw a C++ exception and must not
/// leave by longjmp.
pub type pw_host_function = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        context: *mut pw_context,
        params: *const u64,
        results: *mut u64,
    ) -> bool,
>;

/// A function of C's with its data.
pub(super) struct Callback {
    pub(super) function:
        unsafe extern "C" fn(*mut c_void, *mut pw_context, *const u64, *mut u64) -> bool,
    pub(super) user_data: UserData,
}

impl Callback {
    pub(super) fn call(
        &self,
        context: &mut HostContext<'_>,
        params: &[Value],
        results: &mut [Value],
    ) -> Result<(), Source> {
        let params: SmallVec<[u64; 8]> = params.iter().filter_map(bits).collect();
        let mut returned: SmallVec<[u64; 8]> = results.iter().map(|_| 0).collect();
        live::lend(context, |context| {
            let (params, results) = (params.as_ptr(), returned.as_mut_ptr());
            // SAFETY: the header asks for a function of this type, for this data. The arrays are as
            // long as the signature says: all its types are numbers.
            unsafe { (self.function)(self.user_data.pointer, context, params, results) }
        })?;
        for (result, bits) in results.iter_mut().zip(returned) {
            if let Some(number) = number(result.ty(), bits) {
                *result = number;
            }
        }
        Ok(())
    }
}

/// Registers a function that plugins can import as `name` from `module`. `signature` is its type, as
/// text: `"(i32, f64) -> (i64)"`, or `"() -> ()"`; the types are i32, i64, f32 and f64. The function
/// replaces an earlier one of the same name, including one of this library. `user_data` is passed to
/// it.
///
/// When the function can no longer be called, `free_user_data` is called once, unless it is NULL: when
/// the configuration, the runners made from it, and all that they gave out are freed; or at once if an
/// argument is invalid.
///
/// A call costs 50 units of fuel and what the functions on the context cost. A plugin that imports the
/// function with another type is refused when it is loaded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_config_function(
    config: Option<&mut pw_config>,
    module: *const c_char,
    name: *const c_char,
    signature: *const c_char,
    function: pw_host_function,
    user_data: *mut c_void,
    free_user_data: pw_free_user_data,
) {
    // Whatever happens, the data is freed once.
    let user_data = UserData::new(user_data, free_user_data);
    let Some(pw_config(config)) = config else {
        return;
    };
    config.change(|config| {
        // SAFETY: the header asks for strings.
        let (module, name, types) = unsafe {
            (
                text("module", module)?,
                text("name", name)?,
                text("signature", signature)?,
            )
        };
        let signature = value::signature(types)?;
        let function = function.ok_or_else(|| mistake("function", "is NULL"))?;
        let callback = Callback {
            function,
            user_data,
        };
        let body = move |context: &mut HostContext<'_>, params: &[Value], results: &mut [Value]| {
            callback.call(context, params, results)
        };
        let function = HostFunction::new(signature, body);
        *config = core::mem::take(config).function(module, name, function);
        Ok(())
    });
}

/// Sets the value of a global that plugins import as `name` from `module`. `type_name` is i32, i64, f32
/// or f64, and `value` has its bits, 32-bit ones in the low half. A plugin that imports it with another
/// type is refused when it is loaded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_config_global(
    config: Option<&mut pw_config>,
    module: *const c_char,
    name: *const c_char,
    type_name: *const c_char,
    value: u64,
) {
    let Some(pw_config(config)) = config else {
        return;
    };
    config.change(|config| {
        // SAFETY: the header asks for strings.
        let (module, name, ty) = unsafe {
            (
                text("module", module)?,
                text("name", name)?,
                text("type_name", type_name)?,
            )
        };
        let ty = number_type("type_name", ty)?;
        let value = number(ty, value)
            .ok_or_else(|| mistake("type_name", format!("is {ty}, which is no number")))?;
        *config = core::mem::take(config).global(module, name, value);
        Ok(())
    });
}

/// Sets the bytes that a memory begins with which plugins import as `name` from `module`. They are
/// copied. Every instance has a memory of its own, of the size that the import says; without this it is
/// empty. A plugin whose memory is smaller is refused when it is loaded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_config_memory(
    config: Option<&mut pw_config>,
    module: *const c_char,
    name: *const c_char,
    bytes: *const u8,
    length: usize,
) {
    let Some(pw_config(config)) = config else {
        return;
    };
    config.change(|config| {
        // SAFETY: the header asks for strings, and for as many bytes as the length says.
        let (module, name, bytes) = unsafe {
            (
                text("module", module)?,
                text("name", name)?,
                array("bytes", bytes, length)?,
            )
        };
        *config = core::mem::take(config).memory(module, name, bytes);
        Ok(())
    });
}
