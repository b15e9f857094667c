//! Runs the table of cases, or with the argument `greet HEAP_BYTES` one greeting in a heap of
//! that size, and prints the result by semihosting.

#![no_std]
#![no_main]

extern crate alloc;

mod heap;

// For the critical sections that the heap locks with.
#[cfg(target_arch = "arm")]
use cortex_m as _;
#[cfg(target_arch = "riscv32")]
use riscv as _;

use pocketwasm::Error;
use semihosting::{eprintln, println, process::ExitCode};

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    let code = match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    };
    code.exit_process()
}

fn run() -> Result<bool, Error> {
    let args = semihosting::experimental::env::args::<128>().ok();
    let mut args = args
        .iter()
        .flatten()
        .filter_map(Result::ok)
        .skip_while(|arg| *arg != "greet");
    if args.next().is_some() || cfg!(not(feature = "table")) {
        let size = args
            .next()
            .and_then(|size| size.parse().ok())
            .unwrap_or(heap::SIZE);
        heap::init(size);
        return greet();
    }
    heap::init(heap::SIZE);
    table()
}

fn greet() -> Result<bool, Error> {
    for (name, greeting) in cases::greetings() {
        println!(
            "{name}: {}, heap peak so far {} bytes",
            greeting?,
            heap::peak()
        );
    }
    Ok(true)
}

#[cfg(not(feature = "table"))]
fn table() -> Result<bool, Error> {
    Ok(false)
}

/// Ends the program without a word: what panics would say, the engine's too, then needs no flash.
#[cfg(not(feature = "table"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    ExitCode::from(101).exit_process()
}

#[cfg(feature = "table")]
fn table() -> Result<bool, Error> {
    let (mut same, mut different) = (0, 0);
    cases::run(|line| {
        if cases::is_expected(line) {
            same += 1;
        } else {
            different += 1;
            println!("not as expected: {line}");
        }
    })?;
    println!("cases: {same} same, {different} different");
    if different > 0 {
        println!("{}", cases::IF_DIFFERENT);
    }
    println!("heap peak {} bytes", heap::peak());
    Ok(different == 0 && same > 0)
}
