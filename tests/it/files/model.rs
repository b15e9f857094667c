//! Random sequences of operations against a model, which is a map from paths to contents.

use super::script::{BOTH, CREATE, READ, Step, TRUNCATE, carry_out, lines, on, open, step};
use pocketwasm::{
    Files,
    files::{ChangeKind, FileContent},
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A file with its contents, or a directory.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    File(Vec<u8>),
    Directory,
}

#[derive(Debug, Clone)]
enum Operation {
    Make(String),
    Delete(String),
    MakeDirectory(String),
    DeleteDirectory(String),
    Write(String, u8, u8),
    Empty(String),
    Rename(String, String),
    Read(String),
    List(String),
}

/// The tree that both begin with.
const GIVEN: [(&str, Option<&str>); 4] = [
    ("a", None),
    ("a/b", Some("given")),
    ("b", Some("more")),
    ("c", None),
];

type Model = BTreeMap<String, Node>;

fn above(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(above, _)| above)
}

/// The errno for a path whose directory is missing or is a file.
fn way(model: &Model, path: &str) -> Result<(), u32> {
    let mut at = String::new();
    for name in above(path).split('/').filter(|name| !name.is_empty()) {
        if !at.is_empty() {
            at.push('/');
        }
        at += name;
        match model.get(&at) {
            Some(Node::Directory) => {}
            Some(Node::File(_)) => return Err(54),
            None => return Err(44),
        }
    }
    Ok(())
}

fn below<'a>(model: &'a Model, path: &str) -> impl Iterator<Item = &'a String> {
    let start = format!("{path}/");
    model.keys().filter(move |other| other.starts_with(&start))
}

/// What the model answers.
fn answer(model: &mut Model, operation: &Operation) -> Result<String, u32> {
    let there = |model: &Model, path: &String| model.get(path).cloned();
    match operation {
        Operation::Make(path) => {
            way(model, path)?;
            match there(model, path) {
                Some(Node::Directory) => return Err(31),
                Some(Node::File(_)) => {}
                None => drop(model.insert(path.clone(), Node::File(Vec::new()))),
            }
        }
        Operation::Delete(path) => {
            way(model, path)?;
            match there(model, path) {
                Some(Node::Directory) => return Err(31),
                None => return Err(44),
                Some(Node::File(_)) => drop(model.remove(path)),
            }
        }
        Operation::MakeDirectory(path) => {
            way(model, path)?;
            if there(model, path).is_some() {
                return Err(20);
            }
            model.insert(path.clone(), Node::Directory);
        }
        Operation::DeleteDirectory(path) => {
            way(model, path)?;
            match there(model, path) {
                Some(Node::File(_)) => return Err(54),
                None => return Err(44),
                Some(Node::Directory) if below(model, path).next().is_some() => return Err(55),
                Some(Node::Directory) => drop(model.remove(path)),
            }
        }
        Operation::Write(path, at, byte) => {
            way(model, path)?;
            match model.get_mut(path) {
                Some(Node::Directory) => return Err(31),
                None => return Err(44),
                Some(Node::File(bytes)) => {
                    let at = usize::from(*at);
                    bytes.resize(bytes.len().max(at + 1), 0);
                    bytes[at] = *byte;
                }
            }
        }
        Operation::Empty(path) => {
            way(model, path)?;
            match model.get_mut(path) {
                Some(Node::Directory) => return Err(31),
                None => return Err(44),
                Some(Node::File(bytes)) => bytes.clear(),
            }
        }
        Operation::Rename(from, to) => rename(model, from, to)?,
        Operation::Read(path) => {
            way(model, path)?;
            return match there(model, path) {
                Some(Node::File(bytes)) => {
                    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
                }
                // It opens, and has nothing to read.
                Some(Node::Directory) => Err(8),
                None => Err(44),
            };
        }
        Operation::List(path) => {
            way(model, path)?;
            return match there(model, path) {
                Some(Node::File(_)) => Err(54),
                None => Err(44),
                Some(Node::Directory) => {
                    let entries = below(model, path).filter(|other| above(other) == path);
                    let names = entries.map(|other| match &model[other] {
                        Node::Directory => format!(" 3:{}", &other[path.len() + 1..]),
                        Node::File(_) => format!(" 4:{}", &other[path.len() + 1..]),
                    });
                    Ok(format!("3:. 3:..{}", names.collect::<String>()))
                }
            };
        }
    }
    Ok(String::new())
}

