//! Follows an instrumented run operator by operator, and stops it where a debugger wants to look.

use crate::{
    common::{
        failure::{Cause, Failure},
        sync::Exclusive,
    },
    engine::observer::{ActiveFunction, Guest, Observer, Reached},
    module::{
        instance_state::Constant,
        instrument::{Event, Place, Side},
    },
};
use alloc::{boxed::Box, collections::BTreeMap, string::ToString, sync::Arc, vec::Vec};
use std::sync::mpsc::{Receiver, Sender};

/// The operators at which a run may stop, by the numbers of their sites.
#[derive(Debug, Default)]
pub(crate) struct Breaks {
    pub(crate) sites: BTreeMap<u32, u32>,
    pub(crate) functions: BTreeMap<u32, u32>,
    pub(crate) fuel: Vec<(u64, u32)>,
}

/// A place, as far as steps tell places apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) depth: usize,
    pub(crate) function: u32,
    /// The number of its line; 0 if it has none.
    pub(crate) line: u32,
}

/// Where a run stops next, apart from breakpoints.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    End,
    Operator,
    /// A place by its number. Breakpoints do not count on the way.
    Place(u64),
    Line(Point),
    Over(Point),
    Out(usize),
}

/// What is looked for before a place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Back {
    Break,
    Line,
    Over(usize),
    Out(usize),
}

/// What a run is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    Stop(Until),
    /// To find something before a place. The run ends there.
    Find(Back, u64),
}

/// What is asked of a run that has stopped.
pub(crate) enum Request {
    Go(Goal, Arc<Breaks>),
    Memory(u64, u64),
    Globals(u32),
    /// The locals of the active function at a depth.
    Locals(usize),
}

/// What a run says.
pub(crate) enum Report {
    Stopped(Stopped),
    /// The bytes, and the size of the memory.
    Memory(Vec<u8>, u64),
    Globals(Vec<Option<Constant>>),
    Locals(Option<Locals>),
}

/// The types and the values of locals.
pub(crate) type Locals = Vec<(Box<str>, Option<Constant>)>;

/// Where a run has stopped.
pub(crate) struct Stopped {
    pub(crate) place: u64,
    pub(crate) fuel: u64,
    pub(crate) active: Vec<ActiveFunction>,
    pub(crate) point: Option<Point>,
    pub(crate) breakpoint: Option<u32>,
}

/// Follows a run.
pub(crate) struct Stepper {
    /// The number of the line of each site.
    lines: Arc<[u32]>,
    goal: Goal,
    breaks: Arc<Breaks>,
    pub(crate) place: u64,
    /// Whether a function has just begun.
    entered: bool,
    fuel: u64,
    /// The best place until now, and its breakpoint.
    pub(crate) found: Option<(u64, Option<u32>)>,
    /// The beginning of the current line, and of the one before.
    run: Option<(Point, u64)>,
    before: Option<u64>,
    channel: Exclusive<(Receiver<Request>, Sender<Report>)>,
}

impl Stepper {
    pub(crate) fn new(
        lines: &Arc<[u32]>,
        goal: Goal,
        breaks: &Arc<Breaks>,
        channel: (Receiver<Request>, Sender<Report>),
    ) -> Self {
        Self {
            lines: lines.clone(),
            goal,
            breaks: breaks.clone(),
            place: 0,
            entered: false,
            fuel: 0,
            found: None,
            run: None,
            before: None,
            channel: Exclusive::new(channel),
        }
    }

    /// The breakpoint at an operator.
    fn breakpoint(&mut self, reached: &Reached<'_>) -> Option<u32> {
        let entered = core::mem::take(&mut self.entered);
        let before = core::mem::replace(&mut self.fuel, reached.used);
        let breaks = &self.breaks;
        if let Some(number) = breaks.sites.get(&reached.number) {
            return Some(*number);
        }
        let function = breaks.functions.get(&reached.site.function);
        if let Some(number) = function.filter(|_| entered) {
            return Some(*number);
        }
        let mut fuel = breaks.fuel.iter();
        let passed = fuel.find(|(fuel, _)| before < *fuel && *fuel <= reached.used);
        passed.map(|(_, number)| *number)
    }

    /// Whether the run stops at an operator.
    fn stops(&self, until: Until, point: Point) -> bool {
        match until {
            Until::End => false,
            Until::Operator => true,
            Until::Place(place) => self.place >= place,
            Until::Line(from) => point.line != 0 && point != from,
            Until::Over(from) => {
                point.line != 0
                    && (point.depth < from.depth || point.depth == from.depth && point != from)
            }
            Until::Out(depth) => point.depth < depth,
        }
    }

