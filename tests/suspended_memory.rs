//! What a suspended call takes, measured by an allocator that counts. A binary of its own: nothing
//! else may allocate meanwhile.
#![allow(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; this one only counts"
)]

use pocketwasm::{Error, HostContext, Progress, Runner, RunnerConfig};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: usize, sign: isize) {
    let bytes = sign * isize::try_from(bytes).unwrap_or(isize::MAX);
    let _ = LIVE.try_with(|live| live.set(live.get() + bytes));
}

// SAFETY: every call is passed on as it is to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller's promises are those of this call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the caller's promises are those of this call.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn live() -> usize {
    usize::try_from(LIVE.get()).unwrap()
}

/// Takes its input, and waits or loops, some frames deep.
const GUEST: &str = r#"(module
    (import "env" "wait" (func $wait))
    (memory (export "memory") 3)
    (table 1000 funcref)
    (func (export "allocate") (param i32) (result i32) (i32.const 65536))
    (func $deep (param i32)
        (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
            (else (call $wait) (loop (br 0)))))
    (func (export "f") (param i32 i32) (result i64)
        (call $deep (i32.const 10)) (i64.const 0)))"#;

#[test]
fn a_suspended_call_takes_what_it_says() {
    let wait = |context: &mut HostContext<'_>| -> Result<(), Error> { Err(context.wait(())) };
    let runner = Runner::new(RunnerConfig::new().function("env", "wait", wait)).unwrap();
    let plugin = runner
        .load_plugin("m", wat::parse_str(GUEST).unwrap())
        .unwrap();
    // What is made once is there after the first call.
    let begin = |input: &[u8]| {
        let call = plugin.call("f").input(input).detach().unwrap();
        call.resume(10_000).unwrap()
    };
    drop(begin(b"x"));
    for input in [vec![b'x'; 10], vec![b'x'; 50_000]] {
        let before = live();
        let Progress::Waiting(call) = begin(&input) else {
            panic!()
        };
        let takes = live() - before;
        // At this depth the engine's stack is as small as it gets.
        let said = call.bytes();
        println!("waiting: takes {takes} bytes, says {said}");
        assert!(
            said.abs_diff(takes) < 4_096,
            "takes {takes} bytes, says {said}"
        );
        let Progress::Paused(call) = call.resume_with(&[], 1_000).unwrap() else {
            panic!()
        };
        let (takes, said) = (live() - before, call.bytes());
        println!("paused: takes {takes} bytes, says {said}");
        assert!(
            said.abs_diff(takes) < 4_096,
            "takes {takes} bytes, says {said}"
        );
        drop(call);
        let rest = live().abs_diff(before);
        assert!(
            rest < 4_096,
            "{rest} bytes are left of a call that was dropped"
        );
    }
    let before = live();
    let calls: Vec<_> = (0..100).map(|_| begin(b"x")).collect();
    let each = (live() - before) / calls.len();
    println!("a hundred calls take {each} bytes each");
    drop(calls);
    assert!(
        live().abs_diff(before) < 65_536,
        "{} bytes are left",
        live() - before
    );
}
