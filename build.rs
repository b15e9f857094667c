//! Says whether the engine may make tail calls, and refuses the builds in which a guest could then
//! overflow the host's native stack.
//!
//! The engine makes tail calls only in builds with `--cfg pocketwasm_tail_calls`: they are jumps
//! only where the compiler optimises for speed and without debug assertions. Otherwise it turns
//! many into calls, each of which leaves its frame behind. At opt-level 0 and 1 the engine takes
//! its loop by itself. What is seen here is the profile of this crate; a profile can give the
//! engine another (`[profile.dev.package.wasmi]`), and then `Runner::new` finds out.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(pocketwasm_tail_calls)");
    println!("cargo::rustc-check-cfg=cfg(pocketwasm_tail_calls_proven)");
    println!("cargo::rustc-check-cfg=cfg(could_make_tail_calls)");
    println!("cargo::rustc-check-cfg=cfg(tail_calls)");
    println!("cargo::rustc-check-cfg=cfg(fast_dispatch)");
    for line in dispatch(|variable| std::env::var(variable).ok()) {
        println!("cargo::{line}");
    }
}

/// What cargo is told, by the variables that it sets.
pub(crate) fn dispatch(variable: impl Fn(&str) -> Option<String>) -> Vec<&'static str> {
    let has = |name: &str, values: &[&str]| {
        let variable = variable(name).unwrap_or_default();
        variable.split(',').any(|value| values.contains(&value))
    };
    // As in the manifest, by which all other targets have the loop.
    let shown = match &*variable("CARGO_CFG_TARGET_ARCH").unwrap_or_default() {
        "x86_64" => has("CARGO_CFG_TARGET_FEATURE", &["sse2"]),
        "aarch64" => has("CARGO_CFG_TARGET_OS", &["linux"]),
        _ => false,
    };
    if !shown || variable("CARGO_FEATURE_PORTABLE_DISPATCH").is_some() {
        return Vec::new();
    }
    let is_fast = has("OPT_LEVEL", &["2", "3"]);
    if variable("CARGO_CFG_POCKETWASM_TAIL_CALLS").is_none() {
        return match is_fast {
            true => vec!["rustc-cfg=could_make_tail_calls"],
            false => Vec::new(),
        };
    }
    let mut lines = vec!["rustc-cfg=tail_calls"];
    if is_fast && variable("CARGO_CFG_DEBUG_ASSERTIONS").is_none() {
        lines.push("rustc-cfg=fast_dispatch");
    } else if !has("OPT_LEVEL", &["0", "1"]) {
        lines.push(
            "error=with `--cfg pocketwasm_tail_calls` a guest could overflow the native stack of \
             this build; it takes opt-level 2 or 3 and no debug assertions; without the flag every \
             build is safe",
        );
    }
    lines
}
