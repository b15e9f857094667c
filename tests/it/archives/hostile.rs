//! What is refused, and by which words.

use super::{
    bytes::{Entry, FILE, Zipped, file, gz, other, tar, zip, zipped},
    limits,
};
use pocketwasm::{Error, ErrorKind, Files};

#[track_caller]
fn refused(name: &str, result: Result<Files, Error>, kind: ErrorKind, message: &str) {
    let error = result.expect_err(name);
    assert_eq!(
        (error.kind(), &*error.to_string()),
        (kind, message),
        "{name}"
    );
}

#[test]
fn hostile_tar_archives() {
    let deep = "d/".repeat(129) + "a";
    let long = "n".repeat(256);
    let long_entry = [
        Entry {
            path: b"././@LongLink",
            kind: b'L',
            contents: long.as_bytes(),
            ..FILE
        },
        file("n", "1"),
    ];
    let deep_entry = [
        Entry {
            path: b"././@LongLink",
            kind: b'L',
            contents: deep.as_bytes(),
            ..FILE
        },
        file("d", "1"),
    ];
    let long_message = format!(
        "`files` has a tar archive with the path {:?}, which has a name of more than 255 bytes",
        "n".repeat(200)
    );
    let deep_message = format!(
        "`files` has a tar archive with the path {:?}, which is deeper than the limit \
         `max_import_depth`, 128",
        "d/".repeat(100)
    );
    let mut wrong_sum = tar(&[file("a", "1")]);
    wrong_sum[0] = b'b';
    let mut cut = tar(&[file("a", "1"), file("b", "2")]);
    cut.truncate(1_200);
    let table: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "two points",
            tar(&[file("../a", "1")]),
            "`files` has a tar archive with the path \"../a\", which leads out of it",
        ),
        (
            "two points inside",
            tar(&[file("a/../../b", "1")]),
            "`files` has a tar archive with the path \"a/../../b\", which leads out of it",
        ),
        (
            "no UTF-8",
            tar(&[Entry {
                path: b"a\xff",
                ..FILE
            }]),
            "`files` has a tar archive with the path \"a\u{fffd}\", which is not UTF-8",
        ),
        ("a long name", tar(&long_entry), &long_message),
        ("deep directories", tar(&deep_entry), &deep_message),
        (
            "a file twice",
            tar(&[file("a", "1"), file("./a", "2")]),
            "`files` has a tar archive with \"a\" twice",
        ),
        (
            "a directory in place of a file",
            tar(&[file("a", "1"), other(b'5', "a/", "")]),
            "`files` has a directory \"a\" where something else is already (in a tar archive)",
        ),
        (
            "below a file",
            tar(&[file("a", "1"), file("a/b", "2")]),
            "`files` has \"a/b\" below something that is no directory in memory (in a tar archive)",
        ),
        (
            "through a link",
            tar(&[other(b'2', "a", "/etc"), file("a/b", "2")]),
            "`files` has \"a/b\" below something that is no directory in memory (in a tar archive)",
        ),
        (
            "a device",
            tar(&[other(b'3', "null", "")]),
            "`files` has a tar archive with \"null\", which is a device, a pipe or something else that is no file",
        ),
        (
            "a pipe",
            tar(&[other(b'6', "pipe", "")]),
            "`files` has a tar archive with \"pipe\", which is a device, a pipe or something else that is no file",
        ),
        (
            "a hard link to nothing",
            tar(&[other(b'1', "a", "b")]),
            "`files` has a tar archive with the hard link \"a\" to \"b\", which is no file before it",
        ),
        (
            "a hard link out",
            tar(&[other(b'1', "a", "../b")]),
            "`files` has a tar archive with the path \"../b\", which leads out of it",
        ),
        (
            "a link to nothing",
            tar(&[other(b'2', "a", "")]),
            "`files` has a tar archive with the link \"a\", whose target is no path",
        ),
        (
            "fewer bytes than it says",
            tar(&[Entry {
                size: Some(b"00000010000\0"),
                contents: b"1",
                ..FILE
            }]),
            "`files` has a tar archive with \"a\" of 4096 bytes, but it has fewer bytes",
        ),
        (
            "a wrong sum",
            wrong_sum,
            "`files` has a tar archive that is broken: archive header checksum mismatch",
        ),
        (
            "cut",
            cut,
            "`files` has a tar archive that is broken: failed to read entire block",
        ),
        (
            "no archive",
            b"PK\x03\x04".repeat(200),
            "`files` has a tar archive that is broken: numeric field was not a number: \
             PK\\u{3}\\u{4}PK\\u{3}\\u{4} when getting cksum …",
        ),
    ];
    for (name, archive, message) in table {
        let message = format!("invalid config: {message}");
        refused(
            name,
            Files::from_tar(&archive, &limits()),
            ErrorKind::InvalidConfig,
            &message,
        );
    }
    // Which words follow is for the library that unpacks.
    let cut = &gz(&tar(&[file("a", "1")]))[..40];
    let error = Files::from_tar(cut, &limits()).unwrap_err().to_string();
    let expected = "invalid config: `files` has a tar archive that is broken: ";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn archives_that_are_too_large() {
    let huge = |size: &'static [u8]| {
        tar(&[Entry {
            size: Some(size),
            ..FILE
        }])
    };
    let zeros = vec![0; 8 << 20];
    let bomb = Entry {
        contents: &zeros,
        ..FILE
    };
    let bomb = gz(&tar(&[bomb]));
    let comments: Vec<Entry<'_>> = (0..2_000)
        .map(|_| Entry {
            kind: b'g',
            contents: b"11 path=x\n",
            ..FILE
        })
        .collect();
    let comments = gz(&tar(&comments));
    let zip_bomb = zip(&[Zipped {
        contents: &zeros,
        is_deflated: true,
        ..zipped("a", "")
    }]);
    let few = limits().max_bytes(1 << 20).max_entries(10);
    assert!(bomb.len() < 100_000 && zip_bomb.len() < 100_000 && comments.len() < 100_000);
    for (name, result, message) in [
        (
            "8 GiB",
            Files::from_tar(&huge(b"77777777777\0"), &limits()),
            "a tar archive of 8589934591 bytes; the limit `max_import_bytes` is 268435456",
        ),
        (
            "2^63 bytes",
            Files::from_tar(
                &huge(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
                &limits(),
            ),
            "a tar archive of 9223372036854775807 bytes; the limit `max_import_bytes` is 268435456",
        ),
        (
            "a bomb of gzip",
            Files::from_tar(&bomb, &few),
            "a tar archive of 8388608 bytes; the limit `max_import_bytes` is 1048576",
        ),
        (
            "a bomb of comments",
            Files::from_tar(&comments, &few),
            "a tar archive of 1155072 bytes; the limit `max_import_bytes` is 1048576",
        ),
        (
            "a bomb of zip",
            Files::from_zip(&zip_bomb, &few),
            "a zip archive of 8388608 bytes; the limit `max_import_bytes` is 1048576",
        ),
        (
            "all together",
            Files::from_tar(
                &tar(&[file("a", "12345"), file("b", "12345"), file("c", "1")]),
                &limits().max_bytes(10),
            ),
            "a tar archive of 11 bytes; the limit `max_import_bytes` is 10",
        ),
    ] {
        refused(name, result, ErrorKind::TooLarge, message);
    }
    let many: Vec<Zipped<'_>> = (0..11).map(|_| zipped("a/", "")).collect();
    let entries: Vec<Entry<'_>> = (0..11).map(|_| other(b'5', "a", "")).collect();
    for (name, result, what) in [
        (
            "tar",
            Files::from_tar(&tar(&entries), &few),
            "a tar archive",
        ),
        ("zip", Files::from_zip(&zip(&many), &few), "a zip archive"),
    ] {
        let message = format!(
            "invalid config: `files` has {what} of more entries than the limit \
             `max_import_entries`, 10"
        );
        refused(name, result, ErrorKind::InvalidConfig, &message);
    }
    // Just as much as the limits allow.
    let exact = tar(&[file("a", "12345"), file("b", "12345")]);
    let exact = Files::from_tar(&exact, &limits().max_bytes(10).max_entries(2).max_depth(1));
    assert_eq!(exact.unwrap().bytes(), 10);
}

