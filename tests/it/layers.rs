//! The rooms of `src` stand on floors: a room uses only rooms on lower floors. Inside a room, and in
//! the program, no modules use each other in a circle. The engine is named only where it is wrapped.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The rooms, by floor, the lowest first. Rooms on the same floor do not use each other. What each
/// is for is at the top of its `mod.rs`.
const FLOORS: &[&[&str]] = &[
    &["common"],
    &["module", "host", "system", "file_system"],
    &["settings"],
    &["engine"],
    &["wasi", "convention"],
    &["loading"],
    &["api"],
    &["capi", "suites"],
];

/// The rooms that name the engine's types.
const WRAP_THE_ENGINE: &[&str] = &["engine", "wasi", "convention"];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// A path of modules, from the root of its crate.
type ModulePath = Vec<String>;

/// The modules below a folder with their code. A `mod.rs` is the module of its folder.
fn modules(directory: &Path) -> Vec<(ModulePath, String)> {
    fn read(directory: &Path, at: &[String], found: &mut Vec<(ModulePath, String)>) {
        let mut entries: Vec<PathBuf> = fs::read_dir(directory)
            .expect("the sources are there")
            .map(|entry| entry.expect("readable").path())
            .collect();
        entries.sort();
        for path in entries {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let stem = stem.expect("UTF-8");
            let mut module = at.to_vec();
            if path.is_dir() {
                module.push(stem.to_owned());
                read(&path, &module, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                if stem != "mod" {
                    module.push(stem.to_owned());
                }
                let text = fs::read_to_string(&path).expect("UTF-8");
                let code = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"))
                    .collect::<Vec<_>>()
                    .join("\n");
                found.push((module, code));
            }
        }
    }
    let mut found = Vec::new();
    read(directory, &[], &mut found);
    found
}

/// The modules of the library.
fn library() -> Vec<(ModulePath, String)> {
    let mut modules = modules(&src());
    modules.retain(|(module, _)| module.first().is_some_and(|first| first != "bin"));
    modules
}

/// The paths of a tree such as `a::{b, c::{self, d}}`, and what follows it.
fn tree<'a>(mut rest: &'a str, prefix: &[String], paths: &mut Vec<ModulePath>) -> &'a str {
    let mut path = prefix.to_vec();
    loop {
        rest = rest.trim_start();
        let word = |c: char| !(c.is_alphanumeric() || c == '_');
        let end = rest.find(word).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if !name.is_empty() && name != "self" {
            path.push(name.to_owned());
        }
        let Some(next) = after.strip_prefix("::") else {
            paths.push(path);
            return after;
        };
        rest = next.trim_start();
        let Some(mut list) = rest.strip_prefix('{') else {
            continue;
        };
        loop {
            list = tree(list, &path, paths);
            // A name that it is used by comes in between.
            let Some(end) = list.find([',', '}']) else {
                return "";
            };
            let (at, after) = list[end..].split_at(1);
            list = after.trim_start();
            if at == "}" {
                return list;
            }
            if let Some(after) = list.strip_prefix('}') {
                return after;
            }
        }
    }
}

/// The paths from the root of the crate that a module names, in `use` lists and elsewhere.
fn named(module: &[String], code: &str) -> Vec<ModulePath> {
    let mut paths = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            // The second of two is part of the path that the first begins.
            if code[..at].ends_with("::") {
                continue;
            }
            tree(&code[at..], &[], &mut paths);
        }
    }
    let absolute = |path: ModulePath| -> ModulePath {
        let ups = path.iter().take_while(|name| *name == "super").count();
        match ups {
            0 => path[1..].to_vec(),
            ups => {
                let above = &module[..module.len().saturating_sub(ups)];
                [above, &path[ups..]].concat()
            }
        }
    };
    paths.into_iter().map(absolute).collect()
}

/// The path behind each name at the library's root.
fn exported(root: &str) -> BTreeMap<String, ModulePath> {
    let mut exported = BTreeMap::new();
    for rest in root.split("pub use ").skip(1) {
        let mut paths = Vec::new();
        tree(rest, &[], &mut paths);
        // Inside the root's own modules, paths begin with `crate`.
        let rooms = paths.into_iter().map(|path| match path.split_first() {
            Some((first, rest)) if first == "crate" => rest.to_vec(),
            _ => path,
        });
        for path in rooms.filter(|path| floor(&path[0]).is_some()) {
            exported.insert(path.last().expect("a name").clone(), path);
        }
    }
    exported
}

