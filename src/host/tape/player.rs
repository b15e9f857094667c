//! Reads from a tape what the host answered, and finds where a guest asks for something else.

#[cfg(feature = "files")]
use crate::common::{recording::Played, sync::Shared};
#[cfg(feature = "http")]
use crate::{
    common::http::{HttpHeaders, HttpRequest, HttpResponse},
    host::tape::hashes::request_digest,
};
use crate::{
    common::{
        failure::Failure,
        output::Stream,
        recording::{Content, Damage, Plain, Reader, called, difference, take_failure},
        text::Quoted,
        wasm_value::Value,
    },
    host::tape::{
        about,
        handles::Handles,
        hashes::{PassedOn, payload_digest},
        tag,
    },
};
use alloc::{
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

/// Reads what the host answered.
#[derive(Debug)]
pub(crate) struct Player {
    answers: Arc<[u8]>,
    position: usize,
    handles: Handles,
    functions: Vec<[Arc<str>; 2]>,
    /// The fuel that was used before the tape begins.
    #[cfg(feature = "explain")]
    used_before: u64,
    /// How many times the guest has asked the host.
    asked: u64,
    looks: u64,
    writes: u64,
    passed_on: PassedOn,
    captured: [Vec<u8>; 2],
    /// The first difference.
    difference: Option<String>,
    /// What directories of the host answered, if that was recorded.
    #[cfg(feature = "files")]
    pub(super) directories: Option<Arc<Shared<Played>>>,
}

#[allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods of a reader are for one lifetime, and these closures for all"
)]
impl Player {
    pub(crate) fn new(answers: Arc<[u8]>) -> Self {
        let player = Self {
            answers,
            position: 0,
            handles: Handles::default(),
            functions: Vec::new(),
            #[cfg(feature = "explain")]
            used_before: 0,
            asked: 0,
            looks: 0,
            writes: 0,
            passed_on: PassedOn::default(),
            captured: [Vec::new(), Vec::new()],
            difference: None,
            #[cfg(feature = "files")]
            directories: None,
        };
        #[cfg(feature = "files")]
        let player = player.with_directories();
        player
    }

    /// Goes on with the answers of the next call in the same instance. References stay, and so do
    /// directories of the host.
    pub(crate) fn next(&mut self, answers: Arc<[u8]>) {
        let before = core::mem::replace(self, Self::new(answers));
        self.handles = before.handles;
        #[cfg(feature = "files")]
        self.go_on_with(before.directories);
    }

    /// Lets the tape begin where the call has used so much fuel.
    #[cfg(feature = "explain")]
    pub(crate) fn count_from(&mut self, used: u64) {
        self.used_before = used;
    }

    /// The fuel that the call has used where the tape says `fuel`.
    pub(crate) fn fuel_at(&self, fuel: u64) -> u64 {
        #[cfg(feature = "explain")]
        return fuel.saturating_add(self.used_before);
        #[cfg(not(feature = "explain"))]
        fuel
    }

    /// The value for a recorded one.
    pub(crate) fn value(&mut self, plain: Plain) -> Result<Value, Damage> {
        self.handles
            .value(plain)
            .ok_or(Damage("a reference is not there yet"))
    }

    /// A value that the guest passes to the embedder.
    pub(crate) fn received(&mut self, value: &Value) -> Plain {
        self.handles.received(value)
    }

    /// The first difference, or that there are more answers than questions.
    pub(crate) fn end(&self) -> Result<(), Failure> {
        if let Some(problem) = &self.difference {
            return Err(difference(problem.clone()));
        }
        #[cfg(feature = "files")]
        self.end_in_directories()?;
        match self.rest().split_first() {
            None => Ok(()),
            Some((tag, _)) => Err(difference(format!(
                "after host call {}: expected {}, got the end of the call",
                self.asked,
                about(*tag)
            ))),
        }
    }

    /// Whether the guest has left the recorded way.
    pub(crate) fn has_left(&self) -> bool {
        #[cfg(feature = "files")]
        if self.left_in_directories().is_some() {
            return true;
        }
        self.difference.is_some()
    }

    /// What went to sinks of stdout and stderr.
    pub(crate) fn take_passed_on(&mut self) -> [Option<Content>; 2] {
        self.passed_on.take().unwrap_or_default()
    }

