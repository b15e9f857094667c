//! The routes' handlers.

use super::{
    answer::{self, Answer, Problem},
    cgi, execute, metrics, page,
    routes::{self, Route},
};
use crate::{
    gateway::{incoming_request::IncomingRequest, state::Gateway},
    lock::hex,
};
use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use pocketwasm::{
    Convention, Plugin,
    types::{Signature, ValueType},
};
use serde_json::json;
use std::sync::{Arc, atomic::Ordering};

/// Answers a request by its route. Also returns the route's name for the metrics.
pub(super) async fn route(
    gateway: &Arc<Gateway>,
    request: IncomingRequest<'_>,
) -> (&'static str, Result<Answer, Problem>) {
    let (method, uri) = (request.parts.method.clone(), request.parts.uri.clone());
    match routes::route(&method, uri.path()) {
        Ok(route) => (route.name(), serve(gateway, route, request).await),
        Err(problem) => ("none", Err(problem)),
    }
}

async fn serve(
    gateway: &Arc<Gateway>,
    route: Route<'_>,
    request: IncomingRequest<'_>,
) -> Result<Answer, Problem> {
    match route {
        Route::Page(file) => {
            let mut answer = answer::plain(StatusCode::OK, file.content_type, file.body);
            let policy = HeaderValue::from_static(page::POLICY);
            let headers = answer.headers_mut();
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
            headers.insert(
                header::REFERRER_POLICY,
                HeaderValue::from_static("no-referrer"),
            );
            Ok(answer)
        }
        Route::Ready => ready(gateway),
        Route::Health if gateway.settings.stopping.load(Ordering::Relaxed) => {
            Err(Problem::busy(StatusCode::SERVICE_UNAVAILABLE, "stopping"))
        }
        Route::Health => {
            let text = "text/plain; charset=utf-8";
            Ok(answer::plain(StatusCode::OK, text, "ok\n"))
        }
        Route::Plugins => {
            let plugins = gateway.runner.plugins();
            let plugins: Vec<_> = plugins.iter().map(describe).collect();
            Ok(answer::json(&json!({ "plugins": plugins })))
        }
        Route::Metrics => {
            let text = gateway.metrics.text(&gateway.runner, &gateway.pool);
            let text = text.map_err(|error| Problem {
                details: Some(error.to_string().into()),
                ..Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "host",
                    "the metrics could not be written",
                )
            })?;
            Ok(answer::plain(StatusCode::OK, metrics::CONTENT_TYPE, text))
        }
        Route::Reload => {
            gateway.settings.check_token(&request.parts.headers)?;
            let report = gateway.reload().await.map_err(|problem| Problem {
                details: Some(problem.into()),
                ..Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "io",
                    "the plugins could not be read and stay as they are; the log says why",
                )
            })?;
            Ok(answer::json(&json!(report)))
        }
        Route::Execute(name) => execute::serve(gateway, request, &name).await,
        Route::Cgi(path) => cgi::serve(gateway, request, path).await,
    }
}

/// Ready if the gateway does not stop and at least one plugin is loaded.
fn ready(gateway: &Gateway) -> Result<Answer, Problem> {
    let not = |why| Err(Problem::busy(StatusCode::SERVICE_UNAVAILABLE, why));
    if gateway.settings.stopping.load(Ordering::Relaxed) {
        return not("stopping");
    }
    if gateway.runner.plugins().is_empty() {
        return not("no plugin is loaded");
    }
    let text = "text/plain; charset=utf-8";
    Ok(answer::plain(StatusCode::OK, text, "ready\n"))
}

/// A plugin as `GET /plugins` shows it.
fn describe(plugin: &Plugin) -> serde_json::Value {
    let exports = plugin.exports().iter().filter_map(|export| {
        let signature = export.ty.signature()?;
        let names = |types: &[ValueType]| types.iter().map(ToString::to_string).collect::<Vec<_>>();
        Some(json!({
            "takes": takes(plugin, &export.name, signature),
            "name": export.name,
            "params": names(signature.params()),
            "results": names(signature.results()),
        }))
    });
    json!({
        "name": plugin.name(),
        "sha256": hex(&plugin.sha256()),
        "size": plugin.size(),
        "convention": plugin.convention().map(Convention::name),
        "memory_pages": plugin.memory_pages(),
        "exports": exports.collect::<Vec<_>>(),
    })
}

/// The kinds of arguments that an export takes, the likelier first. Functions that belong to a
/// convention, such as an allocator, take only numbers.
fn takes(plugin: &Plugin, export: &str, signature: &Signature) -> Vec<&'static str> {
    const NUMBERS: [ValueType; 4] = [
        ValueType::I32,
        ValueType::I64,
        ValueType::F32,
        ValueType::F64,
    ];
    const OWN: [&str; 8] = [
        "allocate",
        "deallocate",
        "alloc",
        "dealloc",
        "malloc",
        "free",
        "_initialize",
        "__wasm_call_ctors",
    ];
    let (params, results) = (signature.params(), signature.results());
    let pointers = params.iter().all(|ty| *ty == ValueType::I32);
    let is_own = OWN.contains(&export) || export.starts_with("__");
    let by_bytes = |convention: &Convention| match convention {
        Convention::PackedPointer => {
            pointers && params.len() == 2 && matches!(results, [] | [ValueType::I64])
        }
        Convention::CString | Convention::AssemblyScript => {
            pointers && params.len() <= 1 && results == [ValueType::I32]
        }
        Convention::Extism => params.is_empty() && results == [ValueType::I32],
        Convention::Typst => pointers && params.len() <= 1 && results == [ValueType::I32],
        Convention::Wapc => !export.starts_with("__guest") && export != "wapc_init",
        Convention::Command | Convention::Cgi => export == "_start",
        _ => false,
    };
    let mut types = params.iter().chain(results);
    let bytes = !is_own && plugin.conventions().iter().any(by_bytes);
    let numbers = types.all(|ty| NUMBERS.contains(ty));
    let kinds = [(bytes, "bytes"), (numbers, "numbers")];
    kinds
        .into_iter()
        .filter_map(|(is, kind)| is.then_some(kind))
        .collect()
}
