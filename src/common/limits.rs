//! The limits of a runner, apart from fuel and time.

use crate::common::{
    engine_faults::Faults,
    failure::{Cause, Failure},
    native_stack::HOST_STACK,
};
use alloc::format;

/// What a call may hold in files. Each is documented at the method of
/// [`RunnerConfig`](crate::RunnerConfig) of the same name.
#[cfg(feature = "files")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileLimits {
    pub(crate) max_file_bytes: usize,
    pub(crate) max_files: u32,
    pub(crate) max_open_files: u32,
    pub(crate) max_name_bytes: u32,
    pub(crate) max_directory_depth: u32,
    pub(crate) max_directory_entries: u32,
    pub(crate) max_symlink_hops: u32,
}

#[cfg(feature = "files")]
impl FileLimits {
    const DEFAULT: Self = Self {
        max_file_bytes: 64 << 20,
        max_files: 16_384,
        max_open_files: 1_024,
        max_name_bytes: 255,
        max_directory_depth: 128,
        max_directory_entries: 65_536,
        max_symlink_hops: 40,
    };
}

/// All limits of a runner, apart from fuel and time. Each is documented at the method of
/// [`RunnerConfig`](crate::RunnerConfig) of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) max_memory_pages: u32,
    pub(crate) max_memories: u32,
    pub(crate) max_tables: u32,
    pub(crate) max_table_elements: u32,
    pub(crate) max_recursion_depth: u32,
    pub(crate) max_stack_bytes: u32,
    pub(crate) max_module_bytes: usize,
    pub(crate) max_functions: u32,
    pub(crate) max_locals: u32,
    pub(crate) max_total_locals: u32,
    pub(crate) max_nesting: u32,
    pub(crate) max_segments: u32,
    pub(crate) max_globals: u32,
    pub(crate) max_imports: u32,
    pub(crate) max_exports: u32,
    pub(crate) max_params: u32,
    pub(crate) max_results: u32,
    pub(crate) max_constant_operators: u32,
    pub(crate) max_output_bytes: usize,
    pub(crate) max_input_bytes: usize,
    pub(crate) max_result_bytes: usize,
    pub(crate) max_host_depth: u32,
    pub(crate) max_host_stack_bytes: u32,
    pub(crate) max_exchange_bytes: usize,
    pub(crate) max_variable_bytes: usize,
    pub(crate) max_cache_bytes: usize,
    #[cfg(feature = "std")]
    pub(crate) max_spare_bytes: usize,
    #[cfg(feature = "files")]
    pub(crate) files: FileLimits,
    /// The faults of the engine that are kept away from guests.
    pub(crate) faults: Faults,
}

impl Limits {
    pub(crate) const DEFAULT: Self = Self {
        max_memory_pages: 1024,
        max_memories: 1,
        max_tables: 16,
        max_table_elements: 100_000,
        max_recursion_depth: 10_000,
        max_stack_bytes: 1 << 20,
        max_module_bytes: 32 << 20,
        max_functions: 100_000,
        max_locals: 10_000,
        max_total_locals: 2_000_000,
        max_nesting: 10_000,
        max_segments: 100_000,
        max_globals: 10_000,
        max_imports: 1_000,
        max_exports: 10_000,
        max_params: 128,
        max_results: 16,
        max_constant_operators: 64,
        max_output_bytes: 1 << 20,
        max_input_bytes: 16 << 20,
        max_result_bytes: 16 << 20,
        max_host_depth: 16,
        max_host_stack_bytes: HOST_STACK,
        max_exchange_bytes: 64 << 20,
        max_variable_bytes: 1 << 20,
        max_cache_bytes: 256 << 20,
        #[cfg(feature = "std")]
        max_spare_bytes: 64 << 20,
        #[cfg(feature = "files")]
        files: FileLimits::DEFAULT,
        faults: Faults::CLOSED,
    };

    /// Checks every limit against what the engine, the specification or this crate can hold.
    pub(crate) fn validate(&self) -> Result<(), Failure> {
        let within = |setting, value: u64, least: u64, most: u64| -> Result<(), Failure> {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            let problem = format!("is {value}; it must be from {least} to {most}");
            Err(Cause::InvalidConfig { setting, problem }.into())
        };
        const GIB: u64 = 1 << 30;
        let bytes = |setting, value: usize| within(setting, value as u64, 0, 2 * GIB - 1);
        // A 32-bit memory has at most 65,536 pages of 65,536 bytes.
        within("max_memory_pages", self.max_memory_pages.into(), 0, 65_536)?;
        within("max_memories", self.max_memories.into(), 0, 100)?;
        within("max_tables", self.max_tables.into(), 0, 100)?;
        within(
            "max_table_elements",
            self.max_table_elements.into(),
            0,
            10_000_000,
        )?;
        within(
            "max_recursion_depth",
            self.max_recursion_depth.into(),
            1,
            1_000_000,
        )?;
        within("max_stack_bytes", self.max_stack_bytes.into(), 4_096, GIB)?;
        within("max_module_bytes", self.max_module_bytes as u64, 8, GIB)?;
        within("max_functions", self.max_functions.into(), 1, 1_000_000)?;
        within("max_locals", self.max_locals.into(), 0, 30_000)?;
        within(
            "max_total_locals",
            self.max_total_locals.into(),
            0,
            1_000_000_000,
        )?;
        within("max_nesting", self.max_nesting.into(), 1, 1_000_000)?;
        // The engine accepts no more than these.
        within("max_segments", self.max_segments.into(), 0, 100_000)?;
        within("max_globals", self.max_globals.into(), 0, 1_000_000)?;
        within("max_imports", self.max_imports.into(), 0, 100_000)?;
        within("max_exports", self.max_exports.into(), 1, 1_000_000)?;
        within("max_params", self.max_params.into(), 0, 1_000)?;
        within("max_results", self.max_results.into(), 0, 1_000)?;
        // The engine evaluates and drops a nested expression recursively, on the host's own stack.
        let constant = self.max_constant_operators.into();
        within("max_constant_operators", constant, 1, 255)?;
        bytes("max_output_bytes", self.max_output_bytes)?;
        bytes("max_input_bytes", self.max_input_bytes)?;
        bytes("max_result_bytes", self.max_result_bytes)?;
        within("max_host_depth", self.max_host_depth.into(), 1, 32)?;
        let stack = self.max_host_stack_bytes.into();
        within("max_host_stack_bytes", stack, 4_096, GIB)?;
        bytes("max_exchange_bytes", self.max_exchange_bytes)?;
        bytes("max_variable_bytes", self.max_variable_bytes)?;
        #[cfg(feature = "files")]
        {
            let files = &self.files;
            let most = u64::from(u32::MAX);
            within(
                "max_file_bytes",
                files.max_file_bytes as u64,
                0,
                2 * GIB - 1,
            )?;
            within("max_files", files.max_files.into(), 0, 10_000_000)?;
            within("max_open_files", files.max_open_files.into(), 0, 1_000_000)?;
            within("max_name_bytes", files.max_name_bytes.into(), 1, 4_096)?;
            within(
                "max_directory_depth",
                files.max_directory_depth.into(),
                1,
                4_096,
            )?;
            within(
                "max_directory_entries",
                files.max_directory_entries.into(),
                0,
                most,
            )?;
            within("max_symlink_hops", files.max_symlink_hops.into(), 0, 1_000)?;
        }
        Ok(())
    }
}
