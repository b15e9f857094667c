//! The options for limits: all limits of the library that matter for a single call.

use crate::units::{bytes, bytes32, pages, time};
use clap::Args;
use pocketwasm::RunnerConfig;
use std::time::Duration;

/// The default of `--max-output` in bytes.
const KEPT_OUTPUT: usize = 1 << 20;
/// The default of `--max-output` in bytes if the output is passed on and not kept in memory.
pub(crate) const PASSED_ON_OUTPUT: usize = 1 << 30;

/// The limits on a module and on its calls.
#[derive(Debug, Args)]
pub(crate) struct Limits {
    #[command(flatten)]
    pub(crate) call: CallLimits,
    #[command(flatten)]
    pub(crate) module: ModuleLimits,
}

impl Limits {
    /// A runner's settings with these limits.
    pub(crate) fn config(&self) -> RunnerConfig {
        self.call.set(self.module.config())
    }
}

/// The limits of every call.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits on a call")]
pub(crate) struct CallLimits {
    /// The fuel a call may use, about one unit for each WebAssembly instruction; the same on every
    /// machine [default: no limit]
    #[arg(long, value_name = "N")]
    pub(crate) fuel: Option<u64>,
    /// The time a call may take, from instantiation to result: a number with us, ms, s, m or h
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    pub(crate) timeout: Duration,
    /// The bytes a call may write to stdout and stderr together, as in 4096 or 1MiB; the rest is
    /// cut, and a line on stderr says so [default: 1MiB; 1GiB for `run` without --json, which
    /// passes them on as they come]
    #[arg(long, value_name = "SIZE", value_parser = bytes, alias = "max-output-bytes")]
    pub(crate) max_output: Option<usize>,
    /// The bytes a call may return
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = bytes, alias = "max-result-bytes")]
    max_result: usize,
    /// How deep calls inside the guest may nest
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10_000,
        hide_short_help = true
    )]
    max_recursion_depth: u32,
    /// The stack of the guest's locals and operands
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = bytes32, hide_short_help = true, alias = "max-stack-bytes")]
    max_stack: u32,
    /// How deep calls from host functions back into the guest may nest
    #[arg(long, value_name = "N", default_value_t = 16, hide_short_help = true)]
    max_host_depth: u32,
    /// The native stack that such calls may take
    #[arg(long, value_name = "SIZE", default_value = "120KiB", value_parser = bytes32, hide_short_help = true, alias = "max-host-stack-bytes")]
    max_host_stack: u32,
    /// The bytes that the host keeps for a guest in one call (Extism, http-wasm)
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = bytes, hide_short_help = true, alias = "max-exchange-bytes")]
    max_exchange: usize,
    /// The bytes of a plugin's variables (Extism)
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = bytes, hide_short_help = true, alias = "max-variable-bytes")]
    max_variables: usize,
    /// The bytes that a call may hold in files that it has written
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = bytes, hide_short_help = true)]
    max_file_bytes: usize,
    /// The files, directories and links that a call may make
    #[arg(
        long,
        value_name = "N",
        default_value_t = 16_384,
        hide_short_help = true
    )]
    max_files: u32,
    /// The files and directories that a call may have open at once
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1_024,
        hide_short_help = true
    )]
    max_open_files: u32,
    /// The bytes of a file's name
    #[arg(
        long,
        value_name = "N",
        default_value_t = 255,
        hide_short_help = true,
        alias = "max-name-bytes"
    )]
    max_name: u32,
    /// How deep directories that a call makes may nest
    #[arg(long, value_name = "N", default_value_t = 128, hide_short_help = true)]
    max_directory_depth: u32,
    /// The entries of a directory that a call adds to
    #[arg(
        long,
        value_name = "N",
        default_value_t = 65_536,
        hide_short_help = true
    )]
    max_directory_entries: u32,
    /// The symbolic links that one path may lead through
    #[arg(long, value_name = "N", default_value_t = 40, hide_short_help = true)]
    max_symlink_hops: u32,
    /// The fuel that stands for a second of the guest's virtual clock
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2_000_000_000,
        hide_short_help = true
    )]
    fuel_per_second: u64,
}

