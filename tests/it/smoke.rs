use pocketwasm::{Runner, RunnerConfig};
#[test]
fn smoke() {
    let r = Runner::new(RunnerConfig::new().fuel(100_000_000)).unwrap();
    for f in ["rust", "c", "zig", "go", "as"] {
        let path = if f == "as" {
            "fixtures/as-packed.wasm".to_string()
        } else {
            format!("fixtures/{f}-greet.wasm")
        };
        let t = std::time::Instant::now();
        println!("{f}: {:?} {:?}", r.run_greet(&path, "World"), t.elapsed());
        let p = r.plugin_at(&path).unwrap();
        let t = std::time::Instant::now();
        let o = p.call("greet").input("World").run().unwrap();
        println!("   {o:?} {:?}", t.elapsed());
    }
    for f in [
        "rust-command",
        "c-command",
        "zig-command",
        "go-command",
        "rust-clock",
    ] {
        let p = r.plugin_at(format!("fixtures/{f}.wasm")).unwrap();
        println!(
            "{f}: {:?}",
            p.call("_start")
                .args(["a", "b"])
                .env("FOO", "x")
                .stdin("hello")
                .run()
        );
        println!(
            "{f}: {}",
            p.call("_start")
                .args(["a", "b"])
                .env("CODE", "7")
                .stdin("hello")
                .run()
                .map(|_| ())
                .unwrap_or_else(|e| println!("{e} {:?}", e.outcome()))
                == ()
        );
    }
}
