//! Lets the peers take turns and prints their table: `run` starts it.
//!
//! `driver ROUNDS PROGRAMS GUESTS [WORD]...` with a directory of each. A peer that is not there, or
//! that cannot run a guest, has a dash; why is told beneath. With words, only the rows that have one
//! of them in their name. `driver wat FILE MODULE` compiles a guest of text.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// The columns: a heading, a program and its mode. Ratios are to the first.
const PEERS: [(&str, &str, &str); 11] = [
    ("pocketwasm", "peer-pocketwasm", "snapshots"),
    ("pocketwasm, no snapshot", "peer-pocketwasm", "once"),
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

/// The rows: what is measured, a heading for it, and the guests with their files.
const TABLES: [(&str, &str, &[(&str, &str)]); 6] = [
    (
        "cold",
        "From the module's bytes to the first answer, in a new process (µs)",
        &[
            ("add", "add.wasm"),
            ("rust", "rust-greet.wasm"),
            ("extism", "extism-rust.wasm"),
            ("go", "go-greet.wasm"),
            ("js", "quickjs.wasm"),
            ("go6", "pii-shield.wasm"),
        ],
    ),
    (
        "fresh",
        "A call in a fresh instance (µs)",
        &[
            ("add", "add.wasm"),
            ("rust", "rust-greet.wasm"),
            ("zig", "zig-greet.wasm"),
            ("c", "c-greet.wasm"),
            ("extism", "extism-rust.wasm"),
            ("go", "go-greet.wasm"),
            ("js", "quickjs.wasm"),
            ("go6", "pii-shield.wasm"),
        ],
    ),
    (
        "reused",
        "A call in an instance that is kept (µs)",
        &[
            ("add", "add.wasm"),
            ("rust", "rust-greet.wasm"),
            ("echo", "rust-greet.wasm"),
            ("extism", "extism-rust.wasm"),
            ("go", "go-greet.wasm"),
            ("js", "quickjs.wasm"),
        ],
    ),
    (
        "reused",
        "Work for the processor, in an instance that is kept (µs)",
        &[("fib", "work.wasm"), ("sum", "work.wasm")],
    ),
    (
        "plugins",
        "Memory for each loaded plugin that was called (KiB resident)",
        &[
            ("add", "add.wasm"),
            ("rust", "rust-greet.wasm"),
            ("go", "go-greet.wasm"),
        ],
    ),
    (
        "instances",
        "Memory for each live instance (KiB resident)",
        &[
            ("add", "add.wasm"),
            ("rust", "rust-greet.wasm"),
            ("go", "go-greet.wasm"),
        ],
    ),
];

/// A guest as the table names it.
fn guest_name(guest: &str) -> &str {
    match guest {
        "add" => "`add`, 41 bytes",
        "rust" => "Rust `greet`, 17 pages",
        "echo" => "Rust `echo`, 64 KiB",
        "zig" => "Zig `greet`, 17 pages",
        "c" => "C `greet`, 257 pages",
        "extism" => "Extism's Rust `greet`",
        "go" => "Go `greet`, 1.9 MB",
        "js" => "QuickJS, an expression",
        "go6" => "Go, 6 MB, `redact`",
        "fib" => "`fib(27)`",
        "sum" => "`sum` over 64 KiB, 100 times",
        other => other,
    }
}

struct Run {
    programs: PathBuf,
    guests: PathBuf,
    /// Why there is no figure, and where it is missing.
    missing: BTreeMap<String, Vec<String>>,
}

impl Run {
    /// One figure of one peer, or why there is none.
    fn figure(
        &self,
        peer: (&str, &str, &str),
        measure: &str,
        guest: (&str, &str),
    ) -> Result<f64, String> {
        let (_, program, mode) = peer;
        let (name, file) = guest;
        let file = self.guests.join(file);
        if !file.exists() {
            return Err(format!("{} is not here", file_name(&file)));
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
        guest: (&str, &str),
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
                    if !places.iter().any(|place| place == guest.0) {
                        places.push(guest.0.to_owned());
                    }
                    "–".to_owned()
                }
            });
        }
        cells
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
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
    for (measure, heading, rows) in TABLES {
        let wanted = |guest: &str| {
            let name = format!("{heading}: {} {guest}", guest_name(guest));
            words.is_empty() || words.iter().any(|word| name.contains(&**word))
        };
        if !rows.iter().any(|(guest, _)| wanted(guest)) {
            continue;
        }
        // Extism's guest is no other's, and the others' guests are not Extism's.
        let columns = |guest: &str| -> Vec<(&str, &str, &str)> {
            if guest == "extism" {
                vec![PEERS[0], EXTISM]
            } else {
                PEERS.to_vec()
            }
        };
        let titles: Vec<&str> = PEERS.iter().map(|(title, ..)| *title).collect();
        println!("\n{heading}:\n\n| | {} |", titles.join(" | "));
        println!("|---|{}", "---:|".repeat(PEERS.len()));
        let mut beside = Vec::new();
        for guest in rows.iter().filter(|(guest, _)| wanted(guest)) {
            let cells = run.row(rounds, measure, *guest, &columns(guest.0));
            if guest.0 == "extism" {
                beside.push(format!(
                    "{}: pocketwasm {}, Extism's own host {}.",
                    guest_name(guest.0),
                    cells[0],
                    cells[1]
                ));
            } else {
                println!("| {} | {} |", guest_name(guest.0), cells.join(" | "));
            }
            let _ = std::io::stdout().flush();
        }
        for line in beside {
            println!("\n{line}");
        }
    }
    if !run.missing.is_empty() {
        println!("\nNo figure:\n");
        for (reason, guests) in &run.missing {
            println!("- {reason} ({})", guests.join(", "));
        }
    }
    ExitCode::SUCCESS
}
