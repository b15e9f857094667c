//! Whether the search finds each known fault again.

use crate::{arguments::Arguments, search};
use answers::faults::NAMES;
use std::{error::Error, time::Duration};

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Searches once for each rewriting, with that one switched off; whether all were found.
pub fn prove(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let mut all = true;
    let mut lines = Vec::new();
    for name in NAMES {
        let mut arguments = arguments.clone();
        arguments.count = 10_000_000;
        if cfg!(feature = "keep-faults") {
            arguments.keep = name.to_string();
        } else {
            // Nothing is rewritten yet: all other patterns are left out instead.
            let others: Vec<&str> = NAMES.into_iter().filter(|other| *other != name).collect();
            arguments.without = others.join(",");
        }
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
