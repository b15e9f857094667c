//! Files that are damaged, by accident or by design: a typed error, and no panic.

use crate::support::{fixture, load, record, sealed};
use pocketwasm::{ErrorKind, HostContext, Recording, RunnerConfig};
use proptest::prelude::*;

/// The file of a call that asked the host for several things, and its module.
fn sample() -> (Vec<u8>, Vec<u8>) {
    let module = wat::parse_str(
        r#"(module
            (import "env" "f" (func $f (param i32) (result i64)))
            (memory (export "memory") 1)
            (func (export "add") (param i32 i32) (result i32)
                (i32.add (local.get 0) (local.get 1)))
            (func (export "run") (param i32) (result i64)
                (i64.add (call $f (local.get 0)) (call $f (i32.const 9)))))"#,
    )
    .expect("a module");
    let function = |context: &mut HostContext<'_>, number: i32| -> i64 {
        context.write(16, b"written").expect("inside");
        context.charge(77).expect("fuel");
        context.call("add", &[1, 2]).expect("a sum");
        context.write_stdout(b"line\n").expect("room");
        i64::from(number) * 1_000
    };
    let plugin = load(RunnerConfig::new().function("env", "f", function), &module);
    let (done, file) = record(&plugin, "run", |call| {
        call.params(&[3])
            .args(["a"])
            .env("B", "c")
            .config("d", "e")
            .stdin("f")
            .seed(1)
    });
    done.expect("success");
    (file, module)
}

#[track_caller]
fn refused(name: &str, file: &[u8], expected: &str) {
    let error = Recording::from_bytes(file).expect_err(name);
    assert_eq!(
        (error.kind(), &*error.message()),
        (ErrorKind::Recording, expected),
        "{name}"
    );
}

#[test]
fn a_damaged_file_is_refused() {
    let (file, _) = sample();
    let body = file.len() - 8;
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut file = file[..body].to_vec();
        change(&mut file);
        sealed(&file)
    };
    let no_recording = "not a recording: it does not begin with PWRECORD";
    let early = "the recording is damaged: it ends too early";
    refused("nothing", b"", no_recording);
    refused("a module", &fixture("add"), no_recording);
    refused("the magic only", b"PWRECORD", early);
    refused(
        "the version only",
        b"PWRECORD\x01",
        "the recording is damaged: its hash is another",
    );
    refused(
        "a later version",
        &with(&|file| file[8] = 2),
        "the recording has version 2 of the format; this build reads 1",
    );
    refused(
        "a number without an end",
        &with(&|file| file.splice(8.., [0xff; 12]).for_each(drop)),
        "the recording is damaged: a number has more than 64 bits",
    );
    let far = |at: usize| {
        with(&move |file| {
            file.splice(at.., [0xff, 0xff, 0xff, 0xff, 0x0f])
                .for_each(drop)
        })
    };
    refused("a text longer than the file", &far(9), early);
    refused(
        "more after its end",
        &with(&|file| file.push(0)),
        "the recording is damaged: it goes on after its end",
    );
    refused(
        "one bit",
        &{
            let mut file = file.clone();
            file[body / 2] ^= 1;
            file
        },
        "the recording is damaged: its hash is another",
    );
    for length in 0..file.len() {
        let error = Recording::from_bytes(&file[..length]).expect_err("cut");
        assert_eq!(error.kind(), ErrorKind::Recording, "{length}");
    }
    for length in 8..body {
        let error = Recording::from_bytes(&sealed(&file[..length])).expect_err("cut and sealed");
        assert_eq!(error.kind(), ErrorKind::Recording, "{length}");
    }
}

/// Lists that say that they have more parts than there can be: each place of the file in turn.
#[test]
fn a_number_that_lies_is_refused_before_anything_is_allocated() {
    let (file, module) = sample();
    let body = &file[..file.len() - 8];
    for at in 9..body.len() {
        for huge in [
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f][..],
            &[0x80, 0x80, 0x80, 0x80, 0x04],
        ] {
            let mut file = body.to_vec();
            file.splice(at..=at, huge.iter().copied());
            if let Ok(recording) = Recording::from_bytes(&sealed(&file)) {
                let _ = recording.replay(&module);
            }
        }
    }
}

/// What is read is written as it was, and what is replayed ends as an error or as the call.
#[test]
fn every_byte_may_be_another() {
    let (file, module) = sample();
    let body = &file[..file.len() - 8];
    let mut read = 0;
    for at in 9..body.len() {
        for change in [1, 0x80, 0xff] {
            let mut file = body.to_vec();
            file[at] ^= change;
            let Ok(recording) = Recording::from_bytes(&sealed(&file)) else {
                continue;
            };
            read += 1;
            if let Err(error) = recording.replay(&module) {
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }
    assert!(read > 100, "{read}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut file = b"PWRECORD\x01".to_vec();
        file.extend(bytes);
        let _ = Recording::from_bytes(&file);
        let _ = Recording::from_bytes(&sealed(&file));
    }

    #[test]
    fn several_bytes_may_be_others(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        thread_local! {
            static SAMPLE: (Vec<u8>, Vec<u8>) = sample();
        }
        SAMPLE.with(|(file, module)| {
            let mut file = file[..file.len() - 8].to_vec();
            for (at, byte) in changes {
                let at = at.index(file.len());
                file[at] = byte;
            }
            if let Ok(recording) = Recording::from_bytes(&sealed(&file)) {
                let _ = recording.replay(module);
            }
        });
    }
}
