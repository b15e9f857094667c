//! Requests that call a plugin.

use super::{
    Gateway,
    answer::{self, Answer, Cost, Problem, Remedy},
    cgi,
    pool::NotRun,
    requests::Arriving,
    routes::{self, LIMIT_HEADERS, Lowered, Wishes},
    schedule::Full,
};
use crate::number;
use bytes::Bytes;
use hyper::{HeaderMap, StatusCode};
use pocketwasm::{CancelToken, Convention, Error, ErrorKind, Outcome, Plugin, Signature};
use std::{sync::Arc, time::Instant};

/// What a call gets.
enum Passed {
    Params(Vec<u64>),
    Input(Bytes),
    Command {
        args: Vec<String>,
        env: Vec<(String, String)>,
        stdin: Bytes,
    },
}

/// `POST /execute/{plugin}`: bytes in, bytes out, or numbers in, numbers out.
pub(super) async fn execute(
    gateway: &Arc<Gateway>,
    request: Arriving<'_>,
    name: &str,
) -> Result<Answer, Problem> {
    let Wishes {
        func,
        params,
        lowered,
    } = Wishes::of(request.parts.uri.query())?;
    let export = func.unwrap_or_else(|| "greet".to_owned());
    let lowered = lowered.and(limits_of(&request.parts.headers)?);
    let plugin = gateway.runner.plugin(name)?;
    // To waPC's plugins an operation's name is their own affair; numbers need an export all the same.
    let is_operation = params.is_none() && plugin.convention() == Some(Convention::Wapc);
    let signature = match is_operation {
        true => None,
        false => Some(signature(&plugin, &export)?),
    };
    let numbers = match (&params, signature) {
        (Some(params), Some(signature)) => Some(parse(signature, params, &plugin, &export)?),
        _ => None,
    };
    room(gateway, &plugin)?;
    let (body, _room) = gateway.settings.read(request.body).await?;
    let passed = match numbers {
        Some(_) if !body.is_empty() => {
            return Err(Problem::bad_request("there are `params` and a body too"));
        }
        Some(numbers) => Passed::Params(numbers),
        None => Passed::Input(body),
    };
    let call = Pending {
        plugin: plugin.clone(),
        export: export.clone(),
        passed,
        lowered,
    };
    let (outcome, cost) = call.run(gateway, request.id).await?;
    let mut answer = match (params, signature) {
        (Some(_), Some(signature)) => {
            numbers_answer(signature, outcome.results(), request.accept.prefers_json())
        }
        _ => answer::bytes(outcome.into_bytes(), request.accept),
    };
    cost.tell(&mut answer);
    Ok(answer)
}

/// Results as text, a line each, or as JSON.
fn numbers_answer(signature: &Signature, results: &[u64], as_json: bool) -> Answer {
    let results = signature.results().iter().zip(results);
    let results = results.map(|(ty, bits)| (*ty, *bits));
    if as_json {
        let results: Vec<_> = results.map(|(ty, bits)| number::json(ty, bits)).collect();
        return answer::json(&serde_json::json!({ "results": results }));
    }
    let lines: Vec<_> = results.map(|(ty, bits)| number::show(ty, bits)).collect();
    answer::plain(
        StatusCode::OK,
        "text/plain; charset=utf-8",
        lines.join("\n"),
    )
}

