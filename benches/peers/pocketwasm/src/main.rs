//! pocketwasm, metered and bounded: with its defaults, so snapshots where they pay, and with the
//! settings of the program for one call.

mod quickjs;

use common::{Guest, Live, Loaded, Peer, Result, Work};
use pocketwasm::{Call, Compilation, Instance, Plugin, Runner, RunnerConfig, SnapshotMode, WarmUp};
use std::process::ExitCode;

struct Pocketwasm {
    runner: Runner,
    one_call: bool,
}

impl Peer for Pocketwasm {
    fn load(&self, guest: &Guest, bytes: &[u8]) -> Result<Box<dyn Loaded>> {
        let (warm_up, set_up) = match guest.set_up {
            Some(export) if !self.one_call => (Some(WarmUp::call(export)), None),
            set_up => (None, set_up),
        };
        let plugin = match warm_up {
            Some(warm_up) => self.runner.load_plugin_warm("guest", bytes, warm_up)?,
            None => self.runner.load_plugin("guest", bytes)?,
        };
        Ok(Box::new(Ready { plugin, set_up }))
    }
}

struct Ready {
    plugin: Plugin,
    set_up: Option<&'static str>,
}

impl Loaded for Ready {
    fn instance(&self) -> Result<Box<dyn Live>> {
        let mut instance = self.plugin.instantiate()?;
        if let Some(export) = self.set_up {
            instance.call(export).run()?;
        }
        Ok(Box::new(Kept(instance)))
    }

    fn fresh(&self, work: &Work) -> Result<Vec<u8>> {
        if self.set_up.is_some() {
            return self.instance()?.answer(work);
        }
        run(work, |export| self.plugin.call(export))
    }
}

struct Kept(Instance);

impl Live for Kept {
    fn answer(&mut self, work: &Work) -> Result<Vec<u8>> {
        run(work, |export| self.0.call(export))
    }
}

fn run<'a>(work: &Work, call: impl FnOnce(&'static str) -> Call<'a>) -> Result<Vec<u8>> {
    match work {
        Work::Numbers { export, params, .. } => {
            let mut bits = [0; 4];
            for (bits, param) in bits.iter_mut().zip(*params) {
                *bits = u64::from(param.cast_unsigned());
            }
            let outcome = call(export).params(&bits[..params.len()]).run()?;
            let results = outcome.results();
            Ok(results
                .first()
                .map_or(0, |bits| *bits)
                .to_string()
                .into_bytes())
        }
        Work::Bytes { export, input, .. } => Ok(call(export).input(input).run()?.into_bytes()),
        Work::Extism { export, input } => Ok(call(export).input(input).run()?.into_bytes()),
    }
}

fn main() -> ExitCode {
    common::main(|mode| {
        let one_call = mode == "once";
        let mut config =
            quickjs::imports(RunnerConfig::new()).timeout(std::time::Duration::from_secs(60));
        if one_call {
            config = config
                .snapshots(SnapshotMode::Never)
                .compilation(Compilation::WhenCalled);
        }
        let runner = Runner::new(config)?;
        Ok(Box::new(Pocketwasm { runner, one_call }))
    })
}
