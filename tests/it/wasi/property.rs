//! Whatever a guest passes to a WASI function, the function does not panic or hang. It returns an
//! errno or fails with a typed error, and writes only bytes that are its own to write.

use super::guest::{FUNCTIONS, Guest, PAGE, PREVIEW1, STUBS, SUCCESS, UNSTABLE, load, text};
use pocketwasm::{ErrorKind, Files, Plugin, RunnerConfig};
use proptest::{prelude::*, sample::select};
use std::{ops::Range, sync::LazyLock};

/// One guest with everything, for each version.
static PLUGINS: LazyLock<[(&str, Plugin); 2]> = LazyLock::new(|| plugins(None));

/// The same with files.
static WITH_FILES: LazyLock<[(&str, Plugin); 2]> = LazyLock::new(|| {
    let files = Files::new()
        .file("a", "some text")
        .file("b/c", vec![7; 5_000])
        .symlink("l", "b")
        .symlink("loop", "loop");
    plugins(Some(&files))
});

fn plugins(files: Option<&Files>) -> [(&'static str, Plugin); 2] {
    let all = FUNCTIONS.iter().chain(&STUBS).map(|(name, _)| *name);
    let all: Vec<&str> = all.collect();
    [PREVIEW1, UNSTABLE].map(|module| {
        let config = RunnerConfig::new()
            .fuel(300_000)
            .max_output_bytes(50_000)
            .max_result_bytes(1 << 17);
        let config = match files {
            Some(files) => config.files(files),
            None => config,
        };
        (module, load(config, &text(module, &all)))
    })
}

/// Numbers at and about the places where checks go wrong.
fn number() -> impl Strategy<Value = u32> {
    let near = |at: u32| (0..80_u32).prop_map(move |by| at.wrapping_add(by).wrapping_sub(40));
    prop_oneof![
        4 => 0..5_u32,
        4 => 0..PAGE,
        2 => near(PAGE),
        2 => near(0),
        1 => near(1 << 31),
        1 => near(1 << 29),
        1 => near(4096),
        1 => any::<u32>(),
    ]
}

fn memory() -> impl Strategy<Value = Vec<u8>> {
    // Small numbers beside random bytes, so that vectors and subscriptions make sense at times.
    let word = prop_oneof![
        2 => 0..3_u32,
        2 => 0..200_u32,
        2 => number(),
    ];
    prop::collection::vec(word, 64..512).prop_map(|words| {
        let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        bytes.into_iter().cycle().take(PAGE as usize - 8).collect()
    })
}

/// What the function may write when it succeeds, by its parameters and the memory before.
fn may_write(module: &str, function: &str, params: &[u32], memory: &[u8]) -> Vec<Range<u64>> {
    let span = |at: u32, length: u64| u64::from(at)..u64::from(at) + length;
    let word = |at: u64| {
        let bytes = usize::try_from(at)
            .ok()
            .and_then(|at| memory.get(at..at + 4));
        bytes.map_or(0, |bytes| u32::from_le_bytes(bytes.try_into().unwrap()))
    };
    let p = |index: usize| params[index];
    match function {
        // "guest", "a" and "bc"; "FOO=x".
        "args_get" => vec![span(p(0), 12), span(p(1), 11)],
        "environ_get" => vec![span(p(0), 4), span(p(1), 6)],
        "args_sizes_get" | "environ_sizes_get" => vec![span(p(0), 4), span(p(1), 4)],
        "clock_res_get" => vec![span(p(1), 8)],
        "clock_time_get" => vec![span(p(2), 8)],
        "fd_fdstat_get" => vec![span(p(1), 24)],
        "fd_filestat_get" if module == UNSTABLE => vec![span(p(1), 56)],
        "fd_filestat_get" => vec![span(p(1), 64)],
        "fd_write" => vec![span(p(3), 4)],
        "fd_prestat_get" => vec![span(p(1), 8)],
        "fd_prestat_dir_name" => vec![span(p(1), 1)],
        "fd_tell" => vec![span(p(1), 8)],
        "fd_seek" => vec![span(p(3), 8)],
        "fd_pwrite" => vec![span(p(4), 4)],
        "fd_readdir" => vec![span(p(1), p(2).into()), span(p(4), 4)],
        "path_filestat_get" if module == UNSTABLE => vec![span(p(4), 56)],
        "path_filestat_get" => vec![span(p(4), 64)],
        "path_open" => vec![span(p(8), 4)],
        "path_readlink" => vec![span(p(3), p(4).into()), span(p(5), 4)],
        "fd_pread" => {
            let vectors = (0..u64::from(p(2).min(1024))).map(|index| {
                let entry = u64::from(p(1)) + index * 8;
                span(word(entry), word(entry + 4).into())
            });
            vectors.chain([span(p(4), 4)]).collect()
        }
        "fd_read" => {
            let vectors = (0..u64::from(p(2).min(1024))).map(|index| {
                let entry = u64::from(p(1)) + index * 8;
                span(word(entry), word(entry + 4).into())
            });
            vectors.chain([span(p(3), 4)]).collect()
        }
        "poll_oneoff" => vec![span(p(1), u64::from(p(2)) * 32), span(p(3), 4)],
        "random_get" => vec![span(p(0), p(1).into())],
        _ => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_arguments(
        version in 0..2_usize,
        (function, types) in prop_oneof![9 => select(&FUNCTIONS[..]), 1 => select(&STUBS[..])],
        numbers in prop::collection::vec(number(), 9),
        high in any::<u32>(),
        content in memory(),
        closed in prop::option::weighted(0.2, 0..3_u64),
    ) {
        arbitrary(&PLUGINS[version], false, function, types, &numbers, high, &content, closed)?;
    }

    #[test]
    fn arbitrary_arguments_with_files(
        version in 0..2_usize,
        (function, types) in prop_oneof![1 => select(&FUNCTIONS[..]), 4 => select(&STUBS[..])],
        numbers in prop::collection::vec(number(), 9),
        high in any::<u32>(),
        content in memory_with_paths(),
        closed in prop::option::weighted(0.2, 0..4_u64),
    ) {
        arbitrary(&WITH_FILES[version], true, function, types, &numbers, high, &content, closed)?;
    }
}

/// The same with paths at the beginning.
fn memory_with_paths() -> impl Strategy<Value = Vec<u8>> {
    memory().prop_map(|mut bytes| {
        let paths = b"a\0b/c\0l/c\0loop\0.\0..\0b/../a\0/a\0new";
        bytes[..paths.len()].copy_from_slice(paths);
        bytes
    })
}

#[expect(clippy::too_many_arguments, reason = "what is drawn")]
fn arbitrary(
    (module, plugin): &(&str, Plugin),
    with_files: bool,
    function: &str,
    types: &str,
    numbers: &[u32],
    high: u32,
    content: &[u8],
    closed: Option<u64>,
) -> Result<(), TestCaseError> {
    let mut guest = Guest::of(plugin);
    guest.put(8, content);
    if let Some(fd) = closed {
        guest.errno("fd_close", &[fd]);
    }
    let before = guest.memory();
    let params = types.chars().zip(numbers).map(|(ty, number)| match ty {
        'I' => u64::from(high) << 32 | u64::from(*number),
        _ => u64::from(*number),
    });
    let params: Vec<u64> = params.collect();
    let result = guest.call(function, &params, |call| {
        call.args(["a", "bc"]).env("FOO", "x").stdin("hello world")
    });
    let errno = match result {
        Ok(outcome) => outcome.results()[0],
        Err(error) => {
            // 300,000 units are less than what 64 KiB a vector, 1,024 times, takes.
            prop_assert_eq!(error.kind(), ErrorKind::OutOfFuel, "{}", error);
            return Ok(());
        }
    };
    let known = [SUCCESS, 8, 21, 28, 51, 52, 57, 70];
    let of_files = [
        2, 10, 20, 22, 25, 31, 32, 33, 37, 44, 54, 55, 63, 69, 75, 76,
    ];
    prop_assert!(
        known.contains(&errno) || with_files && of_files.contains(&errno),
        "{} answered {}",
        function,
        errno
    );
    let after = guest.memory();
    let allowed = match errno {
        SUCCESS => may_write(module, function, numbers, &before),
        _ => Vec::new(),
    };
    for (at, (before, after)) in (0_u64..).zip(before.iter().zip(&after)) {
        prop_assert!(
            before == after || allowed.iter().any(|range| range.contains(&at)),
            "{} answered {} and wrote at {}",
            function,
            errno,
            at
        );
    }
    Ok(())
}

/// Every function, so that none is missed by chance.
fn each() -> impl Iterator<Item = (&'static str, &'static str)> {
    FUNCTIONS.iter().chain(&STUBS).copied()
}

/// The same extreme for all parameters, for each function.
#[test]
fn extremes() {
    for (module, plugin) in PLUGINS.iter().chain(&*WITH_FILES) {
        for (function, types) in each() {
            for extreme in [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff_u32] {
                let mut guest = Guest::of(plugin);
                let before = guest.memory();
                let wide = |ty| match ty {
                    'I' => u64::from(extreme) << 32 | u64::from(extreme),
                    _ => u64::from(extreme),
                };
                let params: Vec<u64> = types.chars().map(wide).collect();
                let errno = guest.errno(function, &params);
                if errno != SUCCESS {
                    assert!(
                        guest.memory() == before,
                        "{module} {function} of {extreme:#x}: memory"
                    );
                }
            }
        }
    }
}
