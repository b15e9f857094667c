//! Lets the peers take turns and prints their table: `run` starts it.
//!
//! `driver ROUNDS PROGRAMS GUESTS [WORD]...` with a directory of each. A peer that is not there, or
//! that cannot run a guest, has a dash; why is told beneath. With words, only the rows that have one
//! of them in their name. `driver wat FILE MODULE` compiles a guest of text.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write,
    path::PathBuf,
    process::{Command, ExitCode},
};

/// The columns: a heading, a program and its mode. Ratios are to the first.
const PEERS: [(&str, &str, &str); 11] = [
    ("pocketwasm", "peer-pocketwasm", "snapshots"),
    ("pocketwasm, for one call", "peer-pocketwasm", "once"),
    ("wasmi", "peer-wasmi", "default"),
    ("wasmi, tail calls", "peer-wasmi-tail", "default"),
    ("wasm3", "peer-wasm3", "default"),
    ("tinywasm", "peer-tinywasm", "default"),
    ("Wasmtime Pulley", "peer-wasmtime", "pulley"),
    ("wazero interpreter", "peer-wazero", "interpreter"),
    ("Wasmtime JIT", "peer-wasmtime", "jit"),
    ("Wasmtime JIT, pooling", "peer-wasmtime", "pool"),
    ("wazero JIT", "peer-wazero", "jit"),
];
/// Beside them for the guest of its own ABI.
const EXTISM: (&str, &str, &str) = ("Extism (JIT)", "peer-extism", "default");

