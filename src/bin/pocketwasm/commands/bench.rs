//! `pocketwasm bench`: measures what a plugin costs on this machine.

use crate::{
    exit::Code, failure::Failure, files::FileOptions, input, limits::InputLimits, mistakes, module,
    number, options::Options, report, streams::Stream, terminal::OneLine,
};
use clap::{Args, value_parser};
use pocketwasm::{
    Call, Compilation, Convention, ErrorKind, Files, Instance, Outcome, Plugin, Runner,
    RunnerConfig, SnapshotMode, WarmUp,
};
use serde_json::{Map, Value, json};
use std::{
    fmt,
    path::PathBuf,
    time::{Duration, Instant},
};

/// How long calls of one kind are repeated, and how often at least and at most, unless `-n` is
/// given.
const SPAN: Duration = Duration::from_secs(1);
const LEAST: u32 = 5;
const MOST: u32 = 1_000;

/// Measure what a plugin costs
///
/// Times the same call many times: from the module's bytes (cold), in a fresh instance, and in one
/// that is kept (reused). Prints medians and 99th percentiles, the fuel and memory of the call, and
/// whether calls begin with a snapshot. The guest's output is dropped.
#[derive(Debug, Args)]
#[command(override_usage = "pocketwasm bench [OPTIONS] <MODULE> <EXPORT> [INPUTS]...")]
pub(crate) struct Bench {
    /// The module's file, binary or text, or - for standard input; with --plugins, also the name of
    /// a plugin's file in that directory
    module: PathBuf,
    /// The exported function
    export: Option<String>,
    /// The inputs, as for `text`, or the parameters, as for `call`. Parameters are assumed if the
    /// export takes no bytes by the plugin's convention, or if several numbers fit its signature
    /// exactly. Without inputs, piped standard input is the input
    inputs: Vec<String>,
    /// The number of calls of each kind [default: as many as fit into a second, from 5 to 1000]
    #[arg(short = 'n', long = "calls", value_name = "N", value_parser = value_parser!(u32).range(1..))]
    calls: Option<u32>,
    /// Pass the inputs as parameters, as `call` does, whatever the convention
    #[arg(long, conflicts_with = "convention")]
    params: bool,
    /// The convention by which the plugin takes bytes, instead of the detected one; see `text
    /// --help`
    #[arg(long, value_name = "NAME")]
    convention: Option<Convention>,
    /// Call EXPORT once at load, so that every call begins where it ended
    #[arg(long, value_name = "EXPORT")]
    warm_up: Option<String>,
    /// The warm-up's input, passed by the plugin's convention; without it the call has no
    /// parameters
    #[arg(long, value_name = "TEXT", requires = "warm_up")]
    warm_up_input: Option<String>,
    #[command(flatten)]
    input: InputLimits,
    #[command(flatten)]
    files: FileOptions,
    #[command(flatten)]
    options: Options,
}

/// The input or the parameters of every call.
enum CallInput<'i> {
    Inputs(Vec<&'i [u8]>, Option<Convention>),
    Params(Vec<u64>),
}

impl CallInput<'_> {
    fn to<'a>(&'a self, call: Call<'a>) -> Call<'a> {
        match self {
            Self::Inputs(inputs, None) => call.inputs(inputs),
            Self::Inputs(inputs, Some(named)) => call.inputs(inputs).convention(*named),
            Self::Params(params) => call.params(params),
        }
    }
}

