//! The settings that are numbers, by which C sets them, and settings that remember a mistake.
#![forbid(unsafe_code)]
#![allow(
    non_camel_case_types,
    unreachable_pub,
    reason = "these are the names in the header; they are reached from C, not from Rust"
)]

use super::{
    arguments::{Mistake, mistake, narrow},
    panics::caught,
};
use crate::{Compilation, Deadline, MissingImports, RunnerConfig, SnapshotMode};
use alloc::format;
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
    /// The fuel by which the guests' virtual clock advances one second. Default
    /// 2,000,000,000.
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
    /// Default 120 KiB, from 4 KiB to 1 GiB.
    MaxHostStackBytes = 31,
    /// When instances start from a snapshot: one of pw_snapshots. Default PW_SNAPSHOTS_WHERE_IT_PAYS.
    Snapshots = 32,
    /// When functions are compiled: one of pw_compilation. Default PW_COMPILATION_AT_LOAD.
    Compilation = 33,
    /// What happens to a module with an import that nothing provides: one of pw_missing. Default
    /// PW_MISSING_REFUSE.
    MissingImports = 34,
    /// The instances of each plugin that a thread makes ahead. Default 0. Needs `std`.
    SpareInstances = 35,
    /// The most bytes of all spare instances together. Default 64 MiB. Needs `std`.
    MaxSpareBytes = 36,
    /// The most bytes that a call may hold in files that it has written. Default 64 MiB, less than
    /// 2 GiB. This and those below need the feature `files`, which is part of `std`.
    MaxFileBytes = 37,
    /// The most files, directories and links that a call may make. Default 16,384, at most
    /// 10,000,000.
    MaxFiles = 38,
    /// The most files and directories that may be open at once. Default 1,024, at most 1,000,000.
    MaxOpenFiles = 39,
    /// The most bytes of a file's name. Default 255, from 1 to 4,096.
    MaxNameBytes = 40,
    /// How deep directories that a call makes may nest. Default 128, from 1 to 4,096.
    MaxDirectoryDepth = 41,
    /// The most entries of a directory that a call adds to. Default 65,536.
    MaxDirectoryEntries = 42,
    /// The most symbolic links that one path may lead through. Default 40, at most 1,000.
    MaxSymlinkHops = 43,
    /// Whether the deadline counts the time in which a call is suspended: one of pw_deadline. Default
    /// PW_DEADLINE_RUNNING_TIME.
    Deadline = 44,
}

/// When instances start from a snapshot: the values of PW_SETTING_SNAPSHOTS.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum pw_snapshots {
    /// Instances never start from a snapshot.
    Never = 0,
    /// Where it saves about 10 µs a call or more.
    WhereItPays = 1,
    /// Wherever it changes nothing that can be observed.
    WherePossible = 2,
}

/// When a module's functions are compiled: the values of PW_SETTING_COMPILATION. Results, output and
/// fuel do not depend on it.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum pw_compilation {
    /// All functions when the module is loaded. No call waits for compiling.
    AtLoad = 0,
    /// Each function when it is first called, for modules that are called once or twice.
    WhenCalled = 1,
}

/// What happens to a module that imports a function which nothing provides: the values of
/// PW_SETTING_MISSING_IMPORTS.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum pw_missing {
    /// The module is refused when it is loaded.
    Refuse = 0,
    /// The module loads. A call that reaches the function ends with PW_KIND_UNSUPPORTED_IMPORT.
    Trap = 1,
}

/// What the time of a call is, if it is suspended in between: the values of PW_SETTING_DEADLINE.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum pw_deadline {
    /// The time in which it runs.
    RunningTime = 0,
    /// All time since it began. If it ended meanwhile, the call fails with PW_KIND_TIMEOUT when it goes
    /// on.
    WallTime = 1,
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

/// One of a few values, by its number.
fn one_of<T: Copy>(setting: &'static str, number: u64, values: &[(u32, T)]) -> Result<T, Mistake> {
    let mut pairs = values.iter();
    let found = pairs.find(|(known, _)| u64::from(*known) == number);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let most = values.len().saturating_sub(1);
        mistake(setting, format!("is {number}; it must be from 0 to {most}"))
    })
}

const SNAPSHOTS: [(u32, SnapshotMode); 3] = [
    (pw_snapshots::Never as u32, SnapshotMode::Never),
    (pw_snapshots::WhereItPays as u32, SnapshotMode::WhereItPays),
    (
        pw_snapshots::WherePossible as u32,
        SnapshotMode::WherePossible,
    ),
];
const COMPILATION: [(u32, Compilation); 2] = [
    (pw_compilation::AtLoad as u32, Compilation::AtLoad),
    (pw_compilation::WhenCalled as u32, Compilation::WhenCalled),
];
const MISSING: [(u32, MissingImports); 2] = [
    (pw_missing::Refuse as u32, MissingImports::Refuse),
    (pw_missing::Trap as u32, MissingImports::Trap),
];
const DEADLINE: [(u32, Deadline); 2] = [
    (pw_deadline::RunningTime as u32, Deadline::RunningTime),
    (pw_deadline::WallTime as u32, Deadline::WallTime),
];

/// A setting of a feature that a build has or has not.
macro_rules! with_feature {
    ($feature:literal, $config:ident, $method:ident, $value:ident) => {{
        #[cfg(feature = $feature)]
        {
            $config.$method(narrow(stringify!($method), $value)?)
        }
        #[cfg(not(feature = $feature))]
        {
            let problem = concat!(
                "needs the feature `",
                $feature,
                "`, which this build has not"
            );
            return Err(mistake(stringify!($method), problem));
        }
    }};
}

macro_rules! settings {
    ($($setting:ident => $method:ident $($feature:literal)?,)*) => {
        /// Returns `config` with one setting changed.
        pub(super) fn with(config: RunnerConfig, setting: u32, value: u64) -> Result<RunnerConfig, Mistake> {
            Ok(match setting {
                known if known == pw_setting::TimeoutMs as u32 => {
                    config.timeout(Duration::from_millis(value))
                }
                known if known == pw_setting::Snapshots as u32 => {
                    config.snapshots(one_of("snapshots", value, &SNAPSHOTS)?)
                }
                known if known == pw_setting::Compilation as u32 => {
                    config.compilation(one_of("compilation", value, &COMPILATION)?)
                }
                known if known == pw_setting::MissingImports as u32 => {
                    config.missing_imports(one_of("missing_imports", value, &MISSING)?)
                }
                known if known == pw_setting::Deadline as u32 => {
                    config.deadline(one_of("deadline", value, &DEADLINE)?)
                }
                $(known if known == pw_setting::$setting as u32 => {
                    settings!(@set config $method value $($feature)?)
                })*
                _ => return Err(mistake("setting", format!("has no number {setting}"))),
            })
        }
    };
    (@set $config:ident $method:ident $value:ident) => {
        $config.$method(narrow(stringify!($method), $value)?)
    };
    (@set $config:ident $method:ident $value:ident $feature:literal) => {
        with_feature!($feature, $config, $method, $value)
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
    SpareInstances => spare_instances "std",
    MaxSpareBytes => max_spare_bytes "std",
    MaxFileBytes => max_file_bytes "files",
    MaxFiles => max_files "files",
    MaxOpenFiles => max_open_files "files",
    MaxNameBytes => max_name_bytes "files",
    MaxDirectoryDepth => max_directory_depth "files",
    MaxDirectoryEntries => max_directory_entries "files",
    MaxSymlinkHops => max_symlink_hops "files",
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::Error;
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
