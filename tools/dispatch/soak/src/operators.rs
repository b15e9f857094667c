//! A guest that runs every class of operator in loops. Its text is generated from tables.
//!
//! The engine has a handler for each form of an operator: with operands from its register, from the
//! stack, or constant. [`Forms::All`] has them all. [`Forms::Few`] is short enough to be compiled
//! and run at the start of every process.

use std::fmt::Write as _;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Forms {
    All,
    Few,
}

/// A class of operators, as an export that takes the number of iterations.
pub(crate) struct Class {
    pub(crate) name: &'static str,
    body: String,
}

/// Operators of two integers, with `i` for the type; the last four want no zero.
const INTEGER: &[&str] = &[
    "add", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr", "div_s",
    "div_u", "rem_s", "rem_u",
];
const INTEGER_COMPARE: &[&str] = &[
    "eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u",
];
const INTEGER_UNARY: &[&str] = &["clz", "ctz", "popcnt", "extend8_s", "extend16_s"];
const FLOAT: &[&str] = &["add", "sub", "mul", "div", "min", "max", "copysign"];
const FLOAT_COMPARE: &[&str] = &["eq", "ne", "lt", "gt", "le", "ge"];
const FLOAT_UNARY: &[&str] = &["abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"];
/// Conversions, with the type that they take.
const CONVERSIONS: &[(&str, &str)] = &[
    ("i32.wrap_i64", "i64"),
    ("i32.trunc_f32_s", "f32"),
    ("i32.trunc_f32_u", "f32"),
    ("i32.trunc_f64_s", "f64"),
    ("i32.trunc_f64_u", "f64"),
    ("i64.trunc_f32_s", "f32"),
    ("i64.trunc_f32_u", "f32"),
    ("i64.trunc_f64_s", "f64"),
    ("i64.trunc_f64_u", "f64"),
    ("i32.trunc_sat_f32_s", "f32"),
    ("i32.trunc_sat_f32_u", "f32"),
    ("i32.trunc_sat_f64_s", "f64"),
    ("i32.trunc_sat_f64_u", "f64"),
    ("i64.trunc_sat_f32_s", "f32"),
    ("i64.trunc_sat_f32_u", "f32"),
    ("i64.trunc_sat_f64_s", "f64"),
    ("i64.trunc_sat_f64_u", "f64"),
    ("i64.extend_i32_s", "i32"),
    ("i64.extend_i32_u", "i32"),
    ("i64.extend32_s", "i64"),
    ("f32.convert_i32_s", "i32"),
    ("f32.convert_i32_u", "i32"),
    ("f32.convert_i64_s", "i64"),
    ("f32.convert_i64_u", "i64"),
    ("f64.convert_i32_s", "i32"),
    ("f64.convert_i32_u", "i32"),
    ("f64.convert_i64_s", "i64"),
    ("f64.convert_i64_u", "i64"),
    ("f32.demote_f64", "f64"),
    ("f64.promote_f32", "f32"),
    ("i32.reinterpret_f32", "f32"),
    ("i64.reinterpret_f64", "f64"),
    ("f32.reinterpret_i32", "i32"),
    ("f64.reinterpret_i64", "i64"),
];
const LOADS: &[&str] = &[
    "i32.load",
    "i64.load",
    "f32.load",
    "f64.load",
    "i32.load8_s",
    "i32.load8_u",
    "i32.load16_s",
    "i32.load16_u",
    "i64.load8_s",
    "i64.load8_u",
    "i64.load16_s",
    "i64.load16_u",
    "i64.load32_s",
    "i64.load32_u",
];
const STORES: &[&str] = &[
    "i32.store",
    "i64.store",
    "f32.store",
    "f64.store",
    "i32.store8",
    "i32.store16",
    "i64.store8",
    "i64.store16",
    "i64.store32",
];
const TYPES: [&str; 4] = ["i32", "i64", "f32", "f64"];

/// An operand of type `ty`: a local, a constant or the result of the operator before.
#[derive(Clone, Copy, PartialEq)]
enum Operand {
    Local,
    Constant,
    Register,
}
use Operand::{Constant, Local, Register};

impl Operand {
    const ALL: [Self; 3] = [Local, Constant, Register];

    fn text(self, ty: &str, local: &str) -> String {
        match (self, ty) {
            (Local, _) => format!("(local.get ${ty}{local})"),
            (Constant, _) => format!("({ty}.const 3)"),
            (Register, "i32" | "i64") => {
                format!("({ty}.xor (local.get ${ty}{local}) ({ty}.const 4))")
            }
            (Register, _) => format!("({ty}.neg (local.get ${ty}{local}))"),
        }
    }
}

