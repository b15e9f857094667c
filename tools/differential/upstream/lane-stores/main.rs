//! The store of a lane is decoded with more bits than were encoded, and everything after it is
//! misread. This ends the process, and is therefore tried in a child process.
//!
//! wasmi's feature `memory64` hides it: build with `--no-default-features`.

use std::{
    env,
    process::{Command, exit},
};
use wasmi::{Engine, Linker, Module, Store};

fn main() {
    if cfg!(feature = "memory64") {
        println!("can be shown only with `--no-default-features`");
        exit(2);
    }
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
    println!("five(): expected 5, got {got}");
    exit(i32::from(got != "5"));
}

fn child() {
    let engine = Engine::default();
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .unwrap();
    let five = instance.get_typed_func::<(), i32>(&store, "five").unwrap();
    println!("{}", five.call(&mut store, ()).unwrap());
}
