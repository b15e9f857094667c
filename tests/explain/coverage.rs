//! Coverage: functions, lines and branches, as counted by hand and by other tools.

use pocketwasm::{
    ErrorKind, Plugin, Runner, RunnerConfig,
    explain::{BranchCoverage, Coverage, CoverageReport, FileCoverage},
};
use std::collections::BTreeMap;

fn load(bytes: &[u8]) -> Plugin {
    let runner = Runner::new(RunnerConfig::new().explain(true)).expect("a valid config");
    runner.load_plugin("covered", bytes).expect("valid")
}

/// The names of the functions and how often they were called.
fn functions(report: &CoverageReport) -> Vec<(&str, u64)> {
    let files = report.files().iter();
    let functions = files.flat_map(FileCoverage::functions);
    functions.map(|it| (it.name(), it.calls())).collect()
}

/// The arms of the branches, in their order.
fn branches(report: &CoverageReport) -> Vec<&[u64]> {
    let files = report.files().iter();
    files
        .flat_map(FileCoverage::branches)
        .map(BranchCoverage::arms)
        .collect()
}

/// A name, a function, the arguments of its calls, and the arms of its branches.
type Case = (
    &'static str,
    &'static str,
    &'static [u64],
    &'static [&'static [u64]],
);

#[test]
fn branches_as_counted_by_hand() {
    let cases: &[Case] = &[
        (
            "if with else",
            "(if (local.get 0) (then (nop)) (else (nop)))",
            &[0, 1, 2],
            &[&[2, 1]],
        ),
        (
            "if without else",
            "(if (local.get 0) (then (nop)))",
            &[0, 1, 2, 0],
            &[&[2, 2]],
        ),
        (
            "a block that is left",
            "(block (br_if 0 (local.get 0)) (nop))",
            &[0, 0, 3],
            &[&[1, 2]],
        ),
        (
            "a loop",
            "(loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))",
            &[4, 3],
            &[&[5, 2]],
        ),
        (
            "two branches, the second behind an operator that may trap",
            "(block
                (br_if 0 (i32.eqz (local.get 0)))
                (drop (i32.load (local.get 0)))
                (br_if 0 (i32.eq (local.get 0) (i32.const 1))))",
            // The last one traps between them.
            &[0, 1, 2, 100_000],
            &[&[1, 3], &[1, 1]],
        ),
        (
            "a table",
            "(block (block (block (br_table 0 1 0 2 (local.get 0))) (nop)) (nop))",
            &[0, 1, 2, 2, 3, 4, 99],
            &[&[3, 1, 3]],
        ),
        (
            "a table by a number that is moved",
            "(block (block (br_table 1 0 (i32.sub (local.get 0) (i32.const 5)))))",
            &[5, 5, 6, 1],
            &[&[2, 2]],
        ),
        (
            "a table whose engine knows the operand",
            "(block (block (br_table 1 0 (i32.const 1))))",
            &[1],
            &[],
        ),
        (
            "a select is no branch",
            "(drop (select (i32.const 1) (i32.const 2) (local.get 0)))",
            &[0, 1],
            &[],
        ),
        (
            "code that nothing reaches has no branches",
            "(return) (if (local.get 0) (then (nop))) (block (br_if 0 (local.get 0)))",
            &[0],
            &[],
        ),
        (
            "inside each other",
            "(if (local.get 0)
                (then (if (i32.eq (local.get 0) (i32.const 1)) (then (return))))
                (else (if (i32.eqz (local.get 0)) (then (nop)) (else (nop)))))",
            &[0, 1, 2, 3],
            &[&[3, 1], &[1, 2], &[1, 0]],
        ),
        (
            "a condition that is a constant",
            "(if (i32.const 1) (then (nop)) (else (nop)))",
            &[0, 0],
            &[&[2, 0]],
        ),
        (
            "a call that does not return",
            "(if (local.get 0) (then (call $trap))) (if (local.get 0) (then (nop)))",
            &[0, 1],
            &[&[1, 1], &[0, 1]],
        ),
    ];
    for (name, body, calls, expected) in cases {
        let module = format!(
            "(module (memory 1) (func $trap unreachable) (func (export \"f\") (param i32) {body}))"
        );
        let module = wat::parse_str(module).expect(name);
        let plugin = load(&module);
        let mut coverage = Coverage::new();
        for argument in *calls {
            // Some trap.
            let _ = plugin.call("f").params(&[*argument]).cover(&mut coverage);
        }
        let report = coverage.report(&module).expect(name);
        assert_eq!(branches(&report), *expected, "{name}");
        assert_eq!(report.calls(), calls.len() as u64, "{name}");
        let called = ("function 1", calls.len() as u64);
        assert!(functions(&report).contains(&called), "{name}");
    }
}

