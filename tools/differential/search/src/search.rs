//! The search: runs workers that compare, and keeps what they find, even if it kills them.

use crate::{arguments::Arguments, worker::Progress};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead, BufReader, Write},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// The seeds that a worker takes at a time.
const CHUNK: u64 = 1_000;
/// How long a worker may take for one.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Found {
    progress: Progress,
    /// By seed.
    differences: BTreeMap<u64, String>,
    told: u64,
}

pub struct Totals {
    pub differences: BTreeMap<u64, String>,
    pub seconds: f64,
}

/// Searches all seeds; so many differences end it, and so much time.
pub fn search(arguments: &Arguments, enough: usize, limit: Duration) -> io::Result<Totals> {
    let started = Instant::now();
    let end_at = started + limit;
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from + arguments.count;
    let found = Mutex::new(Found::default());
    thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.workers)
            .map(|number| {
                let (next, found) = (&next, &found);
                scope.spawn(move || -> io::Result<()> {
                    loop {
                        let from = next.fetch_add(CHUNK, Ordering::Relaxed);
                        if from >= end || is_over(found, enough, end_at) {
                            return Ok(());
                        }
                        chunk(
                            arguments,
                            number,
                            from..end.min(from + CHUNK),
                            found,
                            enough,
                            end_at,
                        )?;
                        tell(found, &started);
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no panic"))
    })?;
    let found = found.into_inner().expect("no panic");
    let Progress {
        programs,
        calls,
        incomparable,
        trapped,
        skipped,
        ..
    } = found.progress;
    let seconds = started.elapsed().as_secs_f64();
    let skipped = if skipped > 0 {
        format!(", {skipped} skipped")
    } else {
        String::new()
    };
    println!(
        "{programs} programs, {calls} calls, {} differences ({incomparable} incomparable, {trapped} \
         trapped{skipped}) in {seconds:.0} s",
        found.differences.len(),
    );
    Ok(Totals {
        differences: found.differences,
        seconds,
    })
}

fn tell(found: &Mutex<Found>, started: &Instant) {
    let mut found = found.lock().expect("no panic");
    let seconds = started.elapsed().as_secs();
    if seconds >= found.told + 10 {
        found.told = seconds;
        let Progress {
            programs,
            calls,
            incomparable,
            ..
        } = found.progress;
        let differences = found.differences.len();
        println!(
            "{programs} programs, {calls} calls, {seconds} s, {differences} differences, {incomparable} incomparable"
        );
    }
}

fn is_over(found: &Mutex<Found>, enough: usize, end_at: Instant) -> bool {
    found.lock().expect("no panic").differences.len() >= enough || Instant::now() >= end_at
}

/// Workers for those seeds, one after the other where they die.
fn chunk(
    arguments: &Arguments,
    number: usize,
    mut seeds: std::ops::Range<u64>,
    found: &Mutex<Found>,
    enough: usize,
    end_at: Instant,
) -> io::Result<()> {
    let state: PathBuf =
        std::env::temp_dir().join(format!("search-{}-{number}", std::process::id()));
    while !seeds.is_empty() {
        Progress::default().write(&mut fs::File::create(&state)?)?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["worker", "--from", &seeds.start.to_string()])
            .args(["--count", &(seeds.end - seeds.start).to_string()])
            .arg("--state")
            .arg(&state)
            .args(arguments.for_worker())
            .stdout(Stdio::piped())
            .stderr(if std::env::var_os("SEARCH_STDERR").is_some() {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .spawn()?;
        let stdout = child.stdout.take().expect("it is piped");
        let status = thread::scope(|scope| {
            scope.spawn(|| {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if let Some((seed, said)) = line.split_once(' ')
                        && let Ok(seed) = seed.parse()
                    {
                        note(found, seed, said.to_string());
                    }
                }
            });
            wait(&mut child, &state, &|| is_over(found, enough, end_at))
        })?;
        let progress = Progress::read(&state)?;
        found.lock().expect("no panic").progress.add(Progress {
            seed: 0,
            ..progress
        });
        if progress.seed == u64::MAX {
            break;
        }
        if is_over(found, enough, end_at) {
            break;
        }
        let died = status
            .signal()
            .map_or_else(|| status.to_string(), |signal| format!("signal {signal}"));
        note(found, progress.seed, format!("crash: {died}"));
        seeds.start = progress.seed + 1;
    }
    fs::remove_file(&state)
}

fn note(found: &Mutex<Found>, seed: u64, said: String) {
    println!("seed {seed}: {said}");
    let _ = io::stdout().flush();
    found
        .lock()
        .expect("no panic")
        .differences
        .insert(seed, said);
}

/// Waits for the worker, or ends it where it hangs.
fn wait(
    child: &mut Child,
    state: &Path,
    is_over: &dyn Fn() -> bool,
) -> io::Result<std::process::ExitStatus> {
    let (mut last, mut since) = (Progress::default(), Instant::now());
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let now = Progress::read(state)?;
        if now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() > PATIENCE {
            child.kill()?;
        }
        if is_over() {
            child.kill()?;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
