//! The call of the load tests without HTTP: `greet`, in a fresh instance each time.

use pocketwasm::{Runner, RunnerConfig};
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args().nth(1).map_or(Ok(10), |it| it.parse())?;
    let runner = Runner::new(RunnerConfig::new())?;
    let module = std::env::args().nth(2);
    let module = module.as_deref().unwrap_or("fixtures/rust-greet.wasm");
    let plugin = runner.load_plugin("greet", std::fs::read(module)?)?;
    let mut times = Vec::new();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(seconds) {
        let call = Instant::now();
        let outcome = plugin.call("greet").input("World").run()?;
        times.push(call.elapsed());
        assert_eq!(outcome.bytes(), b"Hello, World");
    }
    let rate = times.len() as u128 * 1_000_000 / began.elapsed().as_micros();
    times.sort_unstable();
    let micros = |thousandths: usize| times[times.len() * thousandths / 1_000].as_micros();
    println!(
        "{} calls, {rate}/s, p50 {} us, p99 {} us, p99.9 {} us",
        times.len(),
        micros(500),
        micros(990),
        micros(999)
    );
    Ok(())
}
