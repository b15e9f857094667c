//! `pocketwasm profile`: where the fuel of a call goes.

use crate::{
    exit::Code, failure::Failure, flame_graph, guest::CallOptions, options::Options, report,
    streams::Stream, watched::WatchedCall,
};
use clap::Args;
use pocketwasm::{
    Outcome,
    explain::{FunctionCost, Profile},
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

/// Show where the fuel of a call goes
///
/// Runs the call once, on a copy of the module that counts, and prints the functions that used the
/// most fuel. The numbers are exact and the same on every machine. The call takes several
/// times as long as usual; what the guest writes is dropped. With --recording, the call is that of
/// a recording.
#[derive(Debug, Args)]
#[command(
    override_usage = "pocketwasm profile [OPTIONS] <MODULE> <EXPORT> [PARAMS]...\n       \
                      pocketwasm profile [OPTIONS] --recording <FILE> [--module <MODULE>]"
)]
pub(crate) struct ProfileCommand {
    #[command(flatten)]
    call: WatchedCall,
    /// Print that many functions, and as many lines of source; 0 prints all
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Compare with a report that --json has printed before
    #[arg(long, value_name = "REPORT")]
    compare: Option<PathBuf>,
    /// Write a flame graph to FILE, as SVG that a browser shows: a click enlarges a function
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the stacks to FILE, a line for each, for other tools that draw flame graphs
    #[arg(long, value_name = "FILE")]
    folded: Option<PathBuf>,
    /// Write a profile for speedscope to FILE
    #[arg(long, value_name = "FILE")]
    speedscope: Option<PathBuf>,
    #[command(flatten)]
    options: CallOptions,
}

impl ProfileCommand {
    pub(crate) fn options(&self) -> &Options {
        &self.options.options
    }

    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        let before = self.compare.as_ref().map(functions_of).transpose()?;
        if let Some(recorded) = self.call.recorded(&self.options().limits.module)? {
            let profiles = recorded.replayer()?.profile()?;
            return match profiles.into_iter().next_back() {
                Some(profile) => {
                    let plugin = recorded.recording.plugin();
                    self.print(profile, plugin, recorded.export(), before.as_ref())
                }
                None => Ok(Code::SUCCESS),
            };
        }
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the method itself is of one lifetime only"
        )]
        let (profile, module, export) = self
            .call
            .run("profile", &self.options, |call| call.profile())?;
        self.print(profile, &module, export, before.as_ref())
    }

    fn print(
        &self,
        profile: Profile,
        module: &str,
        export: &str,
        before: Option<&BTreeMap<String, u64>>,
    ) -> Result<Code, Failure> {
        if let Some(path) = &self.svg {
            let title = format!("{module}, {export}");
            let svg = flame_graph::svg(&profile, &title).map_err(|source| Failure::Io {
                action: format!("cannot draw {path:?}"),
                source,
            })?;
            write(path, &svg)?;
        }
        if let Some(path) = &self.folded {
            write(path, profile.folded().as_bytes())?;
        }
        if let Some(path) = &self.speedscope {
            write(path, speedscope(&profile, export).to_string().as_bytes())?;
        }
        if self.options().json.json {
            report::print(self.report(&profile))?;
        } else {
            let text = match before {
                None => self.table(&profile),
                Some(before) => self.comparison(&profile, before),
            };
            Stream::Stdout.write(text.as_bytes())?;
        }
        match profile.into_outcome() {
            Ok(_) => Ok(Code::SUCCESS),
            Err(error) => Err(Failure::Library(error)),
        }
    }

    fn most(&self) -> usize {
        match self.top {
            0 => usize::MAX,
            top => top,
        }
    }

    fn table(&self, profile: &Profile) -> String {
        let fuel = profile.fuel();
        let functions = profile.functions();
        let mut text = format!("{fuel} units of fuel in {} functions\n", functions.len());
        text += "\n   self fuel       %   total fuel        calls  function\n";
        for function in functions.iter().take(self.most()) {
            let _ = writeln!(
                text,
                "{:>12}  {:>6}  {:>11}  {:>11}  {}",
                function.self_fuel(),
                percent(function.self_fuel(), fuel),
                function.total_fuel(),
                function.calls(),
                function.name()
            );
        }
        rest(&mut text, functions.len(), self.most(), "functions");
        self.host_functions(profile, &mut text);
        self.growth(profile, &mut text);
        let lines = profile.lines();
        if !lines.is_empty() {
            text += "\n        fuel       %  line\n";
            for line in lines.iter().take(self.most()) {
                let share = percent(line.fuel(), fuel);
                let (file, number) = (line.file(), line.line());
                let _ = writeln!(text, "{:>12}  {share:>6}  {file}:{number}", line.fuel());
            }
            rest(&mut text, lines.len(), self.most(), "lines");
        }
        text
    }

    /// The functions of the host, those that are called most often first.
    fn host_functions(&self, profile: &Profile, text: &mut String) {
        let functions = profile.functions().iter();
        let mut functions: Vec<_> = functions.filter(|it| it.is_host_function()).collect();
        if functions.is_empty() {
            return;
        }
        functions.sort_by_key(|it| std::cmp::Reverse(it.calls()));
        *text += "\n       calls         fuel   total fuel  function of the host\n";
        for function in functions.iter().take(self.most()) {
            let _ = writeln!(
                text,
                "{:>12} {:>12} {:>12}  {}",
                function.calls(),
                function.self_fuel(),
                function.total_fuel(),
                function.name()
            );
        }
        rest(text, functions.len(), self.most(), "functions of the host");
    }

    /// The functions that have grown memories, those that did most first.
    fn growth(&self, profile: &Profile, text: &mut String) {
        let functions = profile.functions().iter();
        let mut functions: Vec<_> = functions.filter(|it| it.grown_pages() > 0).collect();
        if functions.is_empty() {
            return;
        }
        functions.sort_by_key(|it| std::cmp::Reverse(it.grown_pages()));
        let all = match profile.outcome() {
            Ok(outcome) => Some(outcome),
            Err(error) => error.outcome(),
        };
        let all = all.map_or(0, Outcome::peak_memory_pages);
        let _ = writeln!(
            text,
            "\nmemory: {all} pages at the end, {} of them by growth\n\n       pages  function",
            profile.grown_pages()
        );
        for function in functions.iter().take(self.most()) {
            let _ = writeln!(text, "{:>12}  {}", function.grown_pages(), function.name());
        }
        rest(text, functions.len(), self.most(), "functions");
    }

    fn comparison(&self, profile: &Profile, before: &BTreeMap<String, u64>) -> String {
        let mut changes: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
        for (name, fuel) in before {
            changes.entry(name).or_default()[0] = *fuel;
        }
        for function in profile.functions() {
            changes.entry(function.name()).or_default()[1] += function.self_fuel();
        }
        let total: u64 = before.values().sum();
        let mut text = format!(
            "{total} units of fuel before, {} now: {:+}\n",
            profile.fuel(),
            i128::from(profile.fuel()) - i128::from(total)
        );
        let mut changes: Vec<_> = changes
            .into_iter()
            .filter(|(_, [before, now])| before != now)
            .collect();
        changes.sort_by_key(|(_, [before, now])| std::cmp::Reverse(before.abs_diff(*now)));
        text += "\n      before          now       change  function\n";
        for (name, [before, now]) in changes.iter().take(self.most()) {
            let change = i128::from(*now) - i128::from(*before);
            let _ = writeln!(text, "{before:>12} {now:>12} {change:>+12}  {name}");
        }
        rest(&mut text, changes.len(), self.most(), "functions");
        text
    }

    fn report(&self, profile: &Profile) -> Map<String, Value> {
        let function = |it: &FunctionCost| {
            json!({
                "function": it.function(),
                "name": it.name(),
                "self_fuel": it.self_fuel(),
                "total_fuel": it.total_fuel(),
                "calls": it.calls(),
                "grown_pages": it.grown_pages(),
                "host_function": it.is_host_function(),
            })
        };
        let mut report = Map::new();
        let mut put = |name: &str, value: Value| report.insert(name.to_owned(), value);
        put("fuel_used", profile.fuel().into());
        put("grown_pages", profile.grown_pages().into());
        put(
            "functions",
            profile.functions().iter().map(function).collect(),
        );
        let lines = profile.lines().iter();
        let lines =
            lines.map(|it| json!({ "file": it.file(), "line": it.line(), "fuel": it.fuel() }));
        put("lines", lines.collect());
        report
    }
}

