//! The check that runs once per process: a guest runs every class of operators while the host
//! measures its native stack.

use crate::{
    common::{
        failure::{Cause, Failure},
        limits::Limits,
        native_stack::{LARGEST_GRANT, MOST_LEFT_BEHIND},
    },
    engine::{compiled_module, run_loop::into_engine_error},
};
use alloc::{boxed::Box, format, string::String};
use core::{
    hint::black_box,
    sync::atomic::{AtomicU8, Ordering},
};
use wasmi::{Caller, CompilationMode, Engine, Linker, Module, Store};

/// `probe.wat`, compiled. `cargo run -p soak -- probe` in `tools/dispatch` writes both files, and a
/// test checks that they are up to date.
const GUEST: &[u8] = include_bytes!("probe.wasm");
/// How often the guest runs each class between two measurements. This is low enough that the check
/// itself does not overflow the stack in a build where every operator leaves something behind.
const ITERATIONS: u64 = 2;
/// The least that a class leaves behind if it leaves anything: a return address per iteration.
const LEAST: u64 = 8 * ITERATIONS;
/// The most that the classes that grow memories and tables may leave behind.
const MOST: u64 = ITERATIONS * MOST_LEFT_BEHIND;

const UNKNOWN: u8 = 0;
const BOUNDED: u8 = 1;
const LEAKING: u8 = 2;
/// What the check found. If two threads come first at once, both check and both find the same.
static FOUND: AtomicU8 = AtomicU8::new(UNKNOWN);

pub(super) fn check() -> Result<(), Failure> {
    match FOUND.load(Ordering::Relaxed) {
        BOUNDED => return Ok(()),
        LEAKING => return Err(leaking()),
        _ => {}
    }
    let bounded = run()?;
    let found = if bounded { BOUNDED } else { LEAKING };
    FOUND.store(found, Ordering::Relaxed);
    if bounded { Ok(()) } else { Err(leaking()) }
}

fn leaking() -> Failure {
    Failure::from(Cause::InvalidConfig {
        setting: "portable-dispatch",
        problem: String::from(
            "is off, and in this build the engine's tail calls leave native stack behind, which a \
             guest could overflow; switch on that feature of pocketwasm, or compile wasmi with \
             opt-level 2 or 3 and without debug assertions",
        ),
    })
}

/// What the host measured.
#[derive(Debug, Default)]
struct Look {
    /// Where the stack was before a class.
    before: usize,
    /// Whether a class left behind more than it may.
    leaking: bool,
}

/// Runs the guest. Returns whether every class left behind no more than it may.
fn run() -> Result<bool, Failure> {
    let engine = Engine::new(&compiled_module::config(
        &Limits::DEFAULT,
        CompilationMode::Eager,
    ));
    let module = Module::new(&engine, GUEST).map_err(failed)?;
    let mut linker = Linker::<Look>::new(&engine);
    linker.func_wrap("", "host", || 0_i32).map_err(failed)?;
    linker.func_wrap("", "mark", mark).map_err(failed)?;
    let mut store = Store::new(&engine, Look::default());
    store.set_fuel(LARGEST_GRANT).map_err(failed)?;
    let ended = linker
        .instantiate_and_start(&mut store, &module)
        .and_then(|instance| instance.get_typed_func::<(), ()>(&store, "run"))
        .and_then(|run| run.call(&mut store, ()));
    match ended {
        Ok(()) => Ok(true),
        Err(_) if store.data().leaking => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: impl core::error::Error + Send + Sync + 'static) -> Failure {
    Failure::from(Cause::Host {
        problem: format!("the check of the engine's dispatch failed: {error}"),
        source: Some(Box::new(error)),
    })
}

/// The guest calls this before and after each class. `grows` is set if the class may leave
/// something behind. Ends the run at the first class that leaves too much.
#[inline(never)]
fn mark(mut caller: Caller<'_, Look>, grows: i32, after: i32) -> Result<(), wasmi::Error> {
    let local = 0_u8;
    let here = core::ptr::from_ref(black_box(&local)).addr();
    let look = caller.data_mut();
    let most = if grows == 0 { LEAST - 1 } else { MOST };
    if after == 0 {
        look.before = here;
    } else if look.before.abs_diff(here) as u64 > most {
        look.leaking = true;
        return Err(into_engine_error(leaking()));
    }
    Ok(())
}
