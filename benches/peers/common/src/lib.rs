//! What every peer is asked to do, and how it is timed.
//!
//! A peer is a program. It is started once for each figure, so that cold starts are cold, memory
//! is its own, and all peers can take turns: `PEER MODE MEASURE GUEST FILE` prints a number, or
//! `not: REASON`.

mod guests;

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

/// How long calls are repeated, or plugins and instances made, for one figure.
const SPAN: Duration = Duration::from_millis(150);
const LEAST: usize = 3;
const MOST: usize = 20_000;
const MOST_KEPT: usize = 100;

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

/// As much of WASI as the guests need, for peers that have none of their own: no arguments, no
/// environment, no files, one instant. Gives the error number.
pub fn wasi<E>(
    name: &str,
    at: impl Fn(usize) -> usize,
    mut write: impl FnMut(usize, &[u8]) -> std::result::Result<(), E>,
) -> std::result::Result<u8, E> {
    match name {
        "args_sizes_get" | "environ_sizes_get" => {
            write(at(0), &[0; 4])?;
            write(at(1), &[0; 4])?;
        }
        "clock_time_get" => write(at(2), &[1; 8])?,
        "random_get" => write(at(0), &vec![7; at(1).min(4_096)])?,
        "fd_prestat_get" | "fd_read" | "fd_write" => return Ok(8),
        _ => {}
    }
    Ok(0)
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
    let loaded = peer.load(&guest, &bytes)?;
    let work = &guest.work;
    check(&guest, &loaded.fresh(work)?)?;
    match measure {
        "fresh" => median(|| loaded.fresh(work).map(drop)),
        "reused" => {
            let mut live = loaded.instance()?;
            check(&guest, &live.answer(work)?)?;
            median(|| live.answer(work).map(drop))
        }
        // The modules differ, for runtimes that keep one of equal ones.
        "plugins" => growth(|number| {
            let loaded = peer.load(&guest, &distinct(&bytes, number))?;
            loaded.fresh(work)?;
            Ok(loaded)
        }),
        "instances" => {
            let _first = loaded.instance()?;
            growth(|_| loaded.instance())
        }
        _ => Err(format!("no measure {measure:?}").into()),
    }
}

fn check(guest: &Guest, answer: &[u8]) -> Result<()> {
    let fits = |(&wanted, &given): (&u8, &u8)| wanted == given || wanted == b'?';
    if answer.len() == guest.answer.len() && guest.answer.iter().zip(answer).all(fits) {
        return Ok(());
    }
    let start = answer.get(..100).unwrap_or(answer);
    Err(format!("answers {:?}", String::from_utf8_lossy(start)).into())
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

/// KiB that stay resident for each thing made and kept; there is one before.
fn growth<T>(make: impl Fn(usize) -> Result<T>) -> Result<f64> {
    let before = resident()?;
    let began = Instant::now();
    let mut kept = Vec::new();
    while kept.len() < LEAST || kept.len() < MOST_KEPT && began.elapsed() < SPAN {
        kept.push(make(kept.len())?);
    }
    Ok((resident()? - before) / f64::from(u32::try_from(kept.len())?))
}

/// The module with a custom section of its own.
fn distinct(bytes: &[u8], number: usize) -> Vec<u8> {
    let name = format!("{number:08}");
    // Not an empty one: wazero refuses those.
    [bytes, &[0, 10, 8], name.as_bytes(), &[0]].concat()
}

/// The process's resident memory in KiB.
fn resident() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("/proc tells no VmRSS")?.parse()?)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
