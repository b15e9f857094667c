//! On a big-endian host, the bytes of a vector are reversed each time it is read.

use std::process::exit;
use wasmi::{Engine, Linker, Module, Store};

fn main() {
    if cfg!(target_endian = "little") {
        println!("can be shown only on a big-endian host");
        exit(2);
    }
    let engine = Engine::default();
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .unwrap();
    let f = instance.get_typed_func::<(), i32>(&store, "f").unwrap();
    let got = f.call(&mut store, ()).unwrap();
    println!("f(): expected 1, got {got}");
    exit(i32::from(got != 1));
}
