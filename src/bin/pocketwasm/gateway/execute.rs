//! `POST /execute/{plugin}`: bytes in, bytes out, or numbers in, numbers out.

use super::{
    answer::{self, Answer, Problem},
    calls,
    routes::CallQuery,
    schedule::CallOrder,
};
use crate::gateway::incoming_request::IncomingRequest;
use crate::gateway::state::Gateway;
use crate::number;
use bytes::Bytes;
use hyper::StatusCode;
use pocketwasm::{CancelToken, Convention, Error, Plugin, types::Signature};
use std::sync::Arc;

/// What is passed to a call.
enum CallInput {
    Params(Vec<u64>),
    Input(Bytes),
}

pub(super) async fn serve(
    gateway: &Arc<Gateway>,
    request: IncomingRequest<'_>,
    name: &str,
) -> Result<Answer, Problem> {
    let accept = request.accept();
    let CallQuery {
        func,
        params,
        lowered,
    } = CallQuery::of(request.parts.uri.query())?;
    let export = func.unwrap_or_else(|| "greet".to_owned());
    let lowered = lowered.and(calls::limits_of(&request.parts.headers)?);
    let plugin = gateway.runner.plugin(name)?;
    // A waPC plugin need not export its operations, so their names cannot be checked here. A call
    // with numbers always needs an export.
    let is_operation = params.is_none() && plugin.convention() == Some(Convention::Wapc);
    let signature = match is_operation {
        true => None,
        false => Some(calls::signature(&plugin, &export)?),
    };
    let numbers = match (&params, signature) {
        (Some(params), Some(signature)) => Some(parse(signature, params, &plugin, &export)?),
        _ => None,
    };
    calls::room(gateway, &plugin)?;
    let (body, _room) = gateway.settings.read(request.body).await?;
    let input = match numbers {
        Some(_) if !body.bytes.is_empty() => {
            return Err(Problem::bad_request("there are `params` and a body too"));
        }
        Some(numbers) => CallInput::Params(numbers),
        None => CallInput::Input(body.bytes),
    };
    let limits = gateway.settings.most_of(plugin.name()).and(lowered);
    let (called, export, shared) = (plugin.clone(), export.clone(), gateway.clone());
    let run = move |token: &CancelToken, tape: calls::Tape<'_>, error: Option<Error>| {
        let plugins = &shared.settings.plugins;
        let call = limits.set(called.call(&export).cancel(token));
        let call = plugins.set_environment(called.name(), call);
        let call = calls::explaining(calls::on_tape(call, tape), error);
        let outcome = match &input {
            CallInput::Params(params) => call.params(params).run()?,
            CallInput::Input(input) => {
                let call = match plugins.convention(called.name()) {
                    Some(convention) => call.convention(convention),
                    None => call,
                };
                call.input(input).run()?
            }
        };
        Ok(((), outcome))
    };
    let run = Arc::new(run);
    let order = (CallOrder::First, calls::again(&run));
    let run = move |token: &_, tape: calls::Tape<'_>| run(token, tape, None);
    let ((), outcome, cost) = calls::run(gateway, &plugin, &request.requester, order, run).await?;
    let mut answer = match (params, signature) {
        (Some(_), Some(signature)) => {
            numbers_answer(signature, outcome.results(), accept.prefers_json())
        }
        _ => answer::bytes(outcome.into_bytes(), accept),
    };
    cost.add_to(&mut answer);
    Ok(answer)
}

/// Results as text, one on each line, or as JSON.
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

/// Parses numbers that are separated by commas, by the types of the export's parameters.
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
        // The library refuses this with a better message, before any guest code runs.
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
