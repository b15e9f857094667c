//! Which call runs next: a queue that one plugin cannot fill and one that no slow plugin can block.
//!
//! Plugins with calls waiting take turns. A plugin whose calls take long, or that has not shown yet
//! how long they take, is *slow*: only so many slow calls run at once, so that a plugin which loops
//! until its deadline leaves processors to the ones that answer in microseconds.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

/// Calls that take more of a processor than this are slow, and so are plugins of which most calls
/// lately were.
const SLOW: Duration = Duration::from_millis(20);

/// How many calls may run and wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Calls that run at once: the threads of the pool.
    pub(super) running: usize,
    /// Of these, calls of one plugin.
    pub(super) running_of_plugin: usize,
    /// Of these, calls of slow plugins.
    pub(super) running_slow: usize,
    /// Calls that wait.
    pub(super) waiting: usize,
    /// Of these, calls of one plugin.
    pub(super) waiting_of_plugin: usize,
}

/// Which of a request's calls one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The first, or one like any other.
    First,
    /// One that ends what an earlier call began, so it is never refused and goes before the others
    /// of its plugin. What the earlier ones hold bounds how many there are.
    Last,
}

/// Why a call is not taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// As many calls wait as may wait.
    Queue,
    /// As many calls of this plugin wait as may wait.
    Plugin,
    /// The pool is closed.
    Closed,
}

/// Calls that wait and calls that run.
#[derive(Debug)]
pub(super) struct Schedule<T> {
    bounds: Bounds,
    lanes: BTreeMap<Arc<str>, Lane<T>>,
    /// Plugins with calls waiting, each once, the next one first.
    turns: VecDeque<Arc<str>>,
    waiting: usize,
    running: Vec<Running>,
    tickets: u64,
}

#[derive(Debug)]
struct Lane<T> {
    waiting: VecDeque<(u64, T)>,
    running: usize,
    /// Nothing before its first call has ended.
    pace: Option<Pace>,
}

/// Which of the last five calls of a plugin were slow, a bit each. Most of them decide.
#[derive(Debug, Clone, Copy)]
struct Pace(u8);

impl Pace {
    const CALLS: u8 = 0b1_1111;

    fn first(is_slow: bool) -> Self {
        Self(if is_slow { Self::CALLS } else { 0 })
    }

    fn then(self, is_slow: bool) -> Self {
        Self((self.0 << 1 | u8::from(is_slow)) & Self::CALLS)
    }

    fn is_slow(self) -> bool {
        self.0.count_ones() > 2
    }
}

#[derive(Debug)]
struct Running {
    ticket: u64,
    plugin: Arc<str>,
    since: Instant,
}

