//! The translator fails an assertion of its own where an `else` takes parameters from a register.
//!
//! It is a debug assertion: build without `--release`.

use std::{panic, process::exit};
use wasmi::{CompilationMode, Config, Engine, Module};

fn main() {
    if !cfg!(debug_assertions) {
        println!("can be shown only with debug assertions");
        exit(2);
    }
    let loaded = panic::catch_unwind(|| {
        let mut config = Config::default();
        config.compilation_mode(CompilationMode::Eager);
        Module::new(&Engine::new(&config), include_str!("module.wat")).unwrap();
    });
    let got = if loaded.is_ok() {
        "a module"
    } else {
        "a panic"
    };
    println!("loading: expected a module, got {got}");
    exit(i32::from(loaded.is_err()));
}