    /// The bytes that went to sinks.
    pub(crate) fn take_captured(&mut self) -> [Vec<u8>; 2] {
        core::mem::take(&mut self.captured)
    }

    pub(super) fn rest(&self) -> &[u8] {
        self.answers.get(self.position..).unwrap_or_default()
    }

    /// Reads a part of the answers.
    pub(super) fn read<R>(
        &mut self,
        read: impl FnOnce(&mut Reader<'_>) -> Result<R, Damage>,
    ) -> Result<R, Failure> {
        let answers = self.answers.clone();
        let mut reader = Reader::new(answers.get(self.position..).unwrap_or_default());
        let done = read(&mut reader);
        self.position = answers.len() - reader.left();
        done.map_err(|damage| {
            let failure = Failure::from(damage);
            self.difference.get_or_insert_with(|| damage.0.to_string());
            failure
        })
    }

    /// A difference at the question in progress.
    pub(crate) fn differs(&mut self, problem: &str) -> Failure {
        let problem = format!("host call {}: {problem}", self.asked);
        difference(self.difference.get_or_insert(problem).clone())
    }

    pub(super) fn expected(&mut self, expected: &str, got: &str) -> Failure {
        self.differs(&format!("expected {expected}, got {got}"))
    }

    /// The guest asks for what `tag` stands for; `got` describes it.
    pub(super) fn ask(&mut self, tag: u8, got: &str) -> Result<(), Failure> {
        self.asked += 1;
        match self.rest().first() {
            Some(found) if *found == tag => {
                self.position += 1;
                Ok(())
            }
            Some(&tag::NOT_RECORDED) => {
                self.position += 1;
                let what = self.read(|reader| reader.string())?;
                Err(self.differs(&format!("the recording is incomplete: {what}")))
            }
            Some(found) => {
                let expected = about(*found);
                Err(self.expected(expected, got))
            }
            None => Err(self.expected("the end of the call", got)),
        }
    }

    /// A function of the embedder's is called.
    pub(crate) fn function(
        &mut self,
        names: &[Arc<str>; 2],
        params: &[Value],
    ) -> Result<(), Failure> {
        let params: Vec<Plain> = params
            .iter()
            .map(|value| self.handles.received(value))
            .collect();
        let got = || called_as(names, &params);
        let is_new = self.rest().first() == Some(&tag::NEW_FUNCTION);
        let tag = if is_new {
            tag::NEW_FUNCTION
        } else {
            tag::FUNCTION
        };
        if self.rest().first() != Some(&tag) {
            return self.ask(tag, &got());
        }
        self.asked += 1;
        self.position += 1;
        let expected = match is_new {
            true => {
                let names =
                    self.read(|reader| Ok([Arc::from(reader.text()?), Arc::from(reader.text()?)]))?;
                self.functions.push(names);
                self.functions.len() - 1
            }
            false => self.read(|reader| reader.small())?,
        };
        let expected_params = self.read(|reader| reader.list(Reader::plain))?;
        let Some(expected) = self.functions.get(expected) else {
            return Err(self.differs("a function has no name"));
        };
        if expected != names || expected_params != params {
            let expected = called_as(expected, &expected_params);
            return Err(self.expected(&expected, &got()));
        }
        Ok(())
    }

    /// An operation of the embedder's is called.
    pub(crate) fn operation(&mut self, path: &[String; 3], payload: &[u8]) -> Result<(), Failure> {
        let name = |[binding, namespace, operation]: &[String; 3]| {
            format!(
                "operation {} in namespace {} of binding {}",
                Quoted(operation),
                Quoted(namespace),
                Quoted(binding)
            )
        };
        self.ask(tag::OPERATION, &name(path))?;
        let expected =
            self.read(|reader| Ok([reader.string()?, reader.string()?, reader.string()?]))?;
        let hash: [u8; 32] = self.read(|reader| reader.array())?;
        if expected != *path {
            return Err(self.expected(&name(&expected), &name(path)));
        }
        if hash != payload_digest(payload) {
            return Err(self.differs(&format!("{} got another payload", name(path))));
        }
        Ok(())
    }

    pub(super) fn clock(&mut self, which: u8) -> u64 {
        let mut read = || -> Result<u64, Failure> {
            self.ask(tag::CLOCK, "a reading of a clock")?;
            let (expected, time) = self.read(|reader| Ok((reader.byte()?, reader.number()?)))?;
            match expected == which {
                true => Ok(time),
                false => Err(self.differs("a reading of another clock")),
            }
        };
        // The call ends with the difference, which the player keeps.
        read().unwrap_or(1)
    }

    pub(super) fn bytes(&mut self, tag: u8, to: &mut [u8]) -> Result<Option<usize>, Failure> {
        self.ask(tag, about(tag))?;
        let (is_there, bytes) =
            self.read(|reader| Ok((reader.flag()?, reader.bytes()?.to_vec())))?;
        let Some(to) = to.get_mut(..bytes.len()) else {
            return Err(self.differs("more bytes than the guest has room for"));
        };
        to.copy_from_slice(&bytes);
        Ok(is_there.then_some(bytes.len()))
    }

    pub(super) fn ready(&mut self) -> bool {
        let answer = self.ask(tag::STDIN_READY, "whether stdin is ready");
        answer
            .and_then(|()| self.read(|reader| reader.flag()))
            .unwrap_or(true)
    }

    #[cfg(feature = "http")]
    pub(super) fn http(&mut self, request: &HttpRequest) -> Result<HttpResponse, Failure> {
        let got = format!(
            "an HTTP request {} {}",
            request.method,
            Quoted(&request.uri)
        );
        self.ask(tag::HTTP, &got)?;
        let hash: [u8; 32] = self.read(|reader| reader.array())?;
        if hash != request_digest(request) {
            return Err(self.expected("another HTTP request", &got));
        }
        self.read(|reader| {
            Ok(match reader.flag()? {
                false => Err(take_failure(reader)?),
                true => {
                    let mut response = HttpResponse::new(reader.small()?);
                    response.headers = take_fields(reader)?;
                    response.body = reader.bytes()?.to_vec();
                    response.trailers = take_fields(reader)?;
                    Ok(response)
                }
            })
        })?
    }

    /// A wait for input or on a real clock: the fuel that it cost, and how it ended.
    pub(crate) fn wait(&mut self) -> Result<(u64, Result<bool, Failure>), Failure> {
        self.ask(tag::WAIT, "a wait")?;
        self.read(|reader| {
            let fuel = reader.number()?;
            let ended = match reader.flag()? {
                true => Ok(reader.flag()?),
                false => Err(take_failure(reader)?),
            };
            Ok((fuel, ended))
        })
    }

    pub(super) fn look(&mut self) -> Result<(), Failure> {
        self.looks += 1;
        if self.rest().first() != Some(&tag::STRUCK) {
            return Ok(());
        }
        let begin = self.position;
        let (looks, failure) = self.read(|reader| {
            reader.byte()?;
            Ok((reader.number()?, take_failure(reader)?))
        })?;
        if looks == self.looks {
            return Err(failure);
        }
        self.position = begin;
        Ok(())
    }

    pub(super) fn passed_on(&mut self, stream: Stream, bytes: &[u8]) -> bool {
        self.writes += 1;
        self.passed_on.add(stream, bytes);
        let [stdout, stderr] = &mut self.captured;
        match stream {
            Stream::Stdout => stdout.extend_from_slice(bytes),
            Stream::Stderr => stderr.extend_from_slice(bytes),
        }
        if self.rest().first() != Some(&tag::SINK_FAILED) {
            return true;
        }
        let begin = self.position;
        let failed = self.read(|reader| {
            reader.byte()?;
            reader.number()
        });
        match failed {
            Ok(writes) if writes == self.writes => false,
            _ => {
                self.position = begin;
                true
            }
        }
    }
}

#[cfg(feature = "http")]
fn take_fields(reader: &mut Reader<'_>) -> Result<HttpHeaders, Damage> {
    reader.list(|reader| Ok((reader.string()?, reader.string()?)))
}

/// A call of a function, for an error.
fn called_as([module, name]: &[Arc<str>; 2], params: &[Plain]) -> String {
    called(module, name, params)
}
