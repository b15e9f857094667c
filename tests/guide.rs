//! Checks the guide: its pages, links and code blocks.
//!
//! Its Rust code is compiled as doctests of the library; `docs/check` runs its shell blocks.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What of the registry's pages is a file of this repository.
const PACKAGED: &str = "https://docs.rs/crate/pocketwasm/latest/source/";

/// The documents that stand alone.
const ALONE: [&str; 2] = ["README.md", "CONTRIBUTING.md"];

/// The most bytes that the README may have.
const MOST_README_BYTES: u64 = 9_216;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn markdown_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(markdown_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn documents() -> Vec<PathBuf> {
    let mut documents = markdown_below(&root().join("docs/src"));
    documents.extend(ALONE.map(|name| root().join(name)));
    documents
}

/// The lines of a document that are no code, numbered from 1.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            lines.push((index + 1, line));
        }
    }
    lines
}

/// What a line links to: `](target)`, and `[name]: target`.
fn targets(line: &str) -> Vec<&str> {
    let mut found: Vec<&str> = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect();
    if line.starts_with('[')
        && let Some((_, target)) = line.split_once("]: ")
    {
        found.push(target);
    }
    found
}

/// Whether the package has that file, by the manifest's `include`.
fn is_packaged(file: &str) -> bool {
    let manifest = read(&root().join("Cargo.toml"));
    let (_, rest) = manifest.split_once("include = [").unwrap();
    let included = rest.split(']').next().unwrap().split('"');
    included.skip(1).step_by(2).any(|pattern| {
        let pattern = pattern.trim_start_matches('/');
        match pattern.strip_suffix("**") {
            Some(folder) => file.starts_with(folder),
            None => file == pattern,
        }
    })
}

/// The anchors of a document's headings, as mdBook and GitHub make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).into_iter();
    let headings = headings.filter_map(|(_, line)| line.trim_start_matches('#').strip_prefix(' '));
    headings
        .map(|heading| {
            heading
                .to_lowercase()
                .chars()
                .filter_map(|c| match c {
                    ' ' => Some('-'),
                    c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
                    _ => None,
                })
                .collect()
        })
        .collect()
}

#[test]
fn every_page_is_in_the_summary() {
    let book = root().join("docs/src");
    let summary = read(&book.join("SUMMARY.md"));
    let listed: BTreeSet<PathBuf> = summary
        .lines()
        .flat_map(targets)
        .map(|target| book.join(target))
        .collect();
    let there: BTreeSet<PathBuf> = markdown_below(&book)
        .into_iter()
        .filter(|path| !path.ends_with("SUMMARY.md"))
        .collect();
    assert_eq!(listed, there);
    assert!(there.len() > 20, "{there:?}");
}

#[test]
fn links_lead_somewhere() {
    let book = root().join("docs/src").canonicalize().unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for document in documents() {
        let text = read(&document);
        for (line, content) in prose(&text) {
            for target in targets(content) {
                count += 1;
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let path = match file.strip_prefix(PACKAGED) {
                    Some(packaged) if is_packaged(packaged) => root().join(packaged),
                    Some(_) => PathBuf::new(),
                    None if file.contains("://") => continue,
                    None if file.is_empty() => document.clone(),
                    None => document.parent().unwrap().join(file),
                };
                // As HTML, the book has nothing of the repository but its own pages.
                let leaves = document.starts_with(&book)
                    && file.contains("../")
                    && !path
                        .canonicalize()
                        .is_ok_and(|path| path.starts_with(&book));
                let there = path.exists()
                    && !leaves
                    && (anchor.is_empty() || anchors(&read(&path)).contains(anchor));
                if !there {
                    wrong.push(format!("{}:{line}: {target}", document.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "{count}");
}

/// A code block: its line, the comment before it, what it is written in, and its content.
fn blocks(text: &str) -> Vec<(usize, &str, &str, String)> {
    let mut blocks = Vec::new();
    let mut mark = "";
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            let content: Vec<&str> = lines
                .by_ref()
                .map(|(_, line)| line)
                .take_while(|line| line.trim_start() != "```")
                .collect();
            blocks.push((index + 1, mark, info, content.join("\n")));
            mark = "";
        } else if line.starts_with("<!-- check: ") || line.starts_with("<!-- shown: ") {
            mark = line;
        } else if !line.is_empty() {
            mark = "";
        }
    }
    blocks
}

/// The only attributes of a Rust block: a program that ends with an error, or one that only has to
/// compile.
const OF_RUST: [&str; 3] = ["rust", "rust,no_run", "rust,should_panic"];

#[test]
fn every_block_is_compiled_run_or_says_why_not() {
    let library = read(&root().join("src/lib.rs"));
    let mut wrong = Vec::new();
    let mut count = 0;
    for document in documents() {
        let within = document.strip_prefix(root()).unwrap();
        for (line, mark, info, content) in blocks(&read(&document)) {
            count += 1;
            let compiled = library.contains(&format!("\"../{}\"", within.display()));
            let fine = match content.strip_prefix("{{#include ") {
                Some(path) => {
                    let path = path.trim_end_matches("}}");
                    path.contains("examples/") && document.parent().unwrap().join(path).exists()
                }
                None if info.starts_with("rust") && mark.is_empty() => {
                    compiled && OF_RUST.contains(&info)
                }
                None => !mark.is_empty(),
            };
            if !fine {
                wrong.push(format!("{}:{line}: {info}", within.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 50, "{count}");
}

#[test]
fn the_readme_stays_short() {
    let bytes = fs::metadata(root().join("README.md")).unwrap().len();
    assert!(bytes <= MOST_README_BYTES, "{bytes} bytes");
}