#[test]
fn rooms_use_lower_floors_only() {
    let modules = library();
    let root = modules.iter().find(|(module, _)| module == &["lib"]);
    let exported = exported(&root.expect("the root").1);
    assert_eq!(exported["Outcome"][0], "common");
    assert!(FLOORS.len() <= 8, "more floors than one keeps in mind");
    let mut rooms = BTreeSet::new();
    for (module, code) in modules.iter().filter(|(module, _)| module != &["lib"]) {
        let room = module[0].as_str();
        rooms.insert(room);
        let own = floor(room);
        let own = own.unwrap_or_else(|| panic!("`{room}` is on no floor; give it a place"));
        for path in named(module, code) {
            let Some(name) = path.first() else { continue };
            let target = match exported.get(name) {
                Some(behind) => behind[0].as_str(),
                None => name,
            };
            let Some(other) = floor(target) else { continue };
            assert!(
                target == room || other < own,
                "`{}` (floor {own}) uses `{target}` (floor {other})",
                module.join("::")
            );
        }
    }
    let listed: BTreeSet<&str> = FLOORS.iter().copied().flatten().copied().collect();
    assert_eq!(rooms, listed, "a room of the list is gone");
}

/// Modules of one folder that use each other in a circle; none if there is none.
fn circle(
    folder: &[&str],
    modules: &[(ModulePath, String)],
    exported: &BTreeMap<String, ModulePath>,
) -> Option<Vec<String>> {
    let child = |path: &[String]| -> Option<String> {
        let inside = path.len() > folder.len() && path.iter().zip(folder).all(|(a, b)| a == b);
        inside.then(|| path[folder.len()].clone())
    };
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, _) in modules {
        uses.extend(child(module).map(|name| (name, BTreeSet::new())));
    }
    let names: BTreeSet<String> = uses.keys().cloned().collect();
    for (module, code) in modules {
        let Some(name) = child(module) else { continue };
        let paths = named(module, code).into_iter();
        let paths = paths.map(|path| match path.as_slice() {
            [name] => exported.get(name).cloned().unwrap_or(path),
            _ => path,
        });
        let others = paths.filter_map(|path| child(&path));
        let others = others.filter(|other| *other != name && names.contains(other));
        uses.entry(name.clone()).or_default().extend(others);
    }
    // Whatever uses nothing that is left goes, until nothing is left or a circle is.
    loop {
        let before = uses.len();
        let left: BTreeSet<String> = uses.keys().cloned().collect();
        uses.retain(|_, others| others.iter().any(|other| left.contains(other)));
        if uses.is_empty() {
            return None;
        }
        if uses.len() == before {
            return Some(uses.into_keys().collect());
        }
    }
}

#[test]
fn no_modules_of_a_room_use_each_other_in_a_circle() {
    let modules = library();
    let root = modules.iter().find(|(module, _)| module == &["lib"]);
    let exported = exported(&root.expect("the root").1);
    for room in FLOORS.iter().copied().flatten() {
        assert_eq!(circle(&[*room], &modules, &exported), None, "in `{room}`");
    }
}

#[test]
fn no_modules_of_the_program_use_each_other_in_a_circle() {
    let modules = modules(&src().join("bin/pocketwasm"));
    for folder in [&[] as &[&str], &["commands"], &["gateway"]] {
        let circle = circle(folder, &modules, &BTreeMap::new());
        assert_eq!(circle, None, "in `{}`", folder.join("::"));
    }
}

#[test]
fn a_circle_is_found() {
    let module = |name: &str, code: &str| (vec!["a".to_owned(), name.to_owned()], code.to_owned());
    let modules = [
        module("one", "use super::{two::{self, Two}, three::Three};"),
        module("two", "use crate::{Root, a::three};"),
        module("three", "fn f() { crate::a::four::g() }"),
        module("four", "use super::three;"),
        module("five", "use super::four;"),
    ];
    let expected: Vec<String> = ["five", "four", "one", "three", "two"]
        .map(str::to_owned)
        .into();
    assert_eq!(circle(&["a"], &modules, &BTreeMap::new()), Some(expected));
    assert_eq!(circle(&["a"], &modules[..2], &BTreeMap::new()), None);
    let root = BTreeMap::from([("Root".to_owned(), vec!["a".to_owned(), "one".to_owned()])]);
    let expected: Vec<String> = ["one", "two"].map(str::to_owned).into();
    assert_eq!(circle(&["a"], &modules[..2], &root), Some(expected));
}

#[test]
fn the_engine_is_named_only_where_it_is_wrapped() {
    let mut wraps = BTreeSet::new();
    for (module, code) in library() {
        if code.contains("wasmi::") || code.contains("wasmi_core::") {
            wraps.insert(module[0].clone());
        }
    }
    let expected: BTreeSet<String> = WRAP_THE_ENGINE
        .iter()
        .map(|&room| room.to_owned())
        .collect();
    assert_eq!(wraps, expected);
}