/// The calls of `fixtures/coverage/build`.
const CALLS: [u64; 10] = [1, 4, 5, 7, 9, 25, 35, 97, 1200, 1201];

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/coverage/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).expect(&path)
}

fn text(name: &str) -> String {
    String::from_utf8(fixture(name)).expect(name)
}

/// What the calls cover of a module.
fn classified(module: &[u8]) -> CoverageReport {
    let plugin = load(module);
    let mut coverage = Coverage::new();
    for n in CALLS {
        let params = [n];
        let call = plugin.call("classify").params(&params);
        call.cover(&mut coverage).expect("a number");
    }
    coverage.report(module).expect("that module")
}

/// The lines of a file and how often they ran.
fn lines(report: &CoverageReport, path: &str) -> BTreeMap<u32, u64> {
    let mut files = report.files().iter();
    let file = files.find(|file| file.path() == Some(path)).expect(path);
    let lines = file.lines().iter();
    lines.map(|line| (line.line(), line.count())).collect()
}

/// How lines are counted here and there.
struct Compared {
    /// The lines whose counts differ, with both.
    differ: Vec<(u32, u64, u64)>,
    only_ours: Vec<u32>,
    only_theirs: Vec<u32>,
}

fn compared(ours: &BTreeMap<u32, u64>, theirs: &BTreeMap<u32, u64>) -> Compared {
    let both = ours
        .iter()
        .filter_map(|(line, count)| Some((*line, *count, *theirs.get(line)?)));
    let differ = both.filter(|(_, ours, theirs)| ours != theirs).collect();
    let only = |these: &BTreeMap<u32, u64>, others: &BTreeMap<u32, u64>| -> Vec<u32> {
        let lines = these.keys().filter(|line| !others.contains_key(line));
        lines.copied().collect()
    };
    Compared {
        differ,
        only_ours: only(ours, theirs),
        only_theirs: only(theirs, ours),
    }
}

#[test]
fn a_plugin_in_c_is_covered_as_gcov_says() {
    let mut theirs = BTreeMap::new();
    let mut called = BTreeMap::new();
    let mut taken: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    let mut at = 0;
    for line in text("c.gcov.txt").lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words {
            ["function", name, "called", count, ..] => {
                called.insert(name.to_owned(), count.parse::<u64>().unwrap());
            }
            ["branch", _, "taken", count, ..] => {
                taken.entry(at).or_default().push(count.parse().unwrap());
            }
            ["call", ..] => {}
            _ => {
                let (count, rest) = line.split_once(':').unwrap();
                at = rest.split_once(':').unwrap().0.trim().parse().unwrap();
                match count.trim() {
                    "-" => {}
                    count => {
                        // Lines that did not run have no number.
                        theirs.insert(at, count.parse::<u64>().unwrap_or_default());
                    }
                }
            }
        }
    }
    let report = classified(&fixture("c.wasm"));
    let ours = lines(&report, "./c.c");
    let Compared {
        differ,
        only_ours,
        only_theirs,
    } = compared(&ours, &theirs);
    assert!(differ.is_empty(), "{differ:?}");
    assert_eq!(only_ours, [11, 46], "the ends of functions that return");
    assert_eq!(only_theirs, [29, 32, 35, 38], "the labels of cases");
    assert!(theirs.len() > 25, "{theirs:?}");

    let functions = functions(&report);
    let functions = functions
        .into_iter()
        .map(|(name, calls)| (name.to_owned(), calls));
    assert_eq!(functions.collect::<BTreeMap<_, _>>(), called);

    let mut arms: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for branch in report.files()[0].branches() {
        let line = branch.line().expect("a line");
        arms.entry(line).or_default().extend(branch.arms());
    }
    // A `select` here.
    assert_eq!(taken.remove(&45), Some(vec![8, 1]));
    for counts in arms.values_mut().chain(taken.values_mut()) {
        counts.sort_unstable();
    }
    assert_eq!(arms, taken);
}

