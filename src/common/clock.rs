//! Time and randomness: the traits for a host's sources, and what guests get by default.

use core::time::Duration;

/// A source of time, for deadlines and, where the embedder allows it, for guests.
///
/// Both readings move on while a guest runs; a clock that stands still never ends a call by its
/// deadline. They have the finest resolution that there is: a deadline is met as precisely as the
/// clock counts. Many threads may read a clock at once. A clock may start at zero: guests then see
/// one nanosecond, because some (Go) take a clock at zero for a broken one and do not start.
pub trait Clock: Send + Sync + 'static {
    /// The time since a fixed point that the clock chooses. It never goes back. Deadlines and the
    /// guests' monotonic clock use it.
    fn monotonic(&self) -> Duration;

    /// The time since 1970-01-01T00:00:00Z, which only guests see. It may be wrong and may be set,
    /// and a device that does not know it can count from any date.
    fn since_epoch(&self) -> Duration;

    /// Blocks the calling thread for about `duration`, which is at most 5 ms.
    fn sleep(&self, duration: Duration);
}

/// A source of random bytes for guests.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes`, which are at most 4,096. Returns `false` if it cannot.
    fn fill(&self, bytes: &mut [u8]) -> bool;
}

/// The instant at which every guest's virtual clock starts: 2020-01-01T00:00:00Z, in nanoseconds.
/// The value is arbitrary, but it must be the same for every call.
const VIRTUAL_START: u64 = 1_577_836_800_000_000_000;

/// The clock that guests see by default. It advances with the fuel used and with sleeping, and
/// therefore reads the same on every host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VirtualClock {
    /// The time since 1970 at which it starts, in nanoseconds.
    start: u64,
    /// The nanoseconds that guests slept.
    slept: u64,
    /// The fuel of earlier calls on the same instance, and of an initialiser before a snapshot.
    past_fuel: u64,
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self {
            start: VIRTUAL_START,
            slept: 0,
            past_fuel: 0,
        }
    }
}

impl VirtualClock {
    /// Lets it start at that time since 1970.
    pub(crate) fn start_at(&mut self, since_epoch: Duration) {
        self.start = u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX);
    }

    /// Nanoseconds since the instance was made. The current call has used `fuel_used`.
    pub(crate) fn monotonic(self, fuel_used: u64, fuel_per_second: u64) -> u64 {
        let fuel = u128::from(fuel_used) + u128::from(self.past_fuel);
        let ns = fuel * 1_000_000_000 / u128::from(fuel_per_second.max(1));
        // The clock starts at 1, because some guests (Go) take a clock at 0 for a broken one.
        u64::try_from(ns)
            .unwrap_or(u64::MAX)
            .saturating_add(self.slept)
            .saturating_add(1)
    }

    /// Nanoseconds since 1970.
    pub(crate) fn since_epoch(self, fuel_used: u64, fuel_per_second: u64) -> u64 {
        self.start
            .saturating_add(self.monotonic(fuel_used, fuel_per_second))
    }

    /// Adds the fuel of a call that has ended.
    pub(crate) fn pass(&mut self, fuel: u64) {
        self.past_fuel = self.past_fuel.saturating_add(fuel);
    }

    pub(crate) fn sleep(&mut self, ns: u64) {
        self.slept = self.slept.saturating_add(ns);
    }
}

/// The random numbers that guests get by default: SplitMix64 (Steele, Lea and Flood, 2014) from the
/// configured seed, the same for every instance. They are not for secrets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeededRandom(u64);

impl SeededRandom {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            for (byte, random) in chunk.iter_mut().zip(self.next().to_le_bytes()) {
                *byte = random;
            }
        }
    }
}
