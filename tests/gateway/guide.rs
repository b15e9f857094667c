//! Checks what the guide says about the gateway.

use crate::server::Server;
use std::{collections::BTreeMap, fs, process::Command};

/// The guide's page on it.
const PAGE: &str = "docs/src/gateway.md";

/// The options in the page's table with their defaults.
fn options_of_page() -> BTreeMap<String, String> {
    let page = fs::read_to_string(PAGE).unwrap();
    let lines = page.lines();
    let cells = lines.filter_map(|line| {
        let cells: Vec<&str> = line.split('|').collect();
        let [_, first, second, ..] = cells[..] else {
            return None;
        };
        let plain = |cell: &str| cell.trim().replace('`', "");
        let option = first.trim().starts_with("`--");
        option.then(|| (plain(first), plain(second)))
    });
    cells.collect()
}

#[test]
fn every_option_is_in_the_table_with_its_default() {
    let help = Command::new(env!("CARGO_BIN_EXE_pocketwasm"))
        .args(["serve", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let options = help.split("\nLimits on a call:").next().unwrap();
    let mut found = BTreeMap::new();
    for option in options.split("\n      --").skip(1) {
        let name = option.split_whitespace().next().unwrap();
        let text = option.split_whitespace().collect::<Vec<_>>().join(" ");
        let default = text.split_once("[default: ");
        let default = default.map_or("", |(_, rest)| rest.split(']').next().unwrap());
        found.insert(format!("--{name}"), default.to_owned());
    }
    assert_eq!(options_of_page(), found);
}

#[test]
fn every_metric_is_named_there() {
    let page = fs::read_to_string(PAGE).unwrap();
    let server = Server::start(&[("greet", "rust-greet.wasm")], &[]);
    assert!(server.is_well());
    let metrics = server.get("/metrics");
    let families = metrics.text().lines();
    let families = families.filter_map(|line| line.strip_prefix("# TYPE "));
    let mut count = 0;
    for family in families {
        let (name, kind) = family.split_once(' ').unwrap();
        let name = name.trim_start_matches("pocketwasm_");
        let suffix = if kind == "counter" { "_total" } else { "" };
        let named = format!("`{name}{suffix}`");
        assert!(page.contains(&named), "{named}");
        count += 1;
    }
    assert!(count > 12, "{}", metrics.text());
}