impl Bench {
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    fn config(&self, files: Option<&Files>) -> RunnerConfig {
        let config = self.options.limits.config();
        let config = config.max_input_bytes(self.input.max_input);
        match files {
            Some(files) => config.files(files),
            None => config,
        }
    }

    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        let limits = &self.options.limits;
        let bytes = module::bytes(&self.options.plugins, &limits.module, &self.module)?;
        let files = self.files.open()?;
        let files = files.as_ref();
        let began = Instant::now();
        let plugin = self.load(self.config(files), &bytes)?;
        let load = began.elapsed();
        let Some(export) = &self.export else {
            return Err(mistakes::no_export("bench", &self.module, &plugin));
        };
        let piped = match self.inputs.is_empty()
            && !module::is_stdin(&self.module)
            && number::signature(&plugin, export).is_some_and(|it| !it.params().is_empty())
            && input::is_piped()
        {
            true => Some(input::piped(self.input.max_input, limits.call.timeout)?),
            false => None,
        };
        let input = self.input(&plugin, export, piped.as_deref())?;
        let first = self.run(input.to(plugin.call(export)))?;
        let cold = self.times(|| {
            // A single call ends before a snapshot would pay off.
            let once = self
                .config(files)
                .snapshots(SnapshotMode::Never)
                .compilation(Compilation::WhenCalled);
            let plugin = self.load(once, &bytes)?;
            self.run(input.to(plugin.call(export)))
        })?;
        let fresh = self.times(|| self.run(input.to(plugin.call(export))))?;
        let measured = Measured {
            cold,
            load,
            fresh,
            reused: self.reused(&plugin, export, &input),
            cost: &first,
            plugin: &plugin,
        };
        if self.options.json.json {
            report::print(measured.json())?;
        } else {
            Stream::Stdout.write(measured.to_string().as_bytes())?;
        }
        Ok(Code::SUCCESS)
    }

    fn load(&self, config: RunnerConfig, bytes: &[u8]) -> Result<Plugin, Failure> {
        let runner = Runner::new(config)?;
        let name = module::name(&self.module);
        let name = name.rsplit(['/', '\\']).next().unwrap_or(&name);
        let Some(export) = &self.warm_up else {
            return Ok(runner.load_plugin(name, bytes)?);
        };
        let warm_up = WarmUp::call(export);
        let warm_up = match &self.warm_up_input {
            Some(input) => warm_up.input(input),
            None => warm_up,
        };
        Ok(runner.load_plugin_warm(name, bytes, warm_up)?)
    }

    /// Chooses between bytes and numbers by the export's signature.
    fn input<'i>(
        &'i self,
        plugin: &Plugin,
        export: &str,
        piped: Option<&'i [u8]>,
    ) -> Result<CallInput<'i>, Failure> {
        let params = || number::params(plugin, export, &self.inputs).map(CallInput::Params);
        let bytes = match (&self.inputs[..], piped) {
            ([], piped) => vec![piped.unwrap_or_default()],
            (inputs, _) => inputs.iter().map(String::as_bytes).collect(),
        };
        if self.convention.is_some() {
            return Ok(CallInput::Inputs(bytes, self.convention));
        }
        let signature = number::signature(plugin, export);
        let as_many = signature.is_some_and(|it| it.params().len() == self.inputs.len());
        if self.params {
            return params();
        }
        if as_many
            && self.inputs.len() > 1
            && let Ok(params) = params()
        {
            return Ok(params);
        }
        // This attempt is safe: an export whose signature does not fit is not run.
        match plugin.call(export).inputs(&bytes).run() {
            Err(error) if matches!(error.kind(), ErrorKind::Signature | ErrorKind::NotFound) => {
                params()
            }
            _ => Ok(CallInput::Inputs(bytes, None)),
        }
    }

    fn run(&self, call: Call<'_>) -> Result<Outcome, Failure> {
        let began = Instant::now();
        match call.run() {
            // A command ends by exiting, and code 0 is success.
            Err(error) if error.exit_code() == Some(0) => {
                Ok(error.outcome().cloned().unwrap_or_default())
            }
            Err(error) => Err(Failure::Call {
                error,
                elapsed: began.elapsed(),
            }),
            Ok(outcome) => Ok(outcome),
        }
    }

    /// Times calls in one instance, or returns why that is not possible.
    fn reused(
        &self,
        plugin: &Plugin,
        export: &str,
        input: &CallInput<'_>,
    ) -> Result<Times, Failure> {
        let mut kept: Instance = plugin.instantiate()?;
        self.times(|| self.run(input.to(kept.call(export))))
    }

    /// Times `work` as often as asked for, after one run that does not count.
    fn times(&self, mut work: impl FnMut() -> Result<Outcome, Failure>) -> Result<Times, Failure> {
        let mut times = Vec::new();
        let began = Instant::now();
        work()?;
        loop {
            let start = Instant::now();
            work()?;
            times.push(start.elapsed());
            let done = u32::try_from(times.len()).unwrap_or(u32::MAX);
            let enough = match self.calls {
                Some(calls) => done >= calls,
                None => done >= MOST || done >= LEAST && began.elapsed() >= SPAN,
            };
            if enough {
                times.sort_unstable();
                return Ok(Times(times));
            }
        }
    }
}

