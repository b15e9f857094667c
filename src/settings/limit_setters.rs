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
    /// allocated; `memory.grow` beyond it answers −1.
    max_memory_pages: u32,
    /// The linear memories of a module. Default 1, at most 100.
    max_memories: u32,
    /// The tables of a module. Default 16, at most 100.
    max_tables: u32,
    /// The elements of all tables together, and of all element segments together. Default
    /// 100,000, at most 10,000,000. `table.grow` beyond it answers −1.
    max_table_elements: u32,
    /// How deep calls inside a guest may nest. Default 10,000, at most 1,000,000. Beyond it the
    /// guest traps.
    max_recursion_depth: u32,
    /// The bytes of the stack that holds a guest's locals and operands. Default 1 MiB, from 4,096
    /// to 1 GiB. Beyond it the guest traps. It is never the host's own stack.
    max_stack_bytes: u32,
    /// The size of a module in bytes. Default 32 MiB, from 8 to 1 GiB.
    max_module_bytes: usize,
    /// The functions that a module defines, and its function types. Default 100,000, at most
    /// 1,000,000.
    max_functions: u32,
    /// The locals that one function declares beside its parameters. Default 10,000, at most
    /// 30,000.
    max_locals: u32,
    /// The locals that all functions of a module declare together. Default 2,000,000.
    max_total_locals: u32,
    /// How deep blocks, loops and ifs nest in a function. Default 10,000 (Go and switch-like code
    /// need thousands), at most 1,000,000. Compiling takes about 270 bytes a level.
    max_nesting: u32,
    /// The data segments of a module, and its element segments. Default and at most 100,000 (Go
    /// modules have tens of thousands).
    max_segments: u32,
    /// The globals that a module defines. Default 10,000, at most 1,000,000.
    max_globals: u32,
    /// The imports of a module. Default 1,000, at most 100,000.
    max_imports: u32,
    /// The exports of a module. Default 10,000, at most 1,000,000.
    max_exports: u32,
    /// The parameters of a function. Default 128, at most 1,000.
    max_params: u32,
    /// The results of a function, and the parameters and results of a block. Default 16
    /// (compilers use one, seldom a few), at most 1,000. Every branch out of a block copies them
    /// all, so a few bytes of code cost as much to compile, in time and memory, as this allows.
    max_results: u32,
    /// The operators of a constant expression: the value that a global begins with, or the place of
    /// a segment. Default 64 (compilers use three at most), from 1 to 255.
    max_constant_operators: u32,
    /// The bytes that a call may write to stdout and stderr together. Default 1 MiB, less than
    /// 2 GiB. What is beyond it is cut: the guest sees a short write, then the errno `NOSPC`, and
    /// [`Outcome::output_truncated`](crate::Outcome::output_truncated) says so.
    max_output_bytes: usize,
    /// The bytes of input to a call, and of its stdin, arguments and environment each. Default
    /// 16 MiB, less than 2 GiB.
    max_input_bytes: usize,
    /// The bytes that a call may return. Default 16 MiB, less than 2 GiB.
    max_result_bytes: usize,
    /// How deep calls from host functions back into the guest may nest. Default 16, from 1 to 32.
    /// Each takes native stack: see [`max_host_stack_bytes`](Self::max_host_stack_bytes).
    max_host_depth: u32,
    /// The bytes of native stack that calls from host functions back into the guest may take, counted
    /// from the first of them. Default 112 KiB, from 4 KiB to 1 GiB. With the default a thread whose
    /// stack has 256 KiB is large enough.
    ///
    /// In an optimised build such a call takes about 4 KiB, and up to 6 KiB more in a guest that grows
    /// its memory all the time, besides what the embedder's function takes. There the default of
    /// `max_host_depth` is reached first. Without optimisation it takes about 40 KiB.
    max_host_stack_bytes: u32,
    /// The bytes that a guest may have the host keep for it in one call: the memory blocks of
    /// Extism, the input among them, each with 64 bytes beside its own; the request and response
    /// of an http-wasm handler. Default 64 MiB, less than 2 GiB.
    max_exchange_bytes: usize,
    /// The bytes of Extism's variables: their names and values, and 64 for each. Default 1 MiB,
    /// less than 2 GiB.
    max_variable_bytes: usize,
    /// The bytes that compiled modules may take in the cache behind `run_function`, `run_greet`
    /// and `run_module`, by estimate: a module's own size, six times its code section (the
    /// engine's compiled code takes 5.1 to 6.0 times), and something for each part of it. Default
    /// 256 MiB; 0 keeps nothing. Plugins loaded by name stay until they are unloaded and do not
    /// count.
    max_cache_bytes: usize,
}
