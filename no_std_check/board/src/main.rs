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
    if args.next().is_some() || cfg!(feature = "greet-only") {
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

#[cfg(feature = "greet-only")]
fn table() -> Result<bool, Error> {
    Ok(false)
}

#[cfg(not(feature = "greet-only"))]
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
    println!("heap peak {} bytes", heap::peak());
    Ok(different == 0 && same > 0)
}
