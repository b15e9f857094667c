//! On Linux: no tables for unwinding, and the short form of relocations.

use std::env;

fn main() {
    let os = env::var("CARGO_CFG_TARGET_OS").expect("cargo sets it");
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    if os == "linux" {
        for option in [
            "-z,pack-relative-relocs",
            "--no-eh-frame-hdr",
            &format!("-T,{root}/lean.x"),
        ] {
            println!("cargo::rustc-link-arg-bins=-Wl,{option}");
        }
    }
    println!("cargo::rerun-if-changed=lean.x");
}
