//! Scripts for the guest `rust-files.wasm`, whose source says what a step is.

use crate::support::{fixture, patient, runner};
use pocketwasm::{Call, Files, Outcome, Plugin, RunnerConfig};
use std::sync::LazyLock;

pub(super) const READ: u64 = 1 << 1;
pub(super) const WRITE: u64 = 1 << 6;
pub(super) const BOTH: u64 = READ | WRITE;
pub(super) const CREATE: u8 = 1;
pub(super) const DIRECTORY: u8 = 2;
pub(super) const EXCLUSIVE: u8 = 4;
pub(super) const TRUNCATE: u8 = 8;
pub(super) const APPEND: u8 = 1;

/// The codes of the steps, in their order.
const CODES: [&str; 30] = [
    "open",
    "close",
    "read",
    "pread",
    "write",
    "pwrite",
    "seek",
    "tell",
    "fstat",
    "set_size",
    "set_fd_times",
    "allocate",
    "advise",
    "sync",
    "datasync",
    "fdstat",
    "set_flags",
    "readdir",
    "renumber",
    "mkdir",
    "rmdir",
    "unlink",
    "stat",
    "set_times",
    "link",
    "rename",
    "symlink",
    "readlink",
    "prestat",
    "set_rights",
];

/// A step of a script. Paths are resolved in slot 3, the first directory that is found open.
#[derive(Debug, Clone)]
pub(super) struct Step {
    code: &'static str,
    fd: u8,
    to: u8,
    lookup: u8,
    how: u8,
    flags: u8,
    rights: u64,
    n: u64,
    m: u64,
    first: Vec<u8>,
    second: Vec<u8>,
}

pub(super) fn step(code: &'static str) -> Step {
    Step {
        code,
        fd: 3,
        to: 3,
        lookup: 0,
        how: 0,
        flags: 0,
        rights: 0,
        n: 0,
        m: 0,
        first: Vec::new(),
        second: Vec::new(),
    }
}

/// Opens a path in a slot.
pub(super) fn open(path: &str, slot: u8, how: u8, rights: u64) -> Step {
    Step {
        to: slot,
        how,
        rights,
        ..step("open").path(path)
    }
}

/// A step on the descriptor in a slot.
pub(super) fn on(code: &'static str, slot: u8) -> Step {
    Step {
        fd: slot,
        ..step(code)
    }
}

impl Step {
    pub(super) fn path(self, path: &str) -> Self {
        self.bytes(path.as_bytes())
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.first = bytes.to_vec();
        self
    }

    pub(super) fn second(mut self, path: &str) -> Self {
        self.second = path.as_bytes().to_vec();
        self
    }

    pub(super) fn fd(mut self, slot: u8) -> Self {
        self.fd = slot;
        self
    }

    pub(super) fn to(mut self, slot: u8) -> Self {
        self.to = slot;
        self
    }

    pub(super) fn follow(mut self) -> Self {
        self.lookup = 1;
        self
    }

    pub(super) fn lookup(mut self, lookup: u8) -> Self {
        self.lookup = lookup;
        self
    }

    pub(super) fn flags(mut self, flags: u8) -> Self {
        self.flags = flags;
        self
    }

    pub(super) fn n(mut self, n: u64) -> Self {
        self.n = n;
        self
    }

    pub(super) fn m(mut self, m: u64) -> Self {
        self.m = m;
        self
    }

    fn write(&self, script: &mut Vec<u8>) {
        let code = CODES.iter().position(|code| *code == self.code);
        let code = u8::try_from(code.expect("a code")).unwrap();
        let Self {
            fd,
            to,
            lookup,
            how,
            flags,
            ..
        } = *self;
        script.extend([code, fd, to, lookup, how, flags, 0, 0]);
        for number in [self.rights, self.n, self.m] {
            script.extend(number.to_le_bytes());
        }
        for bytes in [&self.first, &self.second] {
            script.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        }
        script.extend([0; 8]);
        script.extend(&self.first);
        script.extend(&self.second);
    }
}

pub(super) fn script(steps: &[Step]) -> Vec<u8> {
    let mut script = Vec::new();
    for step in steps {
        step.write(&mut script);
    }
    script
}

/// A plugin that carries scripts out.
pub(super) fn guest(config: RunnerConfig) -> Plugin {
    let runner = runner(config);
    let module = fixture("rust-files.wasm");
    runner.load_plugin("files", module).expect("it loads")
}

static GUEST: LazyLock<Plugin> = LazyLock::new(|| guest(patient()));

/// Carries a script out on these files.
pub(super) fn carry_out(files: &Files, steps: &[Step]) -> Outcome {
    carry_out_by(&GUEST, files, steps)
}

pub(super) fn carry_out_by(plugin: &Plugin, files: &Files, steps: &[Step]) -> Outcome {
    ended(plugin.call("_start").files(files), steps)
}

/// Ends a call with a script.
pub(super) fn ended(call: Call<'_>, steps: &[Step]) -> Outcome {
    let call = call.stdin(script(steps));
    call.run().unwrap_or_else(|error| panic!("{error}"))
}

/// What the guest said to each step.
pub(super) fn lines(outcome: &Outcome) -> Vec<String> {
    let text = String::from_utf8_lossy(outcome.stdout());
    text.lines().map(str::to_owned).collect()
}

/// Runs named cases, each on its own: steps, and what the guest says to them.
pub(super) fn check(files: &Files, cases: &[(&str, &[(Step, &str)])]) {
    for (name, steps) in cases {
        let (steps, expected): (Vec<_>, Vec<_>) = steps.iter().cloned().unzip();
        let outcome = carry_out(files, &steps);
        assert_eq!(lines(&outcome), expected, "{name}");
    }
}

/// Files, directories and links, some of which are not to be changed.
pub(super) fn files() -> Files {
    Files::new()
        .file("/file", "hello world")
        .file("/full/inner", "x")
        .dir("/empty")
        .symlink("/to-file", "file")
        .symlink("/to-dir", "full")
        .symlink("/loop", "loop")
        .symlink("/dangling", "nowhere")
        .symlink("/up", "../file")
        .symlink("/inside", "full/../file")
        .symlink("/absolute", "/file")
        .file("/fixed/file", "fixed")
        .read_only("/fixed")
}
