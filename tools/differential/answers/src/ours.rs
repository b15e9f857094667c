//! Runs cases in pocketwasm itself, in all of its modes.

use crate::{
    answer::{End, Run, Step, Trap, clear_journal, journal},
    case::Case,
    functions::with_functions,
};
use pocketwasm::{
    Compilation, Error, ErrorKind, Instance, Outcome, Plugin, Runner, RunnerConfig, SnapshotMode,
};
use programs::{Call, LIBRARY};
use std::time::Duration;

/// What no program but an endless one uses up.
pub const FUEL: u64 = 60_000;
pub const PAGES: u32 = 24;
pub const ELEMENTS: u32 = 1_000;

/// A runner's settings.
#[derive(Debug, Clone, Copy)]
pub struct Mode {
    pub slice: Option<u64>,
    pub snapshots: bool,
    pub when_called: bool,
    /// As two modules that are linked, where the case can be that.
    pub linked: bool,
}

pub const MODES: [Mode; 6] = [
    Mode {
        slice: None,
        snapshots: false,
        when_called: false,
        linked: false,
    },
    Mode {
        slice: Some(1),
        snapshots: false,
        when_called: false,
        linked: false,
    },
    Mode {
        slice: Some(7),
        snapshots: true,
        when_called: false,
        linked: false,
    },
    Mode {
        slice: None,
        snapshots: false,
        when_called: true,
        linked: false,
    },
    Mode {
        slice: Some(1),
        snapshots: true,
        when_called: true,
        linked: false,
    },
    Mode {
        slice: Some(5),
        snapshots: false,
        when_called: false,
        linked: true,
    },
];

/// For modules that run longer.
pub const SLOW_MODES: [Mode; 4] = [
    Mode {
        slice: None,
        snapshots: false,
        when_called: false,
        linked: false,
    },
    Mode {
        slice: Some(97),
        snapshots: false,
        when_called: false,
        linked: false,
    },
    Mode {
        slice: Some(1_009),
        snapshots: true,
        when_called: false,
        linked: false,
    },
    Mode {
        slice: Some(1_009),
        snapshots: false,
        when_called: true,
        linked: false,
    },
];

impl Mode {
    /// Whether instances may serve again after a call.
    pub fn serves_again(self) -> bool {
        !self.when_called
    }

    pub fn name(self) -> String {
        format!(
            "{}{}{}{}",
            self.slice
                .map_or("default slice".into(), |slice| format!("slice {slice}")),
            if self.snapshots { ", snapshots" } else { "" },
            if self.when_called {
                ", compiled when called"
            } else {
                ""
            },
            if self.linked { ", linked" } else { "" },
        )
    }
}

/// A runner for each mode.
pub struct Ours {
    runners: Vec<(Mode, Runner)>,
}

impl Ours {
    pub fn new(modes: &[Mode], fuel: u64, set: impl Fn(RunnerConfig) -> RunnerConfig) -> Self {
        let runner = |mode: &Mode| {
            let mut config = RunnerConfig::new()
                .max_memories(100)
                .max_memory_pages(PAGES)
                .max_table_elements(ELEMENTS)
                .max_results(100)
                .timeout(Duration::from_secs(120))
                .fuel(fuel)
                .snapshots(if mode.snapshots {
                    SnapshotMode::WherePossible
                } else {
                    SnapshotMode::Never
                })
                .compilation(if mode.when_called {
                    Compilation::WhenCalled
                } else {
                    Compilation::AtLoad
                });
            if let Some(slice) = mode.slice {
                config = config.slice(slice);
            }
            let config = set(with_functions(config));
            (*mode, Runner::new(config).expect("the settings are valid"))
        };
        Self {
            runners: modes.iter().map(runner).collect(),
        }
    }

    pub fn modes(&self) -> impl Iterator<Item = Mode> {
        self.runners.iter().map(|it| it.0)
    }

    /// The module behind what the start function and the initialiser do, as it is written for any
    /// engine; nothing where that cannot be.
    pub fn written(&self, case: &Case) -> Option<Case> {
        let (_, runner) = &self.runners[0];
        let module = runner.snapshot_module(&case.module, None).ok()?;
        Some(Case {
            module,
            canonical: Vec::new(),
            linked: None,
            ..case.clone()
        })
    }

    pub fn load(&self, mode: usize, case: &Case) -> Result<Loaded, String> {
        let (mode, runner) = &self.runners[mode];
        let plugin = match &case.linked {
            Some([library, module]) if mode.linked => {
                runner.load_plugin_linked("p", &[(LIBRARY, library), ("p", module)])
            }
            _ => runner.load_plugin("p", &case.module),
        };
        let plugin = plugin.map_err(|error| error.to_string())?;
        Ok(Loaded {
            mode: *mode,
            plugin,
        })
    }
}

pub struct Loaded {
    pub mode: Mode,
    plugin: Plugin,
}

impl Loaded {
    /// Those calls on an instance of their own.
    pub fn run(&self, calls: &[&Call]) -> Run {
        clear_journal();
        let mut instance: Instance = match self.plugin.instantiate() {
            Ok(instance) => instance,
            Err(error) => return vec![failed(&error)],
        };
        let mut run = Vec::with_capacity(calls.len());
        for call in calls {
            let step = step(instance.call(&call.export).params(&call.params).run());
            let goes_on = matches!(step.end, End::Values(_));
            run.push(step);
            if !goes_on {
                break;
            }
        }
        run
    }

    /// A call by the plugin, which makes an instance for it; and the initialiser's fuel.
    pub fn fresh(&self, call: &Call) -> (Step, u64) {
        clear_journal();
        let outcome = self.plugin.call(&call.export).params(&call.params).run();
        let init = match &outcome {
            Ok(outcome) => outcome.init_fuel(),
            Err(error) => error.outcome().map_or(0, Outcome::init_fuel),
        };
        (step(outcome), init)
    }
}

fn step(outcome: Result<Outcome, Error>) -> Step {
    match outcome {
        Ok(outcome) => Step {
            end: End::Values(outcome.results().to_vec()),
            journal: journal(),
            fuel: Some(outcome.fuel_used()),
        },
        Err(error) => failed(&error),
    }
}

fn failed(error: &Error) -> Step {
    let message = error.message();
    let known = [
        ("unreachable", Trap::Unreachable),
        ("memory access out of bounds", Trap::Memory),
        ("out of bounds memory access", Trap::Memory),
        ("out of bounds table access", Trap::Table),
        ("table access out of bounds", Trap::Table),
        ("indirect call to null", Trap::Null),
        ("divided by zero", Trap::Zero),
        ("integer overflow", Trap::Overflow),
        ("no integer value", Trap::Conversion),
        ("of another type", Trap::Signature),
        ("call stack exhausted", Trap::Exhausted),
    ];
    let trap = match error.kind() {
        ErrorKind::OutOfFuel | ErrorKind::Timeout => Trap::Exhausted,
        ErrorKind::Trap => {
            let found = known.iter().find(|it| message.contains(it.0));
            found.map_or(Trap::Other(message.clone()), |it| it.1.clone())
        }
        ErrorKind::Host if message.contains("max_host_depth") => Trap::Exhausted,
        _ => Trap::Other(error.to_string()),
    };
    Step {
        end: End::Trap(trap),
        journal: journal(),
        fuel: error.outcome().map(Outcome::fuel_used),
    }
}
