//! HTTP messages as handlers of http-wasm's convention see them.

use crate::common::{
    http::{HttpHeaders, HttpRequest, HttpResponse},
    recording::codec::{Damage, Reader, Writer},
};

fn put_fields(to: &mut Writer, fields: &HttpHeaders) {
    to.list(fields, |to, (name, value)| {
        to.text(name);
        to.text(value);
    });
}

fn take_fields(from: &mut Reader<'_>) -> Result<HttpHeaders, Damage> {
    from.list(|from| Ok((from.string()?, from.string()?)))
}

pub(crate) fn put_request(to: &mut Writer, request: &HttpRequest) {
    let HttpRequest {
        method,
        uri,
        headers,
        body,
        trailers,
        version,
        source,
    } = request;
    for text in [method, uri, version, source] {
        to.text(text);
    }
    put_fields(to, headers);
    to.bytes(body);
    put_fields(to, trailers);
}

pub(crate) fn take_request(from: &mut Reader<'_>) -> Result<HttpRequest, Damage> {
    Ok(HttpRequest {
        method: from.string()?,
        uri: from.string()?,
        version: from.string()?,
        source: from.string()?,
        headers: take_fields(from)?,
        body: from.bytes()?.to_vec(),
        trailers: take_fields(from)?,
    })
}

pub(crate) fn put_response(to: &mut Writer, response: &HttpResponse) {
    let HttpResponse {
        status,
        headers,
        body,
        trailers,
    } = response;
    to.number((*status).into());
    put_fields(to, headers);
    to.bytes(body);
    put_fields(to, trailers);
}

pub(crate) fn take_response(from: &mut Reader<'_>) -> Result<HttpResponse, Damage> {
    Ok(HttpResponse {
        status: from.small()?,
        headers: take_fields(from)?,
        body: from.bytes()?.to_vec(),
        trailers: take_fields(from)?,
    })
}
