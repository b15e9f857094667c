//! pocketwasm, metered and bounded: with its defaults, so snapshots where they pay, and with the
//! settings of the program for one call.

use common::{Guest, Live, Loaded, Peer, Result, Work};
use pocketwasm::{
    Call, Compilation, HostContext, Instance, Plugin, Runner, RunnerConfig, SnapshotMode, WarmUp,
};
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
        let mut config = RunnerConfig::new()
            .timeout(std::time::Duration::from_secs(60))
            // What QuickJS imports besides WASI; nothing here makes it call them.
            .function(
                "env",
                "host_get_timezone_offset",
                |_: &mut HostContext<'_>, _: i32, _: i32| 0,
            )
            .function("env", "host_interrupt", |_: &mut HostContext<'_>| 0)
            .function(
                "env",
                "host_promise_rejection",
                |_: &mut HostContext<'_>, _: i32, _: i32, _: i32| (),
            )
            .function(
                "env",
                "host_module_normalize",
                |_: &mut HostContext<'_>, _: i32, _: i32| 0,
            )
            .function(
                "env",
                "host_module_load",
                |_: &mut HostContext<'_>, _: i32, _: i32| 0,
            )
            .function(
                "env",
                "host_call",
                |_: &mut HostContext<'_>, _: i32, _: i32, _: i32, _: i32, _: i32| 0,
            );
        if one_call {
            config = config
                .snapshots(SnapshotMode::Never)
                .compilation(Compilation::WhenCalled);
        }
        let runner = Runner::new(config)?;
        Ok(Box::new(Pocketwasm { runner, one_call }))
    })
}