    /// Looks at an operator before the place. Says whether the place is reached.
    fn find(&mut self, back: Back, at: u64, point: Point, breakpoint: Option<u32>) -> bool {
        let is_there = self.place >= at;
        match back {
            Back::Line | Back::Over(_) => {
                let too_deep = matches!(back, Back::Over(depth) if point.depth > depth);
                if point.line != 0
                    && !too_deep
                    && self.run.is_none_or(|(current, _)| current != point)
                {
                    self.before = self.run.map(|(_, start)| start);
                    self.run = Some((point, self.place));
                }
            }
            Back::Out(depth) if point.depth < depth && !is_there => {
                self.found = Some((self.place, None));
            }
            _ => {}
        }
        if breakpoint.is_some() && !is_there {
            self.found = Some((self.place, breakpoint));
        }
        is_there
    }

    /// The last place before that one, if something was looked for.
    pub(crate) fn last_found(&self) -> Option<(u64, Option<u32>)> {
        let Goal::Find(_, at) = self.goal else {
            return None;
        };
        let line = match self.run {
            Some((_, start)) if start < at => Some(start),
            _ => self.before,
        };
        match (line, self.found) {
            (Some(line), Some((found, _))) if line > found => Some((line, None)),
            (Some(line), None) => Some((line, None)),
            (_, found) => found,
        }
    }

    /// Answers requests until the run goes on.
    fn stop(
        &mut self,
        reached: &Reached<'_>,
        point: Point,
        breakpoint: Option<u32>,
        guest: &dyn Guest,
    ) -> Result<(), Failure> {
        let stopped = Stopped {
            place: self.place,
            fuel: reached.used,
            active: reached.active.to_vec(),
            point: Some(point),
            breakpoint,
        };
        let gone = || Failure::from(Cause::Cancelled);
        // Answers questions, and returns what the run goes on for.
        let next = |(requests, reports): &mut (Receiver<Request>, Sender<Report>)| {
            let say = |report| reports.send(report).map_err(|_| gone());
            say(Report::Stopped(stopped))?;
            loop {
                match requests.recv().map_err(|_| gone())? {
                    Request::Go(goal, breaks) => return Ok::<_, Failure>((goal, breaks)),
                    Request::Memory(address, length) => {
                        let memory = guest.memory_at(0);
                        let range = usize::try_from(address).ok().zip(
                            address
                                .checked_add(length)
                                .and_then(|end| usize::try_from(end.min(memory.len() as u64)).ok()),
                        );
                        let bytes = range.and_then(|(from, to)| memory.get(from..to));
                        let bytes = bytes.unwrap_or_default().to_vec();
                        say(Report::Memory(bytes, memory.len() as u64))?;
                    }
                    Request::Globals(count) => {
                        let globals = (0..count).map(|index| guest.global(index));
                        say(Report::Globals(globals.collect()))?;
                    }
                    Request::Locals(depth) => say(Report::Locals(locals(reached, depth)))?,
                }
            }
        };
        let (goal, breaks) = self.channel.with(next)?;
        self.goal = goal;
        self.breaks = breaks;
        Ok(())
    }
}

/// The locals of an active function, if they were reported where it is now.
fn locals(reached: &Reached<'_>, depth: usize) -> Option<Locals> {
    let active = reached.active.get(depth)?;
    let place = Place {
        function: active.function,
        offset: active.offset,
        side: Side::Before,
    };
    let values = reached.sites.values_at(place)?;
    let types = values.locals.iter();
    let mut locals: Locals = types.map(|ty| (ty.to_string().into(), None)).collect();
    if values.reported_locals().next().is_none() {
        return Some(locals);
    }
    let reported = reached.reported.get(depth)?.as_ref()?;
    if reached.sites.values(reported.number)?.place != place {
        return None;
    }
    for ((index, _), value) in values.reported_locals().zip(&reported.locals) {
        if let Some((_, local)) = locals.get_mut(index as usize) {
            *local = *value;
        }
    }
    Some(locals)
}

impl Observer for Stepper {
    fn reached(&mut self, reached: &Reached<'_>, guest: &mut dyn Guest) -> Result<(), Failure> {
        let site = reached.site;
        match site.event {
            Event::Enter => self.entered = true,
            Event::Step => {}
            _ => return Ok(()),
        }
        if site.event == Event::Enter {
            return Ok(());
        }
        self.place += 1;
        let breakpoint = self.breakpoint(reached);
        let line = self.lines.get(reached.number as usize);
        let point = Point {
            depth: reached.active.len(),
            function: site.function,
            line: line.copied().unwrap_or_default(),
        };
        match self.goal {
            Goal::Stop(until) => {
                let breakpoint = breakpoint.filter(|_| !matches!(until, Until::Place(_)));
                if breakpoint.is_some() || self.stops(until, point) {
                    return self.stop(reached, point, breakpoint, guest);
                }
                Ok(())
            }
            Goal::Find(back, at) => match self.find(back, at, point, breakpoint) {
                true => Err(Cause::Cancelled.into()),
                false => Ok(()),
            },
        }
    }
}
