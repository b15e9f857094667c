//! A proxy's side of proxy-wasm, the convention of Envoy's plugins: configures one that is built by
//! the SDK from crates.io, answers its HTTP call and lets it look at requests. Its functions have up
//! to ten parameters.

mod packaged;

use pocketwasm::{Error as CallError, HostContext, Instance, MissingImports, Runner, RunnerConfig};
use std::{collections::BTreeMap, error::Error};

/// What host functions return: any error ends the call.
type Done<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What functions return, by the convention.
const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const BAD_ARGUMENT: u32 = 2;

/// The proxy, as the plugin sees it.
#[derive(Default)]
struct Proxy {
    log: Vec<String>,
    configuration: Vec<u8>,
    response_body: Vec<u8>,
    fields: Vec<(String, String)>,
    shared: BTreeMap<Vec<u8>, Vec<u8>>,
    metrics: Vec<(String, i64)>,
    calls: Vec<String>,
    answer: Option<(u32, String)>,
    tick_milliseconds: u32,
}

/// Lends the proxy of the call in progress.
fn proxy<'a>(context: &'a mut HostContext<'_>) -> Done<&'a mut Proxy> {
    Ok(context.state::<Proxy>().ok_or("the call has no proxy")?)
}

fn text(context: &mut HostContext<'_>, place: u32, length: u32) -> Done<String> {
    Ok(context.read_text(place, length)?.to_owned())
}

/// Gives bytes to the plugin in memory that the plugin allocates, and writes where they are.
fn give(context: &mut HostContext<'_>, bytes: &[u8], place: u32, size: u32) -> Done<u32> {
    let Ok(length) = u32::try_from(bytes.len()) else {
        return Ok(BAD_ARGUMENT);
    };
    let allocated = context.call("proxy_on_memory_allocate", &[length.into()])?;
    let Some(Ok(pointer)) = allocated.first().map(|pointer| u32::try_from(*pointer)) else {
        return Ok(BAD_ARGUMENT);
    };
    context.write(pointer, bytes)?;
    context.write(place, &pointer.to_le_bytes())?;
    context.write(size, &length.to_le_bytes())?;
    Ok(OK)
}

fn log(context: &mut HostContext<'_>, _level: u32, place: u32, length: u32) -> Done<u32> {
    let line = text(context, place, length)?;
    proxy(context)?.log.push(line);
    Ok(OK)
}

fn get_buffer_bytes(
    context: &mut HostContext<'_>,
    buffer: u32,
    start: u32,
    most: u32,
    place: u32,
    size: u32,
) -> Done<u32> {
    const CALL_RESPONSE_BODY: u32 = 4;
    const PLUGIN_CONFIGURATION: u32 = 7;
    let proxy = proxy(context)?;
    let bytes = match buffer {
        CALL_RESPONSE_BODY => &proxy.response_body,
        PLUGIN_CONFIGURATION => &proxy.configuration,
        _ => return Ok(NOT_FOUND),
    };
    let bytes = bytes.iter().skip(start as usize).take(most as usize);
    let bytes: Vec<u8> = bytes.copied().collect();
    give(context, &bytes, place, size)
}

fn get_property(
    context: &mut HostContext<'_>,
    path: u32,
    length: u32,
    place: u32,
    size: u32,
) -> Done<u32> {
    match &*text(context, path, length)? {
        "plugin_name" => give(context, b"tenants", place, size),
        _ => Ok(NOT_FOUND),
    }
}

fn get_field(
    context: &mut HostContext<'_>,
    _map: u32,
    name: u32,
    length: u32,
    place: u32,
    size: u32,
) -> Done<u32> {
    let name = text(context, name, length)?;
    let fields = &proxy(context)?.fields;
    let found = fields.iter().find(|(other, _)| *other == name);
    match found.map(|(_, value)| value.clone()) {
        Some(value) => give(context, value.as_bytes(), place, size),
        None => Ok(NOT_FOUND),
    }
}

