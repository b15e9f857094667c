//! Compiles WAT files into a directory: `compile_wat DIRECTORY FILE...`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args_os().skip(1);
    let directory = args.next().ok_or("which directory?")?;
    for file in args.map(PathBuf::from) {
        let name = file.with_extension("wasm");
        let name = name.file_name().ok_or("which file?")?;
        fs::write(Path::new(&directory).join(name), wat::parse_file(&file)?)?;
    }
    Ok(())
}
