//! Settings of runners and options of calls, which C sets one by one.
#![forbid(unsafe_code)]
#![allow(
    non_camel_case_types,
    unreachable_pub,
    reason = "these are the names in the header; they are reached from C, not from Rust"
)]

use super::caught;
use crate::{
    Call, CancelToken, Error, RunnerConfig,
    common::failure::{Cause, Failure},
};
use alloc::{format, string::String, vec::Vec};
use core::time::Duration;

/// The settings of pw_config_set. Units, defaults and bounds are those of the Rust methods of the
/// same names. The numbers never change; later versions may add some.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum pw_setting {
    /// The deadline of a whole call in milliseconds. Default 5,000, at least 1.
    TimeoutMs = 1,
    /// The fuel of a whole call. Default: only the fuel that the deadline implies.
    Fuel = 2,
    /// The fuel by which the guests' virtual clock advances one second. Default 500,000,000.
    FuelPerSecond = 3,
    /// The fuel between two checks of the deadline and the cancel token. Default: adapts; 1 to
    /// 1,000,000,000.
    Slice = 4,
    /// The seed of the guests' reproducible random numbers. Default 0.
    Seed = 5,
    /// The most pages (65,536 bytes each) of linear memory. Default 1,024, at most 65,536.
    MaxMemoryPages = 6,
    /// The most linear memories of a module. Default 1, at most 100.
    MaxMemories = 7,
    /// The most tables of a module. Default 16, at most 100.
    MaxTables = 8,
    /// The most elements of all tables together. Default 100,000, at most 10,000,000.
    MaxTableElements = 9,
    /// How deep calls inside a guest may nest. Default 10,000, at most 1,000,000.
    MaxRecursionDepth = 10,
    /// The most bytes of a guest's stack. Default 1 MiB, from 4,096 to 1 GiB.
    MaxStackBytes = 11,
    /// The largest size of a module in bytes. Default 32 MiB, from 8 to 1 GiB.
    MaxModuleBytes = 12,
    /// The most functions that a module may define. Default 100,000, at most 1,000,000.
    MaxFunctions = 13,
    /// The most locals that a function may declare. Default 10,000, at most 30,000.
    MaxLocals = 14,
    /// The most locals that all functions together may declare. Default 2,000,000.
    MaxTotalLocals = 15,
    /// How deep blocks may nest in a function. Default 10,000, at most 1,000,000.
    MaxNesting = 16,
    /// The most data segments of a module, and the most element segments. Default and at most
    /// 100,000.
    MaxSegments = 17,
    /// The most globals that a module may define. Default 10,000, at most 1,000,000.
    MaxGlobals = 18,
    /// The most imports of a module. Default 1,000, at most 100,000.
    MaxImports = 19,
    /// The most exports of a module. Default 10,000, at most 1,000,000.
    MaxExports = 20,
    /// The most parameters of a function. Default 128, at most 1,000.
    MaxParams = 21,
    /// The most bytes of stdout and stderr together. Default 1 MiB, less than 2 GiB.
    MaxOutputBytes = 22,
    /// The most bytes of a call's input, and of its stdin, arguments and environment each. Default
    /// 16 MiB, less than 2 GiB.
    MaxInputBytes = 23,
    /// The most bytes that a call may return. Default 16 MiB, less than 2 GiB.
    MaxResultBytes = 24,
    /// How deep calls from the host back into the guest may nest. Default 16, at most 32.
    MaxHostDepth = 25,
    /// The most bytes that the cache of compiled modules may take. Default 256 MiB.
    MaxCacheBytes = 26,
    /// The most bytes that a convention keeps outside the guest's memory. Default 64 MiB, less than
    /// 2 GiB.
    MaxExchangeBytes = 27,
    /// The most bytes of an Extism plugin's variables. Default 1 MiB, less than 2 GiB.
    MaxVariableBytes = 28,
    /// The most results of a function or block. Default 16, at most 1,000.
    MaxResults = 29,
    /// The most operators of a constant expression. Default 64, from 1 to 255.
    MaxConstantOperators = 30,
    /// The most bytes of native stack that calls from the host back into the guest may take.
    /// Default 112 KiB, from 4 KiB to 1 GiB.
    MaxHostStackBytes = 31,
}

/// An invalid argument.
#[derive(Clone)]
pub(super) struct Mistake {
    setting: &'static str,
    problem: String,
}