/// The pairs of operands that operators of two are run with.
fn pairs(forms: Forms) -> Vec<(Operand, Operand)> {
    match forms {
        Forms::Few => vec![(Local, Local)],
        Forms::All => Operand::ALL
            .into_iter()
            .flat_map(|left| Operand::ALL.map(|right| (left, right)))
            .filter(|pair| *pair != (Constant, Constant) && *pair != (Register, Register))
            .collect(),
    }
}

fn singles(forms: Forms) -> &'static [Operand] {
    match forms {
        Forms::Few => &[Local],
        Forms::All => &[Local, Register],
    }
}

/// Every class.
pub(crate) fn classes(forms: Forms) -> Vec<Class> {
    let mut classes = Vec::new();
    let mut add = |name, body: String| classes.push(Class { name, body });
    for (name, ty, binary, unary) in [
        ("i32", "i32", INTEGER, INTEGER_UNARY),
        ("i64", "i64", INTEGER, INTEGER_UNARY),
        ("f32", "f32", FLOAT, FLOAT_UNARY),
        ("f64", "f64", FLOAT, FLOAT_UNARY),
    ] {
        let mut body = String::new();
        for operator in binary {
            for (left, right) in pairs(forms) {
                let (left, right) = (left.text(ty, "a"), right.text(ty, "b"));
                set(
                    &mut body,
                    forms,
                    ty,
                    &format!("({ty}.{operator} {left} {right})"),
                );
            }
        }
        for operator in unary {
            for operand in singles(forms) {
                let operand = operand.text(ty, "a");
                set(
                    &mut body,
                    forms,
                    ty,
                    &format!("({ty}.{operator} {operand})"),
                );
            }
        }
        add(name, body);
    }
    add("compare", compare(forms));
    add("branch", branch(forms));
    add("convert", convert(forms));
    add("load", load(forms));
    add("store", store(forms));
    add("global", global(forms));
    for (name, body) in [
        ("call", "(drop (call $callee (local.get $i32a)))"),
        (
            "call_indirect",
            "(drop (call_indirect (type $unary) (local.get $i32a) (i32.const 0)))
            (drop (call_indirect (type $unary) (local.get $i32a) (local.get $i32z)))
            (drop (call_indirect (type $unary) (local.get $i32a)
              (i32.and (local.get $i32a) (i32.const 0))))",
        ),
        (
            "call_indirect of another table",
            "(drop (call_indirect $u (type $unary) (local.get $i32a) (i32.const 0)))
            (drop (call_indirect $u (type $unary) (local.get $i32a)
              (i32.and (local.get $i32a) (i32.const 0))))",
        ),
        ("return_call", "(drop (call $tail (local.get $i32a)))"),
        (
            "return_call_indirect",
            "(drop (call $tail_indirect (local.get $i32a)))
            (drop (call $tail_indirect_r (local.get $i32a)))
            (drop (call $tail_indirect_u (local.get $i32a)))",
        ),
        ("host function", "(drop (call $host))"),
        (
            "host function by call_indirect",
            "(drop (call_indirect (type $none) (i32.const 1)))
            (drop (call_indirect $u (type $none) (i32.const 1)))",
        ),
        (
            "host function by return_call",
            "(drop (call $tail_host)) (drop (call $tail_host_indirect))",
        ),
        (
            "several values",
            "(call $two (local.get $i32a) (local.get $i64a)) (drop) (drop)
            (call $many (local.get $i32a)) (drop) (drop) (drop) (drop) (drop)",
        ),
        (
            "unreachable not taken",
            "(if (i32.eqz (local.get $i32a)) (then (unreachable)))",
        ),
        ("memory.grow", "(drop (memory.grow (i32.const 1)))"),
        (
            "memory.grow by nothing",
            "(drop (memory.grow (local.get $i32z)))",
        ),
        ("memory.size", "(local.set $i32r (memory.size))"),
        (
            "memory.fill",
            "(memory.fill (i32.const 16) (local.get $i32a) (i32.const 100))",
        ),
        (
            "memory.copy",
            "(memory.copy (i32.const 16) (i32.const 20) (local.get $i32a))",
        ),
        (
            "memory.init",
            "(memory.init $data (i32.const 16) (i32.const 0) (i32.const 4))",
        ),
        ("data.drop", "(data.drop $gone)"),
        (
            "table.grow",
            "(drop (table.grow $t (ref.null func) (i32.const 1)))",
        ),
        (
            "table.grow by nothing",
            "(drop (table.grow $t (ref.null func) (local.get $i32z)))",
        ),
        (
            "table.grow of externref",
            "(drop (table.grow $x (ref.null extern) (i32.const 1)))",
        ),
        ("table.size", "(local.set $i32r (table.size $t))"),
        (
            "table.get",
            "(drop (ref.is_null (table.get $t (i32.const 1))))
            (drop (ref.is_null (table.get $t (local.get $i32z))))
            (drop (ref.is_null (table.get $t (i32.and (local.get $i32a) (i32.const 1)))))",
        ),
        (
            "table.set",
            "(table.set $t (i32.const 2) (ref.null func))
            (table.set $t (i32.const 2) (ref.func $callee))
            (table.set $t (i32.add (local.get $i32z) (i32.const 2)) (ref.null func))
            (table.set $x (local.get $i32z) (ref.null extern))",
        ),
        (
            "table.fill",
            "(table.fill $t (i32.const 2) (ref.null func) (i32.const 3))",
        ),
        (
            "table.copy",
            "(table.copy $t $t (i32.const 3) (i32.const 4) (i32.const 2))",
        ),
        (
            "table.init",
            "(table.init $t $elements (i32.const 2) (i32.const 0) (i32.const 1))",
        ),
        ("elem.drop", "(elem.drop $gone)"),
    ] {
        add(name, body.to_owned());
    }
    if forms == Forms::All {
        add("copies of i32", copies("i32"));
        add("copies of i64", copies("i64"));
        add("copies of f32", copies("f32"));
        add("copies of f64", copies("f64"));
        add("copies of floats", copies("f32") + &copies("f64"));
        add("copies of all", TYPES.map(copies).concat());
    }
    classes
}

