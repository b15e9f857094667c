//! `list` and `inspect`.

use crate::Guests;

#[test]
fn plugins_in_columns() {
    let guests = Guests::new(&[]);
    let source = Guests::new(&["add.wasm", "rust-greet.wasm", "odd-names.wat", "loop.wat"]);
    for (from, to) in [
        ("add.wasm", "plugins/math/add.wasm"),
        ("rust-greet.wasm", "plugins/greet.wasm"),
        ("odd-names.wasm", "plugins/odd.wasm"),
    ] {
        guests.put(to, std::fs::read(source.0.path().join(from)).unwrap());
    }
    guests.put("plugins/notes.txt", "no plugin");
    let table = "\
greet     13311  packed-pointer  add allocate deallocate echo greet
math/add     41  -               add
odd         106  -               \\u{1b}[2J\\u{1b}[Hexport\\nsecond line plain
";
    for args in [&["list", "plugins"][..], &["list", "--plugins", "plugins"]] {
        guests.run(args).is(&args.join(" "), 0, table, "");
    }
}

#[test]
fn files_that_cannot_be_loaded() {
    let guests = Guests::new(&["add.wasm", "unknown-import.wat"]);
    let add = std::fs::read(guests.0.path().join("add.wasm")).unwrap();
    let import = std::fs::read(guests.0.path().join("unknown-import.wasm")).unwrap();
    guests.put("some/a.wasm", &add);
    guests.put("some/b.wasm", "");
    guests.put("none/b.wasm", "");
    guests.put("none/c.wasm", &import);
    guests.put("empty/readme", "");
    let b = |folder| {
        format!(
            "pocketwasm: {folder}/b.wasm: plugin \"b\", load: \
             not a module this engine can run: the file is empty\n"
        )
    };
    let c = "pocketwasm: none/c.wasm: plugin \"c\", load: unsupported import: \"cloud\" \
             \"launch\" of type (i32) -> (): \
             not WASI, not of a known convention, and not among the functions registered with \
             this runner: none; `pocketwasm inspect` marks all that is missing\n";
    guests
        .run(["list", "some"])
        .is("some", 0, "a  41  -  add\n", &b("some"));
    guests
        .run(["list", "none"])
        .is("none", 4, "", &(b("none") + c));
}

#[test]
fn a_module_described() {
    let guests = Guests::new(&["odd-names.wat", "rust-greet.wasm"]);
    let (engine, dispatch) = (pocketwasm::ENGINE, pocketwasm::DISPATCH);
    let ran = guests.run(["inspect", "rust-greet.wasm"]);
    let sheet = format!(
        "\
name        rust-greet.wasm
sha256      {}
size        13311 bytes
functions   35
memory      17 pages of 64 KiB
convention  packed-pointer (exports a memory and the allocator `allocate`)
snapshot    not needed
engine      {engine}
dispatch    {dispatch}
imports     0
exports     8
  __data_end: global i32
  __heap_base: global i32
  add: (i32, i32) -> (i32)
  allocate: (i32) -> (i32)
  deallocate: (i32, i32) -> ()
  echo: (i32, i32) -> (i64)
  greet: (i32, i32) -> (i64)
  memory: memory 17..
",
        sha256(&guests, "rust-greet.wasm")
    );
    ran.is("a real one", 0, &sheet, "");

    let ran = guests.run(["inspect", "odd-names.wasm"]);
    let lists = "\
imports     1
  wasi_snapshot_preview1 \\u{1b}[2Jimport: () -> ()
exports     2
  \\u{1b}[2J\\u{1b}[Hexport\\nsecond line: () -> ()
  plain: () -> ()
";
    assert!(ran.stdout.ends_with(lists), "{ran:?}");
}

#[test]
fn a_module_described_in_json() {
    let guests = Guests::new(&["numbers.wat"]);
    let ran = guests.run(["inspect", "--json", "numbers.wasm"]);
    let export = |name, ty| serde_json::json!({ "name": name, "type": ty });
    let looked_for = "typst: no import from `typst_env`; \
        extism: no import from `extism:host/env`; wapc: no import from `wapc`; \
        http-wasm: no export `handle_request` of type () -> (i64); \
        assemblyscript: no exported runtime (__new, __pin); \
        packed-pointer: no exported memory; c-string: no exported memory; \
        command: no export `_start`";
    let expected = serde_json::json!({
        "name": "numbers.wasm",
        "sha256": sha256(&guests, "numbers.wasm"),
        "size": std::fs::metadata(guests.0.path().join("numbers.wasm")).unwrap().len(),
        "functions": 7,
        "memory_pages": 0,
        "convention": null,
        "convention_reason": looked_for,
        "snapshot": "not needed",
        "engine": pocketwasm::ENGINE,
        "dispatch": pocketwasm::DISPATCH,
        "imports": [],
        "exports": [
            export("all", "(i32, i64, f32, f64) -> (i32, i64, f32, f64)"),
            export("f32", "(f32) -> (f32)"),
            export("f64", "(f64) -> (f64)"),
            export("i32", "(i32) -> (i32)"),
            export("i64", "(i64) -> (i64)"),
            export("none", "() -> ()"),
            export("reference", "(externref) -> ()"),
        ],
        "error": null,
    });
    assert_eq!(
        (ran.code, &*ran.stderr, ran.json()),
        (Some(0), "", expected)
    );
}

/// The digest by way of the library.
fn sha256(guests: &Guests, module: &str) -> String {
    let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new()).unwrap();
    let plugin = runner.plugin_at(guests.0.path().join(module)).unwrap();
    plugin
        .sha256()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