#[test]
fn hostile_zip_archives() {
    for (name, archive, message) in [
        (
            "two points",
            zip(&[zipped("a/../../b", "1")]),
            "`files` has a zip archive with the path \"a/../../b\", which leads out of it",
        ),
        (
            "a zero byte",
            zip(&[zipped("a\0b", "1")]),
            "`files` has a zip archive with the path \"a\\0b\", which has a zero byte",
        ),
        (
            "no UTF-8",
            zip(&[Zipped {
                name: b"a\xff",
                ..zipped("", "1")
            }]),
            "`files` has a zip archive with the path \"a\u{fffd}\", which is not UTF-8",
        ),
        (
            "a file twice",
            zip(&[zipped("a", "1"), zipped("./a", "2")]),
            "`files` has a zip archive with \"a\" twice",
        ),
        (
            "a pipe",
            zip(&[Zipped {
                mode: 0o010_644,
                ..zipped("a", "")
            }]),
            "`files` has a zip archive with \"a\", which is a device, a pipe or something else that is no file",
        ),
        (
            "fewer bytes than it says",
            zip(&[Zipped {
                size: Some(7),
                is_deflated: true,
                ..zipped("a", "123")
            }]),
            "`files` has a zip archive with \"a\" of 7 bytes, but it has fewer bytes",
        ),
        (
            "more bytes than it says",
            zip(&[Zipped {
                size: Some(2),
                is_deflated: true,
                ..zipped("a", "123")
            }]),
            "`files` has a zip archive with \"a\" of 2 bytes, but it has more bytes",
        ),
        (
            "encrypted",
            zip(&[Zipped {
                flags: 1,
                ..zipped("a", "123456789abcdef")
            }]),
            "`files` has a zip archive that cannot be read: unsupported Zip archive: Password required to decrypt file",
        ),
        (
            "no archive",
            b"PK\x03\x04 no more".to_vec(),
            "`files` has a zip archive that cannot be read: invalid Zip archive: Could not find EOCD",
        ),
    ] {
        let message = format!("invalid config: {message}");
        refused(
            name,
            Files::from_zip(&archive, &limits()),
            ErrorKind::InvalidConfig,
            &message,
        );
    }
}
