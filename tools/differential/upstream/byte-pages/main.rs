//! A memory with pages of one byte grows to a size that no `i32` can hold. It takes 4 GiB.

use std::process::exit;
use wasmi::{Config, Engine, Linker, Module, Store};

fn main() {
    let mut config = Config::default();
    config.wasm_custom_page_sizes(true);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .unwrap();
    let f = instance
        .get_typed_func::<(), (i32, i64)>(&store, "f")
        .unwrap();
    let (_, size) = f.call(&mut store, ()).unwrap();
    println!("the size as an i32, extended: expected at most 4294967295, got {size}");
    exit(i32::from(size > u32::MAX.into()));
}
