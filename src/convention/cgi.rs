//! CGI/1.1 as WAGI uses it: a command gets a request in its environment, arguments and standard
//! input, and writes a response to standard output.

use super::command;
use crate::{
    common::{
        failure::{Cause, Failure},
        http::{HttpRequest, HttpResponse, is_field},
        text::Quoted,
    },
    convention::{
        kinds::Convention,
        protocol::{Called, Protocol, only_input},
    },
    engine::execution::Execution,
    module::inspect::ModuleInfo,
};
use alloc::{
    borrow::Cow,
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};

pub(super) struct Cgi;

impl Protocol for Cgi {
    /// Never detected: a CGI script looks like any other command.
    fn recognise(&self, _: &ModuleInfo) -> Result<Cow<'static, str>, &'static str> {
        Err("only where it is named")
    }

    fn check(&self, info: &ModuleInfo, export: &str, inputs: usize) -> Result<(), Failure> {
        Convention::Command.check(info, export, inputs)
    }

    fn call<'f>(
        &'f self,
        execution: &'f mut Execution<'_>,
        export: &'f str,
        inputs: &'f [&'f [u8]],
    ) -> Called<'f> {
        Box::pin(async move {
            let input = only_input(inputs);
            let request = HttpRequest::new("POST", "/");
            let variables = environment(&request, input.len());
            let env = &mut execution.state().environment().env;
            for (name, value) in variables {
                let variable = [name.as_bytes(), b"=", &value].concat();
                // The call may have begun before.
                if !env.contains(&variable) {
                    env.push(variable);
                }
            }
            let output = command::run(execution, export, input).await?;
            response(&output).map(|response| response.body)
        })
    }
}

/// Whether a text may be the value of a variable.
fn is_value(value: &str) -> bool {
    !value.chars().any(char::is_control)
}

/// The environment variables for a request with a body of `length` bytes.
pub(crate) fn environment(request: &HttpRequest, length: usize) -> Vec<(String, Vec<u8>)> {
    let (path, query) = split(&request.uri);
    let host = request.header("host").unwrap_or_default();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, "80"),
    };
    let source = request
        .source
        .rsplit_once(':')
        .map_or(&*request.source, |(host, _)| host);
    let source = source.trim_start_matches('[').trim_end_matches(']');
    let length = length.to_string();
    let path = decoded(path);
    let texts = [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        (
            "SERVER_SOFTWARE",
            concat!("pocketwasm/", env!("CARGO_PKG_VERSION")),
        ),
        ("SERVER_PROTOCOL", &request.version),
        ("SERVER_NAME", name),
        ("SERVER_PORT", port),
        ("REQUEST_METHOD", &request.method),
        ("SCRIPT_NAME", ""),
        ("QUERY_STRING", query),
        ("REMOTE_ADDR", source),
        ("REMOTE_HOST", source),
        (
            "CONTENT_TYPE",
            request.header("content-type").unwrap_or_default(),
        ),
        ("CONTENT_LENGTH", &length),
    ];
    let mut variables: Vec<(String, Vec<u8>)> = texts
        .into_iter()
        .filter(|(_, value)| is_value(value))
        .map(|(name, value)| (name.to_string(), value.into()))
        .chain([("PATH_INFO".to_string(), path)])
        .collect();
    for (name, value) in &request.headers {
        // A `Proxy` field would become `HTTP_PROXY`, which programs obey. Credentials are for the
        // server only.
        const KEPT: [&str; 5] = [
            "proxy",
            "authorization",
            "proxy-authorization",
            "content-type",
            "content-length",
        ];
        let lower = name.to_ascii_lowercase();
        // A name with `_` would collide with the same name with `-`.
        let is_kept = KEPT.contains(&&*lower) || name.contains('_');
        if is_field(name, value) && !is_kept {
            let between = if lower == "cookie" { "; " } else { ", " };
            let name = format!("HTTP_{}", name.to_ascii_uppercase().replace('-', "_"));
            match variables.iter_mut().find(|(other, _)| *other == name) {
                Some((_, joined)) => joined.extend([between, value].concat().bytes()),
                None => variables.push((name, value.as_bytes().into())),
            }
        }
    }
    variables
}

/// The arguments for a request: the parameters in its query.
pub(crate) fn arguments(request: &HttpRequest) -> Vec<String> {
    let (_, query) = split(&request.uri);
    query
        .split('&')
        .filter(|parameter| !parameter.is_empty() && is_value(parameter))
        .map(ToString::to_string)
        .collect()
}

fn split(uri: &str) -> (&str, &str) {
    uri.split_once('?').unwrap_or((uri, ""))
}

/// Percent-decodes a path. Returns it unchanged if an escape is malformed or means a control
/// character.
fn decoded(path: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        let digit = |byte: u8| {
            char::from(byte)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        match (byte, after) {
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high * 16 + low);
                    rest = after;
                }
                _ => return path.into(),
            },
            (b'%', _) => return path.into(),
            _ => bytes.push(*byte),
        }
    }
    match bytes.iter().any(u8::is_ascii_control) {
        true => path.into(),
        false => bytes,
    }
}

/// Parses a response: header fields, an empty line, the body.
pub(crate) fn response(output: &[u8]) -> Result<HttpResponse, Failure> {
    let wrong = |problem: String| {
        Failure::from(Cause::GuestData {
            problem: format!("the output is no CGI response: {problem}"),
            source: None,
        })
    };
    let mut response = HttpResponse::new(200);
    let mut status = None;
    let mut rest = output;
    loop {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return Err(wrong("no empty line ends its fields".to_string()));
        };
        let (line, after) = rest.split_at_checked(end).unwrap_or_default();
        rest = after.get(1..).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        let line = String::from_utf8_lossy(line);
        let Some((name, value)) = line
            .split_once(':')
            .map(|(name, value)| (name, value.trim()))
        else {
            return Err(wrong(format!("the line {} is no field", Quoted(&line))));
        };
        if !is_field(name, value) {
            return Err(wrong(format!("the field {}", Quoted(&line))));
        }
        if name.eq_ignore_ascii_case("status") {
            if status.is_some() {
                return Err(wrong("it has two statuses".to_string()));
            }
            let code = value.split(' ').next().unwrap_or_default().parse();
            status = match code {
                Ok(code @ 200..=599) => Some(code),
                _ => return Err(wrong(format!("the status {}", Quoted(value)))),
            };
        } else {
            response.headers.push((name.to_string(), value.to_string()));
        }
    }
    let moved = response.header("location").is_some();
    response.status = status.unwrap_or(if moved { 302 } else { 200 });
    if response.headers.is_empty() && status.is_none() {
        return Err(wrong("it has no fields".to_string()));
    }
    if !rest.is_empty() && response.header("content-type").is_none() {
        return Err(wrong("it has a body but no content type".to_string()));
    }
    response.body = rest.to_vec();
    Ok(response)
}