/// Puts a value into a local, which many operators do by themselves; and, with all forms, one
/// that stays in the engine's register, since the next operator takes it from there.
fn set(body: &mut String, forms: Forms, ty: &str, value: &str) {
    writeln!(body, "(local.set ${ty}r {value})").expect("a string");
    if forms == Forms::All {
        let value = match ty {
            "i32" | "i64" => format!("({ty}.xor {value} ({ty}.const 1))"),
            _ => format!("({ty}.neg {value})"),
        };
        writeln!(body, "(local.set ${ty}r {value})").expect("a string");
    }
}

/// `and` and `or` as conditions.
fn logical(ty: &str, left: &str, right: &str) -> Vec<String> {
    ["and", "or"]
        .map(|operator| match ty {
            "i32" => format!("(i32.{operator} {left} {right})"),
            _ => format!("(i64.ne (i64.{operator} {left} {right}) (i64.const 0))"),
        })
        .into()
}

/// From each local to each other, and from the register to each.
fn copies(ty: &str) -> String {
    let mut body = String::new();
    for to in ["a", "b", "r", "z"] {
        let value = Register.text(ty, to);
        writeln!(
            body,
            "(local.set ${ty}{to} {value}) (local.set ${ty}{to} {value})"
        )
        .expect("a string");
        for from in ["a", "b", "r", "z"] {
            writeln!(body, "(local.set ${ty}{to} (local.get ${ty}{from}))").expect("a string");
        }
    }
    body
}

fn comparisons() -> impl Iterator<Item = (&'static str, &'static str)> {
    TYPES.iter().flat_map(|ty| {
        let operators = if ty.starts_with('i') {
            INTEGER_COMPARE
        } else {
            FLOAT_COMPARE
        };
        operators.iter().map(|operator| (*ty, *operator))
    })
}

fn compare(forms: Forms) -> String {
    let mut body = String::new();
    for (ty, operator) in comparisons() {
        for (left, right) in pairs(forms) {
            let (left, right) = (left.text(ty, "a"), right.text(ty, "b"));
            set(
                &mut body,
                forms,
                "i32",
                &format!("({ty}.{operator} {left} {right})"),
            );
        }
    }
    if forms == Forms::All {
        for condition in conditions() {
            set(&mut body, forms, "i32", &format!("(i32.eqz {condition})"));
        }
    }
    for ty in ["i32", "i64"] {
        for operand in singles(forms) {
            let operand = operand.text(ty, "a");
            set(&mut body, forms, "i32", &format!("({ty}.eqz {operand})"));
        }
    }
    body
}

/// Every condition that can be a part of a branch: comparisons and logical operators.
fn conditions() -> Vec<String> {
    let operands = |ty| {
        let text =
            move |(left, right): (Operand, Operand)| (left.text(ty, "a"), right.text(ty, "b"));
        pairs(Forms::All).into_iter().map(text)
    };
    let mut conditions = Vec::new();
    for (ty, operator) in comparisons() {
        conditions
            .extend(operands(ty).map(|(left, right)| format!("({ty}.{operator} {left} {right})")));
    }
    for ty in ["i32", "i64"] {
        conditions.extend(operands(ty).flat_map(|(left, right)| logical(ty, &left, &right)));
    }
    conditions
}

