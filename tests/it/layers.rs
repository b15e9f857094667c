//! Lower layers never import higher ones, and the engine is named only where it is wrapped.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The layers, lowest first. Modules of one layer may know each other: a plugin begins calls and
/// makes instances, which hold plugins.
const LAYERS: &[&[&str]] = &[
    &["error"],
    &["binary", "value"],
    &["faults"],
    &[
        "background",
        "bound",
        "cancel",
        "clock",
        "http",
        "limits",
        "spread",
        "sync",
        "outcome",
        "output",
    ],
    &["convert", "exchange", "memory"],
    &["host"],
    &["config", "context"],
    &["inspect", "prepare", "snapshot"],
    &["limiter", "meter", "state"],
    &["drive"],
    &["callee"],
    &["link"],
    &["wasi"],
    &["engine"],
    &["dispatch"],
    &["session"],
    &["spares"],
    &["convention"],
    &["passed"],
    &["capture"],
    &["plugin", "instance", "call"],
    &["middleware", "structured"],
    &["cache"],
    &["runner"],
    &["plugins_dir", "capi"],
];

/// The modules that name the engine's types.
const WRAP_THE_ENGINE: &[&str] = &[
    "callee",
    "convention",
    "convert",
    "dispatch",
    "drive",
    "engine",
    "limiter",
    "link",
    "session",
    "state",
    "wasi",
];

/// Imports that go upwards.
const UPWARDS: &[(&str, &str)] = &[
    // An error carries what the call had cost and written.
    ("error", "outcome"),
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The source files by top-level module, and the root itself under `lib`.
fn sources() -> BTreeMap<String, String> {
    fn read(directory: &Path, top: Option<&str>, sources: &mut BTreeMap<String, String>) {
        let mut entries: Vec<PathBuf> = fs::read_dir(directory)
            .expect("the sources are there")
            .map(|entry| entry.expect("readable").path())
            .collect();
        entries.sort();
        for path in entries {
            let stem = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .expect("UTF-8");
            let module = top.unwrap_or(stem);
            if path.is_dir() && module != "bin" {
                read(&path, Some(module), sources);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                sources
                    .entry(module.to_owned())
                    .or_default()
                    .push_str(&text);
            }
        }
    }
    let mut sources = BTreeMap::new();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    read(&directory, None, &mut sources);
    sources
}

/// The module that each name at the crate's root comes from.
fn exported(root: &str) -> BTreeMap<String, String> {
    let mut exported = BTreeMap::new();
    for line in root.lines() {
        let Some(path) = line.strip_prefix("pub use ") else {
            continue;
        };
        let (module, names) = path.split_once("::").expect("a path");
        let names = names.trim_matches(|c| "{};".contains(c));
        for name in names.split(", ") {
            exported.insert(name.to_owned(), module.to_owned());
        }
    }
    exported
}

/// The modules of this crate that a source names, in `use` lists and in paths.
fn imports(source: &str, exported: &BTreeMap<String, String>) -> Vec<String> {
    let code: String = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut imports = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            // The names at the outermost level of the list.
            let mut depth = 0;
            let mut name = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => imports.push(std::mem::take(&mut name)),
                    c if depth == 0 => name.push(c),
                    _ => {}
                }
            }
            imports.push(name);
        } else {
            imports.push(rest.to_owned());
        }
    }
    let first = |path: &String| -> String {
        let word = |c: &char| c.is_alphanumeric() || *c == '_';
        path.trim_start().chars().take_while(word).collect()
    };
    let module = |name: String| exported.get(&name).cloned().unwrap_or(name);
    imports
        .iter()
        .map(first)
        .map(module)
        .filter(|name| layer(name).is_some())
        .collect()
}

#[test]
fn lower_layers_never_import_higher_ones() {
    let mut sources = sources();
    let exported = exported(&sources.remove("lib").expect("the root"));
    assert_eq!(exported.get("Outcome").map(String::as_str), Some("outcome"));
    let mut exceptions = UPWARDS.to_vec();
    for (module, source) in &sources {
        let own = layer(module);
        let own = own.unwrap_or_else(|| panic!("`{module}` is in no layer; give it a place"));
        for import in imports(source, &exported) {
            let other = layer(&import).expect("filtered");
            if other > own {
                let pair = (module.as_str(), import.as_str());
                exceptions.retain(|exception| *exception != pair);
                assert!(
                    UPWARDS.contains(&pair),
                    "`{module}` (layer {own}) imports `{import}` (layer {other})"
                );
            }
        }
    }
    assert!(exceptions.is_empty(), "no longer needed: {exceptions:?}");
}

#[test]
fn the_engine_is_named_only_where_it_is_wrapped() {
    for (module, source) in sources().into_iter().filter(|(module, _)| module != "lib") {
        let names = source
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .any(|line| line.contains("wasmi::") || line.contains("wasmi_core::"));
        let wraps = WRAP_THE_ENGINE.contains(&module.as_str());
        assert_eq!(names, wraps, "`{module}` names the engine: {names}");
    }
}
