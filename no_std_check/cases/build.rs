//! Translates the table's text modules, and writes the guest that has every function of WASI.

use std::{env, fmt::Write as _, fs, path::Path};

/// Every function of WASI preview1 with its parameters: `i` is i32, `I` is i64.
const WASI: &[(&str, &str)] = &[
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "iIi"),
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("fd_pread", "iiiIi"),
    ("fd_prestat_get", "ii"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiiIi"),
    ("fd_renumber", "ii"),
    ("fd_seek", "iIii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_raise", "i"),
    ("random_get", "ii"),
    ("sched_yield", ""),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// The operators that can make a NaN, with their parameters and result.
const FLOATS: &[(&str, &[&str])] = &[
    ("abs", &["f"]),
    ("neg", &["f"]),
    ("ceil", &["f"]),
    ("floor", &["f"]),
    ("trunc", &["f"]),
    ("nearest", &["f"]),
    ("sqrt", &["f"]),
    ("add", &["f", "f"]),
    ("sub", &["f", "f"]),
    ("mul", &["f", "f"]),
    ("div", &["f", "f"]),
    ("min", &["f", "f"]),
    ("max", &["f", "f"]),
    ("copysign", &["f", "f"]),
];

fn main() {
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let out = Path::new(&out);
    println!("cargo::rerun-if-changed=wat");
    for entry in fs::read_dir("wat").expect("the folder of text modules") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_owned();
        let module = wat::parse_file(&path).expect("a valid text module");
        fs::write(out.join(name).with_extension("wasm"), module).expect("a writable folder");
    }
    for (name, text) in [("wasi", wasi()), ("floats", floats())] {
        let module = wat::parse_str(text).expect("a valid text module");
        fs::write(out.join(name).with_extension("wasm"), module).expect("a writable folder");
    }
    let names: String = WASI
        .iter()
        .map(|(name, params)| format!("({name:?}, {}),", params.len()))
        .collect();
    fs::write(out.join("wasi.rs"), format!("&[{names}]")).expect("a writable folder");
    let names: String = FLOATS
        .iter()
        .map(|(name, params)| format!("({name:?}, {}),", params.len()))
        .collect();
    fs::write(out.join("floats.rs"), format!("&[{names}]")).expect("a writable folder");
}

/// Each function imported and exported again, and `sum`, a checksum of the memory.
fn wasi() -> String {
    let (mut imports, mut functions) = (String::new(), String::new());
    for (name, params) in WASI {
        let types: Vec<&str> = params
            .chars()
            .map(|c| if c == 'I' { "i64" } else { "i32" })
            .collect();
        let list = types.join(" ");
        write!(imports, r#"(import "wasi_snapshot_preview1" "{name}" (func ${name} (param {list}) (result i32)))"#).expect("a string");
        let wide = types.iter().map(|_| "i64").collect::<Vec<_>>().join(" ");
        let gets: String = types
            .iter()
            .enumerate()
            .map(|(index, ty)| match *ty {
                "i64" => format!("local.get {index} "),
                _ => format!("local.get {index} i32.wrap_i64 "),
            })
            .collect();
        write!(
            functions,
            r#"(func (export "{name}") (param {wide}) (result i32) {gets} call ${name})"#
        )
        .expect("a string");
    }
    format!(
        r#"(module {imports} (memory (export "memory") 1) {functions}
          (func (export "store") (param i32 i32) local.get 0 local.get 1 i32.store)
          (func (export "sum") (result i64) (local $at i32) (local $sum i64)
            (local.set $sum (i64.const -3750763034362895579))
            (loop $next
              (local.set $sum (i64.mul
                (i64.xor (local.get $sum) (i64.load (local.get $at)))
                (i64.const 1099511628211)))
              (local.set $at (i32.add (local.get $at) (i32.const 8)))
              (br_if $next (i32.lt_u (local.get $at) (i32.const 4096))))
            (local.get $sum)))"#
    )
}

/// `f32.OP` and `f64.OP` for each operator, and the conversions between the two.
fn floats() -> String {
    let mut functions = String::new();
    for ty in ["f32", "f64"] {
        for (name, params) in FLOATS {
            let list = params.iter().map(|_| ty).collect::<Vec<_>>().join(" ");
            let gets: String = (0..params.len())
                .map(|index| format!("local.get {index} "))
                .collect();
            write!(
                functions,
                r#"(func (export "{ty}.{name}") (param {list}) (result {ty}) {gets} {ty}.{name})"#
            )
            .expect("a string");
        }
    }
    format!(
        r#"(module {functions}
          (func (export "f32.demote_f64") (param f64) (result f32) local.get 0 f32.demote_f64)
          (func (export "f64.promote_f32") (param f32) (result f64) local.get 0 f64.promote_f32)
          (func (export "i64.trunc_sat_f64_s") (param f64) (result i64) local.get 0 i64.trunc_sat_f64_s)
          (func (export "i64.trunc_sat_f64_u") (param f64) (result i64) local.get 0 i64.trunc_sat_f64_u)
          (func (export "f64.convert_i64_u") (param i64) (result f64) local.get 0 f64.convert_i64_u)
          (func (export "f32.convert_i64_s") (param i64) (result f32) local.get 0 f32.convert_i64_s))"#
    )
}
