//! `pocketwasm profile`.

use super::Guests;

const MODULE: &str = r#"(module
    (func $leaf (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
    (func $sum (export "sum") (param i32) (result i32) (local i32)
        (loop
            (local.set 1 (i32.add (local.get 1) (call $leaf (local.get 0))))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get 1)))"#;

#[test]
fn functions_and_their_fuel() {
    let guests = Guests::new(&[]);
    guests.put("sum.wat", MODULE);
    // A round of the loop costs 11, of which `call` is one, and `$leaf` costs 4 each time. What
    // is before and after the loop costs 2.
    let expected = "\
152 units of fuel in 2 functions

   self fuel       %   total fuel        calls  function
         112  73.6 %          152            1  sum
          40  26.3 %           40           10  leaf
";
    let ran = guests.run(["profile", "sum.wat", "sum", "10"]);
    ran.is("a table", 0, expected, "");
    let cost = guests
        .run(["call", "--json", "sum.wat", "sum", "10"])
        .json();
    assert_eq!(cost["fuel_used"], 152);

    let report = guests.run(["profile", "--json", "sum.wat", "sum", "10"]);
    guests.put("before.json", &report.stdout);
    let args = [
        "profile",
        "--compare",
        "before.json",
        "sum.wat",
        "sum",
        "11",
    ];
    let expected = "\
152 units of fuel before, 167 now: +15

      before          now       change  function
         112          123          +11  sum
          40           44           +4  leaf
";
    guests.run(args).is("a comparison", 0, expected, "");

    let files = ["--folded", "stacks", "--speedscope", "profile.json"];
    let args = [&["profile"], &files[..], &["sum.wat", "sum", "10"]].concat();
    assert_eq!(guests.run(args).code, Some(0));
    let read = |name: &str| std::fs::read_to_string(guests.0.path().join(name)).unwrap();
    assert_eq!(read("stacks"), "sum 112\nsum;leaf 40\n");
    let profile: serde_json::Value = serde_json::from_str(&read("profile.json")).unwrap();
    let stacks = &profile["profiles"][0];
    assert_eq!(stacks["samples"], serde_json::json!([[0], [0, 1]]));
    assert_eq!(stacks["weights"], serde_json::json!([112, 40]));
}

#[test]
fn host_functions_and_growth() {
    let guests = Guests::new(&[]);
    guests.put(
        "grow.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
            (memory (export "memory") 1)
            (func $grow (param i32) (drop (memory.grow (local.get 0))))
            (func (export "grow")
                (call $grow (i32.const 2))
                (drop (call $yield))
                (call $grow (i32.const 0))
                (drop (memory.grow (i32.const 3)))
                (drop (call $yield))))"#,
    );
    let ran = guests.run(["profile", "grow.wat", "grow"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let (functions, tables) = ran.stdout.split_once("\n\n       calls").expect("a table");
    let yields = functions.lines().find(|line| line.ends_with("sched_yield"));
    let fuel = yields.and_then(|line| line.split_whitespace().next());
    let fuel = fuel.expect("the function");
    let expected = format!(
        "         fuel   total fuel  function of the host
           2 {fuel:>12} {fuel:>12}  wasi_snapshot_preview1.sched_yield

memory: 6 pages at the end, 5 of them by growth

       pages  function
           3  function 2
           2  grow
"
    );
    assert_eq!(tables, expected);
    let report = guests.run(["profile", "--json", "grow.wat", "grow"]).json();
    assert_eq!(report["grown_pages"], 5);
    let functions = report["functions"].as_array().expect("a list");
    let hosts: Vec<_> = functions
        .iter()
        .filter(|it| it["host_function"] == true)
        .collect();
    assert_eq!(hosts.len(), 1, "{report}");
}

#[test]
fn flame_graphs() {
    let guests = Guests::new(&[]);
    guests.put("sum.wat", MODULE);
    // Without names, a function is `function` and its index, which is no count of samples.
    guests.put(
        "bare.wat",
        MODULE.replace("call $leaf", "call 0").replace("$leaf", ""),
    );
    let svg = |module: &str| {
        let ran = guests.run(["profile", "--svg", "graph.svg", module, "sum", "10"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        std::fs::read_to_string(guests.0.path().join("graph.svg")).unwrap()
    };
    let graph = svg("sum.wat");
    assert!(graph.starts_with("<?xml"), "{graph}");
    for part in [
        ">sum.wat, sum</text>",
        "<title>all (152 units of fuel, 100%)</title>",
        "<title>sum (152 units of fuel, 100.00%)</title>",
        "<title>leaf (40 units of fuel, 26.32%)</title>",
    ] {
        assert!(graph.contains(part), "{part}: {graph}");
    }
    assert_eq!(svg("sum.wat"), graph, "the same bytes each time");
    let bare = svg("bare.wat");
    let part = "<title>function_0 (40 units of fuel, 26.32%)</title>";
    assert!(bare.contains(part), "{bare}");

    let ran = guests.run(["profile", "--svg", "no/graph.svg", "sum.wat", "sum", "10"]);
    let message =
        "pocketwasm: cannot write \"no/graph.svg\": No such file or directory (os error 2)\n";
    ran.is("no directory", 3, "", message);
    guests.put("idle.wat", "(module (func (export \"idle\")))");
    let args = [
        "profile",
        "--fuel",
        "0",
        "--svg",
        "graph.svg",
        "idle.wat",
        "idle",
    ];
    let message = "pocketwasm: cannot draw \"graph.svg\": the call used no fuel\n";
    guests.run(args).is("no fuel", 7, "", message);
}

#[test]
fn profiles_of_calls_that_fail() {
    let guests = Guests::new(&["rust-greet.wasm"]);
    guests.put("sum.wat", MODULE);
    let ran = guests.run(["profile", "--fuel", "100", "sum.wat", "sum", "10"]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(
        ran.stdout.starts_with("100 units of fuel in 2 functions\n"),
        "{ran:?}"
    );
    let ran = guests.run([
        "profile",
        "--compare",
        "rust-greet.wasm",
        "sum.wat",
        "sum",
        "1",
    ]);
    assert_eq!(ran.code, Some(7), "{ran:?}");
    guests.put("other.json", "{}");
    let ran = guests.run(["profile", "--compare", "other.json", "sum.wat", "sum", "1"]);
    let message = "pocketwasm: \"other.json\" is no report of `pocketwasm profile --json`\n";
    ran.is("another file", 2, "", message);
}