fn rename(model: &mut Model, from: &String, to: &String) -> Result<(), u32> {
    way(model, from)?;
    way(model, to)?;
    let Some(source) = model.get(from).cloned() else {
        return Err(44);
    };
    let is_directory = source == Node::Directory;
    if is_directory && to.starts_with(&format!("{from}/")) {
        return Err(28);
    }
    if from == to {
        return Ok(());
    }
    match model.get(to) {
        Some(Node::Directory) if !is_directory => return Err(31),
        Some(Node::File(_)) if is_directory => return Err(54),
        Some(Node::Directory) if below(model, to).next().is_some() => return Err(55),
        _ => {}
    }
    let moved: Vec<String> = below(model, from).cloned().collect();
    for path in moved {
        let node = model.remove(&path).unwrap();
        model.insert(format!("{to}{}", &path[from.len()..]), node);
    }
    model.remove(from);
    model.insert(to.clone(), source);
    Ok(())
}

/// The steps of an operation. The last of them that was not refused has the answer.
fn steps(operation: &Operation) -> Vec<Step> {
    match operation {
        Operation::Make(path) => vec![open(path, 4, CREATE, READ), on("close", 4)],
        Operation::Delete(path) => vec![step("unlink").path(path)],
        Operation::MakeDirectory(path) => vec![step("mkdir").path(path)],
        Operation::DeleteDirectory(path) => vec![step("rmdir").path(path)],
        Operation::Write(path, at, byte) => vec![
            open(path, 4, 0, BOTH),
            on("pwrite", 4).bytes(&[*byte]).m((*at).into()),
            on("close", 4),
        ],
        Operation::Empty(path) => vec![open(path, 4, TRUNCATE, BOTH), on("close", 4)],
        Operation::Rename(from, to) => vec![step("rename").path(from).second(to)],
        Operation::Read(path) => {
            vec![
                open(path, 4, 0, READ),
                on("read", 4).n(9_999),
                on("close", 4),
            ]
        }
        Operation::List(path) => {
            vec![
                open(path, 4, 2, 0),
                on("readdir", 4).n(9_999),
                on("close", 4),
            ]
        }
    }
}

fn path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(&["a", "b", "c"][..]);
    prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"))
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => path().prop_map(Operation::Make),
        2 => path().prop_map(Operation::Delete),
        3 => path().prop_map(Operation::MakeDirectory),
        2 => path().prop_map(Operation::DeleteDirectory),
        3 => (path(), 0..40_u8, any::<u8>()).prop_map(|(path, at, byte)| Operation::Write(path, at, byte)),
        1 => path().prop_map(Operation::Empty),
        4 => (path(), path()).prop_map(|(from, to)| Operation::Rename(from, to)),
        3 => path().prop_map(Operation::Read),
        3 => path().prop_map(Operation::List),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_guest_sees_what_the_model_says(operations in prop::collection::vec(operation(), 1..60)) {
        let (mut model, mut files) = (Model::new(), Files::new());
        for (path, content) in GIVEN {
            let node = content.map_or(Node::Directory, |text| Node::File(text.into()));
            model.insert(path.into(), node);
            files = match content {
                Some(text) => files.file(path, text),
                None => files.dir(path),
            };
        }
        let before = model.clone();
        let all: Vec<Vec<Step>> = operations.iter().map(steps).collect();
        let outcome = carry_out(&files, &all.concat());
        let lines = lines(&outcome);
        let mut rest = &lines[..];
        for (operation, steps) in operations.iter().zip(&all) {
            let (said, after) = rest.split_at(steps.len());
            rest = after;
            let expected = answer(&mut model, operation);
            // The errno of the first step that failed, or what the second of several said.
            let failed = said.iter().find(|line| !line.starts_with('0'));
            let got = match failed {
                Some(line) => Err(line.parse().unwrap()),
                None => Ok(said[usize::from(said.len() == 3)][1..].trim().to_owned()),
            };
            let is_read = matches!(operation, Operation::Read(_) | Operation::List(_));
            match expected {
                Ok(text) if is_read => prop_assert_eq!(got, Ok(text), "{:?}", operation),
                Ok(_) => prop_assert!(got.is_ok(), "{:?}: {:?}", operation, got),
                Err(errno) => prop_assert_eq!(got, Err(errno), "{:?}", operation),
            }
        }
        // The changes, on what was there, give what is there.
        let mut changed = before;
        for change in outcome.files() {
            let path = change.path()[1..].to_owned();
            if change.kind() == ChangeKind::Deleted || changed.get(&path) == Some(&Node::Directory) {
                changed.retain(|other, _| !other.starts_with(&format!("{path}/")));
                changed.remove(&path);
            }
        }
        for change in outcome.files() {
            let node = match change.content() {
                FileContent::File(bytes) => Node::File(bytes.to_vec()),
                FileContent::Directory => Node::Directory,
                _ => continue,
            };
            changed.insert(change.path()[1..].to_owned(), node);
        }
        prop_assert_eq!(changed, model);
    }
}
