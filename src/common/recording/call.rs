//! A call of a recording.

use crate::common::recording::{
    codec::{Damage, Reader, Writer},
    end::End,
    input::InputRecord,
    settings::FilesRecord,
};
use alloc::{string::String, vec::Vec};

/// A guest's standard input.
#[derive(Debug, Clone)]
pub(crate) enum StdinRecord {
    Bytes(Vec<u8>),
    /// Read when the guest asked for it. What was read is among the answers.
    Source,
}

/// The limits of a call that replaced the runner's settings.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CallLimitsRecord {
    pub(crate) fuel: Option<u64>,
    /// In nanoseconds.
    pub(crate) timeout: Option<u64>,
    pub(crate) max_memory_pages: Option<u32>,
}

/// Where a call ran. The numbers are those of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In an instance of its own.
    Fresh = 0,
    /// It made an instance that is kept, and called no export.
    Made = 1,
    /// In the instance that was made last.
    Kept = 2,
}

/// A call that was made.
#[derive(Debug)]
pub(crate) struct CallRecord {
    pub(crate) place: Place,
    pub(crate) export: String,
    /// The place in `Convention::ALL` of the convention that the call named.
    pub(crate) convention: Option<u8>,
    pub(crate) input: InputRecord,
    pub(crate) limits: CallLimitsRecord,
    /// Whether the call had an environment of its own. If not, what follows is empty.
    pub(crate) has_environment: bool,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) stdin: StdinRecord,
    pub(crate) config: Vec<[String; 2]>,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) seed: Option<u64>,
    /// In nanoseconds since 1970.
    pub(crate) clock_start: Option<u64>,
    pub(crate) files: Option<FilesRecord>,
    /// What the host answered.
    pub(crate) answers: Vec<u8>,
    pub(crate) end: End,
}

impl CallLimitsRecord {
    #[inline]
    pub(crate) fn put(&self, writer: &mut Writer) {
        match self {
            // As nearly all calls have them.
            Self {
                fuel: None,
                timeout: None,
                max_memory_pages: None,
            } => writer.0.extend_from_slice(&[0; 3]),
            set => set.put_set(writer),
        }
    }

    #[inline(never)]
    fn put_set(&self, writer: &mut Writer) {
        writer.optional(self.fuel);
        writer.optional(self.timeout);
        writer.optional(self.max_memory_pages.map(u64::from));
    }
}

/// The environment of a call, without its files.
pub(crate) struct EnvironmentParts<'a, C> {
    pub(crate) args: &'a [String],
    pub(crate) env: &'a [Vec<u8>],
    /// The bytes of stdin, if it is not a source.
    pub(crate) stdin: Option<&'a [u8]>,
    pub(crate) config: C,
    pub(crate) allowed_hosts: &'a [String],
    pub(crate) seed: Option<u64>,
    pub(crate) clock_start: Option<u64>,
}

impl<'a, C: ExactSizeIterator<Item = (&'a String, &'a String)>> EnvironmentParts<'a, C> {
    pub(crate) fn put(self, writer: &mut Writer) {
        writer.list(self.args, |writer, arg| writer.text(arg));
        writer.list(self.env, |writer, variable| writer.bytes(variable));
        match self.stdin {
            Some(bytes) => {
                writer.byte(0);
                writer.bytes(bytes);
            }
            None => writer.byte(1),
        }
        writer.length(self.config.len());
        for (key, value) in self.config {
            writer.text(key);
            writer.text(value);
        }
        writer.list(self.allowed_hosts, |writer, host| writer.text(host));
        writer.optional(self.seed);
        writer.optional(self.clock_start);
    }
}

impl CallRecord {
    /// Whether these are the calls of a kept instance. Each must come after one was made, and nothing
    /// else be among them.
    pub(crate) fn are_of_instance(calls: &[Self]) -> Result<bool, Damage> {
        if calls.iter().any(Self::is_of_handler) {
            return Self::check_handler(calls).map(|()| false);
        }
        let of_instance = calls.first().is_some_and(|call| call.place != Place::Fresh);
        let mut is_made = false;
        for call in calls {
            is_made |= call.place == Place::Made && call.end.failed.is_none();
            let fits = match call.place {
                Place::Fresh => !of_instance,
                Place::Made => of_instance,
                Place::Kept => is_made,
            };
            if !fits {
                return Err(Damage("a call is of an instance that was not made"));
            }
        }
        Ok(of_instance)
    }

    /// Whether it is one of a handler of http-wasm's convention.
    pub(crate) fn is_of_handler(&self) -> bool {
        matches!(
            self.input,
            InputRecord::Request(..) | InputRecord::Response(..)
        )
    }

