//! Checking the names of new plugins.

use super::language::Language;

const LONGEST: usize = 64;

/// Names that are well-formed, but not possible for a crate: Rust's keywords, its own crates, and
/// the plugin's dependencies.
const TAKEN_IN_RUST: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "pocketwasm-plugin",
    "pocketwasm-plugin-macros",
    "pocketwasm_plugin",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "serde_json",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Checks a name. The error says which name would do.
pub(super) fn check(name: &str, language: Language) -> Result<(), String> {
    if language == Language::Rust && TAKEN_IN_RUST.contains(&name) {
        return Err(format!(
            "a crate cannot be called {name:?}; {:?} would do",
            format!("{name}-1")
        ));
    }
    if is_well_formed(name) {
        return Ok(());
    }
    let rule = format!(
        "a plugin's name is lower-case letters, digits, - and _, with a letter first, \
         and at most {LONGEST} of them"
    );
    let folder = name.rsplit_once(['/', '\\']);
    match folder {
        Some((_, last)) if is_well_formed(last) => Err(format!(
            "{rule}, not {name:?}; `{last} --directory {name}` would do"
        )),
        _ => Err(format!("{rule}, not {name:?}; {:?} would do", near(name))),
    }
}

fn is_well_formed(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    name.len() <= LONGEST
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(fits)
}

/// The valid name that is most like `name`.
fn near(name: &str) -> String {
    let mut near = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' | '_' => near.push(c),
            _ if near.ends_with('-') => {}
            _ => near.push('-'),
        }
    }
    let mut near = near
        .trim_start_matches(|c: char| !c.is_ascii_lowercase())
        .to_owned();
    near.truncate(LONGEST);
    let near = near.trim_end_matches('-');
    if near.is_empty() { "plugin" } else { near }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{check, is_well_formed, near};
    use crate::commands::new::language::Language;

    #[test]
    fn names_that_do() {
        let longest = "x".repeat(64);
        for name in ["greet", "a", "my-plugin_2", "match", &longest] {
            check(name, Language::Go).unwrap();
        }
        check("match", Language::Rust).unwrap_err();
        check("match-1", Language::Rust).unwrap();
    }

    #[test]
    fn names_that_would_do() {
        let longer = "x".repeat(65);
        for (name, other) in [
            ("", "plugin"),
            ("--", "plugin"),
            ("My Plugin", "my-plugin"),
            ("2nd", "nd"),
            ("größe", "gr-e"),
            ("a/b c", "a-b-c"),
            ("x.wasm", "x-wasm"),
            (&longer, &longer[..64]),
        ] {
            assert!(!is_well_formed(name), "{name}");
            assert_eq!(near(name), other, "{name}");
            assert!(is_well_formed(other), "{name}");
            assert!(
                check(name, Language::C).unwrap_err().contains(other),
                "{name}"
            );
        }
    }
}