/// `/cgi/{plugin}/…`: the request to a command as CGI has it.
pub(super) async fn cgi(
    gateway: &Arc<Gateway>,
    request: Arriving<'_>,
    path: &str,
) -> Result<Answer, Problem> {
    let parts = request.parts;
    let lowered = limits_of(&parts.headers)?;
    let Some((name, rest)) = cgi::split(path, |name| gateway.runner.plugin(name).is_ok()) else {
        return Err(Problem::not_found("no plugin of that name"));
    };
    let plugin = gateway.runner.plugin(&name)?;
    signature(&plugin, "_start")?;
    let query = routes::decode(parts.uri.query().unwrap_or_default())?;
    let args = query.split('&').filter(|arg| !arg.is_empty());
    let args = args.map(str::to_owned).collect();
    let script = path.strip_suffix(rest).unwrap_or(path);
    let script = format!("/cgi/{}", routes::decode(script)?);
    let path_info = routes::decode(rest)?;
    room(gateway, &plugin)?;
    let (stdin, _room) = gateway.settings.read(request.body).await?;
    let ends = [request.peer, gateway.settings.local];
    let env = cgi::environment(parts, &script, &path_info, stdin.len(), ends);
    let call = Pending {
        plugin,
        export: "_start".to_owned(),
        passed: Passed::Command { args, env, stdin },
        lowered,
    };
    let (outcome, cost) = call.run(gateway, request.id).await?;
    let answer = match outcome.output_truncated() {
        true => Err(cgi::broken("it is longer than --max-output")),
        false => cgi::response(outcome.stdout().to_vec()),
    };
    let mut answer = answer.map_err(|problem| Problem {
        plugin: Some(name.into()),
        export: Some("_start".into()),
        cost: Some(Box::new(cost)),
        ..problem
    })?;
    cost.tell(&mut answer);
    Ok(answer)
}

/// The limits that a request's headers lower.
fn limits_of(headers: &HeaderMap) -> Result<Lowered, Problem> {
    let mut lowered = Lowered::default();
    for (header, name) in LIMIT_HEADERS {
        for value in headers.get_all(header) {
            let value = value.to_str().unwrap_or_default();
            if lowered.lower(name, value)? {
                return Err(Problem::bad_request(format!("`{header}` is there twice")));
            }
        }
    }
    Ok(lowered)
}

/// The signature of an export; without one there is nothing to wait for a turn for.
fn signature<'a>(plugin: &'a Plugin, export: &str) -> Result<&'a Signature, Problem> {
    let exports = plugin.exports().iter();
    let found = exports
        .filter(|candidate| *candidate.name == *export)
        .find_map(|export| export.ty.signature());
    found.ok_or_else(|| {
        let functions = plugin
            .exports()
            .iter()
            .filter(|it| it.ty.signature().is_some());
        let names: Vec<_> = functions.map(|export| &*export.name).take(12).collect();
        Problem {
            plugin: Some(plugin.name().into()),
            export: Some(export.into()),
            ..Problem::not_found(format!(
                "plugin {:?} exports no function {export:?}; it exports {names:?}",
                plugin.name()
            ))
        }
    })
}

/// Numbers separated by commas, typed by the export.
fn parse(
    signature: &Signature,
    params: &str,
    plugin: &Plugin,
    export: &str,
) -> Result<Vec<u64>, Problem> {
    let texts: Vec<&str> = match params {
        "" => Vec::new(),
        params => params.split(',').map(str::trim).collect(),
    };
    let types = signature.params();
    if texts.len() != types.len() {
        // The library says it better, and before anything runs.
        return Ok(vec![0; texts.len()]);
    }
    let numbers = texts
        .iter()
        .zip(types)
        .enumerate()
        .map(|(position, (text, ty))| {
            number::parse(*ty, text).ok_or_else(|| Problem {
                plugin: Some(plugin.name().into()),
                export: Some(export.into()),
                ..Problem::new(
                    StatusCode::BAD_REQUEST,
                    "signature",
                    format!(
                        "plugin {:?}, export {export:?}: parameter {} is {text:?}; {ty} takes {}",
                        plugin.name(),
                        position + 1,
                        number::expected(*ty)
                    ),
                )
            })
        });
    numbers.collect()
}

/// Refuses a call that would find no room, before its body is read.
fn room(gateway: &Gateway, plugin: &Plugin) -> Result<(), Problem> {
    let room = gateway.pool.room(plugin.name());
    room.map_err(|full| not_run(gateway, plugin, NotRun::Full(full)))
}

/// A call that waits for its turn.
struct Pending {
    plugin: Plugin,
    export: String,
    passed: Passed,
    lowered: Lowered,
}

