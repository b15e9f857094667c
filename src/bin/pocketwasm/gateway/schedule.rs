//! Which call runs next: a queue that one plugin cannot fill and one that no slow plugin can block.
//!
//! Among the plugins with waiting calls, the one that has used the least processor time goes next.
//! A plugin whose calls take long is *slow*. Its calls run on threads of their own, at a lower
//! priority: a plugin that loops until its deadline then leaves processors to plugins that answer
//! in microseconds.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

/// A call is slow if it takes more processor time than this. A plugin is slow if most of its recent
/// calls were.
const SLOW: Duration = Duration::from_millis(1);

/// How many calls may run and wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The most calls that run at once: the number of threads.
    pub(super) running: usize,
    /// The most calls of one plugin that run at once.
    pub(super) running_of_plugin: usize,
    /// How many threads are for slow plugins.
    pub(super) running_slow: usize,
    /// The most calls that wait.
    pub(super) waiting: usize,
    /// The most calls of one plugin that wait.
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
    /// The kind of each thread.
    pub(super) fn threads(self) -> impl Iterator<Item = ThreadKind> {
        (0..self.running).map(move |number| match number {
            _ if self.running_slow >= self.running => ThreadKind::Any,
            number if number < self.running_slow => ThreadKind::Slow,
            _ => ThreadKind::Quick,
        })
    }
}

/// The place of a call in its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallOrder {
    /// A first call, or any call without special treatment.
    First,
    /// A call that finishes what an earlier one began. It is never refused, and goes before the
    /// other calls of its plugin. The number of these is bounded by what the earlier calls hold.
    Last,
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The queue is full.
    Queue,
    /// The plugin's part of the queue is full.
    Plugin,
    /// The pool is closed.
    Closed,
}

/// Calls that wait and calls that run.
#[derive(Debug)]
pub(super) struct Schedule<T> {
    bounds: Bounds,
    queues: BTreeMap<Arc<str>, PluginQueue<T>>,
    /// The plugins with waiting calls, each once. Among plugins of equal use, the first goes first.
    turns: VecDeque<Arc<str>>,
    waiting: usize,
    /// The running calls, by ticket and plugin.
    running: Vec<(u64, Arc<str>)>,
    tickets: u64,
    /// What the last quick plugin and the last slow plugin to run had used by then.
    used: [Duration; 2],
}

#[derive(Debug)]
struct PluginQueue<T> {
    waiting: VecDeque<(u64, T)>,
    running: usize,
    /// `None` until the plugin's first call has ended.
    pace: Option<Pace>,
    /// The processor time of the plugin's calls. It starts at what the others have used, so that an
    /// idle plugin saves nothing up.
    used: Duration,
}

impl<T> PluginQueue<T> {
    fn is_slow(&self) -> bool {
        self.pace.is_some_and(Pace::is_slow)
    }
}

/// The last five calls of a plugin, one bit each, set if the call was slow. The majority decides.
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

    /// The number of calls that wait, and of those that run.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.waiting, self.running.len())
    }

    /// Whether a call of a slow plugin waits, or, if not `is_slow`, one of a quick plugin.
    pub(super) fn waits(&self, is_slow: bool) -> bool {
        let mut queues = self
            .turns
            .iter()
            .filter_map(|plugin| self.queues.get(plugin));
        queues.any(|queue| queue.is_slow() == is_slow)
    }

    /// Whether a call of `plugin` would be queued.
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

    /// Queues a call. The ticket is for [`withdraw`](Self::withdraw).
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

    /// Removes a call that still waits. Returns `None` if it runs or has ended.
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

    /// The next call for a thread of this kind, if there is one.
    pub(super) fn next(&mut self, takes: ThreadKind) -> Option<(u64, Arc<str>, T)> {
        let candidates = self.turns.iter().enumerate().filter_map(|(at, plugin)| {
            let queue = self.queues.get(plugin)?;
            let may_run = match queue.pace {
                // Only one call of a new plugin runs until it is known whether the plugin is slow.
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

    /// Records the end of a call and the processor time that it took.
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
            // The plugins that it now competes with have used more, or less.
            let [quick, slow] = self.used;
            queue.used = if was_slow { quick } else { slow };
        }
    }

    /// Forgets whether a plugin is slow, because it was replaced or unloaded.
    pub(super) fn forget(&mut self, plugin: &str) {
        if let Some(queue) = self.queues.get_mut(plugin) {
            queue.pace = None;
            if queue.waiting.is_empty() && queue.running == 0 {
                self.queues.remove(plugin);
            }
        }
    }

    /// Removes and returns every call that waits.
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
