//! Time and randomness: what the host gives, and what a guest sees by default.

use core::time::Duration;

/// A source of time, for deadlines and, where the embedder allows it, for guests.
pub trait Clock: Send + Sync + 'static {
    /// Time since a fixed point of the clock's choosing; never goes back.
    fn monotonic(&self) -> Duration;

    /// Time since 1970-01-01T00:00:00Z.
    fn since_epoch(&self) -> Duration;

    /// Blocks the calling thread for about `duration`. Never asked for more than 5 ms at once.
    fn sleep(&self, duration: Duration);
}

/// A source of random bytes for guests.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes`, at most 4,096 of them at once; `false` if it cannot.
    fn fill(&self, bytes: &mut [u8]) -> bool;
}

/// The instant at which every guest's virtual clock starts: 2020-01-01T00:00:00Z, in nanoseconds.
/// The value is arbitrary; that it is the same for every call is the point.
const VIRTUAL_START: u64 = 1_577_836_800_000_000_000;

/// The clock that guests see by default: it advances with the fuel used and with sleeping, so it
/// reads the same on every host.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct VirtualClock {
    /// The nanoseconds of sleeping.
    slept: u64,
    /// The fuel of earlier calls on the same instance, and of an initialiser that ran before.
    past_fuel: u64,
}

impl VirtualClock {
    /// Nanoseconds since the instance was made, when the call has used so much fuel.
    pub(crate) fn monotonic(self, fuel_used: u64, fuel_per_second: u64) -> u64 {
        let fuel = u128::from(fuel_used) + u128::from(self.past_fuel);
        let ns = fuel * 1_000_000_000 / u128::from(fuel_per_second.max(1));
        // Guests may take a clock at 0 for a broken one (Go does), so it starts at 1.
        u64::try_from(ns)
            .unwrap_or(u64::MAX)
            .saturating_add(self.slept)
            .saturating_add(1)
    }

    /// Nanoseconds since 1970.
    pub(crate) fn since_epoch(self, fuel_used: u64, fuel_per_second: u64) -> u64 {
        VIRTUAL_START.saturating_add(self.monotonic(fuel_used, fuel_per_second))
    }

    /// Counts the fuel of a call that is over.
    pub(crate) fn pass(&mut self, fuel: u64) {
        self.past_fuel = self.past_fuel.saturating_add(fuel);
    }

    pub(crate) fn sleep(&mut self, ns: u64) {
        self.slept = self.slept.saturating_add(ns);
    }
}

/// The random numbers that guests get by default: SplitMix64 (Steele, Lea and Flood, 2014) from
/// the configured seed, the same for every instance. Not for secrets.
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
