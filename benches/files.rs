//! What files cost: mounting a large tree, reading through `fd_read`, listing a large directory.
//!
//! `cargo bench --bench files` prints each figure with what it is compared with.

use pocketwasm::{Files, Plugin, Runner, RunnerConfig};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const MIB: usize = 1 << 20;

/// `nothing`; `read BYTES`: reads the file `f` to its end in pieces; `list BYTES`: lists `/dir` in
/// pieces; each returns how many pieces it took.
const GUEST: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open" (func $open
        (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir
        (param i32 i32 i32 i64 i32) (result i32)))
    (memory (export "memory") 258)
    (data (i32.const 0) "fdir")
    (func (export "nothing"))
    (func $opened (param $at i32) (param $length i32) (result i32)
        (if (call $open (i32.const 3) (i32.const 0) (local.get $at) (local.get $length) (i32.const 0)
                (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16))
            (then (unreachable)))
        (i32.load (i32.const 16)))
    (func (export "read") (param $bytes i32) (result i32) (local $fd i32) (local $pieces i32)
        (local.set $fd (call $opened (i32.const 0) (i32.const 1)))
        (i32.store (i32.const 32) (i32.const 65536))
        (i32.store (i32.const 36) (local.get $bytes))
        (loop $more
            (if (call $read (local.get $fd) (i32.const 32) (i32.const 1) (i32.const 40))
                (then (unreachable)))
            (local.set $pieces (i32.add (local.get $pieces) (i32.const 1)))
            (br_if $more (i32.load (i32.const 40))))
        (drop (call $close (local.get $fd)))
        (local.get $pieces))
    (func (export "list") (param $bytes i32) (result i32)
        (local $fd i32) (local $pieces i32) (local $at i32) (local $next i32) (local $cookie i64)
        (local.set $fd (call $opened (i32.const 1) (i32.const 3)))
        (loop $more
            (if (call $readdir (local.get $fd) (i32.const 65536) (local.get $bytes)
                    (local.get $cookie) (i32.const 40))
                (then (unreachable)))
            (local.set $pieces (i32.add (local.get $pieces) (i32.const 1)))
            ;; Goes along the entries to the last that is whole.
            (local.set $at (i32.const 65536))
            (block $done (loop $entry
                (br_if $done (i32.gt_u (i32.add (local.get $at) (i32.const 24))
                    (i32.add (i32.const 65536) (i32.load (i32.const 40)))))
                (local.set $next (i32.add (i32.add (local.get $at) (i32.const 24))
                    (i32.load offset=16 (local.get $at))))
                (br_if $done (i32.gt_u (local.get $next)
                    (i32.add (i32.const 65536) (i32.load (i32.const 40)))))
                (local.set $cookie (i64.load (local.get $at)))
                (local.set $at (local.get $next))
                (br $entry)))
            (br_if $more (i32.eq (i32.load (i32.const 40)) (local.get $bytes))))
        (drop (call $close (local.get $fd)))
        (local.get $pieces)))"#;

/// The median of many runs.
fn median(rounds: usize, mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let begin = Instant::now();
            run();
            begin.elapsed()
        })
        .collect();
    times.sort();
    times[rounds / 2]
}

fn mounting(plugin: &Plugin, small: &Plugin) {
    let mut large = Files::new();
    for number in 0..5_000 {
        large = large.file(&format!("/{}/{number}", number % 50), vec![7; 10 << 10]);
    }
    println!("a tree of {} MB in 5,000 files", large.bytes() / 1_000_000);
    let call = |files: Option<&Files>| {
        let call = small.call("nothing");
        let call = match files {
            Some(files) => call.files(files),
            None => call,
        };
        black_box(call.run().expect("it runs"));
    };
    let (without, with) = (
        median(20_000, || call(None)),
        median(20_000, || call(Some(&large))),
    );
    println!("  a call of nothing: {without:?} without files, {with:?} with them");
    let empty = Files::new().file("/f", "").dir("/dir");
    let first = |files: &Files| {
        let call = plugin.call("read").params(&[1]).files(files);
        black_box(call.run().expect("it runs"));
    };
    let large = large.file("/f", "");
    let (small, large) = (
        median(2_000, || first(&empty)),
        median(2_000, || first(&large)),
    );
    println!("  a call that opens a file: {small:?} in a tree of one file, {large:?} in this one");
}

fn reading(plugin: &Plugin) {
    let bytes = vec![7; 16 * MIB];
    let files = Files::new().file("/f", bytes.clone());
    let mut instance = plugin.instantiate().expect("an instance");
    let mut to = vec![0; 16 * MIB];
    for piece in [4 << 10, 64 << 10, 16 * MIB] {
        let through = median(60, || {
            let params = [piece as u64];
            let call = instance.call("read").params(&params).files(&files);
            black_box(call.run().expect("it runs"));
        });
        let plain = median(60, || {
            for from in bytes.chunks(piece) {
                to[..from.len()].copy_from_slice(black_box(from));
            }
            black_box(&to);
        });
        let times = through.as_secs_f64() / plain.as_secs_f64();
        println!(
            "16 MiB in pieces of {piece}: {through:?} by fd_read, {plain:?} copied, {times:.2} times"
        );
    }
}

fn listing(plugin: &Plugin) {
    for count in [1_000, 10_000, 50_000] {
        let mut files = Files::new();
        for number in 0..count {
            files = files.file(&format!("/dir/{number}"), "");
        }
        let mut instance = plugin.instantiate().expect("an instance");
        let all = median(30, || {
            let call = instance.call("list").params(&[4_096]).files(&files);
            black_box(call.run().expect("it runs"));
        });
        let each = all / count;
        println!("{count} files listed in pieces of 4,096 bytes: {all:?}, {each:?} each");
    }
}

fn main() {
    let runner = Runner::new(RunnerConfig::new()).expect("a runner");
    let module = wat::parse_str(GUEST).expect("valid text");
    let plugin = runner.load_plugin("files", module).expect("it loads");
    let module = wat::parse_str(r#"(module (func (export "nothing")))"#).expect("valid text");
    let small = runner.load_plugin("small", module).expect("it loads");
    mounting(&plugin, &small);
    reading(&plugin);
    listing(&plugin);
}
