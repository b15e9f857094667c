//! Options of calls.

use super::{
    arguments::{Mistake, array, mistake, text},
    cancel::pw_cancel,
    entry::entry,
    outgoing::free,
    settings::Settings,
};
use crate::{Call, CancelToken, Convention};
use alloc::{borrow::ToOwned, boxed::Box, format, string::String, vec::Vec};
use core::{
    ffi::{c_char, c_void},
    time::Duration,
};

/// Options of calls: limits, standard input, arguments, environment and the like. Only one thread may
/// change them at a time. Any number of calls may use them at once while no thread changes them. A call
/// copies them when it starts.
pub struct pw_options(pub(super) Settings<Options>);

#[derive(Default)]
pub(super) struct Options {
    fuel: Option<u64>,
    timeout: Option<Duration>,
    max_memory_pages: Option<u32>,
    cancel: Option<CancelToken>,
    stdin: Vec<u8>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    config: Vec<(String, String)>,
    convention: Option<Convention>,
    seed: Option<u64>,
    clock_start: Option<Duration>,
    #[cfg(feature = "files")]
    pub(super) files: Option<crate::Files>,
    user_data: usize,
}

/// What the host functions of a call find by pw_context_user_data: the address that C gave.
#[derive(Default)]
pub(super) struct CallData(pub(super) usize);

impl Options {
    /// Applies them to a call. `call_data` is where the call keeps the embedder's pointer.
    pub(super) fn apply<'a>(&self, mut call: Call<'a>, call_data: &'a mut CallData) -> Call<'a> {
        if let Some(fuel) = self.fuel {
            call = call.fuel(fuel);
        }
        if let Some(timeout) = self.timeout {
            call = call.timeout(timeout);
        }
        if let Some(pages) = self.max_memory_pages {
            call = call.max_memory_pages(pages);
        }
        if let Some(token) = &self.cancel {
            call = call.cancel(token);
        }
        if let Some(convention) = self.convention {
            call = call.convention(convention);
        }
        if let Some(seed) = self.seed {
            call = call.seed(seed);
        }
        if let Some(since_epoch) = self.clock_start {
            call = call.clock_start(since_epoch);
        }
        #[cfg(feature = "files")]
        if let Some(files) = &self.files {
            call = call.files(files);
        }
        for (name, value) in &self.env {
            call = call.env(name, value);
        }
        for (key, value) in &self.config {
            call = call.config(key, value);
        }
        if !self.stdin.is_empty() {
            call = call.stdin(self.stdin.clone());
        }
        if !self.args.is_empty() {
            call = call.args(self.args.clone());
        }
        if self.user_data != 0 {
            *call_data = CallData(self.user_data);
            call = call.state(call_data);
        }
        call
    }
}

/// Creates options with their defaults: the runner's own limits, seed and files, no cancel token, no
/// standard input, no arguments, no environment. An invalid value that is set later is not ignored:
/// the call reports it. Free them with pw_options_free.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_new() -> Option<Box<pw_options>> {
    entry(None, || {
        Ok(Box::new(pw_options(Settings::new(Options::default()))))
    })
}

pub(super) fn change(
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

/// Sets the pages (65,536 bytes each) that the plugin's memories may have in a call, if that is fewer
/// than the runner's PW_SETTING_MAX_MEMORY_PAGES. Default: the runner's.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_max_memory_pages(options: Option<&mut pw_options>, pages: u32) {
    change(options, |options| {
        options.max_memory_pages = Some(pages);
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

/// Sets a key of the plugin's configuration, which Extism plugins can read. Default: what
/// pw_runner_configure has set for the plugin. Key and value are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_options_config(
    options: Option<&mut pw_options>,
    key: *const c_char,
    value: *const c_char,
) {
    change(options, |options| {
        // SAFETY: the header asks for two strings.
        let (key, value) = unsafe { (text("config", key)?, text("config", value)?) };
        options.config.push((key.to_owned(), value.to_owned()));
        Ok(())
    });
}

/// Passes the input by a convention that is named, even if the plugin was not detected to follow it:
/// one of typst, extism, wapc, assemblyscript, packed-pointer, c-string, command and cgi. Default: the
/// first of the plugin's own conventions that fits the export.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_options_convention(
    options: Option<&mut pw_options>,
    convention: *const c_char,
) {
    change(options, |options| {
        // SAFETY: the header asks for a string.
        let name = unsafe { text("convention", convention)? };
        let parsed = name
            .parse::<Convention>()
            .map_err(|unknown| mistake("convention", format!("is {name:?}: {unknown}")))?;
        options.convention = Some(parsed);
        Ok(())
    });
}

/// Sets the seed of the guest's random numbers. Default: the runner's PW_SETTING_SEED.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_seed(options: Option<&mut pw_options>, seed: u64) {
    change(options, |options| {
        options.seed = Some(seed);
        Ok(())
    });
}

/// Sets the nanoseconds since 1970-01-01T00:00:00Z at which the guest's virtual clock starts. Default:
/// 2020-01-01T00:00:00Z.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_clock_start_ns(options: Option<&mut pw_options>, nanoseconds: u64) {
    change(options, |options| {
        options.clock_start = Some(Duration::from_nanos(nanoseconds));
        Ok(())
    });
}

/// Sets what host functions of a call get from pw_context_user_data. Default NULL. The library never
/// follows the pointer.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_user_data(options: Option<&mut pw_options>, user_data: *mut c_void) {
    change(options, |options| {
        options.user_data = user_data.expose_provenance();
        Ok(())
    });
}

/// Frees options. NULL is ignored. No call may be starting with them.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_free(options: Option<Box<pw_options>>) {
    free(options);
}