impl From<Mistake> for Error {
    fn from(Mistake { setting, problem }: Mistake) -> Self {
        Failure::from(Cause::InvalidConfig { setting, problem }).into()
    }
}

pub(super) fn mistake(setting: &'static str, problem: impl Into<String>) -> Mistake {
    let problem = problem.into();
    Mistake { setting, problem }
}

/// Settings, and the first mistake in setting them. The mistake is reported when the settings are
/// used: otherwise a limit could go unset unnoticed, when nobody checks a setter's result.
pub(super) struct Settings<T> {
    value: T,
    mistake: Option<Mistake>,
}

impl<T> Settings<T> {
    pub(super) fn new(value: T) -> Self {
        let mistake = None;
        Self { value, mistake }
    }

    pub(super) fn change(&mut self, change: impl FnOnce(&mut T) -> Result<(), Mistake>) {
        let changed = caught(|| change(&mut self.value));
        if let Err(made) = changed.unwrap_or_else(|panic| Err(mistake("settings", panic))) {
            self.mistake.get_or_insert(made);
        }
    }

    pub(super) fn get(&self) -> Result<&T, Mistake> {
        self.mistake.clone().map_or(Ok(&self.value), Err)
    }
}

#[derive(Default)]
pub(super) struct Options {
    pub(super) fuel: Option<u64>,
    pub(super) timeout: Option<Duration>,
    pub(super) cancel: Option<CancelToken>,
    pub(super) stdin: Vec<u8>,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
}

impl Options {
    pub(super) fn apply<'a>(&self, mut call: Call<'a>) -> Call<'a> {
        if let Some(fuel) = self.fuel {
            call = call.fuel(fuel);
        }
        if let Some(timeout) = self.timeout {
            call = call.timeout(timeout);
        }
        if let Some(token) = &self.cancel {
            call = call.cancel(token);
        }
        for (name, value) in &self.env {
            call = call.env(name, value);
        }
        call.stdin(self.stdin.clone()).args(self.args.clone())
    }
}

macro_rules! settings {
    ($($setting:ident => $method:ident,)*) => {
        /// Returns `config` with one setting changed.
        pub(super) fn with(config: RunnerConfig, setting: u32, value: u64) -> Result<RunnerConfig, Mistake> {
            Ok(match setting {
                known if known == pw_setting::TimeoutMs as u32 => {
                    config.timeout(Duration::from_millis(value))
                }
                $(known if known == pw_setting::$setting as u32 => {
                    config.$method(narrow(stringify!($method), value)?)
                })*
                _ => return Err(mistake("setting", format!("has no number {setting}"))),
            })
        }
    };
}

settings! {
    Fuel => fuel,
    FuelPerSecond => fuel_per_second,
    Slice => slice,
    Seed => seed,
    MaxMemoryPages => max_memory_pages,
    MaxMemories => max_memories,
    MaxTables => max_tables,
    MaxTableElements => max_table_elements,
    MaxRecursionDepth => max_recursion_depth,
    MaxStackBytes => max_stack_bytes,
    MaxModuleBytes => max_module_bytes,
    MaxFunctions => max_functions,
    MaxLocals => max_locals,
    MaxTotalLocals => max_total_locals,
    MaxNesting => max_nesting,
    MaxSegments => max_segments,
    MaxGlobals => max_globals,
    MaxImports => max_imports,
    MaxExports => max_exports,
    MaxParams => max_params,
    MaxOutputBytes => max_output_bytes,
    MaxInputBytes => max_input_bytes,
    MaxResultBytes => max_result_bytes,
    MaxHostDepth => max_host_depth,
    MaxCacheBytes => max_cache_bytes,
    MaxExchangeBytes => max_exchange_bytes,
    MaxVariableBytes => max_variable_bytes,
    MaxResults => max_results,
    MaxConstantOperators => max_constant_operators,
    MaxHostStackBytes => max_host_stack_bytes,
}

fn narrow<T: TryFrom<u64>>(setting: &'static str, value: u64) -> Result<T, Mistake> {
    T::try_from(value).map_err(|_| mistake(setting, format!("is {value}; it has 32 bits")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_panic_while_setting_is_told_when_the_settings_are_used() {
        let mut settings = Settings::new(1);
        settings.change(|_| panic!("oh"));
        settings.change(|value| {
            *value = 2;
            Ok(())
        });
        let error = Error::from(settings.get().expect_err("a mistake"));
        let message = "invalid config: `settings` a panic inside: oh";
        assert_eq!(error.to_string(), message);
    }
}
