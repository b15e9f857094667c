//! Which call runs next: a queue that one plugin cannot fill and one that no slow plugin can block.
//!
//! Of the plugins with calls waiting the one goes next that has used a processor least. A plugin
//! whose calls take long is *slow*: its calls run on threads of their own, which give way to the
//! others, so that a plugin which loops until its deadline leaves processors to the ones that
//! answer in microseconds.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

/// Calls that take more of a processor than this are slow, and so are plugins of which most calls
/// lately were.
const SLOW: Duration = Duration::from_millis(1);

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

/// Which calls a thread takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThreadKind {
    Any,
    Quick,
    Slow,
}

impl Bounds {
    /// What the threads take, each its own.
    pub(super) fn threads(self) -> impl Iterator<Item = ThreadKind> {
        (0..self.running).map(move |number| match number {
            _ if self.running_slow >= self.running => ThreadKind::Any,
            number if number < self.running_slow => ThreadKind::Slow,
            _ => ThreadKind::Quick,
        })
    }
}

/// Which of a request's calls one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallOrder {
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
    queues: BTreeMap<Arc<str>, PluginQueue<T>>,
    /// Plugins with calls waiting, each once; of those with equal use, the first goes first.
    turns: VecDeque<Arc<str>>,
    waiting: usize,
    /// The calls that run: ticket and plugin.
    running: Vec<(u64, Arc<str>)>,
    tickets: u64,
    /// What the last plugins to go had used, of the quick ones and of the slow ones.
    used: [Duration; 2],
}

#[derive(Debug)]
struct PluginQueue<T> {
    waiting: VecDeque<(u64, T)>,
    running: usize,
    /// Nothing before its first call has ended.
    pace: Option<Pace>,
    /// How long its calls have kept processors busy; not less than others had used when it came,
    /// so that nobody saves up.
    used: Duration,
}

impl<T> PluginQueue<T> {
    fn is_slow(&self) -> bool {
        self.pace.is_some_and(Pace::is_slow)
    }
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

impl<T> Schedule<T> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            queues: BTreeMap::new(),
            turns: VecDeque::new(),
            waiting: 0,
            running: Vec::with_capacity(bounds.running),
            tickets: 0,
            used: [Duration::ZERO; 2],
        }
    }

    /// The calls that wait, and those that run.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.waiting, self.running.len())
    }

    /// Whether a call of a slow plugin waits, or of another.
    pub(super) fn waits(&self, is_slow: bool) -> bool {
        let mut queues = self
            .turns
            .iter()
            .filter_map(|plugin| self.queues.get(plugin));
        queues.any(|queue| queue.is_slow() == is_slow)
    }

    /// Whether a call of `plugin` would be taken on.
    pub(super) fn room(&self, plugin: &str) -> Result<(), Full> {
        if self.waiting >= self.bounds.waiting {
            return Err(Full::Queue);
        }
        match self.queues.get(plugin) {
            Some(queue) if queue.waiting.len() >= self.bounds.waiting_of_plugin => {
                Err(Full::Plugin)
            }
            _ => Ok(()),
        }
    }

    /// Takes a call on; the ticket is for [`withdraw`](Self::withdraw).
    pub(super) fn add(&mut self, plugin: &Arc<str>, turn: CallOrder, call: T) -> Result<u64, Full> {
        if turn == CallOrder::First {
            self.room(plugin)?;
        }
        self.tickets += 1;
        let queue = self
            .queues
            .entry(plugin.clone())
            .or_insert_with(|| PluginQueue {
                waiting: VecDeque::new(),
                running: 0,
                pace: None,
                used: Duration::ZERO,
            });
        if queue.waiting.is_empty() {
            if queue.running == 0 {
                let [quick, slow] = self.used;
                queue.used = queue.used.max(if queue.is_slow() { slow } else { quick });
            }
            self.turns.push_back(plugin.clone());
        }
        match turn {
            CallOrder::First => queue.waiting.push_back((self.tickets, call)),
            CallOrder::Last => queue.waiting.push_front((self.tickets, call)),
        }
        self.waiting += 1;
        Ok(self.tickets)
    }

    /// Takes back a call that still waits; nothing if it runs or has ended.
    pub(super) fn withdraw(&mut self, plugin: &str, ticket: u64) -> Option<T> {
        let queue = self.queues.get_mut(plugin)?;
        let at = queue
            .waiting
            .iter()
            .position(|(other, _)| *other == ticket)?;
        let (_, call) = queue.waiting.remove(at)?;
        if queue.waiting.is_empty() {
            self.turns.retain(|other| **other != *plugin);
        }
        self.waiting -= 1;
        Some(call)
    }

    /// The next call for a thread, if there is one for it now.
    pub(super) fn next(&mut self, takes: ThreadKind) -> Option<(u64, Arc<str>, T)> {
        let candidates = self.turns.iter().enumerate().filter_map(|(at, plugin)| {
            let queue = self.queues.get(plugin)?;
            let may_run = match queue.pace {
                // One call shows what a plugin is like; until then it gets no second.
                None => takes != ThreadKind::Slow && queue.running == 0,
                Some(pace) if pace.is_slow() => takes != ThreadKind::Quick,
                Some(_) => {
                    takes != ThreadKind::Slow && queue.running < self.bounds.running_of_plugin
                }
            };
            may_run.then_some((at, queue.used))
        });
        let (at, _) = candidates.min_by_key(|(_, used)| *used)?;
        let plugin = self.turns.remove(at)?;
        let queue = self.queues.get_mut(&plugin)?;
        let (ticket, call) = queue.waiting.pop_front()?;
        queue.running += 1;
        let [quick, slow] = &mut self.used;
        let last = if queue.is_slow() { slow } else { quick };
        *last = queue.used.max(*last);
        if !queue.waiting.is_empty() {
            self.turns.push_back(plugin.clone());
        }
        self.waiting -= 1;
        self.running.push((ticket, plugin.clone()));
        Some((ticket, plugin, call))
    }

    /// A call that ran has ended, after it has kept a processor busy for so long.
    pub(super) fn ended(&mut self, ticket: u64, busy: Duration) {
        let Some(at) = self.running.iter().position(|(other, _)| *other == ticket) else {
            return;
        };
        let (_, plugin) = self.running.swap_remove(at);
        let call_is_slow = busy > SLOW;
        let Some(queue) = self.queues.get_mut(&plugin) else {
            return;
        };
        let was_slow = queue.is_slow();
        queue.running -= 1;
        queue.used += busy;
        queue.pace = Some(match queue.pace {
            None => Pace::first(call_is_slow),
            Some(pace) => pace.then(call_is_slow),
        });
        if queue.is_slow() != was_slow {
            // Those that it is compared with now have used more, or less.
            let [quick, slow] = self.used;
            queue.used = if was_slow { quick } else { slow };
        }
    }

    /// Forgets how fast a plugin was, for it was replaced or is gone.
    pub(super) fn forget(&mut self, plugin: &str) {
        if let Some(queue) = self.queues.get_mut(plugin) {
            queue.pace = None;
            if queue.waiting.is_empty() && queue.running == 0 {
                self.queues.remove(plugin);
            }
        }
    }

    /// Lets go of every call that waits.
    pub(super) fn clear(&mut self) -> Vec<T> {
        self.turns.clear();
        self.waiting = 0;
        let queues = self.queues.values_mut();
        queues
            .flat_map(|queue| queue.waiting.drain(..).map(|(_, call)| call))
            .collect()
    }
}

#[cfg(test)]
mod tests;
