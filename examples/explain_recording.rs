//! Replays a recording and explains how its last call ended: `explain_recording MODULE RECORDING`.
//! It needs neither the program nor anything of the host that made the recording.

use pocketwasm::Recording;
use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args_os().skip(1);
    let (Some(module), Some(recording), None) = (args.next(), args.next(), args.next()) else {
        return Err("usage: explain_recording MODULE RECORDING".into());
    };
    let module = fs::read(module)?;
    let recording = Recording::from_bytes(&fs::read(recording)?)?;
    let replay = recording.replayer(&module)?.explain()?;
    match replay.last() {
        Some(Err(error)) => {
            println!("{error}");
            match error.backtrace() {
                Some(backtrace) => println!("{backtrace}"),
                None => println!("no backtrace: {}", error.unexplained().unwrap_or_default()),
            }
        }
        Some(Ok(outcome)) => println!("it ended well, with {} units of fuel", outcome.fuel_used()),
        None => println!("no call is recorded"),
    }
    Ok(())
}
