//! Compares one case in all engines and modes.

use crate::cranelift::Wasmtime;
use answers::{Case, End, Loaded, Ours, Run, Step, Trap, is_exhausted, old};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Who says what is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    Wasmtime,
    Wasmi,
    Both,
    /// The crate's own modes against each other.
    Ours,
}

/// What was compared, or what differed.
#[derive(Debug, Clone)]
pub enum Verdict {
    Same {
        calls: u64,
        trap: Option<Trap>,
        fuel: u64,
    },
    /// Why the engines cannot be compared on it.
    Incomparable(&'static str),
    Differs(Difference),
}

#[derive(Debug, Clone)]
pub struct Difference {
    /// `results`, `fuel`, `panic` or `refused`; `crash` and `hang` come from outside.
    pub kind: &'static str,
    pub wher: String,
    pub expected: String,
    pub got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            wher,
            expected,
            got,
        } = self;
        write!(f, "{kind}: {wher}: expected {expected}, got {got}")
    }
}

pub struct Engines {
    pub ours: Ours,
    wasmtime: Option<Wasmtime>,
    counting: Option<Wasmtime>,
    judge: Judge,
    turns: bool,
}

/// How often the calls by a plugin are made.
const ROUNDS: usize = 5;

impl Engines {
    pub fn new(ours: Ours, judge: Judge, turns: bool) -> Self {
        let wasmtime = matches!(judge, Judge::Wasmtime | Judge::Both);
        Self {
            ours,
            wasmtime: wasmtime.then(|| Wasmtime::new(false)),
            counting: wasmtime.then(|| Wasmtime::new(true)),
            judge,
            turns,
        }
    }

    pub fn needs_canonical(&self) -> bool {
        matches!(self.judge, Judge::Wasmi | Judge::Both)
    }

