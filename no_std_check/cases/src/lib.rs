//! One table of cases whose answers must be the same on every target.
//!
//! Each case comes to a line: its name, how it ended, what it gave, its fuel and its pages. What
//! is long is given by its checksum. The lines that are expected are in `expected.txt`.

#![no_std]

extern crate alloc;

#[cfg(feature = "files")]
mod files;
#[cfg(feature = "recordings")]
mod recordings;

use alloc::{format, string::String, vec::Vec};
use core::fmt::Write as _;
use pocketwasm::{Call, Error, Instance, Outcome, Runner, RunnerConfig};

/// The lines that every target must give, as far as it runs the cases.
pub const EXPECTED: &str = include_str!("../expected.txt");

/// What to do where lines differ.
pub const IF_DIFFERENT: &str = "\
If that was meant (another engine, another fuel table), the table is made anew by
  cd no_std_check && cargo run --release -p native -- --print > cases/expected.txt
and CHANGELOG.md says so: whoever records fuel or results must know.";

macro_rules! built {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".wasm"))
    };
}

#[cfg(feature = "files")]
use built;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../fixtures/", $name, ".wasm"))
    };
}

const WASI: &[(&str, usize)] = include!(concat!(env!("OUT_DIR"), "/wasi.rs"));
const FLOATS: &[(&str, usize)] = include!(concat!(env!("OUT_DIR"), "/floats.rs"));

/// FNV-1a: short, and not in need of being hard to invert.
#[derive(Clone, Copy)]
struct Sum(u64);

impl Sum {
    const NEW: Self = Self(0xcbf2_9ce4_8422_2325);

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn of(bytes: &[u8]) -> u64 {
        let mut sum = Self::NEW;
        sum.add(bytes);
        sum.0
    }
}