#[test]
fn a_plugin_in_rust_is_covered_as_llvm_cov_says() {
    let mut theirs = BTreeMap::new();
    let mut called: Vec<(String, u64)> = Vec::new();
    for line in text("rust.llvm-cov.txt").lines() {
        let (what, rest) = line.split_once(':').unwrap_or_default();
        let (left, right) = rest.split_once(',').unwrap_or_default();
        match what {
            "DA" => {
                let line: u32 = left.parse().unwrap();
                theirs.insert(line, right.parse::<u64>().unwrap());
            }
            "FNDA" => called.push((right.to_owned(), left.parse().unwrap())),
            _ => {}
        }
    }
    let mut report = classified(&fixture("rust.wasm"));
    report.retain(|path| path == "./rust.rs");
    let ours = lines(&report, "./rust.rs");
    let Compared {
        differ,
        only_ours,
        only_theirs,
    } = compared(&ours, &theirs);
    // `for item in items`: they count rounds, the code asks for another item 18 times more.
    assert_eq!(differ, [(33, 45, 27)]);
    assert!(only_ours.is_empty(), "{only_ours:?}");
    assert_eq!(
        only_theirs,
        [17, 18, 21, 36, 45, 60],
        "`break`, which is a jump of the line above, and the ends of blocks"
    );
    assert!(theirs.len() > 40, "{theirs:?}");

    for name in ["next", "divisor", "never", "largest", "classify"] {
        let sum = |calls: &mut dyn Iterator<Item = (String, u64)>| -> u64 {
            let calls = calls.filter(|(function, _)| function.contains(name));
            calls.map(|(_, count)| count).sum()
        };
        let ours = functions(&report).into_iter();
        let ours = sum(&mut ours.map(|(name, calls)| (name.to_owned(), calls)));
        assert_eq!(ours, sum(&mut called.clone().into_iter()), "{name}");
    }
    assert_eq!(report.functions().to_string(), "4/5  80.0 %");
}

#[test]
fn what_a_call_did_not_come_to_does_not_count() {
    let module = wat::parse_str(
        "(module (func (export \"f\") (param i32)
            (if (local.get 0) (then (nop)))
            (loop $again (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))",
    )
    .unwrap();
    let plugin = load(&module);
    let cost = plugin.call("f").params(&[5]).run().unwrap().fuel_used();
    let arms = |fuel: u64| {
        let mut coverage = Coverage::new();
        let call = plugin.call("f").params(&[5]).fuel(fuel);
        let ended = call.cover(&mut coverage);
        let report = coverage.report(&module).unwrap();
        let arms: Vec<Vec<u64>> = branches(&report).into_iter().map(<[u64]>::to_vec).collect();
        (
            ended.err().map(|error| error.kind()),
            functions(&report)[0].1,
            arms,
        )
    };
    assert_eq!(arms(cost), (None, 1, vec![vec![1, 0], vec![4, 1]]));
    // Rounds of the loop cost the same. The last is missing.
    let out = Some(ErrorKind::OutOfFuel);
    assert_eq!(arms(cost - 1), (out, 1, vec![vec![1, 0], vec![4, 0]]));
    assert_eq!(arms(0), (out, 0, vec![vec![0, 0], vec![0, 0]]));
}