    /// Runs it everywhere; a panic is a difference too.
    pub fn compare(&self, case: &Case) -> Verdict {
        let compared = catch_unwind(AssertUnwindSafe(|| self.try_compare(case)));
        match compared {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(difference)) => Verdict::Differs(*difference),
            Err(_) => Verdict::Differs(Difference {
                kind: "panic",
                wher: "somewhere".into(),
                expected: "none".into(),
                got: crate::panics::last(),
            }),
        }
    }

    fn try_compare(&self, case: &Case) -> Result<Verdict, Box<Difference>> {
        let mut loaded = Vec::new();
        let others = self.ours.modes().count() - 1;
        for (index, mode) in self.ours.modes().enumerate() {
            // Whose turn it is follows from the module, for whoever repeats it.
            if self.turns && index > 0 && index != 1 + case.module.len() % others {
                continue;
            }
            let load = || self.ours.load(index, case);
            match catch_unwind(AssertUnwindSafe(load)) {
                Ok(Ok(plugin)) => loaded.push(plugin),
                Ok(Err(problem)) => {
                    return Err(difference("refused", mode.name(), "loads", problem));
                }
                Err(_) => {
                    return Err(difference(
                        "panic",
                        format!("load, {}", mode.name()),
                        "loads",
                        crate::panics::last(),
                    ));
                }
            }
        }
        let sequences = case.sequences();
        let base: Vec<Run> = sequences.iter().map(|it| loaded[0].run(it)).collect();
        if base.iter().any(is_exhausted) {
            return Ok(Verdict::Incomparable("stack or fuel exhausted"));
        }
        let mut calls: u64 = base.iter().map(|run| run.len() as u64).sum();
        let judged = self.judge(case, &sequences, &base)?;
        if let Some(why) = judged {
            return Ok(Verdict::Incomparable(why));
        }
        for plugin in &loaded[1..] {
            for (at, sequence) in sequences.iter().enumerate() {
                // Without snapshots there is nothing about a fresh instance that differs by mode.
                if at > 0 && !plugin.mode.snapshots {
                    break;
                }
                let run = plugin.run(sequence);
                calls += run.len() as u64;
                same(
                    &base[at],
                    &run,
                    || format!("{}, {}", plugin.mode.name(), place(at)),
                    true,
                )?;
            }
        }
        calls += self.fresh(case, &loaded, &base)?;
        if case.begins && base[0].len() > 1 {
            calls += self.written(case, &base[0])?;
        }
        Ok(Verdict::Same {
            calls,
            trap: base[0].last().and_then(|step| match &step.end {
                End::Trap(trap) => Some(trap.clone()),
                End::Values(_) => None,
            }),
            fuel: base.iter().flatten().filter_map(|step| step.fuel).sum(),
        })
    }

    fn judge(
        &self,
        case: &Case,
        sequences: &[Vec<&programs::Call>],
        base: &[Run],
    ) -> Result<Option<&'static str>, Box<Difference>> {
        let wasmtime = if case.may_be_endless {
            &self.counting
        } else {
            &self.wasmtime
        };
        if let Some(wasmtime) = wasmtime {
            let module = wasmtime
                .load(case)
                .map_err(|problem| difference("refused", "Wasmtime".into(), "loads", problem))?;
            for (at, sequence) in sequences.iter().enumerate() {
                let run = wasmtime.run(&module, case, sequence);
                if is_exhausted(&run) {
                    return Ok(Some("Wasmtime's stack exhausted"));
                }
                same(
                    &run,
                    &base[at],
                    || format!("against Wasmtime, {}", place(at)),
                    false,
                )?;
            }
        }
        if self.needs_canonical() {
            let loaded = old::load(case)
                .map_err(|problem| difference("refused", "wasmi 1.1.0".into(), "loads", problem))?;
            for (at, sequence) in sequences.iter().enumerate() {
                let run = loaded.run(case, sequence);
                if is_exhausted(&run) {
                    return Ok(Some("stack of wasmi 1.1.0 exhausted"));
                }
                same(
                    &run,
                    &base[at],
                    || format!("against wasmi 1.1.0, {}", place(at)),
                    false,
                )?;
            }
        }
        Ok(None)
    }

    /// The snapshot as a module of its own, here and in Wasmtime.
    fn written(&self, case: &Case, base: &Run) -> Result<u64, Box<Difference>> {
        let Some(case) = self.ours.written(case) else {
            return Ok(0);
        };
        let sequences = case.sequences();
        let refused =
            |problem| difference("refused", "the written snapshot".into(), "loads", problem);
        let run = self
            .ours
            .load(0, &case)
            .map_err(refused)?
            .run(&sequences[0]);
        same(base, &run, || "the written snapshot".into(), true)?;
        // Compiling once more takes Wasmtime longer than all the rest: by turns.
        if let Some(wasmtime) = &self.wasmtime
            && !case.may_be_endless
            && case.module.len() % 4 == 0
        {
            let module = wasmtime.load(&case).map_err(refused)?;
            let run = wasmtime.run(&module, &case, &sequences[0]);
            if !is_exhausted(&run) {
                same(
                    &run,
                    base,
                    || "the written snapshot in Wasmtime".into(),
                    false,
                )?;
            }
        }
        Ok(run.len() as u64)
    }

    /// Calls by the plugin. Their fuel has that of the start function and the initialiser in it.
    /// All are made several times: from the third call on, an instance may serve that was made as
    /// new after another, and from the fourth on one whose memory is larger already.
    fn fresh(&self, case: &Case, loaded: &[Loaded], base: &[Run]) -> Result<u64, Box<Difference>> {
        let mut calls = 0;
        let mut fuel = vec![[None::<Option<u64>>; 2]; case.calls.len()];
        let mut shown: Vec<Option<Step>> = vec![None; case.probes.len()];
        for round in 0..ROUNDS {
            for (index, call) in case.calls.iter().enumerate() {
                // An instance's first call is as if it were alone.
                let expected = &base[index][0];
                for plugin in loaded {
                    if index > 0 && !plugin.mode.snapshots && !plugin.mode.serves_again() {
                        continue;
                    }
                    let (step, _) = plugin.fresh(call);
                    calls += 1;
                    // Start function, initialiser and call share what fuel there is.
                    if matches!(step.end, End::Trap(Trap::Exhausted)) {
                        return Ok(calls);
                    }
                    let wher = || {
                        let mode = plugin.mode.name();
                        format!("{mode}, fresh call {index}, round {round}")
                    };
                    if step.end != expected.end || step.journal != expected.journal {
                        return Err(difference("results", wher(), expected, step));
                    }
                    // Behind a snapshot the initialiser's fuel is not in it.
                    let known = &mut fuel[index][usize::from(plugin.mode.snapshots)];
                    if *known.get_or_insert(step.fuel) != step.fuel {
                        return Err(difference("fuel", wher(), format!("{known:?}"), step));
                    }
                }
            }
            // What a new instance holds.
            for (probe, known) in case.probes.iter().zip(&mut shown) {
                for plugin in loaded {
                    let (step, _) = plugin.fresh(probe);
                    calls += 1;
                    let known = known.get_or_insert_with(|| step.clone());
                    if step.end != known.end || step.journal != known.journal {
                        let wher = format!("{}, fresh probe, round {round}", plugin.mode.name());
                        return Err(difference("results", wher, known, step));
                    }
                }
            }
        }
        Ok(calls)
    }
}

fn place(at: usize) -> String {
    at.checked_sub(1)
        .map_or("kept".into(), |call| format!("call {call} alone"))
}

fn difference(
    kind: &'static str,
    wher: String,
    expected: impl fmt::Display,
    got: impl fmt::Display,
) -> Box<Difference> {
    Box::new(Difference {
        kind,
        wher,
        expected: expected.to_string(),
        got: got.to_string(),
    })
}

fn same(
    expected: &Run,
    got: &Run,
    wher: impl Fn() -> String,
    fuel: bool,
) -> Result<(), Box<Difference>> {
    for (at, (one, other)) in expected.iter().zip(got).enumerate() {
        let differs = |kind| difference(kind, format!("{}, step {at}", wher()), one, other);
        if one.end != other.end || one.journal != other.journal {
            return Err(differs("results"));
        }
        if fuel && one.fuel != other.fuel {
            return Err(differs("fuel"));
        }
    }
    if expected.len() != got.len() {
        let show = |run: &Run| run.last().map(Step::to_string).unwrap_or_default();
        return Err(difference(
            "results",
            format!("{}, length", wher()),
            show(expected),
            show(got),
        ));
    }
    Ok(())
}