impl core::fmt::Write for Sum {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

/// Whether a line is as expected; a line of no known case is not.
#[must_use]
pub fn is_expected(line: &str) -> bool {
    EXPECTED.lines().any(|expected| expected == line)
}

/// The settings of every case: small enough for a board, no clock.
#[must_use]
pub fn config() -> RunnerConfig {
    RunnerConfig::new()
        .no_clock()
        .max_memory_pages(4)
        .max_output_bytes(1_000)
        .max_stack_bytes(64 << 10)
        .max_recursion_depth(500)
        .fuel(20_000_000)
}

/// Runs the table; `line` gets each case's line.
///
/// # Errors
///
/// A module of the table that does not load.
pub fn run(mut line: impl FnMut(&str)) -> Result<(), Error> {
    line(&format!("engine: {}", pocketwasm::ENGINE));
    let runner = Runner::new(config())?;
    numbers(&runner, &mut line)?;
    floats(&runner, &mut line)?;
    edges(&runner, &mut line)?;
    budgets(&runner, &mut line)?;
    wasi(&runner, &mut line)?;
    #[cfg(feature = "files")]
    files::run(&runner, &mut line)?;
    refused(&runner, &mut line);
    #[cfg(feature = "recordings")]
    recordings::run(&mut line)?;
    runner.unload_plugin("case");
    #[cfg(feature = "large")]
    guests(&mut line)?;
    Ok(())
}

/// How a call ended, in one line.
fn told(result: &Result<Outcome, Error>) -> String {
    let mut text = String::new();
    let outcome = match result {
        Ok(outcome) => {
            text.push_str("ok");
            Some(outcome)
        }
        Err(error) => {
            let _ = write!(text, "{:?} ({error})", error.kind());
            error.outcome()
        }
    };
    if let Some(outcome) = outcome {
        let _ = write!(text, " {:x?}", outcome.results());
        if !outcome.bytes().is_empty() {
            let _ = write!(text, " bytes {:016x}", Sum::of(outcome.bytes()));
        }
        if !outcome.stdout().is_empty() || !outcome.stderr().is_empty() {
            let (out, err) = (Sum::of(outcome.stdout()), Sum::of(outcome.stderr()));
            let _ = write!(text, " output {out:016x} {err:016x}");
        }
        if outcome.output_truncated() {
            text.push_str(" truncated");
        }
        let _ = write!(
            text,
            " fuel {} pages {}",
            outcome.fuel_used(),
            outcome.peak_memory_pages()
        );
    }
    text
}

fn tell(line: &mut impl FnMut(&str), name: &str, call: Call<'_>) {
    line(&format!("{name}: {}", told(&call.run())));
}

fn numbers(runner: &Runner, line: &mut impl FnMut(&str)) -> Result<(), Error> {
    let add = runner.load_plugin("case", fixture!("add"))?;
    tell(line, "add", add.call("add").params(&[2, 40]));
    tell(
        line,
        "add, wrapping",
        add.call("add").params(&[0xffff_ffff, 2]),
    );
    let work = runner.load_plugin("case", built!("work"))?;
    for rounds in [1, 100, 20_000] {
        tell(
            line,
            &format!("work {rounds}"),
            work.call("work").params(&[rounds]),
        );
    }
    Ok(())
}

/// Every operator over every pair of these, as one checksum an operator.
fn floats(runner: &Runner, line: &mut impl FnMut(&str)) -> Result<(), Error> {
    const F64: [u64; 12] = [
        0,
        0x8000_0000_0000_0000,
        0x3ff0_0000_0000_0000,
        0xbff8_0000_0000_0000,
        0x7ff0_0000_0000_0000,
        0xfff0_0000_0000_0000,
        0x7ff8_0000_0000_0000,
        0xfff8_0000_0000_0001,
        0x7ff0_0000_dead_beef,
        0xfff4_0000_0000_0000,
        0x0000_0000_0000_0001,
        0x47ef_ffff_f000_0000,
    ];
    const F32: [u64; 12] = [
        0,
        0x8000_0000,
        0x3f80_0000,
        0xbfc0_0000,
        0x7f80_0000,
        0xff80_0000,
        0x7fc0_0000,
        0xffc0_0001,
        0x7f80_beef,
        0xffa0_0000,
        0x0000_0001,
        0x7f7f_ffff,
    ];
    let plugin = runner.load_plugin("case", built!("floats"))?;
    let mut instance = plugin.instantiate()?;
    for (ty, values) in [("f32", F32), ("f64", F64)] {
        for (name, arity) in FLOATS {
            let name = format!("{ty}.{name}");
            float(&mut instance, &name, &values, *arity, line);
        }
    }
    float(&mut instance, "f64.promote_f32", &F32, 1, line);
    for name in [
        "f32.demote_f64",
        "i64.trunc_sat_f64_s",
        "i64.trunc_sat_f64_u",
    ] {
        float(&mut instance, name, &F64, 1, line);
    }
    for name in ["f64.convert_i64_u", "f32.convert_i64_s"] {
        float(&mut instance, name, &F64, 1, line);
    }
    Ok(())
}

fn float(
    instance: &mut Instance,
    name: &str,
    values: &[u64],
    arity: usize,
    line: &mut impl FnMut(&str),
) {
    let mut sum = Sum::NEW;
    for a in values {
        for b in if arity == 2 { values } else { &[0] } {
            let params = [*a, *b];
            let params = if arity == 2 {
                &params[..]
            } else {
                &params[..1]
            };
            let _ = write!(sum, "{};", told(&instance.call(name).params(params).run()));
        }
    }
    line(&format!("{name}: {:016x}", sum.0));
}

fn edges(runner: &Runner, line: &mut impl FnMut(&str)) -> Result<(), Error> {
    let plugin = runner.load_plugin("case", built!("edges"))?;
    for name in [
        "unreachable",
        "load",
        "table",
        "null",
        "type",
        "divide",
        "overflow",
        "convert",
        "grow",
        "grow_table",
        "flood",
    ] {
        tell(line, name, plugin.call(name));
    }
    tell(line, "recurse", plugin.call("recurse").params(&[0]));
    tell(line, "no such export", plugin.call("flod"));
    tell(line, "wrong arity", plugin.call("recurse"));
    tell(line, "no convention", plugin.call("recurse").input("x"));
    Ok(())
}

/// Out of fuel at a thousand places.
fn budgets(runner: &Runner, line: &mut impl FnMut(&str)) -> Result<(), Error> {
    let work = runner.load_plugin("case", built!("work"))?;
    let mut sum = Sum::NEW;
    for fuel in 0..1_000 {
        let _ = write!(
            sum,
            "{};",
            told(&work.call("work").params(&[20]).fuel(fuel).run())
        );
    }
    line(&format!("a thousand budgets: {:016x}", sum.0));
    let edges = runner.load_plugin("case", built!("edges"))?;
    let mut sum = Sum::NEW;
    for fuel in (0..100_000).step_by(271) {
        let _ = write!(sum, "{};", told(&edges.call("grow_table").fuel(fuel).run()));
    }
    line(&format!("budgets of growing a table: {:016x}", sum.0));
    Ok(())
}

/// Every function of WASI with arguments good and bad, in one instance.
fn wasi(runner: &Runner, line: &mut impl FnMut(&str)) -> Result<(), Error> {
    let plugin = runner.load_plugin("case", built!("wasi"))?;
    // At 64 a vector of 16 bytes at 512; at 96 a subscription to the monotonic clock.
    let setup = |instance: &mut Instance| -> Result<(), Error> {
        for (at, value) in [(64, 512), (68, 16), (112, 1), (120, 1_000_000)] {
            instance.call("store").params(&[at, value]).run()?;
        }
        Ok(())
    };
    let sets: [&[u64]; 5] = [
        &[0, 64, 1, 256, 264, 272, 280, 288, 296],
        &[1, 64, 1, 256, 264, 272, 280, 288, 296],
        &[96, 256, 1, 384, 264, 272, 280, 288, 296],
        &[3, 65_536, 1, 0xffff_fffc, 264, 272, 280, 288, 296],
        &[0xffff_ffff; 9],
    ];
    for (name, arity) in WASI {
        let mut sum = Sum::NEW;
        for set in sets {
            let mut instance = plugin.instantiate()?;
            setup(&mut instance)?;
            let params: Vec<u64> = set.iter().copied().take(*arity).collect();
            let call = instance.call(name).params(&params).args(["one", "two"]);
            let told = told(&call.env("NAME", "value").stdin("input").run());
            let memory = instance.call("sum").run();
            let _ = write!(sum, "{told} {memory:?};");
        }
        line(&format!("{name}: {:016x}", sum.0));
    }
    Ok(())
}

/// Modules that are refused, by the reason.
fn refused(runner: &Runner, line: &mut impl FnMut(&str)) {
    let add: &[u8] = fixture!("add");
    let half = add.get(..add.len() / 2).unwrap_or_default();
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("text", b"(module)"),
        ("half", half),
        ("other", b"\x7fELF"),
    ] {
        let told = match runner.load_plugin("case", bytes) {
            Ok(_) => String::from("loaded"),
            Err(error) => format!("{:?} ({error})", error.kind()),
        };
        line(&format!("refused, {name}: {told}"));
    }
}

