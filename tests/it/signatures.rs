//! Functions of every signature can be called. The most common signatures take another path into
//! the engine.

use crate::support::{fails, patient, runner, runs};
use pocketwasm::{Call, HostContext, Plugin, RunnerConfig};

struct Row {
    params: &'static [&'static str],
    results: &'static [&'static str],
    passed: &'static [u64],
    returned: &'static [u64],
}

const MINUS_TWO: u64 = 0xffff_fffe;
const PI: u64 = 0x4009_21fb_5444_2d18;
const HALF: u64 = 0x3f00_0000;

const ROWS: &[Row] = &[
    row(&[], &[], &[], &[]),
    row(&[], &["i32"], &[], &[0]),
    row(&["i32"], &[], &[MINUS_TWO], &[]),
    row(&["i32"], &["i32"], &[MINUS_TWO], &[MINUS_TWO]),
    row(&["i32"], &["i64"], &[7], &[0]),
    row(&["i32", "i32"], &[], &[1, MINUS_TWO], &[]),
    row(&["i32", "i32"], &["i32"], &[1, MINUS_TWO], &[MINUS_TWO]),
    // Sign-extended is as good as zero-extended.
    row(&["i32", "i32"], &["i32"], &[1, u64::MAX - 1], &[MINUS_TWO]),
    row(&["i32", "i64"], &["i64"], &[1, u64::MAX], &[u64::MAX]),
    row(&["i64", "i64"], &["i64"], &[1, u64::MAX], &[u64::MAX]),
    row(&["i32", "i32"], &["i32", "i32"], &[1, 2], &[1, 2]),
    row(&["i32", "i32", "i32"], &["i32"], &[1, 2, 3], &[3]),
    row(&["f32", "f64"], &["f64"], &[HALF, PI], &[PI]),
    row(&["f64", "f32"], &["f32"], &[PI, HALF], &[HALF]),
    row(&["i32"; 6], &["i32"; 3], &[1, 2, 3, 4, 5, 6], &[4, 5, 6]),
];

const fn row(
    params: &'static [&'static str],
    results: &'static [&'static str],
    passed: &'static [u64],
    returned: &'static [u64],
) -> Row {
    Row {
        params,
        results,
        passed,
        returned,
    }
}

impl Row {
    fn name(&self) -> String {
        format!("{:?} -> {:?}, {:?}", self.params, self.results, self.passed)
    }

    /// Exports that return the last of what they were given, or 0: after some work, after a trap,
    /// an error of the host's, and the end of the program.
    fn plugin(&self, config: RunnerConfig) -> Plugin {
        let list = |what: &str, types: &[&str]| match types {
            [] => String::new(),
            types => format!("({what} {})", types.join(" ")),
        };
        let ty = list("param", self.params) + &list("result", self.results);
        let first = self.params.len().saturating_sub(self.results.len());
        let of_its_type = |index: usize, ty: &str| match self.params.get(index) {
            Some(param) if *param == ty => format!("(local.get {index})"),
            _ => format!("({ty}.const 0)"),
        };
        let results: String = (first..)
            .zip(self.results)
            .map(|(index, ty)| of_its_type(index, ty))
            .collect();
        let exports: String = [
            (
                "work",
                "(local.set $n (i32.const 1000))
                (loop (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))",
            ),
            ("trap", "(drop (i32.div_u (i32.const 1) (local.get $n)))"),
            ("fail", "(call $fail)"),
            ("exit", "(call $exit (i32.const 0))"),
        ]
        .map(|(name, before)| {
            format!("(func (export \"{name}\") {ty} (local $n i32) {before} {results})")
        })
        .concat();
        let module = format!(
            r#"(module
                (import "env" "fail" (func $fail))
                (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (memory (export "memory") 1)
                {exports})"#
        );
        let module = wat::parse_str(&module).unwrap_or_else(|error| panic!("{module}: {error}"));
        let fail = |_: &mut HostContext<'_>| -> Result<(), &'static str> { Err("not today") };
        let loaded = runner(config.function("env", "fail", fail)).load_plugin("m", module);
        loaded.unwrap_or_else(|error| panic!("{}: {error}", self.name()))
    }

    /// What `check` finds in a fresh instance, in one that is kept, and there once more.
    fn each(&self, plugin: &Plugin, export: &str, check: impl Fn(Call<'_>, &str)) {
        let call = |call: Call<'_>, how: &str| {
            check(call.params(self.passed), &format!("{}, {how}", self.name()));
        };
        call(plugin.call(export), "fresh");
        let mut kept = plugin.instantiate().expect("starts");
        call(kept.call(export), "kept");
        if !kept.is_poisoned() {
            call(kept.call(export), "kept, again");
        }
    }
}

#[test]
fn results_and_fuel() {
    for row in ROWS {
        let fuel = runs(row.plugin(patient()).call("work").params(row.passed)).fuel_used();
        for slice in [None, Some(1), Some(100), Some(100_000)] {
            let config = match slice {
                Some(slice) => patient().slice(slice),
                None => patient(),
            };
            row.each(&row.plugin(config), "work", |call, name| {
                let outcome = runs(call);
                assert_eq!(outcome.results(), row.returned, "{name}, {slice:?}");
                assert_eq!(outcome.fuel_used(), fuel, "{name}, {slice:?}");
            });
        }
    }
}

#[test]
fn what_ends_a_call() {
    for row in ROWS {
        let plugin = row.plugin(patient());
        for (export, problem) in [
            ("trap", "trap: integer divided by zero"),
            ("fail", "host function \"env\" \"fail\": not today"),
        ] {
            row.each(&plugin, export, |call, name| {
                assert_eq!(fails(call).message(), problem, "{name}");
            });
        }
        row.each(&plugin, "work", |call, name| {
            let error = fails(call.fuel(1_000));
            assert_eq!(
                error.message(),
                "out of fuel: all 1000 units of the limit `fuel` are used",
                "{name}"
            );
            let used = error.outcome().map(pocketwasm::Outcome::fuel_used);
            assert_eq!(used, Some(1_000), "{name}");
        });
        row.each(&plugin, "exit", |call, name| match call.run() {
            Ok(outcome) => assert!(row.results.is_empty(), "{name}: {outcome:?}"),
            Err(error) => {
                assert!(!row.results.is_empty(), "{name}: {error}");
                assert_eq!(error.message(), "the guest exited with code 0", "{name}");
            }
        });
    }
}
