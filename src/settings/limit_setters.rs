//! The methods of [`RunnerConfig`] that set limits.

use crate::settings::config::RunnerConfig;

macro_rules! limit_setters {
    ($($(#[$doc:meta])* $name:ident: $ty:ty,)*) => {
        impl RunnerConfig {
            $(
                $(#[$doc])*
                pub fn $name(mut self, $name: $ty) -> Self {
                    self.limits.$name = $name;
                    self
                }
            )*
        }
    };
}

limit_setters! {
    /// The pages (65,536 bytes each) that a plugin's linear memories may have together. Default
    /// 1,024 (64 MiB), at most 65,536. A module that declares more is refused before anything is
    /// allocated. A `memory.grow` beyond the limit returns −1.
    max_memory_pages: u32,
    /// The linear memories of a module. Default 1, at most 100.
    max_memories: u32,
    /// The tables of a module. Default 16, at most 100.
    max_tables: u32,
    /// The elements of all tables together, and of all element segments together. Default 100,000,
    /// at most 10,000,000. A `table.grow` beyond the limit returns −1.
    max_table_elements: u32,
    /// How deep calls inside a guest may nest. Default 10,000, from 1 to 1,000,000. Beyond the
    /// limit the guest traps.
    max_recursion_depth: u32,
    /// The bytes of the stack that holds a guest's locals and operands. Default 1 MiB, from 4,096
    /// bytes to 1 GiB. Beyond the limit the guest traps. This stack is not the host's own.
    max_stack_bytes: u32,
    /// The size of a module in bytes. Default 32 MiB, from 8 bytes to 1 GiB.
    max_module_bytes: usize,
    /// The functions that a module defines, and its function types. Default 100,000, from 1 to
    /// 1,000,000.
    max_functions: u32,
    /// The locals that one function declares in addition to its parameters. Default 10,000, at most
    /// 30,000.
    max_locals: u32,
    /// The locals that all functions of a module declare together. Default 2,000,000, at most
    /// 1,000,000,000.
    max_total_locals: u32,
    /// How deep blocks, loops and ifs nest in a function. Default 10,000 (Go and code with large
    /// switches need thousands), from 1 to 1,000,000. Compiling takes about 270 bytes a level.
    max_nesting: u32,
    /// The data segments of a module, and its element segments. Default and at most 100,000 (Go
    /// modules have tens of thousands).
    max_segments: u32,
    /// The globals that a module defines. Default 10,000, at most 1,000,000.
    max_globals: u32,
    /// The imports of a module. Default 1,000, at most 100,000.
    max_imports: u32,
    /// The exports of a module. Default 10,000, from 1 to 1,000,000.
    max_exports: u32,
    /// The parameters of a function. Default 128, at most 1,000.
    max_params: u32,
    /// The results of a function, and the parameters and results of a block. Default 16 (compilers
    /// use one, seldom a few), at most 1,000. Every branch out of a block copies all of them. The
    /// time and the memory that compiling a few bytes of code takes grow with this limit.
    max_results: u32,
    /// The operators of a constant expression: the initial value of a global or the offset of a
    /// segment. Default 64 (compilers use at most three), from 1 to 255.
    max_constant_operators: u32,
    /// The bytes that a call may write to stdout and stderr together. Default 1 MiB, less than 2
    /// GiB. Output beyond the limit is cut: the guest sees a short write, then the errno `NOSPC`,
    /// and [`Outcome::output_truncated`](crate::Outcome::output_truncated) returns `true`.
    max_output_bytes: usize,
    /// The bytes of a call's input, and of its stdin, arguments and environment each. Default 16
    /// MiB, less than 2 GiB.
    max_input_bytes: usize,
    /// The bytes that a call may return. Default 16 MiB, less than 2 GiB.
    max_result_bytes: usize,
    /// How deep calls from host functions back into the guest may nest. Default 16, from 1 to 32.
    /// Each takes native stack; see [`max_host_stack_bytes`](Self::max_host_stack_bytes).
    max_host_depth: u32,
    /// The bytes of native stack that calls from host functions back into the guest may take,
    /// counted from the first of them. Default 120 KiB, from 4 KiB to 1 GiB. With the default, a
    /// thread with a stack of 256 KiB is enough.
    ///
    /// In an optimised build each such call takes about 4 KiB, up to 6 KiB more if the guest grows
    /// its memory all the time, and whatever the embedder's function takes. The default of
    /// `max_host_depth` is then reached first. Without optimisation each takes about 40 KiB.
    max_host_stack_bytes: u32,
    /// The bytes that the host may keep for a guest in one call: the memory blocks of Extism,
    /// including the input, with 64 bytes for each block; the request and response of an http-wasm
    /// handler. Default 64 MiB, less than 2 GiB.
    max_exchange_bytes: usize,
    /// The bytes of a plugin's Extism variables: their names and values, and 64 bytes for each.
    /// Default 1 MiB, less than 2 GiB.
    max_variable_bytes: usize,
    /// The bytes that compiled modules may take in the cache behind `run_function`, `run_greet` and
    /// `run_module`. Default 256 MiB; 0 keeps nothing. Plugins that are loaded by name stay until
    /// they are unloaded, and do not count.
    ///
    /// The size is an estimate: a module's own size, six times its code section (the engine's
    /// compiled code takes 5.1 to 6.0 times), and something for each of its parts.
    max_cache_bytes: usize,
}
