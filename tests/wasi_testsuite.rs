//! Runs the public WASI test suite (`WebAssembly/wasi-testsuite`): the programs in
//! `fixtures/wasi-testsuite`, or those of a checkout of its branch `prod/testsuite-base`, whose path
//! is in `WASI_TESTSUITE`. Each runs twice, and both calls must have the same outcome.

use pocketwasm::{Error, Files, Outcome, Runner, RunnerConfig};
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

fn main() -> ExitCode {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/wasi-testsuite");
    let suite = env::var_os("WASI_TESTSUITE").unwrap_or_else(|| kept.into());
    let programs = match programs(Path::new(&suite)) {
        Ok(programs) if programs.is_empty() => {
            println!("WASI test suite: no built program of preview1 in {suite:?}");
            return ExitCode::FAILURE;
        }
        Ok(programs) => programs,
        Err(error) => {
            println!("WASI test suite: cannot read {suite:?}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (mut passed, mut failed) = (0, 0);
    for (name, path) in &programs {
        match run(path) {
            Ok(()) => {
                passed += 1;
                println!("{name}: ok");
            }
            Err(problem) => {
                failed += 1;
                println!("{name}: FAILED: {problem}");
            }
        }
    }
    println!("WASI test suite: {passed} passed; {failed} failed");
    match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// The built programs of preview1, sorted: `tests/LANGUAGE/testsuite/wasm32-wasip1/NAME.wasm`.
fn programs(suite: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    let mut programs = Vec::new();
    for language in fs::read_dir(suite.join("tests"))? {
        let language = language?;
        let folder = language.path().join("testsuite/wasm32-wasip1");
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(folder)? {
            let path = file?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "wasm")
            {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let language = language.file_name();
                programs.push((format!("{}/{stem}", language.display()), path));
            }
        }
    }
    programs.sort();
    Ok(programs)
}

/// What the specification beside a program says, by the suite's `doc/specification.md`.
#[derive(Debug)]
struct Specification {
    args: Vec<String>,
    env: Vec<(String, String)>,
    root: Option<PathBuf>,
    exit_code: i32,
    stdout: Option<String>,
    stderr: Option<String>,
}

impl Specification {
    fn beside(program: &Path) -> Result<Self, String> {
        let mut specification = Self {
            args: Vec::new(),
            env: Vec::new(),
            root: None,
            exit_code: 0,
            stdout: None,
            stderr: None,
        };
        let path = program.with_extension("json");
        if !path.exists() {
            return Ok(specification);
        }
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let Value::Object(entries) =
            serde_json::from_str(&text).map_err(|error| error.to_string())?
        else {
            return Err("its specification is no object".into());
        };
        for (key, value) in entries {
            // An entry that is not understood must not make a program pass.
            let known = match (key.as_str(), &value) {
                ("args", Value::Array(args)) => {
                    let args = args.iter().map(|arg| arg.as_str().map(String::from));
                    let args: Option<_> = args.collect();
                    args.map(|args| specification.args = args).is_some()
                }
                ("env", Value::Object(env)) => {
                    let env = env
                        .iter()
                        .map(|(name, value)| Some((name.clone(), value.as_str()?.to_string())));
                    let env: Option<_> = env.collect();
                    env.map(|env| specification.env = env).is_some()
                }
                ("root", Value::Null) => true,
                ("root", Value::String(root)) => {
                    specification.root = Some(program.with_file_name(root));
                    true
                }
                ("exit_code", Value::Number(code)) => {
                    let code = code.as_i64().and_then(|code| i32::try_from(code).ok());
                    specification.exit_code = code.unwrap_or_default();
                    code.is_some()
                }
                ("stdout", Value::String(text)) => {
                    specification.stdout = Some(text.clone());
                    true
                }
                ("stderr", Value::String(text)) => {
                    specification.stderr = Some(text.clone());
                    true
                }
                _ => false,
            };
            if !known {
                return Err(format!("its specification has {key:?}: {value}"));
            }
        }
        Ok(specification)
    }
}

/// The files below a directory.
fn tree(mut files: Files, directory: &Path, guest: &str) -> std::io::Result<Files> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let guest = format!("{guest}/{}", entry.file_name().display());
        files = match entry.file_type()?.is_dir() {
            true => tree(files.dir(&guest), &entry.path(), &guest)?,
            false => files.file(&guest, fs::read(entry.path())?),
        };
    }
    Ok(files)
}

fn run(program: &Path) -> Result<(), String> {
    let specification = Specification::beside(program)?;
    let runner = Runner::new(RunnerConfig::new()).map_err(|error| error.to_string())?;
    let bytes = fs::read(program).map_err(|error| error.to_string())?;
    let plugin = runner
        .load_plugin("program", &bytes)
        .map_err(|error| error.to_string())?;
    let files = match &specification.root {
        Some(root) => Some(tree(Files::new(), root, "").map_err(|error| error.to_string())?),
        None => None,
    };
    let run = || {
        let mut call = plugin.call("_start").args(&specification.args);
        for (name, value) in &specification.env {
            call = call.env(name, value);
        }
        if let Some(files) = &files {
            call = call.files(files);
        }
        call.run()
    };
    let result = run();
    let outcome_of = |result: &Result<Outcome, Error>| match result {
        Ok(outcome) => Some(outcome.clone()),
        Err(error) => error.outcome().cloned(),
    };
    if outcome_of(&result) != outcome_of(&run()) {
        return Err("the second call had another outcome".into());
    }
    let (code, outcome) = match &result {
        Ok(outcome) => (0, outcome),
        Err(error) => match (error.exit_code(), error.outcome()) {
            (Some(code), Some(outcome)) => (code, outcome),
            _ => {
                let stderr = error.outcome().map_or(&b""[..], |outcome| outcome.stderr());
                return Err(format!("{error}: {}", String::from_utf8_lossy(stderr)));
            }
        },
    };
    if code != specification.exit_code {
        let wanted = specification.exit_code;
        return Err(format!("exit code {code} instead of {wanted}: {outcome:?}"));
    }
    let streams = [
        ("stdout", outcome.stdout(), specification.stdout),
        ("stderr", outcome.stderr(), specification.stderr),
    ];
    for (name, got, wanted) in streams {
        if wanted.is_some_and(|wanted| wanted.as_bytes() != got) {
            return Err(format!(
                "another {name}: {:?}",
                String::from_utf8_lossy(got)
            ));
        }
    }
    Ok(())
}