/// The times of the calls of one kind, sorted. Never empty.
struct Times(Vec<Duration>);

impl Times {
    /// The time that `share` percent of the calls did not exceed.
    fn percent(&self, share: usize) -> Duration {
        let position = (self.0.len() * share).div_ceil(100).saturating_sub(1);
        self.0.get(position).copied().unwrap_or_default()
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, p99) = (micros(self.percent(50)), micros(self.percent(99)));
        let calls = self.0.len();
        write!(f, "{median:>12.2} µs{p99:>14.2} µs{calls:>8}")
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// All results.
struct Measured<'a> {
    cold: Times,
    load: Duration,
    fresh: Times,
    reused: Result<Times, Failure>,
    cost: &'a Outcome,
    plugin: &'a Plugin,
}

impl fmt::Display for Measured<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plugin, cost) = (self.plugin, self.cost);
        writeln!(f, "{:12}{:>15}{:>17}{:>8}", "", "median", "p99", "calls")?;
        writeln!(f, "cold start  {}", self.cold)?;
        writeln!(f, "fresh call  {}", self.fresh)?;
        match &self.reused {
            Ok(times) => writeln!(f, "reused call {times}")?,
            Err(failure) => writeln!(f, "reused call  {}", report::describe(failure))?,
        }
        writeln!(f, "load        {:>12.2} µs", micros(self.load))?;
        writeln!(f, "fuel        {}", cost.fuel_used())?;
        writeln!(f, "init fuel   {}", cost.init_fuel())?;
        let (pages, peak) = (plugin.memory_pages(), cost.peak_memory_pages());
        writeln!(f, "memory      {pages} pages of 64 KiB, {peak} at the end")?;
        writeln!(f, "snapshot    {}", OneLine(&plugin.snapshot().to_string()))
    }
}

impl Measured<'_> {
    fn json(&self) -> Map<String, Value> {
        let (plugin, cost) = (self.plugin, self.cost);
        let mut report = Map::new();
        let reused = self.reused.as_ref();
        let kinds = [
            ("cold", Some(&self.cold)),
            ("fresh", Some(&self.fresh)),
            ("reused", reused.ok()),
        ];
        let nanos = |time| (micros(time) * 1e3).round() / 1e3;
        for (kind, times) in kinds {
            let percent = |share| times.map(|times| nanos(times.percent(share)));
            report.insert(format!("{kind}_us"), percent(50).into());
            report.insert(format!("{kind}_p99_us"), percent(99).into());
            let calls = times.map_or(0, |times| times.0.len());
            report.insert(format!("{kind}_calls"), calls.into());
        }
        let mut put = |name: &str, value: Value| report.insert(name.to_owned(), value);
        put("load_us", nanos(self.load).into());
        put("fuel_used", cost.fuel_used().into());
        put("init_fuel", cost.init_fuel().into());
        put("memory_pages", plugin.memory_pages().into());
        put("peak_memory_pages", cost.peak_memory_pages().into());
        put("snapshot", plugin.snapshot().to_string().into());
        put("reused_error", reused.err().map(Failure::json).into());
        put("error", json!(null));
        report
    }
}
