//! Carries out scripts of operations on files in memory, for `tests/files/compare.py`.
//!
//! On standard input: for each script its length in 4 bytes, little-endian, and the script. On
//! standard output: for each script what the guest wrote, and a line with `--`.

use pocketwasm::{Files, Runner, RunnerConfig};
use std::{
    error::Error,
    io::{Read, Write},
};

fn main() -> Result<(), Box<dyn Error>> {
    let module = std::fs::read("fixtures/rust-files.wasm")?;
    let runner = Runner::new(RunnerConfig::new().max_memory_pages(64))?;
    let plugin = runner.load_plugin("files", &module)?;
    let files = Files::new();
    let (mut scripts, mut output) = (Vec::new(), std::io::stdout().lock());
    std::io::stdin().read_to_end(&mut scripts)?;
    let mut rest = &scripts[..];
    while let Some((length, after)) = rest.split_first_chunk() {
        let (script, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        rest = after;
        let call = plugin.call("_start").files(&files).stdin(script);
        let outcome = call.run()?;
        output.write_all(outcome.stdout())?;
        output.write_all(b"--\n")?;
    }
    Ok(())
}