impl CallLimits {
    /// The most bytes that a call may write.
    pub(crate) fn max_output(&self) -> usize {
        self.max_output.unwrap_or(KEPT_OUTPUT)
    }

    fn set(&self, config: RunnerConfig) -> RunnerConfig {
        let config = config
            .timeout(self.timeout)
            .max_output_bytes(self.max_output())
            .max_result_bytes(self.max_result)
            .max_recursion_depth(self.max_recursion_depth)
            .max_stack_bytes(self.max_stack)
            .max_host_depth(self.max_host_depth)
            .max_host_stack_bytes(self.max_host_stack)
            .max_exchange_bytes(self.max_exchange)
            .max_variable_bytes(self.max_variables)
            .max_file_bytes(self.max_file_bytes)
            .max_files(self.max_files)
            .max_open_files(self.max_open_files)
            .max_name_bytes(self.max_name)
            .max_directory_depth(self.max_directory_depth)
            .max_directory_entries(self.max_directory_entries)
            .max_symlink_hops(self.max_symlink_hops)
            .fuel_per_second(self.fuel_per_second);
        match self.fuel {
            Some(fuel) => config.fuel(fuel),
            None => config,
        }
    }
}

/// The limits on a module's size and shape.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits on a module")]
pub(crate) struct ModuleLimits {
    /// The linear memory a plugin may have: pages of 64 KiB as in 256p, or a size as in 16MiB
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = pages, alias = "max-memory-pages")]
    pub(crate) max_memory: u32,
    /// The bytes of a module
    #[arg(long, value_name = "SIZE", default_value = "32MiB", value_parser = bytes, alias = "max-module-bytes")]
    pub(crate) max_module: usize,
    /// Its linear memories
    #[arg(long, value_name = "N", default_value_t = 1, hide_short_help = true)]
    max_memories: u32,
    /// Its tables
    #[arg(long, value_name = "N", default_value_t = 16, hide_short_help = true)]
    max_tables: u32,
    /// The elements of all tables together
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100_000,
        hide_short_help = true
    )]
    max_table_elements: u32,
    /// The functions that it defines, and its function types
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100_000,
        hide_short_help = true
    )]
    max_functions: u32,
    /// The locals of one function
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10_000,
        hide_short_help = true
    )]
    max_locals: u32,
    /// The locals of all functions together
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2_000_000,
        hide_short_help = true
    )]
    max_total_locals: u32,
    /// How deep blocks, loops and ifs nest in a function
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10_000,
        hide_short_help = true
    )]
    max_nesting: u32,
    /// Its data segments, and its element segments
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100_000,
        hide_short_help = true
    )]
    max_segments: u32,
    /// The globals that it defines
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10_000,
        hide_short_help = true
    )]
    max_globals: u32,
    /// Its imports
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1_000,
        hide_short_help = true
    )]
    max_imports: u32,
    /// Its exports
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10_000,
        hide_short_help = true
    )]
    max_exports: u32,
    /// The parameters of a function
    #[arg(long, value_name = "N", default_value_t = 128, hide_short_help = true)]
    max_params: u32,
    /// The results of a function, and the parameters and results of a block
    #[arg(long, value_name = "N", default_value_t = 16, hide_short_help = true)]
    max_results: u32,
    /// The operators of a constant expression
    #[arg(long, value_name = "N", default_value_t = 64, hide_short_help = true)]
    max_constant_operators: u32,
}

impl ModuleLimits {
    /// The settings of a runner with these limits.
    pub(crate) fn config(&self) -> RunnerConfig {
        RunnerConfig::new()
            .max_memory_pages(self.max_memory)
            .max_module_bytes(self.max_module)
            .max_memories(self.max_memories)
            .max_tables(self.max_tables)
            .max_table_elements(self.max_table_elements)
            .max_functions(self.max_functions)
            .max_locals(self.max_locals)
            .max_total_locals(self.max_total_locals)
            .max_nesting(self.max_nesting)
            .max_segments(self.max_segments)
            .max_globals(self.max_globals)
            .max_imports(self.max_imports)
            .max_exports(self.max_exports)
            .max_params(self.max_params)
            .max_results(self.max_results)
            .max_constant_operators(self.max_constant_operators)
    }
}