#[test]
fn files_of_coverage() {
    let module = fixture("c.wasm");
    let plugin = load(&module);
    let covered = |n: u64| {
        let mut coverage = Coverage::new();
        let params = [n];
        let call = plugin.call("classify").params(&params);
        call.cover(&mut coverage).unwrap();
        coverage
    };
    let mut sum = covered(1);
    for n in &CALLS[1..] {
        let other = Coverage::from_bytes(&covered(*n).to_bytes()).unwrap();
        sum.merge(&other);
    }
    assert_eq!(sum.calls(), 10);
    assert_eq!(sum.report(&module).unwrap(), classified(&module));
    assert_eq!(Coverage::from_bytes(&sum.to_bytes()).unwrap(), sum);

    // Counters stop at the top.
    let hash: String = sum
        .modules()
        .next()
        .unwrap()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let full = format!(
        "pocketwasm coverage 1\nmodule {hash} {0}\n0 {0}\n",
        u64::MAX
    );
    let full = Coverage::from_bytes(full.as_bytes()).unwrap();
    sum.merge(&full);
    assert_eq!(sum.calls(), u64::MAX);
    assert_eq!(Coverage::from_bytes(&sum.to_bytes()).unwrap(), sum);
    assert_eq!(sum.report(&module).unwrap().calls(), u64::MAX);

    let prefix = "invalid config: `coverage` ";
    for (name, file, problem) in [
        (
            "nothing",
            String::new(),
            "line 1 is not \"pocketwasm coverage 1\"",
        ),
        (
            "another version",
            "pocketwasm coverage 2\n".to_owned(),
            "line 1 is not \"pocketwasm coverage 1\"",
        ),
        (
            "no module",
            "pocketwasm coverage 1\n1 2\n".to_owned(),
            "line 2 belongs to no module",
        ),
        (
            "one word",
            "pocketwasm coverage 1\n\n".to_owned(),
            "line 2 has no two words",
        ),
        (
            "a short hash",
            "pocketwasm coverage 1\nmodule 12ab 1\n".to_owned(),
            "line 2 names no module by its SHA-256",
        ),
        (
            "a count",
            format!("pocketwasm coverage 1\nmodule {hash} 1\n3 x\n"),
            "line 3 does not end with a number",
        ),
        (
            "a counter",
            format!("pocketwasm coverage 1\nmodule {hash} 1\n-3 1\n"),
            "line 3 does not begin with a number",
        ),
    ] {
        let error = Coverage::from_bytes(file.as_bytes()).expect_err(name);
        let expected = format!("{prefix}is no file of coverage: {problem}");
        assert_eq!(error.to_string(), expected, "{name}");
    }
    let error = Coverage::new().report(&module).unwrap_err();
    assert_eq!(error.to_string(), format!("{prefix}has no calls"));
    let other = fixture("rust.wasm");
    let error = covered(1).report(&other).unwrap_err().to_string();
    let expected = format!("only of {}; was it built anew?", &hash[..8]);
    assert!(
        error.starts_with(&format!(
            "{prefix}has no calls of this module, whose SHA-256 begins with "
        )),
        "{error}"
    );
    assert!(error.ends_with(&expected), "{error}");

    let runner = Runner::new(RunnerConfig::new()).unwrap();
    let plugin = runner.load_plugin("plain", &module).unwrap();
    let error = plugin
        .call("classify")
        .params(&[1])
        .cover(&mut Coverage::new())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert_eq!(
        error.to_string(),
        "plugin \"plain\": invalid config: `keep_modules` must be set for coverage, and the plugin must be \
         a single module without a warm-up call; a recording of a call has the warm-up call \
         (`Call::record`, `Replayer`)"
    );
}
