//! The functions that AssemblyScript modules import: `abort`, `trace`, `seed`, and the browser
//! functions of its standard library. Their import names changed in version 0.20; both forms are
//! known.

use super::objects::{header, units};
use crate::{
    common::{
        failure::{Cause, Failure, LONGEST_REPORT},
        output::Stream,
    },
    engine::{
        builtin_function::{BuiltinFunction, Definition},
        clock::{Clock, now},
        host_functions::{charge_bytes, guest},
        store_data::StoreData,
    },
};
use alloc::{
    format,
    string::{String, ToString},
};
use wasmi::{Caller, Linker};

pub(super) fn define(
    linker: &mut Linker<StoreData>,
    module: &str,
    name: &str,
) -> Option<Definition> {
    let path = match module {
        "env" => name.to_string(),
        "console" | "Date" | "performance" => format!("{module}.{name}"),
        _ => return None,
    };
    Some(match &*path {
        "abort" => abort.define(linker, module, name),
        "trace" => trace.define(linker, module, name),
        "seed" => seed.define(linker, module, name),
        "console.log" | "console.info" | "console.debug" => {
            console(Stream::Stdout).define(linker, module, name)
        }
        "console.warn" | "console.error" => console(Stream::Stderr).define(linker, module, name),
        "console.assert" => console_assert.define(linker, module, name),
        "console.time" => console_time.define(linker, module, name),
        "console.timeLog" => console_time_log.define(linker, module, name),
        "console.timeEnd" => console_time_end.define(linker, module, name),
        "Date.now" => date_now.define(linker, module, name),
        "performance.now" => performance_now.define(linker, module, name),
        _ => return None,
    })
}

/// Reads a string that the guest passes to a host function, cut to a bounded length. For messages
/// only.
fn text(caller: &mut Caller<'_, StoreData>, pointer: u32) -> Result<String, Failure> {
    if pointer == 0 {
        return Ok(String::new());
    }
    let (memory, _) = guest(caller)?;
    let Some((_, length)) = header(&memory, pointer) else {
        return Err(Cause::GuestData {
            problem: format!("a string at {pointer:#x} is no object in memory (assemblyscript)"),
            source: None,
        }
        .into());
    };
    memory
        .range(pointer, length.into())
        .map_err(|outside| outside.of("a string for the host"))?;
    let cut = u64::from(length).min(LONGEST_REPORT as u64);
    charge_bytes(caller, cut)?;
    let (memory, _) = guest(caller)?;
    let bytes = memory.bytes(pointer, cut);
    let bytes = bytes.map_err(|outside| outside.of("a string for the host"))?;
    let lossy = |unit: Result<char, _>| unit.unwrap_or(char::REPLACEMENT_CHARACTER);
    Ok(char::decode_utf16(units(bytes)).map(lossy).collect())
}

/// `env.abort`: called by the runtime when nothing catches an error.
fn abort(
    caller: &mut Caller<'_, StoreData>,
    message: u32,
    file: u32,
    line: u32,
    column: u32,
) -> Result<(), Failure> {
    let message = text(caller, message)?;
    let file = text(caller, file)?;
    let at = format!("{file}:{line}:{column}");
    let report = match (&*message, &*file) {
        ("", "") => "aborted".to_string(),
        ("", _) => format!("aborted at {at}"),
        (_, "") => message,
        _ => format!("{message} at {at}"),
    };
    Err(Failure::reported(report.as_bytes()))
}

/// `env.trace`: writes a line to the guest's standard error.
#[allow(clippy::too_many_arguments, reason = "AssemblyScript's signature")]
fn trace(
    caller: &mut Caller<'_, StoreData>,
    message: u32,
    count: u32,
    a: f64,
    b: f64,
    c: f64,
    d: f64,
    e: f64,
) -> Result<(), Failure> {
    let mut line = format!("trace: {}", text(caller, message)?);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    for (position, number) in [a, b, c, d, e].into_iter().take(count).enumerate() {
        let separator = if position == 0 { " " } else { ", " };
        line.push_str(&format!("{separator}{number}"));
    }
    line.push('\n');
    let _ = caller.data_mut().write(Stream::Stderr, line.as_bytes());
    Ok(())
}

