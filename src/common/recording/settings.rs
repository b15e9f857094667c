//! What a recording keeps of a runner's settings, and of what it grants to a plugin.

#[cfg(feature = "files")]
use crate::common::{
    failure::{Cause, Failure},
    files::Files,
};
use crate::common::{
    limits::Limits,
    recording::{
        codec::{Damage, Plain, Reader, Writer},
        input::WarmUpRecord,
        modules::ModuleRecord,
    },
};
use alloc::{borrow::Cow, string::String, vec::Vec};

/// What guests were given that is not part of the recording's numbers. The answers are recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Grants {
    /// Whether deadlines were measured by a clock.
    pub(crate) clock: bool,
    pub(crate) guest_clock: bool,
    pub(crate) guest_entropy: bool,
    pub(crate) http_client: bool,
    /// Whether stdout and stderr were passed on.
    pub(crate) sinks: [bool; 2],
    pub(crate) terminals: [bool; 3],
    /// Whether imports that nothing provides trap.
    pub(crate) missing_imports_trap: bool,
    /// Whether functions were compiled when they were first called.
    pub(crate) compiled_when_called: bool,
    /// Whether the instance began with a snapshot, and whether snapshots were taken wherever they
    /// change nothing.
    pub(crate) snapshot: bool,
    pub(crate) snapshots_where_possible: bool,
}

/// The bits that say whether there is a warm-up call, and whether there are several modules, behind
/// those of the grants.
const WARM: u32 = 13;
const LINKED: u32 = 14;

impl Grants {
    fn bits(self) -> [bool; 13] {
        let [stdout, stderr] = self.sinks;
        let [stdin_is, stdout_is, stderr_is] = self.terminals;
        [
            self.clock,
            self.guest_clock,
            self.guest_entropy,
            self.http_client,
            stdout,
            stderr,
            stdin_is,
            stdout_is,
            stderr_is,
            self.missing_imports_trap,
            self.compiled_when_called,
            self.snapshot,
            self.snapshots_where_possible,
        ]
    }

    fn put(self, [is_warm, is_linked]: [bool; 2], writer: &mut Writer) {
        let bits = (0..).zip(self.bits());
        let bits: u64 = bits.map(|(place, bit)| u64::from(bit) << place).sum();
        writer.number(bits | u64::from(is_warm) << WARM | u64::from(is_linked) << LINKED);
    }

    /// The grants, whether there is a warm-up call, and whether there are several modules.
    fn take(reader: &mut Reader<'_>) -> Result<(Self, [bool; 2]), Damage> {
        let bits = reader.number()?;
        if bits >> LINKED > 1 {
            return Err(Damage("it grants something unknown"));
        }
        let bit = |place: u32| bits >> place & 1 == 1;
        let grants = Self {
            clock: bit(0),
            guest_clock: bit(1),
            guest_entropy: bit(2),
            http_client: bit(3),
            sinks: [bit(4), bit(5)],
            terminals: [bit(6), bit(7), bit(8)],
            missing_imports_trap: bit(9),
            compiled_when_called: bit(10),
            snapshot: bit(11),
            snapshots_where_possible: bit(12),
        };
        let [is_warm, is_linked] = [bit(WARM), bit(LINKED)];
        if is_warm && !grants.snapshot {
            return Err(Damage("a warm-up call needs a snapshot"));
        }
        if is_linked && grants.snapshot {
            return Err(Damage("no snapshot is taken of several modules"));
        }
        Ok((grants, [is_warm, is_linked]))
    }
}

/// The files that calls saw.
#[derive(Debug, Clone)]
pub(crate) enum FilesRecord {
    /// The tree itself, and whether its contents go into the file.
    #[cfg(feature = "files")]
    Tree(Files, bool),
    /// The hash, and the tree if its contents are in the file.
    Read([u8; 32], Option<Vec<u8>>),
}

impl FilesRecord {
    pub(crate) fn put_optional(files: Option<&Self>, writer: &mut Writer) {
        let (hash, kept) = match files {
            None => return writer.byte(0),
            #[cfg(feature = "files")]
            Some(Self::Tree(files, keep)) => (
                files.record_hash(),
                (*keep).then(|| Cow::Owned(files.record_contents())),
            ),
            Some(Self::Read(hash, kept)) => (*hash, kept.as_ref().map(Cow::Borrowed)),
        };
        writer.byte(if kept.is_some() { 2 } else { 1 });
        writer.0.extend_from_slice(&hash);
        if let Some(kept) = kept {
            writer.bytes(&kept);
        }
    }

    pub(super) fn take_optional(reader: &mut Reader<'_>) -> Result<Option<Self>, Damage> {
        Ok(match reader.byte()? {
            0 => None,
            1 => Some(Self::Read(reader.array()?, None)),
            2 => Some(Self::Read(reader.array()?, Some(reader.bytes()?.to_vec()))),
            _ => return Err(Damage("its files are of no known form")),
        })
    }

    /// The tree for a replay: the recorded one, or `given`, whose hash must be the same. `None` if
    /// there are no files.
    #[cfg(feature = "files")]
    pub(crate) fn tree(
        record: Option<&Self>,
        given: Option<&Files>,
    ) -> Result<Option<Files>, Failure> {
        let hash = match record {
            None => return Ok(None),
            Some(Self::Tree(files, _)) => return Ok(Some(files.clone())),
            Some(Self::Read(_, Some(kept))) => return Ok(Some(Files::of_record(kept)?)),
            Some(Self::Read(hash, None)) => hash,
        };
        let problem = match given {
            Some(files) if files.record_hash() == *hash => return Ok(Some(files.clone())),
            Some(_) => "the files are others than those of the recorded call",
            None => {
                "the recorded call saw files, and the recording has their hash only; give them to `replay_with`"
            }
        };
        Err(Cause::Recording {
            problem: problem.into(),
        }
        .into())
    }
}

