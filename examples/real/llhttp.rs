//! Parses an HTTP request by llhttp, the parser of Node.js, from npm's `undici`. The parser calls
//! back for each part of the request.

mod packaged;

use pocketwasm::{Error as GuestError, HostContext, Runner, RunnerConfig};
use std::error::Error;

const REQUEST: &[u8] =
    b"POST /greet?name=Ada HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5\r\n\r\nhello";

#[derive(Debug, Default, PartialEq)]
struct Request {
    url: String,
    fields: Vec<String>,
    body: String,
    complete: bool,
}

/// A callback that gets a piece of the text, and gives it to `take`.
fn piece(
    take: fn(&mut Request, String),
) -> impl Fn(&mut HostContext<'_>, u32, u32, u32) -> Result<i32, GuestError> + Send + Sync {
    move |context: &mut HostContext<'_>, _parser: u32, at: u32, length: u32| {
        let text = context.read_text(at, length)?.to_owned();
        if let Some(request) = context.state::<Request>() {
            take(request, text);
        }
        Ok(0)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = RunnerConfig::new()
        .function(
            "env",
            "wasm_on_message_begin",
            |_: &mut HostContext<'_>, _: u32| 0_i32,
        )
        .function(
            "env",
            "wasm_on_url",
            piece(|request, text| request.url += &text),
        )
        .function("env", "wasm_on_status", piece(|_, _| {}))
        .function(
            "env",
            "wasm_on_header_field",
            piece(|request, text| request.fields.push(text)),
        )
        .function(
            "env",
            "wasm_on_header_value",
            piece(|request, text| request.fields.push(text)),
        )
        .function(
            "env",
            "wasm_on_headers_complete",
            |_: &mut HostContext<'_>, _: u32, _: u32, _: u32, _: u32| 0_i32,
        )
        .function(
            "env",
            "wasm_on_body",
            piece(|request, text| request.body += &text),
        )
        .function(
            "env",
            "wasm_on_message_complete",
            |context: &mut HostContext<'_>, _: u32| {
                if let Some(request) = context.state::<Request>() {
                    request.complete = true;
                }
                0_i32
            },
        );
    let module = packaged::module_in_script("lib/llhttp/llhttp-wasm.js")?;
    let mut parser = Runner::new(config)?
        .load_plugin("llhttp", module)?
        .instantiate()?;

    const REQUESTS: u32 = 1;
    let state = parser
        .typed::<u32, u32>("llhttp_alloc")?
        .call_in(&mut parser, REQUESTS)?;
    let length = u32::try_from(REQUEST.len())?;
    let place = parser
        .typed::<u32, u32>("malloc")?
        .call_in(&mut parser, length)?;
    parser.memory("memory")?.write(place, REQUEST)?;
    let mut request = Request::default();
    let outcome = parser
        .call("llhttp_execute")
        .params(&[state.into(), place.into(), length.into()])
        .state(&mut request)
        .run()?;
    println!("{request:?}");
    assert_eq!(outcome.results(), [0]);
    let expected = Request {
        url: "/greet?name=Ada".to_owned(),
        fields: ["Host", "example.org", "Content-Length", "5"]
            .map(str::to_owned)
            .to_vec(),
        body: "hello".to_owned(),
        complete: true,
    };
    assert_eq!(request, expected);
    Ok(())
}
