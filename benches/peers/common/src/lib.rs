//! What every peer is asked to do, and how it is timed.
//!
//! A peer is a program. It is started once for each figure, so that cold starts are cold, memory
//! is its own, and all peers can take turns: `PEER MODE MEASURE GUEST FILE` prints a number, or
//! `not: REASON`.

mod guests;
mod memory;

pub use guests::{Guest, Work};

use std::{
    env,
    error::Error,
    fs,
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

pub type Failure = Box<dyn Error + Send + Sync>;
pub type Result<T> = std::result::Result<T, Failure>;

/// How long calls are repeated for one figure.
const SPAN: Duration = Duration::from_millis(150);
const LEAST: usize = 5;
const MOST: usize = 20_000;

/// A runtime, as a careful host of plugins sets it up.
pub trait Peer {
    /// Compiles a module as the runtime does by default.
    fn load(&self, guest: &Guest, bytes: &[u8]) -> Result<Box<dyn Loaded>>;
}

/// A compiled module.
pub trait Loaded {
    /// A fresh instance, started and initialised.
    fn instance(&self) -> Result<Box<dyn Live + '_>>;

    /// What the guest answers in a fresh instance that is then let go.
    fn fresh(&self, work: &Work) -> Result<Vec<u8>> {
        self.instance()?.answer(work)
    }
}

/// An instance.
pub trait Live {
    /// Does the guest's work once and gives its answer.
    fn answer(&mut self, work: &Work) -> Result<Vec<u8>>;
}

/// What a raw engine offers: numbers in, at most one number out, and the memory. The exports are
/// looked up by name when first called, and may be kept from then on.
pub trait Raw {
    fn call(&mut self, export: &'static str, params: &[i32]) -> Result<i64>;
    fn has(&mut self, export: &'static str) -> bool;
    fn read(&mut self, at: usize, length: usize) -> Result<Vec<u8>>;
    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<()>;

    /// Runs the initialiser, and what the guest needs besides.
    fn set_up(&mut self, besides: Option<&'static str>) -> Result<()> {
        let exports = [Some("_initialize"), besides];
        for export in exports.into_iter().flatten() {
            if self.has(export) {
                self.call(export, &[])?;
            }
        }
        Ok(())
    }

    /// A call with numbers, or one with bytes as the packed-pointer convention passes them.
    fn work(&mut self, work: &Work) -> Result<Vec<u8>> {
        match work {
            Work::Numbers { export, params, .. } => {
                Ok(self.call(export, params)?.to_string().into_bytes())
            }
            Work::Bytes {
                export,
                input,
                allocate,
                release,
                sized,
            } => {
                let length = i32::try_from(input.len())?;
                let input_at = self.call(allocate, &[length])?;
                let input_at = low(input_at);
                self.write(usize::try_from(input_at)?, input)?;
                let input_at = input_at.cast_signed();
                let packed = self.call(export, &[input_at, length])?.cast_unsigned();
                let (at, size) = (low((packed >> 32).cast_signed()), low(packed.cast_signed()));
                let output = self.read(usize::try_from(at)?, usize::try_from(size)?)?;
                let params = if *sized { 2 } else { 1 };
                self.call(release, &[at.cast_signed(), size.cast_signed()][..params])?;
                self.call(release, &[input_at, length][..params])?;
                Ok(output)
            }
            Work::Extism { .. } => Err("has no Extism kernel".into()),
        }
    }
}

/// The low half.
fn low(bits: i64) -> u32 {
    u32::try_from(bits.cast_unsigned() & 0xffff_ffff).unwrap_or_default()
}

/// The whole program of a peer: the mode is the peer's own affair.
pub fn main(peer: impl FnOnce(&str) -> Result<Box<dyn Peer>>) -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [mode, measure, guest, file] = &args[..] else {
        eprintln!("usage: PEER MODE MEASURE GUEST FILE");
        return ExitCode::from(2);
    };
    match figure(|| peer(mode), measure, guest, file) {
        Ok(figure) => println!("{figure}"),
        Err(failure) => {
            let reason = failure.to_string();
            println!("not: {}", reason.lines().next().unwrap_or_default());
        }
    }
    ExitCode::SUCCESS
}

/// Microseconds, or KiB for memory.
fn figure(
    peer: impl FnOnce() -> Result<Box<dyn Peer>>,
    measure: &str,
    guest: &str,
    file: &str,
) -> Result<f64> {
    let guest = Guest::named(guest).ok_or("no such guest")?;
    let bytes = fs::read(file)?;
    if measure == "cold" {
        let start = Instant::now();
        let loaded = peer()?.load(&guest, &bytes)?;
        let answer = loaded.fresh(&guest.work)?;
        let took = start.elapsed();
        return check(&guest, &answer).map(|()| micros(took));
    }
    let peer = peer()?;
    if let Some(count) = measure.strip_prefix("plugins:") {
        return memory::plugins(&*peer, &guest, &bytes, count.parse()?);
    }
    let loaded = peer.load(&guest, &bytes)?;
    if let Some(count) = measure.strip_prefix("instances:") {
        return memory::instances(&*loaded, count.parse()?);
    }
    let work = &guest.work;
    match measure {
        "fresh" => {
            check(&guest, &loaded.fresh(work)?)?;
            median(|| loaded.fresh(work).map(drop))
        }
        "reused" => {
            let mut live = loaded.instance()?;
            check(&guest, &live.answer(work)?)?;
            median(|| live.answer(work).map(drop))
        }
        _ => Err(format!("no measure {measure:?}").into()),
    }
}

/// A figure of a wrong answer is worth nothing.
fn check(guest: &Guest, answer: &[u8]) -> Result<()> {
    match guest.answer {
        Some(expected) if answer != expected => {
            let answer = String::from_utf8_lossy(answer);
            Err(format!("answers {answer:?}").into())
        }
        _ => Ok(()),
    }
}

/// The median of batches that are long enough for the clock.
fn median(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    work()?;
    let once = start.elapsed().max(Duration::from_nanos(10));
    let batch = usize::try_from(20_000 / once.as_nanos().max(1))?.max(1);
    let mut times = Vec::new();
    let began = Instant::now();
    while times.len() < LEAST || times.len() < MOST && began.elapsed() < SPAN {
        let start = Instant::now();
        for _ in 0..batch {
            black_box(work()?);
        }
        times.push(micros(start.elapsed()) / f64::from(u32::try_from(batch)?));
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
