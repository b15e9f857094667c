//! Compiles wasm3's C sources, which `run` fetches and names.

use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-env-changed=WASM3_SOURCES");
    let sources =
        env::var("WASM3_SOURCES").expect("WASM3_SOURCES names the folder of wasm3's C sources");
    let files = fs::read_dir(&sources).expect("WASM3_SOURCES can be read");
    let files = files.filter_map(|file| Some(file.ok()?.path()));
    cc::Build::new()
        .files(files.filter(|path| path.extension().is_some_and(|it| it == "c")))
        .warnings(false)
        .compile("wasm3");
}
