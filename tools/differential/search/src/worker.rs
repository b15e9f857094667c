//! A process that compares one seed after the other and prints its findings line by line.

use crate::{
    arguments::Arguments,
    compare::{Engines, Verdict},
    sources::Source,
};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::Path,
};

/// What was done until now, in a file that outlives the worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub seed: u64,
    pub programs: u64,
    pub calls: u64,
    pub incomparable: u64,
    pub trapped: u64,
    /// Programs that are no valid modules or have nothing to call.
    pub skipped: u64,
}

impl Progress {
    fn numbers(&mut self) -> [&mut u64; 6] {
        [
            &mut self.seed,
            &mut self.programs,
            &mut self.calls,
            &mut self.incomparable,
            &mut self.trapped,
            &mut self.skipped,
        ]
    }

    pub fn read(path: &Path) -> io::Result<Self> {
        let (mut progress, mut bytes) = (Self::default(), [0; 48]);
        File::open(path)?.read_exact(&mut bytes)?;
        let (words, _) = bytes.as_chunks::<8>();
        for (number, word) in progress.numbers().into_iter().zip(words) {
            *number = u64::from_le_bytes(*word);
        }
        Ok(progress)
    }

    pub fn write(&self, file: &mut File) -> io::Result<()> {
        let mut copy = *self;
        let bytes: Vec<u8> = copy
            .numbers()
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        file.rewind()?;
        file.write_all(&bytes)
    }

    pub fn add(&mut self, mut other: Self) {
        for (sum, number) in self.numbers().into_iter().zip(other.numbers()) {
            *sum += *number;
        }
    }
}

pub fn work(arguments: &Arguments, engines: &Engines) -> io::Result<()> {
    let path = arguments.state.as_deref().unwrap_or(Path::new("/dev/null"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let source = Source::new(arguments);
    let mut progress = Progress::default();
    for seed in arguments.from..arguments.from + arguments.count {
        progress.seed = seed;
        progress.write(&mut file)?;
        let Some(case) = source.case(seed, engines.needs_canonical()) else {
            progress.skipped += 1;
            continue;
        };
        progress.programs += 1;
        match engines.compare(&case) {
            Verdict::Same { calls, trap, .. } => {
                progress.calls += calls;
                progress.trapped += u64::from(trap.is_some());
            }
            Verdict::Incomparable(_) => progress.incomparable += 1,
            Verdict::Differs(difference) => println!("{seed} {difference}"),
        }
    }
    progress.seed = u64::MAX;
    progress.write(&mut file)
}
