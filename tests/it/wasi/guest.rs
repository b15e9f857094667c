//! Guests that export each WASI function that they import, under the same name.

use pocketwasm::{Call, Error, Instance, Outcome, Plugin, Runner, RunnerConfig};

pub(super) const PREVIEW1: &str = "wasi_snapshot_preview1";
pub(super) const UNSTABLE: &str = "wasi_unstable";
pub(super) const PAGE: u32 = 65_536;

pub(super) const SUCCESS: u64 = 0;
pub(super) const BADF: u64 = 8;
pub(super) const FAULT: u64 = 21;
pub(super) const INVAL: u64 = 28;
pub(super) const IO: u64 = 29;
pub(super) const NOSPC: u64 = 51;
pub(super) const NOSYS: u64 = 52;
pub(super) const NOTSOCK: u64 = 57;
pub(super) const SPIPE: u64 = 70;

/// The functions that do something, with their parameters: `i` for i32, `I` for i64.
pub(super) const FUNCTIONS: [(&str, &str); 17] = [
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "iIi"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("fd_close", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_filestat_get", "ii"),
    ("fd_read", "iiii"),
    ("fd_seek", "iIii"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("poll_oneoff", "iiii"),
    ("random_get", "ii"),
    ("sched_yield", ""),
];

/// The functions that answer with an error number and do nothing else.
pub(super) const STUBS: [(&str, &str); 28] = [
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_datasync", "i"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("fd_pread", "iiiIi"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_prestat_get", "ii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_readdir", "iiiIi"),
    ("fd_renumber", "ii"),
    ("fd_sync", "i"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("proc_raise", "i"),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

fn params(function: &str) -> &'static str {
    let all = FUNCTIONS.iter().chain(&STUBS);
    let mut found = all.filter(|(name, _)| *name == function);
    found.next().expect("a function of WASI").1
}

/// The text of a module that imports `functions` and exports a wrapper of each, its memory, and
/// what it takes to read and write that memory from outside.
pub(super) fn text(module: &str, functions: &[&str]) -> String {
    text_with(module, functions, "")
}

/// The same, with `more` beside the wrappers; there each function goes by its own name.
pub(super) fn text_with(module: &str, functions: &[&str], more: &str) -> String {
    let (mut imports, mut wrappers) = (String::new(), String::new());
    for function in functions {
        let params = params(function).chars();
        let types = params.clone().map(|ty| match ty {
            'I' => " i64",
            _ => " i32",
        });
        let types: String = types.collect();
        let gets: String = (0..params.count())
            .map(|index| format!(" local.get {index}"))
            .collect();
        imports += &format!(
            "(import {module:?} {function:?} (func ${function} (param{types}) (result i32)))\n"
        );
        wrappers += &format!(
            "(func (export {function:?}) (param{types}) (result i32){gets} call ${function})\n"
        );
    }
    format!(
        r#"(module
        {imports}
        (memory (export "memory") 1)
        (global $at (mut i32) (i32.const 0))
        {wrappers}
        {more}
        (func (export "seek") (param i32) (global.set $at (local.get 0)))
        (func (export "allocate") (param i32) (result i32) (global.get $at))
        (func (export "put") (param i32 i32) (result i64) (i64.const 0))
        (func (export "dump") (param i32 i32) (result i64)
          (i64.extend_i32_u (i32.shl (memory.size) (i32.const 16)))))"#
    )
}

pub(super) fn load(config: RunnerConfig, text: &str) -> Plugin {
    let runner = Runner::new(config).expect("a valid configuration");
    let bytes = wat::parse_str(text).expect("valid text");
    runner.load_plugin("guest", &bytes).expect("a valid module")
}

/// An instance of such a module.
pub(super) struct Guest(Instance);

impl Guest {
    /// A guest of preview1 under the default configuration.
    pub(super) fn new(functions: &[&str]) -> Self {
        Self::with(RunnerConfig::new(), PREVIEW1, functions)
    }

    pub(super) fn with(config: RunnerConfig, module: &str, functions: &[&str]) -> Self {
        Self::of(&load(config, &text(module, functions)))
    }

    pub(super) fn of(plugin: &Plugin) -> Self {
        Self(plugin.instantiate().expect("an instance"))
    }

    /// Calls a function: its error number.
    pub(super) fn errno(&mut self, function: &str, params: &[u64]) -> u64 {
        let outcome = self.call(function, params, |call| call);
        outcome.expect("an error number").results()[0]
    }

    /// Calls a function in surroundings of its own.
    pub(super) fn call(
        &mut self,
        function: &str,
        params: &[u64],
        surroundings: impl for<'a> FnOnce(Call<'a>) -> Call<'a>,
    ) -> Result<Outcome, Error> {
        surroundings(self.0.call(function).params(params)).run()
    }

    /// Writes to the guest's memory, anywhere but at 0.
    pub(super) fn put(&mut self, address: u32, bytes: &[u8]) {
        let seek = self.0.call("seek").params(&[address.into()]).run();
        seek.expect("a position");
        self.0.call("put").input(bytes).run().expect("memory there");
    }

    /// Writes a list of vectors.
    pub(super) fn put_vectors(&mut self, address: u32, vectors: &[(u32, u32)]) {
        self.put(address, &words(vectors));
    }

    /// All of the guest's memory.
    pub(super) fn memory(&mut self) -> Vec<u8> {
        let dump = self.0.call("dump").input(b"").run();
        dump.expect("the memory").into_bytes()
    }

    pub(super) fn bytes(&mut self, address: u32, length: usize) -> Vec<u8> {
        let address = address as usize;
        self.memory()[address..address + length].to_vec()
    }

    pub(super) fn u32(&mut self, address: u32) -> u32 {
        u32::from_le_bytes(self.bytes(address, 4).try_into().unwrap())
    }
}

/// Pairs of 32-bit numbers, as they lie in memory.
pub(super) fn words(pairs: &[(u32, u32)]) -> Vec<u8> {
    let flat = pairs.iter().flat_map(|(a, b)| [*a, *b]);
    flat.flat_map(u32::to_le_bytes).collect()
}
