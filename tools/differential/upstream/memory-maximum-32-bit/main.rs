//! On a 32-bit host, a limiter is told that a memory with a maximum of 4 GiB has a maximum of 0.

use std::process::exit;
use wasmi::{Engine, Linker, Module, Store, StoreLimits};

fn main() {
    if usize::BITS > 32 {
        println!("can be shown only on a 32-bit host");
        exit(2);
    }
    let engine = Engine::default();
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, StoreLimits::default());
    store.limiter(|limits| limits);
    let instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .unwrap();
    let f = instance.get_typed_func::<(), i32>(&store, "f").unwrap();
    let got = f.call(&mut store, ()).unwrap();
    println!("f(): expected 1, got {got}");
    exit(i32::from(got != 1));
}
