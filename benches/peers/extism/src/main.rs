//! Extism's own Rust host, on the guest that follows its ABI.

use common::{Guest, Live, Loaded, Peer, Result, Work};
use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use std::process::ExitCode;

struct Extism;

impl Peer for Extism {
    fn load(&self, _: &Guest, bytes: &[u8]) -> Result<Box<dyn Loaded>> {
        let manifest = Manifest::new([Wasm::data(bytes)]);
        let builder = PluginBuilder::new(manifest)
            .with_wasi(true)
            .with_cache_disabled();
        let compiled = builder.compile().map_err(|error| error.to_string())?;
        Ok(Box::new(Ready(compiled)))
    }
}

struct Ready(CompiledPlugin);

impl Loaded for Ready {
    fn instance(&self) -> Result<Box<dyn Live + '_>> {
        let plugin = Plugin::new_from_compiled(&self.0);
        Ok(Box::new(One(plugin.map_err(|error| error.to_string())?)))
    }
}

struct One(Plugin);

impl Live for One {
    fn answer(&mut self, work: &Work) -> Result<Vec<u8>> {
        let Work::Extism { export, input } = work else {
            return Err("takes guests of its own ABI only".into());
        };
        let output = self.0.call::<&[u8], Vec<u8>>(export, input);
        output.map_err(|error| error.to_string().into())
    }
}

fn main() -> ExitCode {
    common::main(|_| Ok(Box::new(Extism)))
}