/// The guests of every toolchain.
#[cfg(feature = "large")]
fn guests(line: &mut impl FnMut(&str)) -> Result<(), Error> {
    let runner = Runner::new(
        config()
            .max_memory_pages(1_024)
            .max_stack_bytes(1 << 20)
            .max_recursion_depth(10_000)
            .fuel(200_000_000),
    )?;
    let packed: [(&str, &[u8]); 5] = [
        ("rust-greet", fixture!("rust-greet")),
        ("c-greet", fixture!("c-greet")),
        ("zig-greet", fixture!("zig-greet")),
        ("go-greet", fixture!("go-greet")),
        ("as-packed", fixture!("as-packed")),
    ];
    for (name, bytes) in packed {
        let plugin = runner.load_plugin(name, bytes)?;
        tell(
            line,
            &format!("{name} greet"),
            plugin.call("greet").input("World"),
        );
        tell(
            line,
            &format!("{name} echo"),
            plugin.call("echo").input(&[7; 5_000]),
        );
        tell(
            line,
            &format!("{name} starved"),
            plugin.call("greet").input("World").fuel(1_000),
        );
        runner.unload_plugin(name);
    }
    let commands: [(&str, &[u8]); 5] = [
        ("rust-command", fixture!("rust-command")),
        ("c-command", fixture!("c-command")),
        ("zig-command", fixture!("zig-command")),
        ("go-command", fixture!("go-command")),
        ("rust-clock", fixture!("rust-clock")),
    ];
    for (name, bytes) in commands {
        let plugin = runner.load_plugin(name, bytes)?;
        let call = plugin
            .call("_start")
            .args(["a", "b"])
            .env("FOO", "x")
            .stdin("hello");
        tell(line, name, call);
        tell(
            line,
            &format!("{name}, code 7"),
            plugin.call("_start").env("CODE", "7"),
        );
        runner.unload_plugin(name);
    }
    Ok(())
}

/// A greeting by a guest of one page of 65,536 bytes, and by one of 1,024 pages of one byte.
pub fn greetings() -> impl Iterator<Item = (&'static str, Result<String, Error>)> {
    let guests: [(&str, &[u8]); 2] = [
        ("1,024 bytes of memory", built!("small_page")),
        ("1 page of memory", fixture!("as-packed")),
    ];
    guests.into_iter().map(|(name, bytes)| {
        let greeting = || -> Result<String, Error> {
            let runner = Runner::new(config().max_memory_pages(1))?;
            runner.load_plugin("greet", bytes)?;
            runner.run_plugin_string("greet", "greet", "World")
        };
        (name, greeting())
    })
}
