//! `pocketwasm trace`: the calls that a call makes, with their values.

use crate::{
    exit::Code,
    failure::Failure,
    guest::CallOptions,
    lock::hex,
    number,
    options::Options,
    streams::{GuestOutput, Stream},
    watched::WatchedCall,
};
use clap::Args;
use pocketwasm::{
    explain::{MemoryWrite, Trace, TraceEvent, TraceKind, TraceOptions},
    types::Value,
};
use serde_json::json;
use std::{
    fmt::Write as _,
    io::{BufWriter, Write as _},
};

/// The bytes of a write that a line shows.
const SHOWN_BYTES: usize = 16;

/// Show each call that a call makes, with arguments and results
///
/// Runs the call once, on a copy of the module that tells of each call of its functions and of the
/// host's. A line has the fuel used until then, and is indented by how deep the call is. `>` is a
/// call, `<` a return, `^` the end of a function by a tail call. What the guest writes is dropped. With
/// --recording, the call is that of a recording.
#[derive(Debug, Args)]
#[command(
    override_usage = "pocketwasm trace [OPTIONS] <MODULE> <EXPORT> [PARAMS]...\n       \
                      pocketwasm trace [OPTIONS] --recording <FILE> [--module <MODULE>]"
)]
pub(crate) struct TraceCommand {
    #[command(flatten)]
    call: WatchedCall,
    #[command(flatten)]
    events: EventOptions,
    #[command(flatten)]
    options: CallOptions,
}

/// Which events are shown.
#[derive(Debug, Args)]
pub(crate) struct EventOptions {
    /// Show only functions whose name matches, `*` stands for any characters; the host's have their
    /// module's name, as in `env.log`; repeatable
    #[arg(long, value_name = "PATTERN")]
    function: Vec<String>,
    /// Show only what happens from that unit of fuel on
    #[arg(long, value_name = "FUEL", default_value_t = 0)]
    from_fuel: u64,
    /// Show only what happens up to that unit of fuel
    #[arg(long, value_name = "FUEL")]
    to_fuel: Option<u64>,
    /// Show at most that many events
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    max_events: u64,
}

impl EventOptions {
    pub(crate) fn options(&self) -> TraceOptions {
        let mut options = TraceOptions::new()
            .from_fuel(self.from_fuel)
            .to_fuel(self.to_fuel.unwrap_or(u64::MAX))
            .max_events(self.max_events);
        for pattern in &self.function {
            options = options.function(pattern);
        }
        options
    }
}

impl TraceCommand {
    pub(crate) fn options(&self) -> &Options {
        &self.options.options
    }

    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        let output = GuestOutput::default();
        let as_json = self.options().json.json;
        if let Some(recorded) = self.call.recorded(&self.options().limits.module)? {
            let last = recorded.recording.exports().count().saturating_sub(1);
            let mut print = printer(&output, as_json);
            let each = move |number: usize, event: &TraceEvent<'_>| {
                if number == last {
                    print(event);
                }
            };
            let traces = recorded.replayer()?.trace(&self.events.options(), each)?;
            return match traces.into_iter().next_back() {
                Some(trace) => finish(trace, &output, as_json),
                None => Ok(Code::SUCCESS),
            };
        }
        let (trace, ..) = self.call.run("trace", &self.options, |call| {
            call.trace(&self.events.options(), printer(&output, as_json))
        })?;
        finish(trace, &output, as_json)
    }
}

