//! The command line's arguments.

use crate::compare::Judge;
use answers::{MODES, Mode, SLOW_MODES};
use programs::Options;
use std::path::PathBuf;

#[derive(Debug, Clone)]
pub struct Arguments {
    pub command: String,
    pub from: u64,
    pub count: u64,
    pub options: Options,
    /// As they stood, for the workers.
    pub without: String,
    pub judge: Judge,
    pub judge_name: String,
    pub source: String,
    pub workers: usize,
    /// Where findings go.
    pub out: PathBuf,
    /// How many findings are shrunk.
    pub shrink: usize,
    pub state: Option<PathBuf>,
    pub keep: String,
    /// Whether each module runs in the first mode and one of the others, by turns.
    pub turns: bool,
}

impl Arguments {
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut words = words.into_iter();
        let command = words.next().ok_or("which command?")?;
        let mut parsed = Self {
            command,
            from: 0,
            count: 10_000,
            options: Options {
                simd: true,
                unbounded: true,
                ..Options::default()
            },
            without: String::new(),
            judge: Judge::Wasmtime,
            judge_name: "wasmtime".into(),
            source: "programs".into(),
            workers: 2,
            out: "findings".into(),
            shrink: 5,
            state: None,
            keep: String::new(),
            turns: false,
        };
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("{word} what?"))?;
            let number = || {
                value
                    .replace('_', "")
                    .parse::<u64>()
                    .map_err(|_| format!("{word} {value} is no number"))
            };
            match word.as_str() {
                "--from" | "--seed" => parsed.from = number()?,
                "--count" => parsed.count = number()?,
                "--workers" => parsed.workers = number()? as usize,
                "--shrink" => parsed.shrink = number()? as usize,
                "--out" => parsed.out = value.into(),
                "--state" => parsed.state = Some(value.into()),
                "--source" => parsed.source = value,
                "--keep" => parsed.keep = value,
                "--more-pages" => parsed.options.more_pages = number()?,
                "--simd" => parsed.options.simd = value == "yes",
                "--without" => {
                    for name in value.split(',').filter(|name| !name.is_empty()) {
                        let switch = parsed.options.without.named(name);
                        *switch.ok_or_else(|| format!("no pattern {name}"))? = true;
                    }
                    parsed.without = value;
                }
                "--modes" => {
                    parsed.turns = match value.as_str() {
                        "all" => false,
                        "turns" => true,
                        _ => return Err(format!("--modes {value}: all or turns")),
                    };
                }
                "--judge" => {
                    parsed.judge = match value.as_str() {
                        "wasmtime" => Judge::Wasmtime,
                        "wasmi" => Judge::Wasmi,
                        "both" => Judge::Both,
                        "ours" => Judge::Ours,
                        _ => return Err(format!("no judge {value}")),
                    };
                    parsed.judge_name = value;
                }
                _ => return Err(format!("no option {word}")),
            }
        }
        Ok(parsed)
    }

    /// The modes in which the crate is run.
    pub fn modes(&self) -> &'static [Mode] {
        if self.source == "programs" {
            &MODES
        } else {
            &SLOW_MODES
        }
    }

    /// What a worker has to be told.
    pub fn for_worker(&self) -> Vec<String> {
        [
            ("--without", self.without.clone()),
            ("--judge", self.judge_name.clone()),
            ("--source", self.source.clone()),
            ("--keep", self.keep.clone()),
            ("--modes", if self.turns { "turns" } else { "all" }.into()),
            ("--more-pages", self.options.more_pages.to_string()),
            (
                "--simd",
                if self.options.simd { "yes" } else { "no" }.into(),
            ),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_string(), value])
        .collect()
    }
}
