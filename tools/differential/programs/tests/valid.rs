//! Every generated program is a valid module, also after its NaNs are made canonical, and the same
//! seed generates the same program.

use programs::{Options, Program, Without};

fn validate(module: &[u8], name: &str) {
    let mut validator = wasmparser::Validator::new();
    if let Err(error) = validator.validate_all(module) {
        panic!("{name}: {error}");
    }
}

#[test]
fn programs_are_valid() {
    for seed in 0..500 {
        let mut options = Options {
            simd: seed % 2 == 0,
            unbounded: seed % 3 == 0,
            ..Options::default()
        };
        if seed % 5 == 0 {
            for name in Without::NAMES {
                *options.without.named(name).expect("one of the names") = true;
            }
        }
        let program = Program::generate(seed, options);
        let module = program.encode();
        validate(&module, &format!("program {seed}"));
        validate(
            &program.encode_canonical(),
            &format!("program {seed}, canonical"),
        );
        assert_eq!(module, Program::generate(seed, options).encode());
    }
}

/// What is asked of a smaller program is asked of valid ones alone, as the search does.
#[test]
fn a_program_shrinks_to_what_matters() {
    let options = Options::default();
    let has_loop = |program: &Program| {
        let printed = format!("{:?}", program.functions);
        printed.contains("kind: Loop")
    };
    let mut seeds = (0..).map(|seed| Program::generate(seed, options));
    let program = seeds.find(has_loop).expect("some program has a loop");
    let before = program.encode().len();
    let small = programs::shrink(program, &mut |program| {
        let mut validator = wasmparser::Validator::new();
        validator.validate_all(&program.encode()).is_ok() && has_loop(program)
    });
    assert!(has_loop(&small));
    let after = small.encode().len();
    assert!(
        after < 100 && after * 4 < before,
        "{before} bytes became {after}"
    );
}
