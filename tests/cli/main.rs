//! Tests of the program, which run it as a process. One module per topic.

mod backtraces;
mod benches;
mod calls;
mod commands;
mod conventions;
mod covers;
mod debugging;
mod failures;
mod files;
mod gdb;
mod limits;
mod listing;
mod mistakes;
mod new;
mod profiles;
mod recordings;
mod reports;
mod snapshots;
mod traces;
mod typed;

use std::{
    ffi::OsStr,
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    thread,
};
use tempfile::TempDir;

/// A directory with guests, in which the program runs, so that its messages name no other.
struct Guests(TempDir);

impl Guests {
    /// Guests by their names in `fixtures`: `name.wat` is compiled, `name.wasm` is copied.
    #[track_caller]
    fn new(names: &[&str]) -> Self {
        let guests = Self(tempfile::tempdir().unwrap());
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        for name in names {
            match name.strip_suffix(".wat") {
                Some(stem) => {
                    let module = wat::parse_file(fixtures.join("wat").join(name)).unwrap();
                    guests.put(&format!("{stem}.wasm"), module);
                }
                None => guests.put(name, fs::read(fixtures.join(name)).unwrap()),
            }
        }
        guests
    }

    /// Puts a file into the directory, and the folders above it.
    #[track_caller]
    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The program, to be started there with `args`.
    fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pocketwasm"));
        command
            .args(args)
            .current_dir(self.0.path())
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    #[track_caller]
    fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    /// Runs the program to its end with `input` on its stdin.
    #[track_caller]
    fn run_with(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // From a thread, since the program may write before it has read everything. It need not
        // read at all.
        let writer = thread::spawn(move || stdin.write_all(&input).is_ok());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ran::from(output)
    }
}

/// What the program said and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Without what explains an error, which `backtraces.rs` looks at.
impl From<std::process::Output> for Ran {
    fn from(output: std::process::Output) -> Self {
        let mut stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        if let Some(start) = stderr.find(BACKTRACE) {
            let lines = stderr[start..].split_inclusive('\n').skip(1);
            let indented = lines.take_while(|line| line.starts_with("  "));
            let length: usize = indented.map(str::len).sum();
            let end = start + BACKTRACE.len() + length;
            stderr.replace_range(start..end, "");
        }
        if let Some(start) = stderr.find(NO_BACKTRACE) {
            let line = stderr[start..].split_inclusive('\n').next();
            stderr.replace_range(start..start + line.map_or(0, str::len), "");
        }
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr,
        }
    }
}

/// How the line begins that says why there is none.
const NO_BACKTRACE: &str = "pocketwasm: no backtrace: ";

/// The line before a backtrace.
const BACKTRACE: &str = "pocketwasm: backtrace, the innermost function first\n";

impl Ran {
    /// Checks all of it.
    #[track_caller]
    fn is(&self, name: &str, code: i32, stdout: &str, stderr: &str) {
        let expected = Self {
            code: Some(code),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        };
        assert_eq!(*self, expected, "{name}");
    }

    /// The object on stdout, which is one line.
    #[track_caller]
    fn json(&self) -> serde_json::Value {
        assert_eq!(self.stdout.matches('\n').count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }
}
