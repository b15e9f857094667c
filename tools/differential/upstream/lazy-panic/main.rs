//! A function whose compilation panicked spins for ever when it is called again.
//!
//! This needs a panic of the translator, for which it uses the one of `store-same-register`. After
//! that one is fixed, another module must take its place here.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::exit,
    sync::mpsc,
    thread,
    time::Duration,
};
use wasmi::{CompilationMode, Config, Engine, Error, Linker, Module, Store};

fn main() {
    let mut config = Config::default();
    config.compilation_mode(CompilationMode::LazyTranslation);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, include_str!("module.wat")).unwrap();
    let (ended, end) = mpsc::channel();
    thread::spawn(move || {
        for _ in 0..2 {
            let result = catch_unwind(AssertUnwindSafe(|| run(&engine, &module)));
            ended.send(result.is_err()).unwrap();
        }
    });

    let panicked = end.recv().unwrap();
    if !panicked {
        println!("the translator does not panic here any more");
        exit(2);
    }
    let again = end.recv_timeout(Duration::from_secs(3));
    let got = match again {
        Ok(_) => "an end",
        Err(_) => "no end within 3 seconds",
    };
    println!("the call after a panic: expected an end, got {got}");
    exit(i32::from(again.is_err()));
}

fn run(engine: &Engine, module: &Module) -> Result<(), Error> {
    let mut store = Store::new(engine, ());
    let instance = Linker::new(engine).instantiate_and_start(&mut store, module)?;
    let run = instance.get_typed_func::<(), ()>(&store, "run")?;
    run.call(&mut store, ())
}
