//! A panic of a host function cannot be caught. This ends the process, and is therefore tried in a
//! child process.

use std::{
    env,
    panic::{self, AssertUnwindSafe},
    process::{Command, exit},
};
use wasmi::{Engine, Linker, Module, Store};

fn main() {
    if env::args().nth(1).as_deref() == Some("child") {
        return child();
    }
    let child = Command::new(env::current_exe().unwrap())
        .arg("child")
        .output()
        .unwrap();
    let got = if child.status.success() {
        String::from_utf8(child.stdout).unwrap().trim().to_owned()
    } else {
        child.status.to_string()
    };
    println!("f(): expected a panic that was caught, got {got}");
    exit(i32::from(got != "a panic that was caught"));
}

fn child() {
    let engine = Engine::default();
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker
        .func_wrap("host", "panics", || {
            if env::args().len() > 1 {
                panic!("as it may happen");
            }
        })
        .unwrap();
    let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
    let f = instance.get_typed_func::<(), ()>(&store, "f").unwrap();
    panic::catch_unwind(AssertUnwindSafe(|| f.call(&mut store, ()))).expect_err("it panics");
    println!("a panic that was caught");
}
