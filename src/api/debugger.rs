//! A debugger for recorded calls.

use crate::{
    api::{
        explaining::not_run,
        recording::Recording,
        replayer::Replayer,
        stepping::{Ended, Owned, Session},
        variables::variables,
    },
    common::{
        debugging::{Breakpoint, Motion, Stop, Variable},
        error::Error,
        failure::Cause,
        trace::matches,
    },
    engine::{
        compiled_module::CompiledModule,
        stepper::{Back, Breaks, Goal, Point, Report, Request, Stopped, Until},
    },
    module::{
        debugged::{global_types, operator_from},
        instrument::Detail,
        names::{global_names, local_names},
        site_lines::SiteLines,
        symbols::Symbols,
    },
};
use alloc::{collections::BTreeSet, format, string::String, sync::Arc, vec::Vec};

/// A debugger for a recorded call. It goes forwards and backwards, and what it shows is what was there
/// when the call was recorded: a replay runs the call up to a place and waits there, on a thread of
/// its own. To go back, another replay runs up to a place before.
///
/// ```
/// use pocketwasm::{Recording, Runner, RunnerConfig, explain::{Breakpoint, Motion}};
///
/// let runner = Runner::new(RunnerConfig::new())?;
/// let module = wat::parse_str(
///     r#"(module
///         (func $square (param $side i32) (result i32)
///             (i32.mul (local.get $side) (local.get $side)))
///         (func (export "run") (result i32) (call $square (i32.const 7))))"#,
/// )?;
/// let mut recording = None;
/// runner.load_plugin("area", &module)?.call("run").record(&mut recording).run()?;
///
/// let recording = recording.unwrap();
/// let mut debugger = recording.replayer(&module)?.debugger()?;
/// debugger.break_at(Breakpoint::Function("square".into()));
/// let stop = debugger.forward(Motion::Continue)?;
/// assert_eq!(stop.frames()[0].name(), Some("square"));
/// let locals = debugger.locals(0)?.unwrap();
/// assert_eq!(locals[0].name(), Some("side"));
/// assert_eq!(locals[0].value().unwrap().get(), Some(7));
/// // Back to where it was called.
/// assert_eq!(debugger.backward(Motion::Finish)?.frames().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Debugger {
    owned: Arc<Owned>,
    /// The copy that replays run on.
    code: Arc<CompiledModule>,
    lines: SiteLines,
    breakpoints: Vec<(u32, Breakpoint)>,
    added: u32,
    /// The breakpoints, as a replay needs them. Their places are those of all copies.
    breaks: Arc<Breaks>,
    session: Session,
    /// The functions whose locals the copy reports.
    watched: BTreeSet<u32>,
    point: Option<Point>,
    stop: Stop,
}

impl Replayer<'_> {
    /// A debugger for the last of the recorded calls, which stands at its first operator.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run), and `Host` if there is no thread for it or no instrumented copy of the
    /// module can be made.
    #[cfg_attr(
        docsrs,
        doc(cfg(all(feature = "explain", feature = "recordings", feature = "std")))
    )]
    pub fn debugger(&self) -> Result<Debugger, Error> {
        self.debugger_of(self.recording.calls.len().saturating_sub(1))
    }

    /// The same for the call of that number, as [`Replay::calls`](crate::Replay::calls) has them, from
    /// 0 on. Those that came before it in its instance run before it.
    ///
    /// # Errors
    ///
    /// Those of [`debugger`](Self::debugger), and `Recording` if there is no such call.
    #[cfg_attr(
        docsrs,
        doc(cfg(all(feature = "explain", feature = "recordings", feature = "std")))
    )]
    pub fn debugger_of(&self, call: usize) -> Result<Debugger, Error> {
        let plugin = self.load_alone("a debugger")?;
        let replay = self.run_with(&plugin)?;
        let Some(done) = replay.ended.get(call) else {
            let count = replay.ended.len();
            let problem = format!("the recording has {count} calls, from 0 on, and no call {call}");
            return Err(plugin.error(Cause::Recording { problem }.into()));
        };
        let ended = match done {
            Ok(outcome) => format!("well, after {} units of fuel", outcome.fuel_used()),
            Err(error) => error.message(),
        };
        let owned = Arc::new(Owned {
            recording: Recording::from_bytes(&self.recording.to_bytes())?,
            #[cfg(feature = "files")]
            files: self.given_files().cloned(),
            call,
            ended,
            plugin,
        });
        let kept = owned.kept()?;
        let code = kept.copy(Detail::Steps).map_err(|it| owned.no_copy(it))?;
        let sites = code.sites.as_ref().ok_or_else(|| {
            let problem = "the copy is not instrumented; please report this";
            not_run(&owned.plugin, problem.into())
        })?;
        let lines = SiteLines::of(&kept.bytes, sites);
        let goal = Goal::Stop(Until::Operator);
        let session = Session::start(&owned, code.clone(), &lines.numbers, goal, &Arc::default())?;
        let mut debugger = Debugger {
            owned,
            code,
            lines,
            breakpoints: Vec::new(),
            added: 0,
            breaks: Arc::default(),
            session,
            watched: BTreeSet::new(),
            point: None,
            stop: Stop::nowhere(),
        };
        debugger.wait()?;
        Ok(debugger)
    }
}