/// Prints each event. What could not be printed is in `output`.
pub(crate) fn printer(
    output: &GuestOutput,
    as_json: bool,
) -> impl FnMut(&TraceEvent<'_>) + Send + 'static {
    let mut out = BufWriter::new(output.to(Stream::Stdout));
    move |event| {
        let line = match as_json {
            true => as_object(event),
            false => as_text(event),
        };
        // The failure is kept.
        let _ = out.write_all(line.as_bytes());
    }
}

/// Says how a trace ended.
pub(crate) fn finish(trace: Trace, output: &GuestOutput, as_json: bool) -> Result<Code, Failure> {
    if let Some(failure) = output.take_failure() {
        return Err(failure);
    }
    let (events, is_cut) = (trace.events(), trace.is_cut());
    let done = trace.into_outcome();
    let used = match &done {
        Ok(outcome) => Some(outcome),
        Err(error) => error.outcome(),
    };
    let fuel = used.map_or(0, pocketwasm::Outcome::fuel_used);
    let line = match as_json {
        true => format!(
            "{}\n",
            json!({ "event": "end", "fuel_used": fuel, "events": events, "cut": is_cut })
        ),
        false => {
            let mut line = format!("{events} events, {fuel} units of fuel");
            if is_cut {
                line += "; there were more: --max-events, --function, --from-fuel";
            }
            line + "\n"
        }
    };
    Stream::Stdout.write(line.as_bytes())?;
    match done {
        Ok(_) => Ok(Code::SUCCESS),
        Err(error) => Err(Failure::Library(error)),
    }
}

fn as_text(event: &TraceEvent<'_>) -> String {
    let mut line = format!("{:>12}  {}", event.fuel(), "  ".repeat(event.depth()));
    line += match event.kind() {
        TraceKind::Call { .. } => "> ",
        TraceKind::Return { .. } => "< ",
        _ => "^ ",
    };
    if event.is_host() {
        line += "host ";
    }
    line.extend(event.name().chars().map(|c| match c.is_control() {
        true => char::REPLACEMENT_CHARACTER,
        false => c,
    }));
    match event.kind() {
        TraceKind::Call { arguments } => {
            let _ = write!(line, "({})", list(arguments));
        }
        TraceKind::Return {
            results,
            writes,
            more_writes,
        } => {
            match results {
                Some([]) => {}
                Some(results) => {
                    let _ = write!(line, " = {}", list(results));
                }
                None => line += " = ?",
            }
            for write in *writes {
                let _ = write!(line, "; wrote {}", written(write));
            }
            if *more_writes > 0 {
                let _ = write!(line, "; wrote in {more_writes} more places");
            }
        }
        _ => {}
    }
    line + "\n"
}

fn list(values: &[Value]) -> String {
    let values: Vec<String> = values.iter().map(show).collect();
    values.join(", ")
}

/// A value, for people.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::FuncRef(Some(_)) => "a funcref".to_owned(),
        Value::ExternRef(Some(_)) => "an externref".to_owned(),
        other => format!("{other:?}"),
    }
}

fn written(write: &MemoryWrite) -> String {
    let bytes = write.bytes();
    let (address, length) = (write.address(), write.length());
    let shown = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
    let more = match shown.len() as u64 == length {
        true => "",
        false => " and more",
    };
    let unit = if length == 1 { "byte" } else { "bytes" };
    format!("{length} {unit} at {address:#x}: {}{more}", hex(shown))
}

fn as_object(event: &TraceEvent<'_>) -> String {
    let mut object = json!({
        "fuel": event.fuel(),
        "depth": event.depth(),
        "function": event.function(),
        "name": event.name(),
        "host": event.is_host(),
    });
    match event.kind() {
        TraceKind::Call { arguments } => {
            object["event"] = "call".into();
            object["arguments"] = values(arguments);
        }
        TraceKind::Return {
            results,
            writes,
            more_writes,
        } => {
            object["event"] = "return".into();
            object["results"] = results.map_or(serde_json::Value::Null, values);
            if event.is_host() {
                let write = |it: &MemoryWrite| {
                    json!({
                        "address": it.address(),
                        "length": it.length(),
                        "bytes_hex": hex(it.bytes()),
                    })
                };
                object["writes"] = writes.iter().map(write).collect();
                object["more_writes"] = (*more_writes).into();
            }
        }
        _ => object["event"] = "tail_call".into(),
    }
    format!("{object}\n")
}

fn values(values: &[Value]) -> serde_json::Value {
    values.iter().map(as_json).collect()
}

/// A value with its type, for programs.
pub(crate) fn as_json(value: &Value) -> serde_json::Value {
    let number = match value {
        Value::I32(value) => (*value).into(),
        Value::I64(value) => (*value).into(),
        Value::F32(number) => number::json(value.ty(), number.to_bits().into()),
        Value::F64(number) => number::json(value.ty(), number.to_bits()),
        Value::V128(value) => format!("{value:032x}").into(),
        Value::FuncRef(None) | Value::ExternRef(None) => serde_json::Value::Null,
        _ => "reference".into(),
    };
    json!({ "type": value.ty().to_string(), "value": number })
}
