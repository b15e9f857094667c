//! Checks that the search finds each known fault again.

use crate::{arguments::Arguments, search};
use std::{error::Error, time::Duration};

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Each rewriting, and what is left out of the programs meanwhile. The growth of a memory is
/// rewritten with the parameters of blocks, and is seen alone where no program has these.
const SWITCHES: [(&str, &str, &str); 7] = [
    ("host-tail-calls", "host-tail-calls", ""),
    ("lane-stores", "lane-stores", ""),
    ("block-params", "block-params", ""),
    ("growth, of block-params", "block-params", "block-params"),
    ("selects", "selects", ""),
    ("stores", "stores", ""),
    ("branch-tables", "branch-tables", ""),
];

/// Searches once for each rewriting, with that one switched off; whether all were found.
pub fn prove(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let mut all = true;
    let mut lines = Vec::new();
    for (name, keep, without) in SWITCHES {
        let mut arguments = arguments.clone();
        arguments.count = 10_000_000;
        arguments.keep = keep.to_string();
        arguments.without = without.to_string();
        let totals = search::search(&arguments, 1, LIMIT)?;
        let first = totals.differences.first_key_value();
        all &= first.is_some();
        lines.push(match first {
            Some((seed, said)) => {
                let said: String = said.chars().take(90).collect();
                format!("| {name} | {seed} | {:.1} | {said} |", totals.seconds)
            }
            None => format!("| {name} | not found | {:.1} | |", totals.seconds),
        });
    }
    println!("\n| switched off | seed | seconds | what was seen |\n|---|---|---|---|");
    for line in lines {
        println!("{line}");
    }
    Ok(all)
}
