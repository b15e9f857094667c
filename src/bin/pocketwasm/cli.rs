//! The command line: its commands and options.

#[cfg(feature = "gateway")]
use crate::gateway::config_file::{ConfigFile, PluginSettings};
use crate::{
    arguments::placed,
    commands::{
        bench, call, completions, cover, debug, inspect, list, man, new, profile, replay, run,
        snapshot, text, trace,
    },
    exit::Code,
    failure::Failure,
    mistakes,
};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;

/// Runs untrusted WebAssembly plugins under limits, with the same answer everywhere.
#[derive(Debug, Parser)]
#[command(
    name = "pocketwasm",
    version,
    after_help = AFTER_HELP,
    subcommand_required = true,
    override_usage = "pocketwasm <COMMAND> [OPTIONS]...\n       pocketwasm [OPTIONS] <MODULE> [ARGS]..."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
A module alone is run: `pocketwasm x.wasm` is `pocketwasm run x.wasm`. A module is a file, binary or
text (.wat), or - for standard input. Options may stand before the command too.

Exit codes:
  0  success; for `run`, any code is the guest's own
  2  wrong usage, parameters or settings
  3  no such file, directory, plugin or export
  4  the module was refused: invalid, too large in shape or memory, unknown imports,
     no snapshot possible; or the recording: damaged, of another module or engine
  5  the guest trapped, broke its convention or exited with an error; or a replay went
     another way
  6  a limit ended the call: fuel, timeout, size of input or result; or cut its output, with
     --fail-on-truncation
  7  input or output failed
  8  the plugin itself reported an error
  141  the reader of the output is gone

Results are written to stdout, everything else to stderr. RUST_LOG=info (or debug) logs what is
loaded, what is refused and how calls end. On a terminal, control characters that a guest writes
are replaced, so that it cannot steer the terminal; files and pipes get its bytes as they are.";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Call(call::Call),
    Text(text::Text),
    Replay(replay::Replay),
    List(list::List),
    Inspect(inspect::Inspect),
    Snapshot(snapshot::Snapshot),
    Bench(bench::Bench),
    Profile(profile::ProfileCommand),
    Cover(cover::Cover),
    Trace(trace::TraceCommand),
    Debug(debug::Debug),
    New(new::New),
    #[cfg(feature = "gateway")]
    Serve(crate::gateway::Serve),
    /// Serve plugins over HTTP; not in this build
    #[cfg(not(feature = "gateway"))]
    #[command(hide = true, disable_help_flag = true)]
    Serve {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    Completions(completions::Completions),
    Man(man::Man),
}

impl Cli {
    /// Parses the process's arguments. As usual with clap, `--help` and `--version` are errors.
    pub(crate) fn of(args: Vec<OsString>) -> Result<Self, clap::Error> {
        let command = Self::command();
        let args = placed(&command, args);
        #[cfg(feature = "gateway")]
        let (args, plugin_settings) = with_config_file(&command, args)?;
        let matches = command.try_get_matches_from(args)?;
        let cli = Self::from_arg_matches(&matches)?;
        #[cfg(feature = "gateway")]
        let cli = cli.with_plugin_settings(plugin_settings);
        Ok(cli)
    }

    #[cfg(feature = "gateway")]
    fn with_plugin_settings(mut self, settings: PluginSettings) -> Self {
        if let Command::Serve(serve) = &mut self.command {
            serve.plugin_settings = settings.into();
        }
        self
    }

    /// The message for a wrong command line, on one line.
    pub(crate) fn mistake(error: &clap::Error) -> String {
        mistakes::one_line(&Self::command(), error)
    }

