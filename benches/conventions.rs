//! What each convention adds to a call: `cargo bench --bench conventions`.
//!
//! One guest gives its input back by every convention. `raw` calls the convention's export with
//! numbers that mean an empty input; `bytes` passes an input, of as many bytes as the name says,
//! and takes it back. The difference is what the convention costs: allocating, copying, and the
//! host functions by which the guest asks. Both are on one kept instance; handlers of requests
//! get a fresh one each, and are compared with a call that does nothing in one.

use divan::{Bencher, black_box};
use pocketwasm::{
    Call, Convention, Instance, Plugin, Runner, RunnerConfig,
    http::{Handled, HttpRequest},
};
use std::{fmt, fs, path::Path};

/// A convention, its export, and the numbers for it that mean an empty input.
type Case = (Convention, &'static str, &'static [u64]);

const BUFFER: u64 = 4_096;
const CASES: [Case; 8] = [
    (Convention::PackedPointer, "packed", &[BUFFER, 0]),
    (Convention::CString, "string", &[BUFFER]),
    (Convention::AssemblyScript, "string", &[BUFFER]),
    (Convention::Typst, "typst", &[0]),
    (Convention::Extism, "extism", &[]),
    (Convention::Wapc, "__guest_call", &[0, 0]),
    (Convention::Command, "_start", &[]),
    (Convention::Cgi, "script", &[]),
];
const LENGTHS: [usize; 2] = [5, 4_096];

fn main() {
    divan::main();
}

/// One call by a convention.
#[derive(Clone, Copy)]
struct Passing {
    case: Case,
    length: usize,
}

impl fmt::Display for Passing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.case.0, self.length)
    }
}

fn plugin() -> Plugin {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wat/bench/conventions.wat");
    let module = wat::parse_str(fs::read_to_string(path).expect("a fixture")).expect("text");
    let runner = Runner::new(RunnerConfig::new()).expect("the defaults are valid");
    runner.load_plugin("echo", module).expect("it loads")
}

fn kept() -> Instance {
    plugin().instantiate().expect("it starts")
}

fn raw_cases() -> impl Iterator<Item = Passing> {
    CASES.into_iter().map(|case| Passing { case, length: 0 })
}

fn cases() -> impl Iterator<Item = Passing> {
    let with = |case| LENGTHS.map(|length| Passing { case, length });
    CASES.into_iter().flat_map(with)
}

/// Runs a call that must go well.
fn run(call: Call<'_>) -> Vec<u8> {
    let outcome = call.run().unwrap_or_else(|error| panic!("{error}"));
    outcome.into_bytes()
}

#[divan::bench(args = raw_cases())]
fn raw(bencher: Bencher<'_, '_>, passing: Passing) {
    let (_, export, params) = passing.case;
    let mut kept = kept();
    bencher.bench_local(|| run(kept.call(export).params(black_box(params))));
}

#[divan::bench(args = cases())]
fn bytes(bencher: Bencher<'_, '_>, Passing { case, length }: Passing) {
    let (convention, export, _) = case;
    // Letters are as long in UTF-8 as in UTF-16's units, and no line is a field.
    let input = vec![b'x'; length];
    let mut kept = kept();
    let call = |kept: &mut Instance| {
        run(kept
            .call(export)
            .convention(convention)
            .input(black_box(&input)))
    };
    assert_eq!(call(&mut kept), input, "{convention}");
    bencher.bench_local(|| call(&mut kept));
}

#[divan::bench]
fn fresh_raw(bencher: Bencher<'_, '_>) {
    let plugin = plugin();
    bencher.bench_local(|| run(plugin.call(black_box("nothing"))));
}

#[divan::bench(args = LENGTHS)]
fn fresh_http_wasm(bencher: Bencher<'_, '_>, length: usize) {
    let plugin = plugin();
    let mut request = HttpRequest::new("POST", "/");
    request.body = vec![b'x'; length];
    bencher.bench_local(|| match plugin.handle(black_box(request.clone()), b"") {
        Ok(Handled::Response(response)) => assert_eq!(response.body.len(), length),
        other => panic!("{other:?}"),
    });
}
