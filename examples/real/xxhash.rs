//! Hashes text by npm's `xxhash-wasm`, whose memory is named `mem`.

mod packaged;

use pocketwasm::{Runner, RunnerConfig};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let runner = Runner::new(RunnerConfig::new())?;
    let module = packaged::module_in_script("esm/xxhash-wasm.js")?;
    let plugin = runner.load_plugin("xxhash", module)?;
    let xxh32 = plugin.typed::<(u32, u32, u32), u32>("xxh32")?;
    let xxh64 = plugin.typed::<(u32, u32, u64), u64>("xxh64")?;
    let mut instance = plugin.instantiate()?;
    // The values are those of the algorithm's own tests and its reference program.
    for (text, hash32, hash64) in [
        ("", 0x02cc_5d05, 0xef46_db37_51d8_e999),
        ("a", 0x550d_7456, 0xd24e_c4f1_a98c_6e5b),
        ("abc", 0x32d1_53ff, 0x44bc_2cf5_ad77_0999),
    ] {
        instance.memory("mem")?.write(0, text.as_bytes())?;
        let length = u32::try_from(text.len())?;
        let found32 = xxh32.call_in(&mut instance, (0, length, 0))?;
        let found64 = xxh64.call_in(&mut instance, (0, length, 0))?;
        println!("{text:?}: {found32:08x} {found64:016x}");
        assert_eq!((found32, found64), (hash32, hash64), "{text:?}");
    }
    Ok(())
}