/// Branches and choices, also by a comparison.
fn branch(forms: Forms) -> String {
    let mut body = String::new();
    match forms {
        Forms::Few => {
            for (ty, operator) in comparisons() {
                let (left, right) = (Local.text(ty, "a"), Local.text(ty, "b"));
                writeln!(body, "(block (br_if 0 ({ty}.{operator} {left} {right})))")
                    .expect("a string");
            }
        }
        Forms::All => {
            for condition in conditions() {
                writeln!(body, "(block (br_if 0 {condition}))").expect("a string");
                writeln!(body, "(block (br_if 0 (i32.eqz {condition})))").expect("a string");
                for ty in TYPES {
                    let choices = format!("(local.get ${ty}a) (local.get ${ty}b)");
                    let chosen = format!("(select {choices} {condition})");
                    writeln!(body, "(local.set ${ty}r {chosen})").expect("a string");
                }
            }
        }
    }
    for ty in TYPES {
        let pairs = pairs(forms);
        for (left, right) in pairs {
            let (left, right) = (left.text(ty, "a"), right.text(ty, "b"));
            let choices = format!("{left} {right}");
            let value = format!("(select {choices} (local.get $i32a))");
            set(&mut body, forms, ty, &value);
            if forms == Forms::All {
                let value = format!("(select {choices} {})", Register.text("i32", "a"));
                set(&mut body, forms, ty, &value);
            }
        }
    }
    for index in singles(Forms::All) {
        let index = index.text("i32", "z");
        write!(
            body,
            "(block (block (block (br_table 0 1 2 {index}))))
             (block (result i32 i64) (block (result i32 i64)
               (local.get $i32a) (local.get $i64a) (br_table 0 1 {index})))
             (drop) (drop)
             (block (result i64 i64)
               (local.get $i32a)
               (block (result i64 i64)
                 (i64.add (local.get $i64a) (i64.const 1)) (i64.add (local.get $i64b) (i64.const 2))
                 (br_table 0 1 {index}))
               (local.set $i64r) (local.set $i64r) (drop) (i64.const 1) (i64.const 2))
             (drop) (drop)
             (drop (block (result i32) (block (result i32)
               (br_table 0 1 (local.get $i32a) {index}))))
             (if {index} (then (nop)) (else (local.set $i32r (i32.const 1))))"
        )
        .expect("a string");
    }
    body
}

fn convert(forms: Forms) -> String {
    let mut body = String::new();
    for (operator, from) in CONVERSIONS {
        for operand in singles(forms) {
            // A negative number has no unsigned integer.
            let operand = match (operand, from.starts_with('f')) {
                (Register, true) => format!("({from}.abs (local.get ${from}a))"),
                _ => operand.text(from, "a"),
            };
            set(
                &mut body,
                forms,
                &operator[..3],
                &format!("({operator} {operand})"),
            );
        }
    }
    body
}

/// Addresses, with offsets: near, which has handlers of its own, and far. Few: the one or the
/// other, by the operator's number.
fn addresses(forms: Forms, operator: usize) -> &'static [(&'static str, u32)] {
    let all = &[
        ("(local.get $at)", 65_600),
        ("(i32.add (local.get $at) (i32.const 8))", 4),
        ("(local.get $at)", 4),
        ("(i32.add (local.get $at) (i32.const 8))", 65_600),
        ("(i32.const 24)", 4),
    ];
    match forms {
        Forms::All => all,
        Forms::Few => std::slice::from_ref(&all[operator % 2]),
    }
}

fn load(forms: Forms) -> String {
    let mut body = String::new();
    for (number, operator) in LOADS.iter().enumerate() {
        for (address, offset) in addresses(forms, number) {
            set(
                &mut body,
                forms,
                &operator[..3],
                &format!("({operator} offset={offset} {address})"),
            );
        }
    }
    body
}

fn store(forms: Forms) -> String {
    let mut body = String::new();
    for (number, operator) in STORES.iter().enumerate() {
        for (address, offset) in addresses(forms, number) {
            for operand in Operand::ALL {
                if forms == Forms::All || operand == Local {
                    let value = operand.text(&operator[..3], "a");
                    writeln!(body, "({operator} offset={offset} {address} {value})")
                        .expect("a string");
                }
            }
        }
    }
    body
}

