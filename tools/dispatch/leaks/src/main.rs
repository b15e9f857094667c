//! Reads a built binary and reports which of the engine's handlers leave native stack behind.
//!
//! `leaks BINARY...` lists each handler that continues to the next one by a call instead of a jump,
//! with the bytes that this leaves behind each time. It compares the most that one grant of fuel
//! can pay for with the bound. The exit code is 1 if a bound is exceeded, and 2 if the binary
//! cannot be read: no symbols, a build with the loop, code that this does not understand.

mod handler;
mod image;
mod machine;
#[allow(dead_code)]
#[path = "../../../../src/common/native_stack.rs"]
mod native_stack;

use handler::{Handler, Leaves};
use image::Image;
use std::{env, fs, process::ExitCode};

/// The handlers whose operators cost [`native_stack::LEAKING_COST`] and pay just before they run, so
/// that the grant bounds what they leave behind. Nothing bounds any other.
const BOUNDED: [&str; 2] = ["memory_grow", "table_grow"];

fn main() -> ExitCode {
    let paths: Vec<String> = env::args().skip(1).collect();
    if paths.is_empty() {
        eprintln!("leaks BINARY...");
        return ExitCode::from(2);
    }
    let mut worst = 0;
    for path in &paths {
        worst = worst.max(match read(path) {
            Ok(handlers) => report(path, &handlers),
            Err(problem) => {
                println!("{path}: {problem}");
                2
            }
        });
    }
    ExitCode::from(worst)
}

fn read(path: &str) -> Result<Vec<Handler>, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let image = Image::new(&bytes)?;
    let handlers = image
        .handlers()?
        .into_iter()
        .map(|function| Handler::read(&image, function))
        .collect::<Result<Vec<_>, _>>()?;
    let goes_on = |handler: &Handler| !matches!(handler.leaves, Leaves::Never);
    if !handlers.iter().any(goes_on) {
        return Err("no handler goes on to another: a build with the loop".to_string());
    }
    Ok(handlers)
}

/// Prints what was found; 1 where the bound does not hold.
fn report(path: &str, handlers: &[Handler]) -> u8 {
    let count = |leaves: fn(&Leaves) -> bool| handlers.iter().filter(|h| leaves(&h.leaves)).count();
    println!(
        "{path}: {} handlers: {} go on by a jump, {} by a call, {} end the run",
        handlers.len(),
        count(|leaves| matches!(leaves, Leaves::ByJump)),
        count(|leaves| matches!(leaves, Leaves::ByCall { .. })),
        count(|leaves| matches!(leaves, Leaves::Never)),
    );
    let mut verdict = 0;
    for handler in handlers {
        match handler.leaves {
            Leaves::ByCall { bytes } if BOUNDED.contains(&&*handler.name) => {
                let most = native_stack::most_leaks(native_stack::LARGEST_GRANT) * bytes;
                let nested = native_stack::most_leaks(native_stack::LARGEST_NESTED_GRANT) * bytes;
                let holds = most <= native_stack::NATIVE_STACK;
                println!(
                    "  {}: leaves {bytes} bytes, costs {}: at most {most} bytes on a grant, \
                     {nested} on a nested one; the bound is {}: {}",
                    handler.name,
                    native_stack::LEAKING_COST,
                    native_stack::NATIVE_STACK,
                    if holds { "holds" } else { "EXCEEDED" },
                );
                verdict |= u8::from(!holds);
            }
            Leaves::ByCall { bytes } => {
                println!(
                    "  {}: leaves {bytes} bytes, and nothing bounds it: EXCEEDED",
                    handler.name
                );
                verdict = 1;
            }
            Leaves::Never if handler.name != "trap" => {
                println!("  {}: no way on was found: EXCEEDED", handler.name);
                verdict = 1;
            }
            Leaves::Never | Leaves::ByJump => {}
        }
    }
    verdict
}
