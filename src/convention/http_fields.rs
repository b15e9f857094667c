//! The functions by which http-wasm's handlers read and write header fields and trailers.

use crate::{
    common::{
        failure::Failure,
        http::{HttpHeaders, is_field},
        text::Quoted,
    },
    convention::http_guest::{
        Guest, answer, changing_response, grow, http, string, unanswered, wrong,
    },
    engine::host_functions::charge_bytes,
    host::convention_state::HttpExchange,
};
use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The fields that the guest names by `kind`: headers or trailers, of request or response.
fn fields(http: &mut HttpExchange, kind: u32) -> Result<&mut HttpHeaders, Failure> {
    Ok(match kind {
        0 => &mut http.request.headers,
        1 => &mut http.response.headers,
        2 => &mut http.request.trailers,
        3 => &mut http.response.trailers,
        _ => return Err(wrong(format!("there is no kind {kind} of fields"))),
    })
}

/// The fields, for a guest that searches or copies them. This costs fuel for the size of all
/// messages, which bounds the work.
fn search<'a>(caller: &'a mut Guest<'_>, kind: u32) -> Result<&'a mut HttpHeaders, Failure> {
    let used = http(caller)?.used;
    charge_bytes(caller, used)?;
    fields(http(caller)?, kind)
}

/// The fields, if the guest may still change them.
fn changing<'a>(caller: &'a mut Guest<'_>, kind: u32) -> Result<&'a mut HttpHeaders, Failure> {
    match kind {
        0 | 2 => unanswered(caller)?,
        _ => changing_response(caller)?,
    };
    search(caller, kind)
}

/// Writes strings to the guest's buffer, each with a zero byte after it, if they fit. Returns their
/// count and length in any case.
fn list<'a>(
    caller: &mut Guest<'_>,
    strings: impl Iterator<Item = &'a str>,
    buffer: (u32, u32),
) -> Result<u64, Failure> {
    let mut count = 0_u64;
    let mut bytes = Vec::new();
    for string in strings {
        count += 1;
        bytes.extend_from_slice(string.as_bytes());
        bytes.push(0);
    }
    let length = answer(caller, &bytes, buffer)?;
    Ok(count << 32 | u64::from(length))
}

pub(super) fn get_header_names(
    caller: &mut Guest<'_>,
    kind: u32,
    buffer: u32,
    limit: u32,
) -> Result<u64, Failure> {
    // Lower-case names, sorted and without duplicates, make the answer independent of who set the
    // fields.
    let names: BTreeSet<_> = search(caller, kind)?
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    list(caller, names.iter().map(String::as_str), (buffer, limit))
}

pub(super) fn get_header_values(
    caller: &mut Guest<'_>,
    kind: u32,
    name: u32,
    name_length: u32,
    buffer: u32,
    limit: u32,
) -> Result<u64, Failure> {
    let name = name_of(caller, name, name_length)?;
    let values: Vec<_> = search(caller, kind)?
        .iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(&name))
        .map(|(_, value)| value.clone())
        .collect();
    list(caller, values.iter().map(String::as_str), (buffer, limit))
}

fn name_of(caller: &mut Guest<'_>, name: u32, length: u32) -> Result<String, Failure> {
    match length {
        0 => Err(wrong("a field has no name".to_string())),
        _ => string(caller, name, length),
    }
}

fn field(
    caller: &mut Guest<'_>,
    (name, name_length): (u32, u32),
    (value, value_length): (u32, u32),
) -> Result<(String, String), Failure> {
    let name = name_of(caller, name, name_length)?;
    let value = string(caller, value, value_length)?;
    if !is_field(&name, &value) {
        return Err(wrong(format!("the field {}", Quoted(&name))));
    }
    grow(caller, (name.len() + value.len() + 64) as u64)?;
    Ok((name, value))
}

pub(super) fn set_header_value(
    caller: &mut Guest<'_>,
    kind: u32,
    name: u32,
    name_length: u32,
    value: u32,
    value_length: u32,
) -> Result<(), Failure> {
    let field = field(caller, (name, name_length), (value, value_length))?;
    let fields = changing(caller, kind)?;
    fields.retain(|(other, _)| !other.eq_ignore_ascii_case(&field.0));
    fields.push(field);
    Ok(())
}

pub(super) fn add_header_value(
    caller: &mut Guest<'_>,
    kind: u32,
    name: u32,
    name_length: u32,
    value: u32,
    value_length: u32,
) -> Result<(), Failure> {
    let field = field(caller, (name, name_length), (value, value_length))?;
    changing(caller, kind)?.push(field);
    Ok(())
}

pub(super) fn remove_header(
    caller: &mut Guest<'_>,
    kind: u32,
    name: u32,
    name_length: u32,
) -> Result<(), Failure> {
    let name = name_of(caller, name, name_length)?;
    let fields = changing(caller, kind)?;
    fields.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
    Ok(())
}
