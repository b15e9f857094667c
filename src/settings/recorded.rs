//! The settings of a runner as a recording has them, and a runner's settings for a replay.

use crate::{
    common::{
        clock::{Clock, Entropy},
        failure::{Cause, Failure, Source},
        http::{HttpClient, HttpRequest, HttpResponse},
        native_stack::HOST_STACK,
        recording::{Grants, Plain, Settings},
        reference::ExternRef,
        value::{ExternType, Import, Signature},
        wasm_value::Value,
    },
    host::{context::HostContext, function::HostFunction},
    settings::{
        config::RunnerConfig,
        modes::{Compilation, MissingImports, SnapshotMode},
    },
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::time::Duration;

/// A clock that stands still. A replay needs no other: what the guest read is on the tape, and its
/// call ends at a unit of fuel.
struct FrozenClock;

impl Clock for FrozenClock {
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn since_epoch(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) {}
}

/// Randomness that is on the tape.
struct TapedEntropy;

impl Entropy for TapedEntropy {
    fn fill(&self, _: &mut [u8]) -> bool {
        false
    }
}

/// An HTTP client whose responses are on the tape.
struct TapedClient;

impl HttpClient for TapedClient {
    fn send(&self, _: &HttpRequest, _: Duration, _: usize) -> Result<HttpResponse, Source> {
        Err("a replay sends no requests".into())
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl RunnerConfig {
    /// What a recording keeps of these settings, for a plugin with these imports.
    pub(crate) fn to_recorded(
        &self,
        plugin: &str,
        imports: &[&Import],
        snapshot: bool,
    ) -> Settings {
        let names = |import: &Import| [import.module.to_string(), import.name.to_string()];
        let state = &self.functions.state;
        let mut settings = Settings {
            plugin: plugin.into(),
            limits: self.limits.clone(),
            timeout: nanoseconds(self.timeout),
            fuel: self.fuel,
            fuel_per_second: self.fuel_per_second,
            seed: self.seed,
            grants: Grants {
                clock: self.clock.is_some(),
                guest_clock: self.guest_clock.is_some(),
                guest_entropy: self.guest_entropy.is_some(),
                http_client: self.http_client.is_some(),
                sinks: [self.stdout.is_some(), self.stderr.is_some()],
                terminals: self.terminals,
                missing_imports_trap: self.functions.missing_ones_trap,
                compiled_when_called: self.compilation == Compilation::WhenCalled,
                snapshot,
                snapshots_where_possible: self.snapshots == SnapshotMode::WherePossible,
            },
            allowed_hosts: self.allowed_hosts.clone(),
            functions: Vec::new(),
            globals: Vec::new(),
            memories: Vec::new(),
            tables: Vec::new(),
            files: None,
            warm_up: None,
            modules: Vec::new(),
        };
        #[cfg(feature = "files")]
        {
            use crate::common::recording::FilesRecord;
            settings.files = self
                .files
                .as_ref()
                .map(|it| FilesRecord::Tree(it.clone(), false));
        }
        for import in imports {
            let (module, name) = (&*import.module, &*import.name);
            match &import.ty {
                ExternType::Func(_) if self.functions.get(module, name).is_some() => {
                    settings.functions.push(names(import));
                }
                ExternType::Global { .. } => {
                    if let Some(value) = state.globals.get(module, name) {
                        settings.globals.push((names(import), plain(value)));
                    }
                }
                ExternType::Memory { .. } => {
                    let contents = state.memory(module, name).to_vec();
                    settings.memories.push((names(import), contents));
                }
                ExternType::Table { .. } => {
                    let length = state.table(module, name).len() as u64;
                    settings.tables.push((names(import), length));
                }
                ExternType::Func(_) => {}
            }
        }
        settings
    }

    /// The settings for a replay of calls of a plugin with these imports. Nothing of them reaches the
    /// host.
    pub(crate) fn of_recorded(settings: &Settings, imports: &[&Import]) -> Result<Self, Failure> {
        let grants = &settings.grants;
        let mut config = Self::new()
            .timeout(Duration::from_nanos(settings.timeout))
            .fuel_per_second(settings.fuel_per_second)
            .seed(settings.seed)
            .no_clock();
        config.limits = settings.limits.clone();
        // What was refused is in the recording, and this host's frames may be larger. The number is
        // not the file's, because too much would overflow the native stack.
        config.limits.max_host_stack_bytes = 3 * HOST_STACK;
        config.fuel = settings.fuel;
        config.terminals = grants.terminals;
        config.allowed_hosts.clone_from(&settings.allowed_hosts);
        if grants.clock {
            config = config.clock(FrozenClock);
        }
        if grants.guest_clock {
            config = config.guest_clock(FrozenClock);
        }
        if grants.guest_entropy {
            config = config.guest_entropy(TapedEntropy);
        }
        if grants.http_client {
            config = config.http_client(TapedClient);
        }
        let [stdout, stderr] = grants.sinks;
        if stdout {
            config = config.stdout(Discarded);
        }
        if stderr {
            config = config.stderr(Discarded);
        }
        if grants.missing_imports_trap {
            config = config.missing_imports(MissingImports::Trap);
        }
        if grants.compiled_when_called {
            config = config.compilation(Compilation::WhenCalled);
        }
        config = config.snapshots(match (grants.snapshot, grants.snapshots_where_possible) {
            (false, _) => SnapshotMode::Never,
            (true, false) => SnapshotMode::WhereItPays,
            (true, true) => SnapshotMode::WherePossible,
        });
        for names in &settings.functions {
            let function = unheard(signature(names, imports)?);
            let [module, name] = names;
            config = config.function(module, name, function);
        }
        for ([module, name], value) in &settings.globals {
            let value = value_of(*value).ok_or_else(|| {
                Failure::from(Cause::Recording {
                    problem: "a global that holds a function cannot be replayed".into(),
                })
            })?;
            config = config.global(module, name, value);
        }
        for ([module, name], contents) in &settings.memories {
            config = config.memory(module, name, contents.clone());
        }
        for ([module, name], length) in &settings.tables {
            // No more than a table may have.
            let length = (*length).min(settings.limits.max_table_elements.into());
            config = config.table(module, name, (0..length).map(ExternRef::new));
        }
        config.validate()?;
        Ok(config)
    }
}

/// A sink whose bytes the tape takes.
struct Discarded;

impl crate::common::output::OutputSink for Discarded {
    fn emit(&mut self, _: &[u8]) -> bool {
        true
    }
}

/// The signature of a function that the module imports.
fn signature(names: &[String; 2], imports: &[&Import]) -> Result<Signature, Failure> {
    let mut found = imports.iter().filter_map(|import| {
        let [module, name] = names;
        let is = *import.module == **module && *import.name == **name;
        is.then(|| import.ty.signature()).flatten()
    });
    found.next().cloned().ok_or_else(|| {
        Cause::Recording {
            problem: "it names a host function that the module does not import".into(),
        }
        .into()
    })
}

/// A function of which only the answers on the tape are heard.
fn unheard(signature: Signature) -> HostFunction {
    HostFunction::new(signature, |_: &mut HostContext<'_>, _, _| {
        Err("a replay calls no functions of the host")
    })
}

fn plain(value: &Value) -> Plain {
    match value {
        Value::I32(value) => Plain::I32(value.cast_unsigned()),
        Value::I64(value) => Plain::I64(value.cast_unsigned()),
        Value::F32(value) => Plain::F32(value.to_bits()),
        Value::F64(value) => Plain::F64(value.to_bits()),
        Value::V128(value) => Plain::V128(*value),
        Value::FuncRef(function) => Plain::FuncRef(function.as_ref().map(|_| 0)),
        Value::ExternRef(object) => Plain::ExternRef(object.as_ref().map(|_| 0)),
    }
}

fn value_of(plain: Plain) -> Option<Value> {
    Some(match plain {
        Plain::I32(bits) => Value::I32(bits.cast_signed()),
        Plain::I64(bits) => Value::I64(bits.cast_signed()),
        Plain::F32(bits) => Value::F32(f32::from_bits(bits)),
        Plain::F64(bits) => Value::F64(f64::from_bits(bits)),
        Plain::V128(bits) => Value::V128(bits),
        Plain::FuncRef(None) => Value::FuncRef(None),
        Plain::FuncRef(Some(_)) => return None,
        Plain::ExternRef(object) => Value::ExternRef(object.map(ExternRef::new)),
    })
}