/// A guest as the peers call it, its file, and its name in the tables.
type Guest = (&'static str, &'static str, &'static str);
const GUESTS: [Guest; 11] = [
    ("add", "add.wasm", "`add`, 41 bytes"),
    ("rust", "rust-greet.wasm", "Rust `greet`, 17 pages"),
    ("echo", "rust-greet.wasm", "Rust `echo`, 64 KiB"),
    ("zig", "zig-greet.wasm", "Zig `greet`, 17 pages"),
    ("c", "c-greet.wasm", "C `greet`, 257 pages"),
    ("extism", "extism-rust.wasm", "Extism's Rust `greet`"),
    ("go", "go-greet.wasm", "Go `greet`, 1.9 MB"),
    ("js", "quickjs.wasm", "QuickJS, an expression"),
    ("go6", "pii-shield.wasm", "Go, 6 MB, `redact`"),
    ("fib", "work.wasm", "`fib(27)`"),
    ("sum", "work.wasm", "`sum` over 64 KiB, 100 times"),
];

/// What is measured, a heading for it, and on which guests.
const TABLES: [(&str, &str, &[&str]); 6] = [
    (
        "cold",
        "From the module's bytes to the first answer, in a new process (µs)",
        &["add", "rust", "extism", "go", "js", "go6"],
    ),
    (
        "fresh",
        "A call in a fresh instance (µs)",
        &["add", "rust", "zig", "c", "extism", "go", "js", "go6"],
    ),
    (
        "reused",
        "A call in an instance that is kept (µs)",
        &["add", "rust", "echo", "extism", "go", "js"],
    ),
    (
        "reused",
        "Work for the processor, in an instance that is kept (µs)",
        &["fib", "sum"],
    ),
    (
        "plugins",
        "Memory for each loaded plugin that was called (KiB resident)",
        &["add", "rust", "extism", "go"],
    ),
    (
        "instances",
        "Memory for each live instance (KiB resident)",
        &["add", "rust", "extism", "go"],
    ),
];

struct Run {
    programs: PathBuf,
    guests: PathBuf,
    /// Why there is no figure, and where it is missing.
    missing: BTreeMap<String, Vec<&'static str>>,
}

impl Run {
    /// One figure of one peer, or why there is none.
    fn figure(&self, peer: (&str, &str, &str), measure: &str, guest: Guest) -> Result<f64, String> {
        let (_, program, mode) = peer;
        let (name, file, _) = guest;
        let file = self.guests.join(file);
        if !file.exists() {
            return Err("the guest is not here".to_owned());
        }
        let program = self.programs.join(program);
        if !program.exists() {
            return Err("was not built".to_owned());
        }
        let output = Command::new(program)
            .args([mode, measure, name])
            .arg(file)
            .output();
        let output = output.map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout);
        let said = said.trim();
        match said.strip_prefix("not: ") {
            Some(reason) => Err(reason.to_owned()),
            None => said
                .parse()
                .map_err(|_| format!("ended with {}", output.status)),
        }
    }

    /// A row of cells: each peer's median over the rounds, in which they take turns.
    fn row(
        &mut self,
        rounds: usize,
        measure: &str,
        guest: Guest,
        peers: &[(&str, &str, &str)],
    ) -> Vec<String> {
        let mut figures: Vec<Result<Vec<f64>, String>> = vec![Ok(Vec::new()); peers.len()];
        for _ in 0..rounds {
            for (peer, figures) in peers.iter().zip(&mut figures) {
                let Ok(known) = figures else { continue };
                match self.figure(*peer, measure, guest) {
                    Ok(figure) => known.push(figure),
                    Err(reason) => *figures = Err(reason),
                }
            }
        }
        let medians: Vec<Result<f64, String>> = figures
            .into_iter()
            .map(|figures| figures.map(median))
            .collect();
        let base = medians
            .first()
            .and_then(|first| first.as_ref().ok())
            .copied();
        let mut cells = Vec::new();
        for (position, (peer, median)) in peers.iter().zip(medians).enumerate() {
            cells.push(match median {
                Ok(figure) if position == 0 => number(figure),
                Ok(figure) => match base {
                    Some(base) if base > 0.0 => {
                        format!("{} ({}×)", number(figure), number(figure / base))
                    }
                    _ => number(figure),
                },
                Err(reason) => {
                    let places = self
                        .missing
                        .entry(format!("{}: {reason}", peer.0))
                        .or_default();
                    if !places.contains(&guest.2) {
                        places.push(guest.2);
                    }
                    "–".to_owned()
                }
            });
        }
        cells
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Three digits that matter.
fn number(figure: f64) -> String {
    match figure {
        figure if figure >= 100.0 => format!("{figure:.0}"),
        figure if figure >= 10.0 => format!("{figure:.1}"),
        figure if figure >= 1.0 => format!("{figure:.2}"),
        figure => format!("{figure:.3}"),
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [wat, from, to] = &args[..]
        && wat == "wat"
    {
        let module = wat::parse_file(from).map_err(|error| error.to_string());
        let written = module.and_then(|it| fs::write(to, it).map_err(|error| error.to_string()));
        return match written {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let [rounds, programs, guests, words @ ..] = &args[..] else {
        eprintln!("usage: driver ROUNDS PROGRAMS GUESTS [WORD]...");
        return ExitCode::from(2);
    };
    let Ok(rounds) = rounds.parse() else {
        eprintln!("no number of rounds: {rounds}");
        return ExitCode::from(2);
    };
    let mut run = Run {
        programs: programs.into(),
        guests: guests.into(),
        missing: BTreeMap::new(),
    };
    let titles: Vec<&str> = PEERS.iter().map(|(title, ..)| *title).collect();
    for (measure, heading, names) in TABLES {
        let wanted = |(name, _, title): &Guest| {
            let row = format!("{heading}: {title} {name}");
            names.contains(name)
                && (words.is_empty() || words.iter().any(|word| row.contains(&**word)))
        };
        let guests: Vec<Guest> = GUESTS.into_iter().filter(wanted).collect();
        if guests.is_empty() {
            continue;
        }
        println!("\n{heading}:\n\n| | {} |", titles.join(" | "));
        println!("|---|{}", "---:|".repeat(PEERS.len()));
        // Extism's guest is no other's, and the others' guests are not Extism's.
        let mut beside = String::new();
        for guest in guests {
            let title = guest.2;
            if guest.0 == "extism" {
                let cells = run.row(rounds, measure, guest, &[PEERS[0], EXTISM]);
                let cells = cells.join(", Extism's own host ");
                beside = format!("\n{title}: pocketwasm {cells}.\n");
            } else {
                let cells = run.row(rounds, measure, guest, &PEERS);
                println!("| {title} | {} |", cells.join(" | "));
            }
            let _ = std::io::stdout().flush();
        }
        print!("{beside}");
    }
    if !run.missing.is_empty() {
        println!("\nNo figure:\n");
        for (reason, guests) in &run.missing {
            println!("- {reason} ({})", guests.join(", "));
        }
    }
    ExitCode::SUCCESS
}