fn replace_field(
    context: &mut HostContext<'_>,
    _map: u32,
    name: u32,
    name_length: u32,
    value: u32,
    value_length: u32,
) -> Done<u32> {
    let name = text(context, name, name_length)?;
    let value = text(context, value, value_length)?;
    let fields = &mut proxy(context)?.fields;
    fields.retain(|(other, _)| *other != name);
    fields.push((name, value));
    Ok(OK)
}

fn remove_field(context: &mut HostContext<'_>, _map: u32, name: u32, length: u32) -> Done<u32> {
    let name = text(context, name, length)?;
    proxy(context)?.fields.retain(|(other, _)| *other != name);
    Ok(OK)
}

fn set_shared_data(
    context: &mut HostContext<'_>,
    key: u32,
    key_length: u32,
    value: u32,
    value_length: u32,
    _version: u32,
) -> Done<u32> {
    let key = context.read(key, key_length)?.to_vec();
    let value = context.read(value, value_length)?.to_vec();
    proxy(context)?.shared.insert(key, value);
    Ok(OK)
}

fn define_metric(
    context: &mut HostContext<'_>,
    _kind: u32,
    name: u32,
    length: u32,
    number: u32,
) -> Done<u32> {
    let name = text(context, name, length)?;
    let metrics = &mut proxy(context)?.metrics;
    metrics.push((name, 0));
    let defined = u32::try_from(metrics.len()).unwrap_or(u32::MAX);
    context.write(number, &defined.to_le_bytes())?;
    Ok(OK)
}

fn increment_metric(context: &mut HostContext<'_>, number: u32, by: i64) -> Done<u32> {
    let metrics = &mut proxy(context)?.metrics;
    let place = (number as usize).checked_sub(1);
    match place.and_then(|place| metrics.get_mut(place)) {
        Some((_, value)) => *value += by,
        None => return Ok(NOT_FOUND),
    }
    Ok(OK)
}

#[allow(clippy::too_many_arguments, reason = "the convention wants them")]
fn http_call(
    context: &mut HostContext<'_>,
    upstream: u32,
    upstream_length: u32,
    fields: u32,
    fields_length: u32,
    _body: u32,
    _body_length: u32,
    _trailers: u32,
    _trailers_length: u32,
    milliseconds: u32,
    token: u32,
) -> Done<u32> {
    let upstream = text(context, upstream, upstream_length)?;
    // Names and values end with zero bytes, after a table of their lengths.
    let fields = String::from_utf8_lossy(context.read(fields, fields_length)?).into_owned();
    let path = fields.split('\0').find(|part| part.starts_with('/'));
    let call = format!("{upstream}{} within {milliseconds} ms", path.unwrap_or("?"));
    let calls = &mut proxy(context)?.calls;
    calls.push(call);
    let made = u32::try_from(calls.len()).unwrap_or(u32::MAX);
    context.write(token, &made.to_le_bytes())?;
    Ok(OK)
}

#[allow(clippy::too_many_arguments, reason = "the convention wants them")]
fn send_local_response(
    context: &mut HostContext<'_>,
    status: u32,
    _details: u32,
    _details_length: u32,
    body: u32,
    body_length: u32,
    _fields: u32,
    _fields_length: u32,
    _grpc_status: i32,
) -> Done<u32> {
    let body = text(context, body, body_length)?;
    proxy(context)?.answer = Some((status, body));
    Ok(OK)
}

fn set_tick_period(context: &mut HostContext<'_>, milliseconds: u32) -> Done<u32> {
    proxy(context)?.tick_milliseconds = milliseconds;
    Ok(OK)
}

/// Calls an export of the plugin, which sees `proxy`.
fn call(
    plugin: &mut Instance,
    proxy: &mut Proxy,
    export: &str,
    params: &[u64],
) -> Result<u64, CallError> {
    let outcome = plugin.call(export).params(params).state(proxy).run()?;
    Ok(outcome.results().first().copied().unwrap_or_default())
}

/// The plugin's root, of which all contexts of requests are children.
const ROOT: u64 = 1;