impl Debugger {
    /// Where it has stopped.
    #[must_use]
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Sets a breakpoint. Returns its number, and in how many places of the code it is; a breakpoint
    /// by fuel is in none.
    pub fn break_at(&mut self, breakpoint: Breakpoint) -> (u32, usize) {
        self.added += 1;
        let places = self.places(&breakpoint).len();
        self.breakpoints.push((self.added, breakpoint));
        self.breaks = self.collect_breaks();
        (self.added, places)
    }

    /// Removes a breakpoint. Returns whether there was one of that number.
    pub fn remove(&mut self, number: u32) -> bool {
        let before = self.breakpoints.len();
        self.breakpoints.retain(|(it, _)| *it != number);
        self.breaks = self.collect_breaks();
        self.breakpoints.len() < before
    }

    /// The breakpoints and their numbers.
    #[must_use]
    pub fn breakpoints(&self) -> &[(u32, Breakpoint)] {
        &self.breakpoints
    }

    /// The sites or the functions of a breakpoint.
    fn places(&self, breakpoint: &Breakpoint) -> Vec<u32> {
        match breakpoint {
            Breakpoint::Function(pattern) => {
                let Ok(kept) = self.owned.kept() else {
                    return Vec::new();
                };
                let symbols = Symbols::of(&kept.bytes);
                let info = &self.owned.plugin.code().info;
                let imported = info.imported_functions;
                let all = imported..imported.saturating_add(info.functions);
                let is_wanted = |function: &u32| {
                    let name = symbols.name(*function);
                    let name = name.unwrap_or_else(|| format!("function {function}").into());
                    matches(pattern, &name)
                };
                all.filter(is_wanted).collect()
            }
            Breakpoint::Line(file, line) => self.lines.begins(file, *line),
            Breakpoint::Fuel(_) => Vec::new(),
            Breakpoint::Offset(offset) => {
                let found = operator_from(self.module(), *offset);
                let found = found.zip(self.code.sites.as_ref());
                let site = found.and_then(|(it, sites)| sites.step_in(it.start..it.function_end));
                site.into_iter().collect()
            }
        }
    }

    fn collect_breaks(&self) -> Arc<Breaks> {
        let mut breaks = Breaks::default();
        for (number, breakpoint) in &self.breakpoints {
            let places = self.places(breakpoint).into_iter();
            let numbered = places.map(|place| (place, *number));
            match breakpoint {
                Breakpoint::Function(_) => breaks.functions.extend(numbered),
                Breakpoint::Line(..) | Breakpoint::Offset(_) => breaks.sites.extend(numbered),
                Breakpoint::Fuel(fuel) => breaks.fuel.push((*fuel, *number)),
            }
        }
        Arc::new(breaks)
    }

    /// Goes forwards. The replay goes on from where it waits.
    ///
    /// # Errors
    ///
    /// Those of the replay.
    pub fn forward(&mut self, motion: Motion) -> Result<&Stop, Error> {
        let until = match (motion, self.point) {
            (Motion::Continue, _) => Until::End,
            (Motion::Step, Some(point)) if self.lines.are_known() => Until::Line(point),
            (Motion::Next, Some(point)) if self.lines.are_known() => Until::Over(point),
            (Motion::Next, Some(point)) => Until::Out(point.depth.saturating_add(1)),
            (Motion::Finish, Some(point)) => Until::Out(point.depth),
            _ => Until::Operator,
        };
        if self.stop.ended.is_none() {
            let request = Request::Go(Goal::Stop(until), self.breaks.clone());
            self.session.ask(request);
            self.wait()?;
        }
        Ok(&self.stop)
    }

    /// Goes backwards: to the breakpoint or the beginning of a line before, to the operator before, to
    /// the call of the function. Two replays find the place and run up to it.
    ///
    /// # Errors
    ///
    /// Those of the replay.
    pub fn backward(&mut self, motion: Motion) -> Result<&Stop, Error> {
        let at = self.stop.place;
        let depth = self.point.map_or(usize::MAX, |point| point.depth);
        let back = match motion {
            Motion::Continue => Back::Break,
            Motion::Finish => Back::Out(depth),
            Motion::Step if self.lines.are_known() => Back::Line,
            Motion::Next if self.lines.are_known() => Back::Over(depth),
            Motion::Next => Back::Out(depth.saturating_add(1)),
            _ => {
                self.run_to(at.saturating_sub(1), None)?;
                return Ok(&self.stop);
            }
        };
        let code = self.code.clone();
        let goal = Goal::Find(back, at);
        let lines = &self.lines.numbers;
        let session = Session::start(&self.owned, code, lines, goal, &self.breaks)?;
        let ended = session.end()?;
        let (place, breakpoint) = ended.found.unwrap_or((1, None));
        self.run_to(place, breakpoint)?;
        Ok(&self.stop)
    }

