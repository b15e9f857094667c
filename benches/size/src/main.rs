//! A host that does no more than this: `size MODULE EXPORT TEXT` calls a plugin with text, and prints
//! its answer. Each feature is used, or the linker would leave it out. Without any the host has no
//! `std` either, which alone has 300 kB.

#![cfg_attr(not(feature = "host-std"), no_std, no_main)]

extern crate alloc;

#[cfg(not(feature = "host-std"))]
mod bare;

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
};
use core::error::Error;
use pocketwasm::{Runner, RunnerConfig};

#[cfg(feature = "host-std")]
mod bare {
    pub fn file(path: &str) -> Vec<u8> {
        std::fs::read(path).unwrap_or_default()
    }

    pub fn print(text: &str) {
        print!("{text}");
    }
}

#[cfg(feature = "host-std")]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    std::process::exit(i32::from(!run(&arguments)));
}

/// A client that sends nothing.
#[cfg(feature = "http")]
struct Nobody;

#[cfg(feature = "http")]
impl pocketwasm::http::HttpClient for Nobody {
    fn send(
        &self,
        _: &pocketwasm::http::HttpRequest,
        _: core::time::Duration,
        _: usize,
    ) -> Result<pocketwasm::http::HttpResponse, Box<dyn Error + Send + Sync>> {
        Err("there is no network".into())
    }
}

/// Whether there was an answer.
fn run(arguments: &[String]) -> bool {
    let [module, export, text] = arguments else {
        bare::print("usage: size MODULE EXPORT TEXT\n");
        return false;
    };
    let answer = answer(module, export, text);
    bare::print(&match &answer {
        Ok(answer) => format!("{answer}\n"),
        Err(error) => format!("{error}\n"),
    });
    answer.is_ok()
}

fn answer(module: &str, export: &str, text: &str) -> Result<String, Box<dyn Error>> {
    let config = RunnerConfig::new();
    #[cfg(not(feature = "std"))]
    let config = config.no_clock();
    #[cfg(feature = "http")]
    let config = config.http_client(Nobody).allow_host("example.org");
    let runner = Runner::new(config)?;
    #[cfg(feature = "std")]
    if std::fs::metadata(module)?.is_dir() {
        return Ok(format!("{:?}", runner.load_plugins(module)?));
    }
    let plugin = runner.load_plugin("plugin", bare::file(module))?;
    #[cfg(feature = "serde")]
    if text.starts_with('[') {
        let (sum, _): (f64, _) = plugin.call_json(export, &[1.0, 2.0])?;
        return Ok(sum.to_string());
    }
    #[cfg(feature = "msgpack")]
    if text.starts_with('<') {
        let (sum, _): (f64, _) = plugin.call_msgpack(export, &[1.0, 2.0])?;
        return Ok(sum.to_string());
    }
    let outcome = plugin.call(export).input(text).run()?;
    Ok(String::from_utf8_lossy(outcome.bytes()).to_string())
}
