//! A host that does no more than this: `size MODULE EXPORT TEXT` calls a plugin with text, and prints
//! its answer. Each feature is used, or the linker would leave it out.

use pocketwasm::{Runner, RunnerConfig};
use std::{env, error::Error, fs};

/// A client that sends nothing.
#[cfg(feature = "http")]
struct Nobody;

#[cfg(feature = "http")]
impl pocketwasm::HttpClient for Nobody {
    fn send(
        &self,
        _: &pocketwasm::HttpRequest,
        _: std::time::Duration,
        _: usize,
    ) -> Result<pocketwasm::HttpResponse, Box<dyn Error + Send + Sync>> {
        Err("there is no network".into())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().collect();
    let [_, module, export, text] = &args[..] else {
        return Err("usage: size MODULE EXPORT TEXT".into());
    };
    let config = RunnerConfig::new();
    #[cfg(feature = "http")]
    let config = config.http_client(Nobody).allow_host("example.org");
    let runner = Runner::new(config)?;
    #[cfg(feature = "std")]
    if fs::metadata(module)?.is_dir() {
        let report = runner.load_plugins(module)?;
        println!("{report:?}");
        return Ok(());
    }
    let plugin = runner.load_plugin("plugin", fs::read(module)?)?;
    #[cfg(feature = "serde")]
    if text.starts_with('[') {
        let sum: f64 = plugin.call_json(export, &[1.0, 2.0])?;
        println!("{sum}");
    }
    #[cfg(feature = "msgpack")]
    if text.starts_with('<') {
        let sum: f64 = plugin.call_msgpack(export, &[1.0, 2.0])?;
        println!("{sum}");
    }
    let outcome = plugin.call(export).input(text).run()?;
    println!("{}", String::from_utf8_lossy(outcome.bytes()));
    Ok(())
}
