//! The sources of modules.

use crate::{arguments::Arguments, mutate};
use answers::Case;
use arbitrary::Unstructured;
use programs::{Call, Options, Program, Random};
use std::path::Path;
use wasmparser::{ExternalKind, Parser, Payload, TypeRef, ValType};

pub struct Source {
    options: Options,
    kind: Kind,
}

enum Kind {
    Programs,
    Smith,
    Fixtures(Vec<Vec<u8>>),
}

impl Source {
    pub fn new(arguments: &Arguments) -> Self {
        let kind = match arguments.source.as_str() {
            "smith" => Kind::Smith,
            "fixtures" => Kind::Fixtures(fixtures()),
            _ => Kind::Programs,
        };
        Self {
            options: arguments.options,
            kind,
        }
    }

    /// What a seed stands for; nothing where that cannot be called.
    pub fn case(&self, seed: u64, canonical: bool) -> Option<Case> {
        let mut random = Random::new(seed);
        match &self.kind {
            Kind::Programs => Some(Case::of(&Program::generate(seed, self.options), canonical)),
            Kind::Smith => {
                let traps = random.chance(30);
                let module = smith(seed, traps, false)?;
                let mut case = callable(module, &mut random)?;
                if canonical {
                    case.canonical = smith(seed, traps, true)?;
                }
                Some(case)
            }
            Kind::Fixtures(fixtures) => {
                let fixture = random.pick(fixtures).clone();
                callable(mutate::mutate(fixture, &mut random), &mut random)
            }
        }
    }
}

/// The repository's real modules, but the largest.
fn fixtures() -> Vec<Vec<u8>> {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../fixtures"));
    let files = std::fs::read_dir(directory).expect("the fixtures are there");
    let mut paths: Vec<_> = files.map_while(Result::ok).map(|it| it.path()).collect();
    paths.sort();
    let modules = paths
        .iter()
        .filter(|path| path.extension().is_some_and(|it| it == "wasm"));
    let modules = modules.filter_map(|path| std::fs::read(path).ok());
    modules.filter(|module| module.len() < 70_000).collect()
}

fn smith(seed: u64, traps: bool, canonical: bool) -> Option<Vec<u8>> {
    let mut random = Random::new(seed);
    let bytes: Vec<u8> = (0..random.within(60, 400))
        .flat_map(|_| random.bits().to_le_bytes())
        .collect();
    let config = wasm_smith::Config {
        canonicalize_nans: canonical,
        disallow_traps: !traps,
        exceptions_enabled: false,
        export_everything: true,
        gc_enabled: false,
        max_imports: 0,
        max_memories: 3,
        max_memory32_bytes: 3 << 16,
        max_tables: 3,
        max_table_elements: 100,
        memory64_enabled: false,
        min_funcs: 1,
        relaxed_simd_enabled: false,
        simd_enabled: true,
        threads_enabled: false,
        custom_page_sizes_enabled: false,
        wide_arithmetic_enabled: false,
        shared_everything_threads_enabled: false,
        tail_call_enabled: true,
        ..wasm_smith::Config::default()
    };
    let mut module = wasm_smith::Module::new(config, &mut Unstructured::new(&bytes)).ok()?;
    module.ensure_termination(60).ok()?;
    Some(module.to_bytes())
}

/// The calls of a module about which nothing is known: of what it exports, with numbers.
fn callable(module: Vec<u8>, random: &mut Random) -> Option<Case> {
    let (mut types, mut functions, mut exports) = (Vec::new(), Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(&module) {
        match payload.ok()? {
            Payload::TypeSection(section) => {
                types.extend(section.into_iter_err_on_gc_types().map_while(Result::ok));
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports().map_while(Result::ok) {
                    if let TypeRef::Func(ty) = import.ty {
                        functions.push(ty);
                    }
                }
            }
            Payload::FunctionSection(section) => {
                functions.extend(section.into_iter().map_while(Result::ok))
            }
            Payload::ExportSection(section) => {
                let functions = section.into_iter().map_while(Result::ok);
                exports.extend(
                    functions
                        .filter(|it| it.kind == ExternalKind::Func)
                        .map(|it| (it.name.to_string(), it.index)),
                );
            }
            _ => {}
        }
    }
    let is_number = |ty: &ValType| {
        matches!(
            ty,
            ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64
        )
    };
    let initialiser = exports.iter().any(|it| it.0 == "_initialize");
    exports.retain(|(name, index)| {
        let ty = functions
            .get(*index as usize)
            .and_then(|ty| types.get(*ty as usize));
        ty.is_some_and(|ty| ty.params().iter().chain(ty.results()).all(is_number))
            && name != "_initialize"
    });
    if exports.is_empty() {
        return None;
    }
    let calls = (0..random.within(2, 4)).map(|_| {
        let (export, index) = random.pick(&exports).clone();
        let ty = &types[functions[index as usize] as usize];
        let params = ty.params().iter().map(|ty| {
            let bits = *random.pick(&[0, 1, 2, 5, 16, 100, 1024, u64::MAX, 1 << 31, 65_536]);
            if matches!(ty, ValType::I32 | ValType::F32) {
                bits & 0xffff_ffff
            } else {
                bits
            }
        });
        Call {
            params: params.collect(),
            export,
        }
    });
    let calls = calls.collect();
    Some(Case {
        module,
        canonical: Vec::new(),
        linked: None,
        calls,
        probes: Vec::new(),
        reset: None,
        initialiser,
        begins: initialiser,
        may_be_endless: true,
    })
}
