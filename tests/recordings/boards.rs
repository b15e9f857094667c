//! The recordings of `no_std_check`, which replay on every target. This makes them, and checks that
//! those in the repository are of this build.
//!
//! With `WRITE=1` in the environment it writes them anew.

use crate::support::{load, replay, shown};
use pocketwasm::{Clock, Entropy, Error, HostContext, Outcome, RunnerConfig};
use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Asks the host for numbers, is called back, reads a real clock and real random numbers, and prints.
const MODULE: &str = r#"(module
    (import "env" "dice" (func $dice (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get"
        (func $clock (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "\20\00\00\00\10\00\00\00")
    (func (export "double") (param f64) (result f64) (f64.add (local.get 0) (local.get 0)))
    (func (export "run") (param $turns i32) (result i32)
        (local $sum i32)
        (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 32)))
        (drop (call $random (i32.const 40) (i32.const 8)))
        (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 64)))
        (loop $next
            (local.set $sum (i32.add (local.get $sum)
                (i32.add (call $dice (local.get $turns)) (i32.load (i32.const 100)))))
            (br_if $next (local.tee $turns (i32.sub (local.get $turns) (i32.const 1)))))
        (local.get $sum)))"#;

/// A clock whose readings are the same each time. A deadline passes after `left` readings.
struct Counted(AtomicU64);

impl Clock for Counted {
    fn monotonic(&self) -> Duration {
        match self.0.fetch_sub(1, Ordering::Relaxed) {
            0 | 0x8000_0000_0000_0000.. => Duration::from_secs(1_000_000),
            _ => Duration::ZERO,
        }
    }

    fn since_epoch(&self) -> Duration {
        Duration::from_nanos(1_234_567_890_123_456_789)
    }

    fn sleep(&self, _: Duration) {}
}

struct Same;

impl Entropy for Same {
    fn fill(&self, bytes: &mut [u8]) -> bool {
        bytes.fill(0xa5);
        true
    }
}

/// A host function with every kind of effect that a board can follow.
fn dice(context: &mut HostContext<'_>, turn: i32) -> Result<i32, Error> {
    if turn == 99 {
        context.read(u32::MAX, 1)?;
    }
    context.write(100, &(turn * 7).to_le_bytes())?;
    context.charge(11)?;
    context.write_stderr(b"dice\n")?;
    let doubled = context.call("double", &[(f64::from(turn) / 3.0).to_bits()])?;
    Ok((f64::from_bits(doubled[0]) * 100.0) as i32)
}

#[test]
fn the_recordings_of_the_boards_are_of_this_build() {
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("no_std_check/cases/recorded");
    let write = std::env::var_os("WRITE").is_some();
    let module = wat::parse_str(MODULE).expect("a module");
    let config = |readings| {
        RunnerConfig::new()
            .clock(Counted(AtomicU64::new(readings)))
            .guest_clock(Counted(AtomicU64::new(u64::MAX >> 2)))
            .guest_entropy(Same)
            .max_memory_pages(4)
            .max_output_bytes(1_000)
            .max_stack_bytes(64 << 10)
            .max_recursion_depth(500)
            .slice(1_000)
            .function("env", "dice", dice)
    };
    let mut lines = Vec::new();
    let mut files = vec![("module.wasm".to_owned(), module.clone())];
    for (name, readings, turns) in [
        ("success", u64::MAX >> 2, 5),
        ("failure", u64::MAX >> 2, 99),
        ("deadline", 12, 90),
    ] {
        let plugin = load(config(readings), &module);
        let mut recording = None;
        let done = plugin
            .call("run")
            .params(&[turns])
            .record(&mut recording)
            .run();
        let file = recording.expect("a recording").to_bytes();
        lines.push(format!("recorded, {name}: {}", told(&done)));
        lines.push(format!(
            "recorded, {name}, damaged: Recording (the recording is damaged: its hash is another)"
        ));
        assert_eq!(
            shown(&replay(&file, &module).expect(name)),
            shown(&done),
            "{name}"
        );
        files.push((format!("{name}.pwrec"), file));
    }
    for (name, bytes) in files {
        let path = at.join(&name);
        if write {
            fs::write(&path, &bytes).expect("writable");
        }
        let kept = fs::read(&path).expect("the file is there");
        assert!(kept == bytes, "{name} is another; `WRITE=1` writes it anew");
    }
    // The lines that each target must give, between those of modules that are refused and those of
    // large guests.
    let path = at.join("../expected.txt");
    let mut expected = fs::read_to_string(&path).expect("the table");
    if write {
        let others = expected
            .lines()
            .filter(|line| !line.starts_with("recorded, "));
        let mut all: Vec<&str> = others.collect();
        let end = all
            .iter()
            .rposition(|line| line.starts_with("refused"))
            .expect("a line")
            + 1;
        all.splice(end..end, lines.iter().map(String::as_str));
        expected = all.join("\n") + "\n";
        fs::write(&path, &expected).expect("writable");
    }
    let kept = expected
        .lines()
        .filter(|line| line.starts_with("recorded, "));
    assert_eq!(kept.collect::<Vec<_>>(), lines);
}

/// How a call ended, as the table has it.
fn told(done: &Result<Outcome, Error>) -> String {
    let sum = |bytes: &[u8]| {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    let (end, outcome) = match done {
        Ok(outcome) => ("ok".to_owned(), Some(outcome)),
        Err(error) => (format!("{:?} ({error})", error.kind()), error.outcome()),
    };
    let outcome = outcome.expect("a call that began");
    let (stdout, stderr) = (sum(outcome.stdout()), sum(outcome.stderr()));
    format!(
        "{end} {:x?} output {stdout:016x} {stderr:016x} fuel {} pages {}",
        outcome.results(),
        outcome.fuel_used(),
        outcome.peak_memory_pages()
    )
}
