//! The modules of `bombs.rs`.

use crate::bytes::{I64, body, functions, list, module, number, section, times, ty};

/// The bombs, and what is said of those that are refused.
pub(crate) fn bombs() -> Vec<(&'static str, Vec<u8>, Option<&'static str>)> {
    const SIMPLE: [u8; 3] = [0x60, 0, 0];
    let none: &[u8] = &[0];
    let bad = "not a module this engine can run: ";
    let type_zero = || section(1, list([ty(0, 0)]));
    let constant = |operators: usize| {
        let sum = [[0x41, 1].to_vec(), [0x41, 1, 0x6a].repeat(operators / 2)].concat();
        [&[0x7f, 0][..], &sum, &[0x0b]].concat()
    };
    let mut bombs = vec![
        (
            "10,000 functions of 30,000 locals",
            functions(
                &[ty(0, 0)],
                10_000,
                &body(&[&[1][..], &number(30_000), &[I64]].concat(), &[]),
            ),
            Some("the number of a function's locals is 30000; the limit `max_locals` is 10000"),
        ),
        (
            "four billion locals in groups of as many as there can be",
            functions(
                &[ty(0, 0)],
                1,
                &body(&times(2, &[0xff, 0xff, 0xff, 0xff, 0x0f, I64]), &[]),
            ),
            Some(
                "the number of a function's locals is 4294967295; the limit `max_locals` is 10000",
            ),
        ),
        (
            "500,000 nested blocks",
            functions(
                &[ty(0, 0)],
                1,
                &body(
                    none,
                    &[[0x02, 0x40].repeat(500_000), vec![0x0b; 500_000]].concat(),
                ),
            ),
            Some("the nesting of blocks is 500000; the limit `max_nesting` is 10000"),
        ),
        (
            // Just more than a power of two.
            "530,000 operators that grow, and then 10,001 nested blocks",
            functions(
                &[ty(0, 0)],
                1,
                &body(
                    none,
                    &[
                        vec![0x00],
                        [0x40, 0x00].repeat(530_000),
                        [0x02, 0x40].repeat(10_001),
                        vec![0x0b; 10_001],
                    ]
                    .concat(),
                ),
            ),
            Some("the nesting of blocks is 10001; the limit `max_nesting` is 10000"),
        ),
        (
            "200,000 empty functions",
            functions(&[ty(0, 0)], 200_000, &body(none, &[])),
            Some("the number of functions is 200000; the limit `max_functions` is 100000"),
        ),
        (
            "100,000 tiny functions, as many as may be",
            functions(&[ty(0, 0)], 100_000, &body(none, &[0x41, 0, 0x1a])),
            None,
        ),
        (
            "a million types",
            module(&[section(1, times(1_000_000, &SIMPLE))]),
            Some("the number of types is 1000000; the limit `max_functions` is 100000"),
        ),
        (
            "50,000 types of 128 parameters",
            module(&[section(1, times(50_000, &ty(128, 0)))]),
            None,
        ),
        (
            "a group that says it has a million types",
            module(&[section(1, [&[1, 0x4e][..], &number(1_000_000)].concat())]),
            Some("it has type 0 of garbage collection (GC), which is not supported"),
        ),
        (
            "four billion types, in ten bytes",
            module(&[section(1, number(u32::MAX as usize))]),
            Some("the number of types is 4294967295; the limit `max_functions` is 100000"),
        ),
        (
            "a million imports",
            module(&[type_zero(), section(2, times(1_000_000, &[0, 0, 0, 0]))]),
            Some("the number of imports is 1000000; the limit `max_imports` is 1000"),
        ),
        (
            "a million exports",
            module(&[
                section(5, [1, 0, 1]),
                section(7, times(1_000_000, &[0, 2, 0])),
            ]),
            Some("the number of exports is 1000000; the limit `max_exports` is 10000"),
        ),
        (
            "a million globals",
            module(&[section(6, times(1_000_000, &[0x7f, 0, 0x41, 0, 0x0b]))]),
            Some("the number of globals is 1000000; the limit `max_globals` is 10000"),
        ),
        (
            "a table of five million elements",
            module(&[section(4, [&[1, 0x70, 0][..], &number(5_000_000)].concat())]),
            Some(
                "the number of elements in all tables is 5000000; \
                 the limit `max_table_elements` is 100000",
            ),
        ),
        (
            "65,536 pages of memory",
            module(&[section(5, [&[1, 0][..], &number(65_536)].concat())]),
            Some(
                "declares a memory of 65536 pages at least; \
                 the limit `max_memory_pages` is 1024",
            ),
        ),
        (
            "100,000 data segments",
            module(&[
                section(5, [1, 0, 1]),
                section(11, times(100_000, &[0, 0x41, 0, 0x0b, 0])),
            ]),
            None,
        ),
        (
            "a data segment that says it has four gigabytes",
            module(&[
                section(5, [1, 0, 1]),
                section(11, [&[1, 1][..], &number(u32::MAX as usize)].concat()),
            ]),
            Some("unexpected end-of-file (at offset 0x16)"),
        ),
        (
            "a section that says it has four gigabytes",
            [
                module(&[]),
                [&[1][..], &number(u32::MAX)].concat(),
                vec![0; 20],
            ]
            .concat(),
            Some("unexpected end-of-file (at offset 0xe)"),
        ),
        (
            "a function that says it has four gigabytes",
            module(&[
                type_zero(),
                section(3, [1, 0]),
                section(10, [&[1][..], &number(u32::MAX), &[0, 0x0b]].concat()),
            ]),
            Some("unexpected end-of-file (at offset 0x1a)"),
        ),
        (
            "four million bytes of data for one page",
            module(&[
                section(5, [1, 0, 1]),
                section(
                    11,
                    [&[1, 0, 0x41, 0, 0x0b][..], &times(4_000_000, &[7])].concat(),
                ),
            ]),
            None,
        ),
        (
            "element segments of 100,000 expressions",
            module(&[
                section(4, [&[1, 0x70, 0][..], &number(100_000)].concat()),
                section(
                    9,
                    [
                        &[1, 4, 0x41, 0, 0x0b][..],
                        &times(100_000, &[0xd0, 0x70, 0x0b]),
                    ]
                    .concat(),
                ),
            ]),
            None,
        ),
        (
            "a constant expression of a million operators",
            module(&[section(6, list([constant(1_000_000)]))]),
            Some(
                "the number of operators in a constant expression is 65; the limit \
                 `max_constant_operators` is 64",
            ),
        ),
        (
            "10,000 constant expressions as long as they may be",
            module(&[section(6, times(10_000, &constant(63)))]),
            None,
        ),
        (
            "branches that carry as many constants as they may",
            functions(
                &[ty(0, 0), ty(0, 16)],
                1,
                &body(
                    &[1, 1, 0x7f],
                    &[
                        &[0x02, 1][..],
                        &[0x41, 7].repeat(16),
                        &[0x20, 0, 0x0d, 0].repeat(10_000),
                        &[0x0b],
                        &[0x1a; 16],
                    ]
                    .concat(),
                ),
            ),
            None,
        ),
        (
            "a function that does nothing but grow",
            module(&[
                section(1, list([ty(0, 0)])),
                section(3, times(1, &[0])),
                section(5, [1, 0, 1]),
                section(
                    10,
                    times(
                        1,
                        &body(
                            none,
                            &[&[0x41, 0][..], &[0x40, 0].repeat(200_000), &[0x1a]].concat(),
                        ),
                    ),
                ),
            ]),
            None,
        ),
        (
            "branches that carry a thousand values",
            functions(
                &[ty(0, 0), ty(0, 1_000)],
                1,
                &body(none, &[0x02, 1, 0x00, 0x0b, 0x00]),
            ),
            Some("the number of a function's results is 1000; the limit `max_results` is 16"),
        ),
        (
            "a branch table of 60,000 targets",
            functions(
                &[ty(0, 0)],
                1,
                &body(
                    none,
                    &[&[0x41, 0, 0x0e][..], &times(60_000, &[0]), &[0]].concat(),
                ),
            ),
            None,
        ),
        (
            "a branch table that says it has four billion targets",
            functions(
                &[ty(0, 0)],
                1,
                &body(
                    none,
                    &[&[0x41, 0, 0x0e][..], &number(u32::MAX as usize)].concat(),
                ),
            ),
            Some("br_table size is out of bounds (at offset 0x1a)"),
        ),
        (
            "two function sections of as many as may be",
            module(&[
                type_zero(),
                section(3, times(100_000, &[0])),
                section(3, times(100_000, &[0])),
            ]),
            Some("a section occurs twice or out of order"),
        ),
        (
            "300,000 custom sections",
            module(&vec![section(0, [0]); 300_000]),
            None,
        ),
        (
            "a custom section of four megabytes",
            module(&[section(0, times(4_000_000, b"x"))]),
            Some("string size out of bounds (at offset 0x10)"),
        ),
        (
            "a name section of four megabytes",
            module(&[section(
                0,
                [&[4][..], b"name", &[1], &times(4_000_000, &[1])].concat(),
            )]),
            None,
        ),
    ];
    for (_, _, refusal) in &mut bombs {
        // What is broken, not too much, is said in the words of its own kind.
        if let Some(message) = refusal
            && !message.contains("the limit `")
        {
            let whole = format!("{bad}{message}");
            *message = Box::leak(whole.into_boxed_str());
        }
    }
    bombs
}
