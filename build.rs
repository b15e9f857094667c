//! Says whether the engine may make tail calls, and refuses the builds in which a guest could then
//! overflow the host's native stack.
//!
//! The tail calls are jumps only where the compiler optimises for speed; for size it turns many
//! into calls, each of which leaves its frame behind. At opt-level 0 and 1 the engine takes its
//! loop by itself. What is seen here is the opt-level of this crate; a profile can give the engine
//! another (`[profile.dev.package.wasmi]`), and then `Runner::new` finds out.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(tail_calls)");
    println!("cargo::rustc-check-cfg=cfg(fast_dispatch)");
    for line in dispatch(|variable| std::env::var(variable).unwrap_or_default()) {
        println!("cargo::{line}");
    }
}

/// What cargo is told, by the variables that it sets.
pub(crate) fn dispatch(variable: impl Fn(&str) -> String) -> Vec<&'static str> {
    let has = |name: &str, values: &[&str]| {
        variable(name)
            .split(',')
            .any(|value| values.contains(&value))
    };
    // As in the manifest, by which all other targets have the loop.
    let shown = match &*variable("CARGO_CFG_TARGET_ARCH") {
        "x86_64" => has("CARGO_CFG_TARGET_FEATURE", &["sse2"]),
        "aarch64" => has("CARGO_CFG_TARGET_OS", &["linux"]),
        _ => false,
    };
    if !shown || !variable("CARGO_FEATURE_PORTABLE_DISPATCH").is_empty() {
        return Vec::new();
    }
    let mut lines = vec!["rustc-cfg=tail_calls"];
    if has("OPT_LEVEL", &["2", "3"]) {
        lines.push("rustc-cfg=fast_dispatch");
    } else if !has("OPT_LEVEL", &["0", "1"]) {
        lines.push(
            "error=with opt-level \"s\" or \"z\" a guest could overflow the native stack on this \
             target; switch on pocketwasm's feature `portable-dispatch`",
        );
    }
    lines
}
