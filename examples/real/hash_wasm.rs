//! Hashes text by the SHA-256 of npm's `hash-wasm`, in pieces of the guest's own buffer.

mod packaged;

use pocketwasm::{Runner, RunnerConfig};
use sha2::{Digest, Sha256};
use std::error::Error;

/// The size of the guest's buffer.
const BUFFER: usize = 16_384;

fn main() -> Result<(), Box<dyn Error>> {
    let runner = Runner::new(RunnerConfig::new())?;
    let module = packaged::module_in_script("dist/sha256.umd.min.js")?;
    let mut hasher = runner.load_plugin("sha256", module)?.instantiate()?;
    let buffer = hasher.typed::<(), u32>("Hash_GetBuffer")?;
    let init = hasher.typed::<u32, ()>("Hash_Init")?;
    let update = hasher.typed::<u32, ()>("Hash_Update")?;
    let finish = hasher.typed::<(), ()>("Hash_Final")?;
    for text in [String::new(), "abc".to_owned(), "long ".repeat(20_000)] {
        let place = buffer.call_in(&mut hasher, ())?;
        init.call_in(&mut hasher, 256)?;
        for piece in text.as_bytes().chunks(BUFFER) {
            hasher.memory("memory")?.write(place, piece)?;
            update.call_in(&mut hasher, u32::try_from(piece.len())?)?;
        }
        finish.call_in(&mut hasher, ())?;
        let mut memory = hasher.memory("memory")?;
        let found = memory.read(place, 32)?;
        let hash: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
        println!("{} bytes: {hash}", text.len());
        assert_eq!(found, &Sha256::digest(&text)[..]);
    }
    Ok(())
}
