//! `/cgi/{plugin}/…`: runs a WASI command as a CGI script.

use super::{
    answer::{Answer, Problem},
    calls, message, routes,
    schedule::CallOrder,
};
use crate::gateway::incoming_request::IncomingRequest;
use crate::gateway::state::Gateway;
use percent_encoding::percent_decode_str;
use pocketwasm::{CancelToken, Error};
use std::sync::Arc;

pub(super) async fn serve(
    gateway: &Arc<Gateway>,
    request: IncomingRequest<'_>,
    path: &str,
) -> Result<Answer, Problem> {
    let lowered = calls::limits_of(&request.parts.headers)?;
    let Some((name, rest)) = split(path, |name| gateway.runner.plugin(name).is_ok()) else {
        return Err(Problem::not_found("no plugin of that name"));
    };
    let plugin = gateway.runner.plugin(&name)?;
    calls::signature(&plugin, "_start")?;
    // Invalid UTF-8 and malformed percent escapes are passed on: the program decides about them.
    let is_control = |byte: u8| byte.is_ascii_control();
    if percent_decode_str(rest).any(is_control) {
        return Err(Problem::bad_request("the path has a control character"));
    }
    let query = request.parts.uri.query();
    let target = match query {
        Some(query) => format!("{rest}?{query}"),
        None => rest.to_owned(),
    };
    let script = path.strip_suffix(rest).unwrap_or(path);
    let script = format!("/cgi/{}", routes::decode(script)?);
    calls::room(gateway, &plugin)?;
    let (body, _room) = gateway.settings.read(request.body).await?;
    let mut seen = message::request(&request.parts, body, request.requester.peer);
    seen.uri = target;
    let settings = &gateway.settings;
    let (port, limits) = (
        settings.local.port().to_string(),
        settings.most_of(plugin.name()).and(lowered),
    );
    let (called, shared) = (plugin.clone(), gateway.clone());
    let run = move |token: &CancelToken, tape: calls::Tape<'_>, error: Option<Error>| {
        let call = limits.set(called.call("_start").cancel(token));
        let call = shared.settings.plugins.set_environment(called.name(), call);
        let call = call.env("SCRIPT_NAME", &script).env("SERVER_PORT", &port);
        calls::explaining(calls::on_tape(call, tape), error).cgi(&seen)
    };
    let run = Arc::new(run);
    let order = (CallOrder::First, calls::again(&run));
    let run = move |token: &_, tape: calls::Tape<'_>| run(token, tape, None);
    let (response, _, cost) = calls::run(gateway, &plugin, &request.requester, order, run).await?;
    let mut answer = message::answer(response).map_err(|problem| Problem {
        plugin: Some(name.into()),
        export: Some("_start".into()),
        cost: Some(Box::new(cost)),
        ..problem
    })?;
    cost.add_to(&mut answer);
    Ok(answer)
}

/// Splits the raw path after `/cgi/` into the plugin's name and the rest. Takes the longest name
/// for which `is_loaded` is true.
fn split(path: &str, is_loaded: impl Fn(&str) -> bool) -> Option<(String, &str)> {
    /// How many folders deep a plugin can be. Each level costs a look-up.
    const DEEPEST: usize = 8;
    let ends = path
        .match_indices('/')
        .map(|(at, _)| at)
        .chain([path.len()]);
    let ends: Vec<usize> = ends.take(DEEPEST).collect();
    ends.into_iter().rev().find_map(|end| {
        let (name, rest) = path.split_at_checked(end)?;
        let name = routes::decode(name).ok()?;
        is_loaded(&name).then(|| (name.into_owned(), rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_loaded_name_is_the_plugin() {
        let loaded = |name: &str| matches!(name, "a" | "a/b" | "\u{fc}");
        let table = [
            ("a", Some(("a", ""))),
            ("a/", Some(("a", "/"))),
            ("a/x/y", Some(("a", "/x/y"))),
            ("a/b/c", Some(("a/b", "/c"))),
            ("a%2Fb/c", Some(("a/b", "/c"))),
            ("%C3%BC/x", Some(("\u{fc}", "/x"))),
            ("b", None),
            ("", None),
        ];
        for (path, expected) in table {
            let expected = expected.map(|(name, rest)| (name.to_owned(), rest));
            assert_eq!(split(path, loaded), expected, "{path:?}");
        }
    }
}