fn rest(text: &mut String, all: usize, shown: usize, what: &str) {
    if all > shown {
        let _ = writeln!(text, "and {} {what} more; --top prints them", all - shown);
    }
}

/// A share in percent, with one digit behind the point.
fn percent(part: u64, whole: u64) -> String {
    let tenths = u128::from(part) * 1_000 / u128::from(whole.max(1));
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// The functions and their own fuel in a report of this command.
fn functions_of(path: &PathBuf) -> Result<BTreeMap<String, u64>, Failure> {
    let text = fs::read_to_string(path).map_err(|source| Failure::Io {
        action: format!("cannot read {path:?}"),
        source,
    })?;
    let report: Value = serde_json::from_str(&text).unwrap_or_default();
    let Some(functions) = report["functions"].as_array() else {
        let problem = "is no report of `pocketwasm profile --json`";
        return Err(Failure::Usage(format!("{path:?} {problem}")));
    };
    let mut found = BTreeMap::new();
    for function in functions {
        if let (Some(name), Some(fuel)) =
            (function["name"].as_str(), function["self_fuel"].as_u64())
        {
            *found.entry(name.to_owned()).or_default() += fuel;
        }
    }
    Ok(found)
}

/// The stacks in speedscope's format.
fn speedscope(profile: &Profile, name: &str) -> Value {
    let frames = profile
        .functions()
        .iter()
        .map(|it| json!({ "name": it.name() }));
    let samples = profile.stacks().iter().map(|stack| {
        let functions = stack.functions().iter().rev();
        functions.copied().collect::<Vec<_>>()
    });
    let weights: Vec<u64> = profile
        .stacks()
        .iter()
        .map(pocketwasm::explain::StackCost::fuel)
        .collect();
    json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "name": name,
        "shared": { "frames": frames.collect::<Value>() },
        "profiles": [{
            "type": "sampled",
            "name": name,
            "unit": "none",
            "startValue": 0,
            "endValue": profile.fuel(),
            "samples": samples.collect::<Vec<_>>(),
            "weights": weights,
        }],
    })
}

fn write(path: &PathBuf, content: &[u8]) -> Result<(), Failure> {
    fs::write(path, content).map_err(|source| Failure::Io {
        action: format!("cannot write {path:?}"),
        source,
    })
}
