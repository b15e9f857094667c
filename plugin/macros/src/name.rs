//! Names that an export may have.
//!
//! On wasm32 an export's name is the linker's symbol too. A function that takes the name of one
//! that compiled code calls would replace it, hence those are refused.

/// The functions that the compiler calls for copies, comparisons and the like, and names that the
/// linker gives a meaning.
const COMPILER: &[&str] = &[
    "bcmp", "main", "memcmp", "memcpy", "memmove", "memory", "memset", "strlen",
];

/// The functions of C's mathematics, which Rust's floats call; each with an `f` behind it too.
const MATHEMATICS: &[&str] = &[
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "copysign",
    "cos",
    "cosh",
    "erf",
    "erfc",
    "exp",
    "exp10",
    "exp2",
    "expm1",
    "fabs",
    "fdim",
    "floor",
    "fma",
    "fmax",
    "fmaximum",
    "fmaximum_num",
    "fmin",
    "fminimum",
    "fminimum_num",
    "fmod",
    "frexp",
    "hypot",
    "ilogb",
    "j0",
    "j1",
    "jn",
    "ldexp",
    "lgamma",
    "lgamma_r",
    "log",
    "log10",
    "log1p",
    "log2",
    "logb",
    "modf",
    "nextafter",
    "pow",
    "remainder",
    "remquo",
    "rint",
    "round",
    "roundeven",
    "scalbn",
    "sin",
    "sincos",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
    "tgamma",
    "trunc",
    "y0",
    "y1",
    "yn",
];

/// Why no export can have that name.
pub(crate) fn refuse(name: &str) -> Option<String> {
    let why = if name.is_empty() {
        "an export needs a name".to_owned()
    } else if name.contains('\0') {
        "the name of an export has no zero character".to_owned()
    } else if name.starts_with('_') || name.starts_with("rust_") {
        format!("`{name}` looks like a name of the compiler's or the linker's")
    } else if COMPILER.contains(&name) || is_mathematics(name) {
        format!("`{name}` is a name that compiled code uses for itself")
    } else {
        return None;
    };
    Some(format!(
        "{why}; choose another with `#[plugin(name = \"other\")]`"
    ))
}

fn is_mathematics(name: &str) -> bool {
    let base = name.strip_suffix('f').unwrap_or(name);
    // `lgamma_r` has the letter in the middle.
    MATHEMATICS.contains(&name) || MATHEMATICS.contains(&base) || name == "lgammaf_r"
}

#[cfg(test)]
mod tests {
    use super::refuse;

    #[test]
    fn names() {
        for name in ["greet", "to-upper", "größe", "logs", "format", "read"] {
            assert_eq!(refuse(name), None, "{name}");
        }
        for name in [
            "",
            "a\0b",
            "_start",
            "__rust_alloc",
            "rust_panic",
            "memcpy",
            "log",
            "powf",
            "lgammaf_r",
        ] {
            assert!(refuse(name).is_some(), "{name}");
        }
    }
}