impl Pending {
    async fn run(self, gateway: &Arc<Gateway>, id: &str) -> Result<(Outcome, Cost), Problem> {
        let cancel = CancelToken::new();
        let token = cancel.clone();
        let shared = gateway.clone();
        let plugin = self.plugin.clone();
        let work = move || {
            let began = Instant::now();
            let result = self.call(&shared, &token);
            let time = began.elapsed();
            let outcome = result.as_ref().map_or_else(Error::outcome, Some);
            let cost = outcome.map(|outcome| Cost::of(outcome, time));
            let ending = result.as_ref().err().map(Error::kind);
            shared.metrics.called(self.plugin.name(), ending, cost);
            (result, cost)
        };
        let wait = gateway.settings.queue_wait;
        let ran = gateway.pool.run(plugin.name(), &cancel, wait, work).await;
        let (result, cost) = ran.map_err(|not| not_run(gateway, &plugin, not))?;
        let outcome = result.as_ref().map_or_else(Error::outcome, Some);
        if let Some(written) = outcome.filter(|outcome| !outcome.stderr().is_empty()) {
            log::debug!("{id} stderr: {}", one_line(written.stderr()));
        }
        match (result, cost) {
            (Ok(outcome), Some(cost)) => Ok((outcome, cost)),
            (Err(error), cost) => {
                let is_closed = error.kind() == ErrorKind::Closed;
                Err(Problem {
                    cost: cost.map(Box::new),
                    remedy: is_closed.then_some(Remedy::RetryAfter(1)),
                    ..Problem::from(error)
                })
            }
            (Ok(_), None) => Err(not_run(gateway, &plugin, NotRun::Panicked)),
        }
    }

    /// On a thread of the pool.
    fn call(&self, gateway: &Gateway, token: &CancelToken) -> Result<Outcome, Error> {
        let mut call = self.plugin.call(&self.export).cancel(token);
        let lowered = gateway.settings.most.and(self.lowered);
        if let Some(fuel) = lowered.fuel {
            call = call.fuel(fuel);
        }
        if let Some(timeout) = lowered.timeout {
            call = call.timeout(timeout);
        }
        if let Some(pages) = lowered.max_memory_pages {
            call = call.max_memory_pages(pages);
        }
        match &self.passed {
            Passed::Params(params) => call.params(params).run(),
            Passed::Input(input) => call.input(input).run(),
            Passed::Command { args, env, stdin } => {
                call = call.args(args).stdin(stdin.to_vec());
                for (name, value) in env {
                    call = call.env(name, value);
                }
                call.run()
            }
        }
    }
}

fn not_run(gateway: &Gateway, plugin: &Plugin, not_run: NotRun) -> Problem {
    let (reason, status, message) = match not_run {
        NotRun::Full(Full::Queue) => (
            "queue",
            StatusCode::SERVICE_UNAVAILABLE,
            "as many calls wait as may wait",
        ),
        NotRun::Full(Full::Plugin) => (
            "plugin_queue",
            StatusCode::TOO_MANY_REQUESTS,
            "as many calls of this plugin wait as may wait",
        ),
        NotRun::Waited => (
            "waited",
            StatusCode::SERVICE_UNAVAILABLE,
            "the call waited for its turn as long as calls may wait",
        ),
        NotRun::Full(Full::Closed) => {
            return Problem::busy(StatusCode::SERVICE_UNAVAILABLE, "the gateway stops");
        }
        NotRun::Panicked => {
            return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "host", answer::INTERNAL);
        }
    };
    gateway.metrics.rejected(reason);
    Problem {
        plugin: Some(plugin.name().into()),
        ..Problem::busy(status, message)
    }
}

/// What a guest wrote, on one line of the log, cut.
fn one_line(bytes: &[u8]) -> String {
    const MOST: usize = 1_000;
    let bytes = bytes.get(..MOST).unwrap_or(bytes);
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}