/// The limit on the input of a guest.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits on input")]
pub(crate) struct InputLimits {
    /// The bytes of an input, and of stdin, arguments and environment each
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = bytes, alias = "max-input-bytes")]
    pub(crate) max_input: usize,
}

/// The widest limits on modules that the library accepts, for describing a refused module.
pub(crate) fn widest() -> RunnerConfig {
    RunnerConfig::new()
        .max_memory_pages(65_536)
        .max_module_bytes(1 << 30)
        .max_memories(100)
        .max_tables(100)
        .max_table_elements(10_000_000)
        .max_functions(1_000_000)
        .max_locals(30_000)
        .max_total_locals(1_000_000_000)
        .max_nesting(1_000_000)
        .max_segments(100_000)
        .max_globals(1_000_000)
        .max_imports(100_000)
        .max_exports(1_000_000)
        .max_params(1_000)
        .max_results(1_000)
        .max_constant_operators(255)
}

/// The option for one of the library's limits, which `limit` names as errors do.
pub(crate) fn option(limit: &str) -> String {
    let short = limit
        .strip_suffix("_bytes")
        .or_else(|| limit.strip_suffix("_pages"))
        .unwrap_or(limit);
    let short = match short {
        "max_variable" => "max_variables",
        "max_file" => "max_file_bytes",
        short => short,
    };
    format!("--{}", short.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::{Limits, option, widest};
    use clap::{Args, Command, FromArgMatches};
    use pocketwasm::{Runner, RunnerConfig};

    /// What is written here once more is what the library has.
    #[test]
    fn the_defaults_are_those_of_the_library() {
        let command = Limits::augment_args(Command::new("test"));
        let limits = Limits::from_arg_matches(&command.get_matches_from(["test"])).unwrap();
        assert_eq!(
            format!("{:?}", limits.config()),
            format!("{:?}", RunnerConfig::new())
        );
    }

    #[test]
    fn the_widest_limits_are_the_bounds_of_the_library() {
        type Widen = fn(RunnerConfig) -> RunnerConfig;
        let widenings: [Widen; 16] = [
            |config| config.max_memory_pages(u32::MAX),
            |config| config.max_module_bytes(usize::MAX),
            |config| config.max_memories(u32::MAX),
            |config| config.max_tables(u32::MAX),
            |config| config.max_table_elements(u32::MAX),
            |config| config.max_functions(u32::MAX),
            |config| config.max_locals(u32::MAX),
            |config| config.max_total_locals(u32::MAX),
            |config| config.max_nesting(u32::MAX),
            |config| config.max_segments(u32::MAX),
            |config| config.max_globals(u32::MAX),
            |config| config.max_imports(u32::MAX),
            |config| config.max_exports(u32::MAX),
            |config| config.max_params(u32::MAX),
            |config| config.max_results(u32::MAX),
            |config| config.max_constant_operators(u32::MAX),
        ];
        let widest = format!("{:?}", widest());
        for widen in widenings {
            let error = Runner::new(widen(RunnerConfig::new())).unwrap_err();
            // "invalid config: `max_tables` is 4294967295; it must be from 0 to 100"
            let message = error.message();
            let setting = message.split('`').nth(1).unwrap_or_default();
            let (_, most) = message.rsplit_once(' ').unwrap_or_default();
            let expected = format!("{setting}: {most},");
            assert!(widest.contains(&expected), "{message}: {widest}");
        }
    }

    #[test]
    fn an_option_for_each_limit() {
        for (limit, expected) in [
            ("fuel", "--fuel"),
            ("max_memory_pages", "--max-memory"),
            ("max_module_bytes", "--max-module"),
            ("max_variable_bytes", "--max-variables"),
            ("max_table_elements", "--max-table-elements"),
            ("max_file_bytes", "--max-file-bytes"),
            ("max_import_bytes", "--max-import"),
        ] {
            assert_eq!(option(limit), expected);
        }
    }
}