/// `env.seed`: the seed of the guest's own random numbers.
fn seed(caller: &mut Caller<'_, StoreData>) -> Result<f64, Failure> {
    let mut bytes = [0; 4];
    let entropy = caller.data().meter.context().config.guest_entropy.clone();
    match entropy {
        Some(entropy) if caller.data_mut().fill(&*entropy, &mut bytes)? => {}
        Some(_) => {
            return Err(Cause::Host {
                problem: "there is no randomness for `env.seed`".to_string(),
                source: None,
            }
            .into());
        }
        None => caller.data_mut().random.fill(&mut bytes),
    }
    Ok(u32::from_le_bytes(bytes).into())
}

/// `console.log` and similar functions: writes a line.
fn console(
    stream: Stream,
) -> impl Fn(&mut Caller<'_, StoreData>, u32) -> Result<(), Failure> + Send + Sync + 'static {
    move |caller, message| {
        let line = text(caller, message)? + "\n";
        // The outcome reports truncated output.
        let _ = caller.data_mut().write(stream, line.as_bytes());
        Ok(())
    }
}

/// `console.assert`: writes a line if the condition is false.
fn console_assert(
    caller: &mut Caller<'_, StoreData>,
    holds: u32,
    message: u32,
) -> Result<(), Failure> {
    if holds == 0 {
        let line = format!("Assertion failed: {}\n", text(caller, message)?);
        let _ = caller.data_mut().write(Stream::Stderr, line.as_bytes());
    }
    Ok(())
}

/// The most timers that run at a time. Others do not begin.
const MOST_TIMERS: usize = 100;

/// `console.time`: begins a timer. A timer that runs goes on.
fn console_time(caller: &mut Caller<'_, StoreData>, label: u32) -> Result<(), Failure> {
    let label = text(caller, label)?;
    let began = now(caller, Clock::Monotonic);
    let timers = &mut caller.data_mut().convention_state().timers;
    if timers.len() < MOST_TIMERS {
        timers.entry(label).or_insert(began);
    }
    Ok(())
}

/// `console.timeLog`: writes how long a timer has run.
fn console_time_log(caller: &mut Caller<'_, StoreData>, label: u32) -> Result<(), Failure> {
    let label = text(caller, label)?;
    let now = now(caller, Clock::Monotonic);
    let state = caller.data_mut();
    if let Some(began) = state.convention_state().timers.get(&label) {
        let milliseconds = number(now.saturating_sub(*began)) / 1_000_000.0;
        let line = format!("{label}: {milliseconds:.3}ms\n");
        let _ = state.write(Stream::Stdout, line.as_bytes());
    }
    Ok(())
}

/// `console.timeEnd`: writes how long a timer has run, and ends it.
fn console_time_end(caller: &mut Caller<'_, StoreData>, label: u32) -> Result<(), Failure> {
    console_time_log(caller, label)?;
    let label = text(caller, label)?;
    caller.data_mut().convention_state().timers.remove(&label);
    Ok(())
}

/// `Date.now`: whole milliseconds since 1970.
fn date_now(caller: &mut Caller<'_, StoreData>) -> Result<f64, Failure> {
    Ok(number(now(caller, Clock::Realtime) / 1_000_000))
}

/// `performance.now`: milliseconds since the instance was made.
fn performance_now(caller: &mut Caller<'_, StoreData>) -> Result<f64, Failure> {
    Ok(number(now(caller, Clock::Monotonic)) / 1_000_000.0)
}

#[allow(
    clippy::cast_precision_loss,
    reason = "JavaScript has no other numbers"
)]
fn number(integer: u64) -> f64 {
    integer as f64
}