/// Shows a request to the plugin. Returns whether it may go on.
fn request(
    plugin: &mut Instance,
    proxy: &mut Proxy,
    number: u64,
    host: &str,
) -> Result<bool, CallError> {
    proxy.fields = vec![(":authority".to_owned(), host.to_owned())];
    call(plugin, proxy, "proxy_on_context_create", &[number, ROOT])?;
    let fields = proxy.fields.len() as u64;
    let action = call(
        plugin,
        proxy,
        "proxy_on_request_headers",
        &[number, fields, 1],
    )?;
    call(plugin, proxy, "proxy_on_done", &[number])?;
    call(plugin, proxy, "proxy_on_delete", &[number])?;
    Ok(action == 0)
}

fn main() -> Result<(), Box<dyn Error>> {
    // The SDK imports all functions of the convention. This proxy has those that the plugin calls.
    let config = RunnerConfig::new()
        .missing_imports(MissingImports::Trap)
        .function("env", "proxy_log", log)
        .function("env", "proxy_get_buffer_bytes", get_buffer_bytes)
        .function("env", "proxy_get_property", get_property)
        .function("env", "proxy_get_header_map_value", get_field)
        .function("env", "proxy_replace_header_map_value", replace_field)
        .function("env", "proxy_remove_header_map_value", remove_field)
        .function("env", "proxy_set_shared_data", set_shared_data)
        .function("env", "proxy_define_metric", define_metric)
        .function("env", "proxy_increment_metric", increment_metric)
        .function("env", "proxy_http_call", http_call)
        .function("env", "proxy_send_local_response", send_local_response)
        .function("env", "proxy_set_tick_period_milliseconds", set_tick_period)
        .function(
            "env",
            "proxy_set_effective_context",
            |_: &mut HostContext<'_>, _: u32| OK,
        );
    let plugin = Runner::new(config)?.load_plugin("tenants", packaged::file("tenants.wasm")?)?;
    println!("{} imports", plugin.imports().len());
    let mut plugin = plugin.instantiate()?;

    let mut proxy = Proxy {
        configuration: b"a.example blue\nb.example green\n".to_vec(),
        ..Proxy::default()
    };
    let length = proxy.configuration.len() as u64;
    call(
        &mut plugin,
        &mut proxy,
        "proxy_on_context_create",
        &[ROOT, 0],
    )?;
    assert_eq!(
        call(&mut plugin, &mut proxy, "proxy_on_vm_start", &[ROOT, 0])?,
        1
    );
    assert_eq!(
        call(
            &mut plugin,
            &mut proxy,
            "proxy_on_configure",
            &[ROOT, length]
        )?,
        1
    );
    assert_eq!(proxy.log, ["tenants has 2 tenants"]);
    assert_eq!(proxy.calls, ["quotas/quotas within 250 ms"]);
    assert_eq!(proxy.tick_milliseconds, 5_000);
    assert_eq!(proxy.shared[&b"tenants".to_vec()], proxy.configuration);

    // The answer to the plugin's call.
    proxy.response_body = b"blue 10".to_vec();
    let answer = [ROOT, 1, 0, 7, 0];
    call(
        &mut plugin,
        &mut proxy,
        "proxy_on_http_call_response",
        &answer,
    )?;
    assert_eq!(proxy.log[1..], ["call 1: blue 10"]);

    assert!(request(&mut plugin, &mut proxy, 2, "b.example")?);
    let tenant = proxy.fields.iter().find(|(name, _)| name == "x-tenant");
    println!("b.example: {tenant:?}");
    assert_eq!(tenant.map(|(_, value)| &**value), Some("green"));

    assert!(!request(&mut plugin, &mut proxy, 3, "c.example")?);
    println!("c.example: {:?}, {:?}", proxy.answer, proxy.metrics);
    assert_eq!(proxy.answer, Some((404, "no such host\n".to_owned())));
    assert_eq!(proxy.metrics, [("rejected".to_owned(), 1)]);
    Ok(())
}