    /// Whether it is the first call of a handler.
    pub(crate) fn is_request(&self) -> bool {
        matches!(self.input, InputRecord::Request(..))
    }

    /// Checks that these are the calls of a handler: one for the request, and perhaps one for the
    /// response.
    fn check_handler(calls: &[Self]) -> Result<(), Damage> {
        let is_first = |call: &Self| call.place == Place::Fresh && call.is_request();
        let is_second = |call: &Self| {
            call.place == Place::Kept && matches!(call.input, InputRecord::Response(..))
        };
        let fits = match calls {
            [request] => is_first(request),
            [request, response] => {
                is_first(request) && request.end.failed.is_none() && is_second(response)
            }
            _ => false,
        };
        match fits {
            true => Ok(()),
            false => Err(Damage(
                "the calls of a handler are not one for the request and one for the response",
            )),
        }
    }

    /// Writes what a call begins with.
    #[inline(always)]
    pub(crate) fn put_export(
        place: Place,
        export: &str,
        convention: Option<u8>,
        writer: &mut Writer,
    ) {
        writer.tagged(place as u8, export.len() as u64);
        writer.0.extend_from_slice(export.as_bytes());
        writer.optional(convention.map(u64::from));
    }

    pub(crate) fn put(&self, writer: &mut Writer) {
        Self::put_export(self.place, &self.export, self.convention, writer);
        self.input.put(writer);
        self.limits.put(writer);
        writer.flag(self.has_environment);
        if self.has_environment {
            EnvironmentParts {
                args: &self.args,
                env: &self.env,
                stdin: match &self.stdin {
                    StdinRecord::Bytes(bytes) => Some(bytes),
                    StdinRecord::Source => None,
                },
                config: self.config.iter().map(|[key, value]| (key, value)),
                allowed_hosts: &self.allowed_hosts,
                seed: self.seed,
                clock_start: self.clock_start,
            }
            .put(writer);
            FilesRecord::put_optional(self.files.as_ref(), writer);
        }
        writer.bytes(&self.answers);
        self.end.put(writer);
    }

    /// The export of a call whose record begins with these bytes.
    pub(super) fn export_of(bytes: &[u8]) -> Result<&str, Damage> {
        let mut reader = Reader::new(bytes);
        reader.byte()?;
        reader.text()
    }

    pub(crate) fn take(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        let mut call = Self::take_begin(reader)?;
        call.answers = reader.bytes()?.to_vec();
        call.end = End::take(reader)?;
        Ok(call)
    }

    /// Reads what comes before the answers.
    pub(super) fn take_begin(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        let place = match reader.byte()? {
            0 => Place::Fresh,
            1 => Place::Made,
            2 => Place::Kept,
            _ => return Err(Damage("a call is of no known kind")),
        };
        let export = reader.string()?;
        let small = |number: Option<u64>, what| match number.map(u8::try_from) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => Err(Damage(what)),
        };
        let convention = small(reader.optional()?, "a convention is unknown")?;
        let input = InputRecord::take(reader)?;
        let limits = CallLimitsRecord {
            fuel: reader.optional()?,
            timeout: reader.optional()?,
            max_memory_pages: match reader.flag()? {
                true => Some(reader.small()?),
                false => None,
            },
        };
        let has_environment = reader.flag()?;
        let (mut args, mut env, mut config) = (Vec::new(), Vec::new(), Vec::new());
        let (mut stdin, mut allowed_hosts) = (StdinRecord::Bytes(Vec::new()), Vec::new());
        let (mut seed, mut clock_start, mut files) = (None, None, None);
        if has_environment {
            args = reader.list(Reader::string)?;
            env = reader.list(|reader| Ok(reader.bytes()?.to_vec()))?;
            stdin = match reader.byte()? {
                0 => StdinRecord::Bytes(reader.bytes()?.to_vec()),
                1 => StdinRecord::Source,
                _ => return Err(Damage("stdin is of no known form")),
            };
            config = reader.list(|reader| Ok([reader.string()?, reader.string()?]))?;
            allowed_hosts = reader.list(Reader::string)?;
            seed = reader.optional()?;
            clock_start = reader.optional()?;
            files = FilesRecord::take_optional(reader)?;
        }
        Ok(Self {
            place,
            export,
            convention,
            input,
            limits,
            has_environment,
            args,
            env,
            stdin,
            config,
            allowed_hosts,
            seed,
            clock_start,
            files,
            answers: Vec::new(),
            end: End::nothing(),
        })
    }
}
