//! Loads a plugin of several modules, which import from each other.

use crate::{
    common::{
        error::Error,
        failure::{Cause, Failure},
        text::Quoted,
        value::{ExternType, PAGE_BYTES},
    },
    engine::compiled_module::{CompiledModule, Library, engine},
    loading::{
        compile::{IMPORTS, LoadedModule},
        snapshot_report::Snapshot,
    },
    module::{
        inspect::{ModuleInfo, inspect},
        prepare::prepare,
    },
    settings::{config::RunnerConfig, context::RunnerContext, modes::Compilation},
};
use alloc::{string::ToString, sync::Arc, vec::Vec};

/// Compiles modules for one engine. The last is the plugin's own; each imports from those before it.
pub(crate) fn load_linked(
    context: &Arc<RunnerContext>,
    modules: &[(&str, &[u8])],
    compilation: Compilation,
) -> Result<LoadedModule, Error> {
    let RunnerConfig { functions, .. } = &context.config;
    let mut limits = context.config.limits.clone();
    limits.faults.across_modules = true;
    let limits = &limits;
    let engine = engine(limits, compilation);
    let mut sums = Sums::default();
    let mut libraries: Vec<Library> = Vec::new();
    let mut own = None;
    for (index, (name, bytes)) in modules.iter().enumerate() {
        let refused = |failure: Failure| failure.in_module(name);
        if libraries.iter().any(|library| *library.name == **name) {
            let problem = alloc::format!("have the name {} twice", Quoted(name));
            let setting = "modules";
            return Err(Failure::from(Cause::InvalidConfig { setting, problem }).into());
        }
        let info = inspect(bytes, limits).map_err(refused)?;
        sums.add(&info, &libraries);
        sums.check(&context.config)?;
        let prepared = prepare(bytes, info, limits.faults, false, false).map_err(refused)?;
        let is_last = index + 1 == modules.len();
        let others = &libraries;
        let code = CompiledModule::linked(prepared, &engine, functions, IMPORTS, others);
        let code = code.map_err(refused)?;
        if is_last {
            own = Some(code);
        } else {
            let name = (*name).into();
            libraries.push(Library { name, code });
        }
    }
    let Some(mut code) = own else {
        let problem = "there is no module to load".to_string();
        return Err(Failure::from(Cause::InvalidModule {
            problem,
            source: None,
        })
        .into());
    };
    code.link_with(libraries, sums.bytes, sums.pages);
    Ok(LoadedModule {
        code: Arc::new(code),
        original: None,
        snapshot: Snapshot::Refused {
            why: "no snapshot is taken of several modules".into(),
        },
    })
}

/// What the modules have together. What one imports from another is counted once.
#[derive(Default)]
struct Sums {
    bytes: usize,
    pages: u64,
    memories: u64,
    tables: u64,
    elements: u64,
}

impl Sums {
    fn add(&mut self, info: &ModuleInfo, libraries: &[Library]) {
        self.bytes = self.bytes.saturating_add(info.bytes);
        self.pages += info.minimum_pages;
        self.memories += u64::from(info.memories);
        self.tables += info.table_elements.len() as u64;
        self.elements += info.minimum_elements;
        for import in &info.imports {
            let provided = libraries
                .iter()
                .any(|library| library.name == import.module);
            match import.ty {
                ExternType::Memory {
                    minimum,
                    page_bytes,
                    ..
                } if provided => {
                    // Of what counts in part only, less is taken off.
                    let bytes = minimum.saturating_mul(page_bytes.into());
                    self.pages -= (bytes / u64::from(PAGE_BYTES)).min(self.pages);
                    self.memories -= 1;
                }
                ExternType::Table { minimum, .. } if provided => {
                    self.elements -= minimum.min(self.elements);
                    self.tables -= 1;
                }
                _ => {}
            }
        }
    }

    fn check(&self, config: &RunnerConfig) -> Result<(), Failure> {
        let limits = &config.limits;
        let maximum = limits.max_memory_pages.into();
        if self.pages > maximum {
            let pages = self.pages;
            return Err(Cause::MemoryLimit { pages, maximum }.into());
        }
        let counts = [
            (
                "size",
                self.bytes as u64,
                "max_module_bytes",
                limits.max_module_bytes as u64,
            ),
            (
                "number of memories",
                self.memories,
                "max_memories",
                limits.max_memories.into(),
            ),
            (
                "number of tables",
                self.tables,
                "max_tables",
                limits.max_tables.into(),
            ),
            (
                "number of elements in all tables",
                self.elements,
                "max_table_elements",
                limits.max_table_elements.into(),
            ),
        ];
        match counts.into_iter().find(|(_, sum, _, most)| sum > most) {
            None => Ok(()),
            Some((what, actual, limit, maximum)) => Err(Cause::ShapeLimit {
                what: alloc::format!("the {what} of all modules together"),
                actual,
                limit,
                maximum,
            }
            .into()),
        }
    }
}
