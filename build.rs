//! Refuses the one build in which a guest could overflow the host's native stack.
//!
//! The engine's tail calls are jumps only where the compiler optimises for speed; for size it
//! turns many into calls, each of which leaves its frame behind. At opt-level 0 and 1 the engine
//! takes its loop by itself. What is seen here is the opt-level of this crate; should the
//! engine's differ, `Runner::new` finds out.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |variable: &str, values: &[&str]| {
        env::var(variable).is_ok_and(|value| values.contains(&value.as_str()))
    };
    let portable = env::var_os("CARGO_FEATURE_PORTABLE_DISPATCH").is_some();
    if is("CARGO_CFG_TARGET_ARCH", &["x86_64"]) && !portable && is("OPT_LEVEL", &["s", "z"]) {
        println!(
            "cargo::error=with opt-level \"s\" or \"z\" on x86-64 a guest could overflow the \
             native stack; switch on pocketwasm's feature `portable-dispatch`"
        );
    }
}
