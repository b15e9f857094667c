//! Plain modules: those that have nothing but functions of `i32`, whose code only computes, branches
//! and calls.

use wasmparser::{BlockType, FuncType, Operator, Parser, Payload, Result, ValType};

/// A larger module is not looked at: it hardly ever is plain.
const MOST_BYTES: usize = 4_096;

/// Whether a module is plain. `false` for one that is not valid.
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    bytes.len() <= MOST_BYTES && read(bytes).unwrap_or(false)
}

fn read(bytes: &[u8]) -> Result<bool> {
    for payload in Parser::new(0).parse_all(bytes) {
        let plain = match payload? {
            Payload::Version { .. }
            | Payload::FunctionSection(_)
            | Payload::ExportSection(_)
            | Payload::CodeSectionStart { .. }
            | Payload::CustomSection(_)
            | Payload::End(_) => true,
            Payload::TypeSection(types) => {
                let mut plain = true;
                for ty in types.into_iter_err_on_gc_types() {
                    plain &= is_plain_type(&ty?);
                }
                plain
            }
            Payload::CodeSectionEntry(body) => {
                let mut plain = true;
                for locals in body.get_locals_reader()? {
                    plain &= locals?.1 == ValType::I32;
                }
                for operator in body.get_operators_reader()? {
                    plain &= is_plain_operator(&operator?);
                }
                plain
            }
            // Imports, memories, tables, globals, segments.
            _ => false,
        };
        if !plain {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_plain_type(ty: &FuncType) -> bool {
    let values = ty.params().iter().chain(ty.results());
    ty.results().len() <= 1 && values.into_iter().all(|ty| *ty == ValType::I32)
}

/// The operators that the guest `plain.wat` of the engine's check runs.
fn is_plain_operator(operator: &Operator<'_>) -> bool {
    use Operator as O;
    match operator {
        O::Block { blockty } | O::Loop { blockty } | O::If { blockty } => {
            matches!(blockty, BlockType::Empty | BlockType::Type(ValType::I32))
        }
        O::Nop
        | O::Unreachable
        | O::Else
        | O::End
        | O::Br { .. }
        | O::BrIf { .. }
        | O::Return
        | O::Call { .. }
        | O::Drop
        | O::LocalGet { .. }
        | O::LocalSet { .. }
        | O::LocalTee { .. }
        | O::I32Const { .. }
        | O::I32Eqz
        | O::I32Eq
        | O::I32Ne
        | O::I32LtS
        | O::I32LtU
        | O::I32GtS
        | O::I32GtU
        | O::I32LeS
        | O::I32LeU
        | O::I32GeS
        | O::I32GeU
        | O::I32Clz
        | O::I32Ctz
        | O::I32Popcnt
        | O::I32Add
        | O::I32Sub
        | O::I32Mul
        | O::I32DivS
        | O::I32DivU
        | O::I32RemS
        | O::I32RemU
        | O::I32And
        | O::I32Or
        | O::I32Xor
        | O::I32Shl
        | O::I32ShrS
        | O::I32ShrU
        | O::I32Rotl
        | O::I32Rotr
        | O::I32Extend8S
        | O::I32Extend16S => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_plain;
    use alloc::format;

    #[test]
    fn which_modules_are_plain() {
        let function = |body: &str| format!("(module (func (param $a i32) {body}))");
        let rows = [
            ("nothing", "(module)".into(), true),
            (
                "a sum",
                r#"(module (func (export "add") (param i32 i32) (result i32)
                    (i32.add (local.get 0) (local.get 1))))"#
                    .into(),
                true,
            ),
            (
                "recursion",
                r#"(module (func $fib (export "fib") (param i32) (result i32)
                    (if (result i32) (i32.lt_s (local.get 0) (i32.const 2))
                        (then (local.get 0))
                        (else (i32.add
                            (call $fib (i32.sub (local.get 0) (i32.const 1)))
                            (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#
                    .into(),
                true,
            ),
            ("a loop", function("(loop (br_if 0 (local.get $a)))"), true),
            ("i64.const", function("(drop (i64.const 1))"), false),
            ("f32.const", function("(drop (f32.const 1))"), false),
            ("a local of i64", function("(local i64)"), false),
            (
                "select",
                function("(drop (select (local.get $a) (local.get $a) (local.get $a)))"),
                false,
            ),
            ("br_table", function("(br_table 0 (local.get $a))"), false),
            (
                "a block with a parameter",
                function("(drop (local.get $a) (block (param i32) (result i32)))"),
                false,
            ),
            (
                "two results",
                "(module (func (result i32 i32) (i32.const 1) (i32.const 2)))".into(),
                false,
            ),
            (
                "a parameter of f64",
                "(module (func (param f64)))".into(),
                false,
            ),
            ("a memory", "(module (memory 1))".into(), false),
            ("a table", "(module (table 1 funcref))".into(), false),
            (
                "a global",
                "(module (global i32 (i32.const 1)))".into(),
                false,
            ),
            (
                "an import",
                r#"(module (import "env" "host" (func)))"#.into(),
                false,
            ),
            (
                "much code",
                function(&"(drop (local.get $a))".repeat(2_000)),
                false,
            ),
        ];
        for (name, text, expected) in rows {
            let module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(is_plain(&module), expected, "{name}");
        }
        assert!(!is_plain(b"\0asm"), "no module");
    }

    /// Each operator of plain modules is in the guest that checks them.
    #[test]
    fn the_guest_has_every_operator() {
        let guest = include_str!("../engine/dispatch/plain.wat");
        let source = include_str!("plain.rs");
        let (_, list) = source.split_once("O::I32Eqz").expect("it is listed");
        let (list, _) = list.split_once("=> true").expect("it ends");
        let mut names = 0;
        for name in list.split("O::I32").skip(1) {
            let name = name.trim().trim_end_matches('|').trim();
            let mut text = alloc::string::String::new();
            for letter in name.chars() {
                if matches!(letter, 'S' | 'U') && !text.is_empty() && text != "Le" {
                    text.push('_');
                }
                text.extend(letter.to_lowercase());
            }
            assert!(guest.contains(&format!("(i32.{text} ")), "{name}: {text}");
            names += 1;
        }
        assert_eq!(names, 30, "the list was read");
    }
}
