//! After a tail call, the results that a failed host function is resumed with go to another frame.

use std::process::exit;
use wasmi::{Engine, Error, Linker, Module, Store, TypedResumableCall, Val};

fn main() {
    let got = ["call", "tail"].map(resumed);
    println!("call() and tail(): expected [1042, 1042], got {got:?}");
    exit(i32::from(got != [1042, 1042]));
}

fn resumed(name: &str) -> i32 {
    let engine = Engine::default();
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker
        .func_wrap("host", "fail", || Err::<i32, _>(Error::new("later")))
        .unwrap();
    let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
    let f = instance.get_typed_func::<(), i32>(&store, name).unwrap();
    let call = f.call_resumable(&mut store, ()).unwrap();
    let TypedResumableCall::HostTrap(failed) = call else {
        panic!("the host function must fail: {call:?}");
    };
    let call = failed.resume(&mut store, &[Val::I32(42)]).unwrap();
    let TypedResumableCall::Finished(got) = call else {
        panic!("the call must end: {call:?}");
    };
    got
}
