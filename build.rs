//! Says whether the engine may make tail calls, and refuses the builds in which a guest could then
//! overflow the host's native stack.
//!
//! The tail calls are jumps only where the compiler optimises for speed; for size it turns many
//! into calls, each of which leaves its frame behind. At opt-level 0 and 1 the engine takes its
//! loop by itself. What is seen here is the opt-level of this crate; a profile can give the engine
//! another (`[profile.dev.package.wasmi]`), and then `Runner::new` finds out.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(tail_calls)");
    println!("cargo::rustc-check-cfg=cfg(fast_dispatch)");
    let has = |variable: &str, values: &[&str]| {
        let list = env::var(variable).unwrap_or_default();
        list.split(',').any(|value| values.contains(&value))
    };
    // As in the manifest, by which all other targets have the loop.
    let possible = has("CARGO_CFG_TARGET_ARCH", &["x86_64"])
        && has("CARGO_CFG_TARGET_FEATURE", &["sse2"])
        && env::var_os("CARGO_FEATURE_PORTABLE_DISPATCH").is_none();
    if !possible {
        return;
    }
    println!("cargo::rustc-cfg=tail_calls");
    if has("OPT_LEVEL", &["2", "3"]) {
        println!("cargo::rustc-cfg=fast_dispatch");
    } else if !has("OPT_LEVEL", &["0", "1"]) {
        println!(
            "cargo::error=with opt-level \"s\" or \"z\" on x86-64 a guest could overflow the \
             native stack; switch on pocketwasm's feature `portable-dispatch`"
        );
    }
}