/// The settings of a runner and the plugin's name, as far as a guest can notice them.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) plugin: String,
    pub(crate) limits: Limits,
    /// In nanoseconds.
    pub(crate) timeout: u64,
    pub(crate) fuel: Option<u64>,
    pub(crate) fuel_per_second: u64,
    pub(crate) seed: u64,
    pub(crate) grants: Grants,
    pub(crate) allowed_hosts: Vec<String>,
    /// The imports that the embedder's functions provided, by module and name.
    pub(crate) functions: Vec<[String; 2]>,
    pub(crate) globals: Vec<([String; 2], Plain)>,
    pub(crate) memories: Vec<([String; 2], Vec<u8>)>,
    /// The lengths of the tables of objects.
    pub(crate) tables: Vec<([String; 2], u64)>,
    pub(crate) files: Option<FilesRecord>,
    /// The call that was made before the snapshot was taken with which the instances began.
    pub(crate) warm_up: Option<WarmUpRecord>,
    /// The names and the hashes of the modules, if the plugin was loaded as several.
    pub(crate) modules: Vec<ModuleRecord>,
}

fn put_names(writer: &mut Writer, [module, name]: &[String; 2]) {
    writer.text(module);
    writer.text(name);
}

fn take_names(reader: &mut Reader<'_>) -> Result<[String; 2], Damage> {
    Ok([reader.string()?, reader.string()?])
}

impl Settings {
    pub(crate) fn put(&self, writer: &mut Writer) {
        writer.text(&self.plugin);
        put_limits(writer, &self.limits);
        writer.number(self.timeout);
        writer.optional(self.fuel);
        writer.number(self.fuel_per_second);
        writer.number(self.seed);
        self.grants
            .put([self.warm_up.is_some(), !self.modules.is_empty()], writer);
        writer.list(&self.allowed_hosts, |writer, host| writer.text(host));
        writer.list(&self.functions, put_names);
        writer.list(&self.globals, |writer, (names, value)| {
            put_names(writer, names);
            writer.plain(*value);
        });
        writer.list(&self.memories, |writer, (names, bytes)| {
            put_names(writer, names);
            writer.bytes(bytes);
        });
        writer.list(&self.tables, |writer, (names, length)| {
            put_names(writer, names);
            writer.number(*length);
        });
        FilesRecord::put_optional(self.files.as_ref(), writer);
        if let Some(warm_up) = &self.warm_up {
            warm_up.put(writer);
        }
        if !self.modules.is_empty() {
            writer.list(&self.modules, |writer, module| module.put(writer));
        }
    }

    pub(crate) fn take(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        let (is_warm, is_linked);
        Ok(Self {
            plugin: reader.string()?,
            limits: take_limits(reader)?,
            timeout: reader.number()?,
            fuel: reader.optional()?,
            fuel_per_second: reader.number()?,
            seed: reader.number()?,
            grants: {
                let grants;
                (grants, [is_warm, is_linked]) = Grants::take(reader)?;
                grants
            },
            allowed_hosts: reader.list(Reader::string)?,
            functions: reader.list(take_names)?,
            globals: reader.list(|reader| Ok((take_names(reader)?, reader.plain()?)))?,
            memories: reader.list(|reader| Ok((take_names(reader)?, reader.bytes()?.to_vec())))?,
            tables: reader.list(|reader| Ok((take_names(reader)?, reader.number()?)))?,
            files: FilesRecord::take_optional(reader)?,
            warm_up: match is_warm {
                true => Some(WarmUpRecord::take(reader)?),
                false => None,
            },
            modules: match is_linked {
                true => ModuleRecord::take_all(reader)?,
                false => Vec::new(),
            },
        })
    }
}

/// A limit as it is written.
trait Limit: Copy {
    fn wide(self) -> u64;
}

impl Limit for u32 {
    fn wide(self) -> u64 {
        self.into()
    }
}

impl Limit for usize {
    fn wide(self) -> u64 {
        self as u64
    }
}

macro_rules! limits {
    ($($name:ident)*; $($file:ident)*) => {
        fn put_limits(writer: &mut Writer, limits: &Limits) {
            $(writer.number(limits.$name.wide());)*
            writer.flag(cfg!(feature = "files"));
            #[cfg(feature = "files")]
            {
                $(writer.number(limits.files.$file.wide());)*
            }
        }

        fn take_limits(reader: &mut Reader<'_>) -> Result<Limits, Damage> {
            let mut limits = Limits::DEFAULT;
            $(limits.$name = reader.small()?;)*
            if reader.flag()? {
                #[cfg(feature = "files")]
                {
                    $(limits.files.$file = reader.small()?;)*
                }
                #[cfg(not(feature = "files"))]
                {
                    $(let _ = (stringify!($file), reader.number()?);)*
                }
            }
            Ok(limits)
        }
    };
}

limits! {
    max_memory_pages max_memories max_tables max_table_elements max_recursion_depth max_stack_bytes
    max_module_bytes max_functions max_locals max_total_locals max_nesting max_segments max_globals
    max_imports max_exports max_params max_results max_constant_operators max_output_bytes
    max_input_bytes max_result_bytes max_host_depth max_host_stack_bytes max_exchange_bytes
    max_variable_bytes;
    max_file_bytes max_files max_open_files max_name_bytes max_directory_depth
    max_directory_entries max_symlink_hops
}