    /// Whether the user asked for JSON.
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            Command::Run(run) => run.options().json.json,
            Command::Call(call) => call.options().json.json,
            Command::Text(text) => text.options().json.json,
            Command::Replay(replay) => replay.json(),
            Command::List(list) => list.json(),
            Command::Inspect(inspect) => inspect.options().json.json,
            Command::Snapshot(snapshot) => snapshot.options().json.json,
            Command::Bench(bench) => bench.options().json.json,
            Command::Profile(profile) => profile.options().json.json,
            Command::Cover(cover) => cover.options().json.json,
            Command::Trace(trace) => trace.options().json.json,
            Command::New(new) => new.json(),
            #[cfg(feature = "gateway")]
            Command::Serve(_) => false,
            #[cfg(not(feature = "gateway"))]
            Command::Serve { .. } => false,
            Command::Debug(_) | Command::Completions(_) | Command::Man(_) => false,
        }
    }

    /// Starts the logger, filtered by `RUST_LOG`.
    pub(crate) fn start_log(&self) {
        #[cfg(feature = "gateway")]
        if let Command::Serve(serve) = &self.command {
            crate::gateway::journal::start(serve.log_format);
            return;
        }
        env_logger::init();
    }

    /// Runs the command.
    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        match &self.command {
            Command::Run(run) => run.execute(),
            Command::Call(call) => call.execute(),
            Command::Text(text) => text.execute(),
            Command::Replay(replay) => replay.execute(),
            Command::List(list) => list.execute(),
            Command::Inspect(inspect) => inspect.execute(),
            Command::Snapshot(snapshot) => snapshot.execute(),
            Command::Bench(bench) => bench.execute(),
            Command::Profile(profile) => profile.execute(),
            Command::Cover(cover) => cover.execute(),
            Command::Trace(trace) => trace.execute(),
            Command::Debug(debug) => debug.execute(),
            Command::New(new) => new.execute(),
            #[cfg(feature = "gateway")]
            Command::Serve(serve) => serve.execute(),
            #[cfg(not(feature = "gateway"))]
            Command::Serve { .. } => Err(Failure::Usage(mistakes::NO_GATEWAY.to_owned())),
            Command::Completions(completions) => completions.execute(Self::command()),
            Command::Man(man) => man.execute(Self::command()),
        }
    }
}

/// Inserts the options of `serve --config FILE` before those on the command line, and returns the
/// file's sections too. The last value of an option wins, so that the command line overrides the
/// file.
#[cfg(feature = "gateway")]
fn with_config_file(
    command: &clap::Command,
    args: Vec<OsString>,
) -> Result<(Vec<OsString>, PluginSettings), clap::Error> {
    let is_serve = args.get(1).is_some_and(|word| word == "serve");
    let named = args.iter().enumerate().find_map(|(place, word)| {
        let word = word.to_str()?;
        match word.strip_prefix("--config=") {
            Some(path) => Some(OsString::from(path)),
            None if word == "--config" => args.get(place + 1).cloned(),
            None => None,
        }
    });
    let (true, Some(path)) = (is_serve, named) else {
        return Ok((args, PluginSettings::default()));
    };
    let wrong = |problem: String| {
        let kind = clap::error::ErrorKind::ValueValidation;
        clap::Error::raw(kind, format!("--config {problem}\n"))
    };
    let file = ConfigFile::read(path.as_ref()).map_err(wrong)?;
    let (front, typed) = args.split_at(2);
    let written = [front, &file.args].concat();
    if let Err(error) = command.clone().try_get_matches_from(&written) {
        let shown = path.to_string_lossy();
        return Err(wrong(format!(
            "{shown}: {}",
            mistakes::one_line(command, &error)
        )));
    }
    Ok(([&written, typed].concat(), file.plugins))
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use crate::arguments::placed;
    use clap::CommandFactory;
    use std::ffi::OsString;

    #[test]
    fn words_in_their_order() {
        for (name, line, expected) in [
            ("as it is", "call m f 1 2", "call m f 1 2"),
            ("an option before", "--fuel 2 call m f", "call --fuel 2 m f"),
            (
                "with =",
                "--fuel=2 --json call m f",
                "call --fuel=2 --json m f",
            ),
            (
                "by its other name",
                "--max-module-bytes 9 list d",
                "list --max-module-bytes 9 d",
            ),
            ("a module alone", "m.wasm a --json", "run m.wasm a --json"),
            ("a text module", "--fuel 2 m.wat", "run --fuel 2 m.wat"),
            ("stdin alone", "- x", "run - x"),
            (
                "an exponent",
                "call m f -4e-3 --json",
                "call --json -- m f -4e-3",
            ),
            (
                "an option's value",
                "call --fuel -1 m f",
                "call --fuel -1 m f",
            ),
            ("after --", "text m f -1 -- --json", "text -- m f -1 --json"),
            (
                "a short option",
                "bench m f -n 3 -inf",
                "bench -n 3 -- m f -inf",
            ),
            ("of a guest", "run m -4e-3 --json", "run m -4e-3 --json"),
            ("no command", "--fuel 2 fly", "fly"),
            ("help", "--help", "--help"),
            ("an unknown option", "--bogus call", "--bogus call"),
        ] {
            let words = |line: &str| -> Vec<OsString> {
                let words = line.split(' ').map(OsString::from);
                std::iter::once("pocketwasm".into()).chain(words).collect()
            };
            assert_eq!(
                placed(&Cli::command(), words(line)),
                words(expected),
                "{name}"
            );
        }
    }
}