impl<T> Schedule<T> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            lanes: BTreeMap::new(),
            turns: VecDeque::new(),
            waiting: 0,
            running: Vec::with_capacity(bounds.running),
            tickets: 0,
        }
    }

    /// The calls that wait, and those that run.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.waiting, self.running.len())
    }

    /// Whether a call of `plugin` would be taken on.
    pub(super) fn room(&self, plugin: &str) -> Result<(), Full> {
        if self.waiting >= self.bounds.waiting {
            return Err(Full::Queue);
        }
        match self.lanes.get(plugin) {
            Some(lane) if lane.waiting.len() >= self.bounds.waiting_of_plugin => Err(Full::Plugin),
            _ => Ok(()),
        }
    }

    /// Takes a call on; the ticket is for [`withdraw`](Self::withdraw).
    pub(super) fn add(&mut self, plugin: &Arc<str>, turn: Turn, call: T) -> Result<u64, Full> {
        if turn == Turn::First {
            self.room(plugin)?;
        }
        self.tickets += 1;
        let lane = self.lanes.entry(plugin.clone()).or_insert_with(|| Lane {
            waiting: VecDeque::new(),
            running: 0,
            pace: None,
        });
        if lane.waiting.is_empty() {
            self.turns.push_back(plugin.clone());
        }
        match turn {
            Turn::First => lane.waiting.push_back((self.tickets, call)),
            Turn::Last => lane.waiting.push_front((self.tickets, call)),
        }
        self.waiting += 1;
        Ok(self.tickets)
    }

    /// Takes back a call that still waits; nothing if it runs or has ended.
    pub(super) fn withdraw(&mut self, plugin: &str, ticket: u64) -> Option<T> {
        let lane = self.lanes.get_mut(plugin)?;
        let at = lane
            .waiting
            .iter()
            .position(|(other, _)| *other == ticket)?;
        let (_, call) = lane.waiting.remove(at)?;
        if lane.waiting.is_empty() {
            self.turns.retain(|other| **other != *plugin);
        }
        self.waiting -= 1;
        Some(call)
    }

    /// The next call to run, if one may run now.
    pub(super) fn next(&mut self, now: Instant) -> Option<(u64, Arc<str>, T)> {
        if self.running.len() >= self.bounds.running {
            return None;
        }
        let slow = self.running.iter().filter(|call| {
            now.saturating_duration_since(call.since) > SLOW || self.is_slow(&call.plugin)
        });
        let slow_allowed = slow.count() < self.bounds.running_slow;
        let at = self.turns.iter().position(|plugin| {
            let Some(lane) = self.lanes.get(plugin) else {
                return false;
            };
            match lane.pace {
                // One call shows what a plugin is like; until then it gets no second.
                None => lane.running == 0,
                Some(pace) if pace.is_slow() => slow_allowed,
                Some(_) => lane.running < self.bounds.running_of_plugin,
            }
        })?;
        let plugin = self.turns.remove(at)?;
        let lane = self.lanes.get_mut(&plugin)?;
        let (ticket, call) = lane.waiting.pop_front()?;
        lane.running += 1;
        if !lane.waiting.is_empty() {
            self.turns.push_back(plugin.clone());
        }
        self.waiting -= 1;
        self.running.push(Running {
            ticket,
            plugin: plugin.clone(),
            since: now,
        });
        Some((ticket, plugin, call))
    }

    fn is_slow(&self, plugin: &str) -> bool {
        let pace = self.lanes.get(plugin).and_then(|lane| lane.pace);
        pace.is_some_and(Pace::is_slow)
    }

    /// A call that ran has ended, after it has kept a processor busy for so long.
    pub(super) fn ended(&mut self, ticket: u64, busy: Duration) {
        let Some(at) = self.running.iter().position(|call| call.ticket == ticket) else {
            return;
        };
        let Running { plugin, .. } = self.running.swap_remove(at);
        let is_slow = busy > SLOW;
        if let Some(lane) = self.lanes.get_mut(&plugin) {
            lane.running -= 1;
            lane.pace = Some(match lane.pace {
                None => Pace::first(is_slow),
                Some(pace) => pace.then(is_slow),
            });
        }
    }

    /// Forgets how fast a plugin was, for it was replaced or is gone.
    pub(super) fn forget(&mut self, plugin: &str) {
        if let Some(lane) = self.lanes.get_mut(plugin) {
            lane.pace = None;
            if lane.waiting.is_empty() && lane.running == 0 {
                self.lanes.remove(plugin);
            }
        }
    }

    /// Lets go of every call that waits.
    pub(super) fn clear(&mut self) -> Vec<T> {
        self.turns.clear();
        self.waiting = 0;
        let lanes = self.lanes.values_mut();
        lanes
            .flat_map(|lane| lane.waiting.drain(..).map(|(_, call)| call))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        running: 4,
        running_of_plugin: 2,
        running_slow: 1,
        waiting: 6,
        waiting_of_plugin: 4,
    };

    fn name(name: &str) -> Arc<str> {
        name.into()
    }

    /// A schedule that has seen one call of each of `paces`.
    fn seasoned(start: Instant, paces: &[(&str, u64)]) -> Schedule<&'static str> {
        let mut schedule = Schedule::new(BOUNDS);
        for (plugin, millis) in paces {
            schedule.add(&name(plugin), Turn::First, "first").unwrap();
            let (ticket, ..) = schedule.next(start).unwrap();
            schedule.ended(ticket, Duration::from_millis(*millis));
        }
        schedule
    }

    fn next(schedule: &mut Schedule<&'static str>, now: Instant) -> Option<String> {
        schedule.next(now).map(|(_, plugin, _)| plugin.to_string())
    }

    #[test]
    fn plugins_take_turns() {
        let now = Instant::now();
        let mut schedule = seasoned(now, &[("a", 1), ("b", 1)]);
        for plugin in ["a", "a", "a", "b"] {
            schedule.add(&name(plugin), Turn::First, "call").unwrap();
        }
        let order: Vec<_> = std::iter::from_fn(|| next(&mut schedule, now)).collect();
        // The third of `a` waits: two of one plugin run at once.
        assert_eq!(order, ["a", "b", "a"]);
        assert_eq!(schedule.counts(), (1, 3));
    }

    #[test]
    fn slow_plugins_share_what_is_theirs_and_leave_the_rest() {
        let now = Instant::now();
        let mut schedule = seasoned(now, &[("fast", 1), ("loop", 5_000), ("flood", 900)]);
        for plugin in ["loop", "flood", "fast"] {
            schedule.add(&name(plugin), Turn::First, "call").unwrap();
        }
        assert_eq!(next(&mut schedule, now).as_deref(), Some("loop"));
        assert_eq!(next(&mut schedule, now).as_deref(), Some("fast"));
        assert_eq!(next(&mut schedule, now), None);
        schedule.ended(4, Duration::from_secs(5));
        assert_eq!(next(&mut schedule, now).as_deref(), Some("flood"));
    }

    #[test]
    fn a_slip_makes_nobody_slow_and_a_habit_does() {
        let now = Instant::now();
        let mut schedule = seasoned(now, &[("a", 1), ("b", 30)]);
        let mut call = |plugin: &str, millis| {
            schedule.add(&name(plugin), Turn::First, "call").unwrap();
            let (ticket, ..) = schedule.next(now).unwrap();
            schedule.ended(ticket, Duration::from_millis(millis));
            schedule.is_slow(plugin)
        };
        assert_eq!(
            [5_000, 5_000, 1, 5_000].map(|took| call("a", took)),
            [false, false, false, true]
        );
        assert_eq!(
            [1, 1, 1, 30].map(|took| call("b", took)),
            [true, true, false, false]
        );
    }

    #[test]
    fn a_plugin_nobody_knows_yet_gets_one_call() {
        let now = Instant::now();
        let mut schedule = Schedule::new(BOUNDS);
        schedule.add(&name("new"), Turn::First, "1").unwrap();
        schedule.add(&name("new"), Turn::First, "2").unwrap();
        let (ticket, ..) = schedule.next(now).unwrap();
        assert!(schedule.next(now).is_none());
        schedule.ended(ticket, Duration::from_millis(1));
        assert!(schedule.next(now).is_some());
        schedule.forget("new");
        schedule.add(&name("new"), Turn::First, "3").unwrap();
        assert!(schedule.next(now).is_none());
    }

    #[test]
    fn a_full_queue_says_which_bound_was_reached() {
        let mut schedule = Schedule::new(BOUNDS);
        for _ in 0..4 {
            schedule.add(&name("a"), Turn::First, "call").unwrap();
        }
        assert_eq!(
            schedule.add(&name("a"), Turn::First, "call"),
            Err(Full::Plugin)
        );
        schedule.add(&name("b"), Turn::First, "call").unwrap();
        schedule.add(&name("b"), Turn::First, "call").unwrap();
        assert_eq!(
            schedule.add(&name("c"), Turn::First, "call"),
            Err(Full::Queue)
        );
    }

    #[test]
    fn what_was_begun_is_never_refused_and_goes_first() {
        let now = Instant::now();
        let mut schedule = seasoned(now, &[("a", 1)]);
        for _ in 0..4 {
            schedule.add(&name("a"), Turn::First, "begins").unwrap();
        }
        assert_eq!(
            schedule.add(&name("a"), Turn::First, "begins"),
            Err(Full::Plugin)
        );
        schedule.add(&name("a"), Turn::Last, "ends").unwrap();
        assert_eq!(schedule.next(now).unwrap().2, "ends");
        assert_eq!(schedule.next(now).unwrap().2, "begins");
    }

    #[test]
    fn a_withdrawn_call_makes_room_and_never_runs() {
        let now = Instant::now();
        let mut schedule = Schedule::new(BOUNDS);
        let ticket = schedule.add(&name("a"), Turn::First, "call").unwrap();
        assert_eq!(schedule.withdraw("a", ticket), Some("call"));
        assert_eq!(schedule.withdraw("a", ticket), None);
        assert_eq!(schedule.counts(), (0, 0));
        assert!(schedule.next(now).is_none());
        schedule.add(&name("a"), Turn::First, "again").unwrap();
        assert_eq!(next(&mut schedule, now).as_deref(), Some("a"));
        assert!(schedule.turns.is_empty());
    }

    #[test]
    fn clearing_hands_back_what_waits() {
        let now = Instant::now();
        let mut schedule = Schedule::new(BOUNDS);
        schedule.add(&name("a"), Turn::First, "runs").unwrap();
        schedule.add(&name("a"), Turn::First, "waits").unwrap();
        schedule.next(now).unwrap();
        assert_eq!(schedule.clear(), ["waits"]);
        assert_eq!(schedule.counts(), (0, 1));
    }
}
