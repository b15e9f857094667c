//! Puts the memory map of the target's emulated board where the linker finds it.

use std::{env, fs, path::Path};

fn main() {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let map = Path::new("memory").join(arch).with_extension("x");
    if map.exists() {
        fs::copy(map, Path::new(&out).join("memory.x")).expect("a writable folder");
        println!("cargo::rustc-link-search={out}");
    }
    println!("cargo::rerun-if-changed=memory");
}