    /// Runs up to a place from the beginning.
    fn run_to(&mut self, place: u64, breakpoint: Option<u32>) -> Result<(), Error> {
        let goal = Goal::Stop(Until::Place(place));
        let code = self.code.clone();
        let lines = &self.lines.numbers;
        self.session = Session::start(&self.owned, code, lines, goal, &Arc::default())?;
        self.wait()?;
        self.stop.breakpoint = breakpoint;
        Ok(())
    }

    /// Waits until the replay stops or ends.
    fn wait(&mut self) -> Result<(), Error> {
        match self.session.stopped() {
            Some(stopped) => {
                self.point = stopped.point;
                self.stop = self.stop_at(stopped, None)?;
            }
            None => {
                let Ended { stopped, .. } = self.session.finish()?;
                self.point = None;
                self.stop = self.stop_at(stopped, Some(self.owned.ended.clone()))?;
            }
        }
        Ok(())
    }

    fn stop_at(&self, stopped: Stopped, ended: Option<String>) -> Result<Stop, Error> {
        let kept = self.owned.kept()?;
        let symbols = Symbols::of(&kept.bytes);
        let active = stopped.active.iter().rev();
        let frames: Vec<_> = active
            .map(|it| symbols.frame(it.function, it.offset))
            .collect();
        let operator = match (&ended, frames.first()) {
            (None, Some(frame)) => operator_from(&kept.bytes, frame.offset).map(|it| it.text),
            _ => None,
        };
        Ok(Stop {
            place: stopped.place,
            fuel: stopped.fuel,
            frames,
            operator: operator.unwrap_or_default(),
            breakpoint: stopped.breakpoint,
            ended,
        })
    }

    /// The locals of a frame, by its place in [`Stop::frames`]. `None` if they are not known there,
    /// which is once the call has ended. The first time for a function, a replay runs up to here on a
    /// copy that reports its locals too.
    ///
    /// # Errors
    ///
    /// Those of the replay.
    pub fn locals(&mut self, frame: usize) -> Result<Option<Vec<Variable>>, Error> {
        let frames = self.stop.frames.len();
        let function = self.stop.frames.get(frame).map(|it| it.function);
        let (Some(function), None) = (function, &self.stop.ended) else {
            return Ok(None);
        };
        if self.watched.insert(function) {
            let copy = self.owned.kept()?.stepping(&self.watched);
            self.code = copy.map_err(|failure| self.owned.no_copy(failure))?;
            self.run_to(self.stop.place, self.stop.breakpoint)?;
        }
        let depth = frames.saturating_sub(frame).saturating_sub(1);
        let Some(Report::Locals(Some(locals))) = self.session.ask(Request::Locals(depth)) else {
            return Ok(None);
        };
        let names = local_names(&self.owned.kept()?.bytes, function);
        Ok(Some(variables(locals, names)))
    }

    /// Where a frame's function goes on, by its place in [`Stop::frames`]: a position in the module's
    /// bytes. For the first it is the operator that comes next, for the others the one after their call.
    #[must_use]
    pub fn next_offset(&self, frame: usize) -> Option<u32> {
        let offset = self.stop.frames.get(frame)?.offset;
        match frame {
            0 => Some(offset),
            _ => operator_from(self.module(), offset).map(|call| call.end),
        }
    }

    /// The module that was called, in the binary format. Positions are those in it.
    #[must_use]
    pub fn module(&self) -> &[u8] {
        self.owned.kept().map_or(&[], |kept| &kept.bytes)
    }

    /// The globals. Empty once the call has ended.
    ///
    /// # Errors
    ///
    /// `InvalidModule` if the module cannot be read.
    pub fn globals(&mut self) -> Result<Vec<Variable>, Error> {
        let info = &self.owned.plugin.code().info;
        let count = info.globals;
        let answer = self.session.ask(Request::Globals(count));
        let Some(Report::Globals(values)) = answer else {
            return Ok(Vec::new());
        };
        let kept = self.owned.kept()?;
        let globals = global_types(&kept.bytes)?.into_iter().zip(values).collect();
        Ok(variables(globals, global_names(&kept.bytes)))
    }

    /// Bytes of the first memory, as many as there are of `length`, and the memory's size in bytes.
    /// Nothing once the call has ended.
    pub fn memory(&mut self, address: u64, length: u64) -> (Vec<u8>, u64) {
        match self.session.ask(Request::Memory(address, length)) {
            Some(Report::Memory(bytes, size)) => (bytes, size),
            _ => (Vec::new(), 0),
        }
    }
}

impl core::fmt::Debug for Debugger {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Debugger")
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}