fn global(forms: Forms) -> String {
    let mut body = String::new();
    for ty in TYPES {
        set(&mut body, forms, ty, &format!("(global.get $g{ty})"));
        for operand in singles(forms).iter().chain(&[Constant]) {
            let value = operand.text(ty, "a");
            writeln!(body, "(global.set $g{ty} {value})").expect("a string");
        }
    }
    body
}

/// The guest: `imports` defines the functions `$host`, which gives an i32, and what `extra`
/// needs; `pages` is the memory's limits, at least 66,000 bytes of it.
pub(crate) fn module(classes: &[Class], imports: &str, pages: &str, extra: &str) -> String {
    let mut text = format!(
        r#"(module
  (type $none (func (result i32)))
  (type $unary (func (param i32) (result i32)))
  {imports}
  (memory (export "memory") {pages})
  (table $t 8 100000 funcref)
  (table $u 8 8 funcref)
  (table $x 8 50000 externref)
  (elem (table $t) (i32.const 0) func $callee $host)
  (elem (table $u) (i32.const 0) func $callee $host)
  (elem $elements func $callee)
  (elem $gone func $callee)
  (data $data "data")
  (data $gone "gone")
  (func $callee (type $unary) (local.get 0))
  (func $tail (type $unary) (return_call $callee (local.get 0)))
  (func $tail_indirect (type $unary)
    (return_call_indirect (type $unary) (local.get 0) (i32.const 0)))
  (func $tail_indirect_r (type $unary)
    (return_call_indirect (type $unary) (local.get 0) (i32.and (local.get 0) (i32.const 0))))
  (func $tail_indirect_u (type $unary)
    (return_call_indirect $u (type $unary) (local.get 0) (i32.and (local.get 0) (i32.const 0))))
  (func $tail_host (type $none) (return_call $host))
  (func $tail_host_indirect (type $none) (return_call_indirect (type $none) (i32.const 1)))
  (func $two (param i32 i64) (result i32 i64) (local.get 0) (local.get 1))
  (func $many (param i32) (result i32 i32 i32 i32 i32)
    (local.get 0) (i32.const 1) (local.get 0) (i32.const 2) (local.get 0))
"#
    );
    for ty in TYPES {
        writeln!(text, "(global $g{ty} (mut {ty}) ({ty}.const 1))").expect("a string");
    }
    for (number, class) in classes.iter().enumerate() {
        writeln!(
            text,
            "(func $class{number} (export {:?}) (param $n i32)",
            class.name
        )
        .expect("a string");
        let types = || {
            TYPES
                .iter()
                .filter(|ty| class.body.contains(&format!("${ty}")))
        };
        for ty in types() {
            for local in ["a", "b", "r", "z"] {
                writeln!(text, "(local ${ty}{local} {ty})").expect("a string");
            }
        }
        writeln!(text, "(local $at i32) (local.set $at (i32.const 16))").expect("a string");
        for ty in types() {
            for local in ["a", "b"] {
                writeln!(text, "(local.set ${ty}{local} ({ty}.const 7))").expect("a string");
            }
        }
        writeln!(
            text,
            "(loop $again {}
               (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))",
            class.body
        )
        .expect("a string");
    }
    text + extra + ")"
}

/// All classes as one but those that grow something, of which each may leave something behind: each
/// class takes time to compile too.
fn merged(classes: Vec<Class>) -> Vec<Class> {
    let grows = |class: &Class| class.name.contains(".grow");
    let (mut merged, others): (Vec<_>, Vec<_>) = classes.into_iter().partition(grows);
    merged.push(Class {
        name: "all others",
        body: others.into_iter().map(|class| class.body + "\n").collect(),
    });
    merged
}

/// The guest of the check at the start of a process. `mark` is called before and after
/// `iterations` of a class: whether it may leave native stack behind, and whether it is after.
pub(crate) fn probe(iterations: u32) -> String {
    let classes = merged(classes(Forms::Few));
    let mut run = "(func (export \"run\")".to_owned();
    for (number, class) in classes.iter().enumerate() {
        let grows = u8::from(class.name.contains(".grow"));
        write!(
            run,
            "(call $mark (i32.const {grows}) (i32.const 0))
             (call $class{number} (i32.const {iterations}))
             (call $mark (i32.const {grows}) (i32.const 1))"
        )
        .expect("a string");
    }
    let imports = r#"(import "" "host" (func $host (type $none)))
      (import "" "mark" (func $mark (param i32 i32)))"#;
    module(&classes, imports, "66000 67000 (pagesize 1)", &(run + ")"))
}
