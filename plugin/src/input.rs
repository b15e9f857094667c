//! What a function can take.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};

/// What a function of a plugin can take: a value made of the bytes of one input.
///
/// Implement it for types of your own:
///
/// ```
/// use pocketwasm_plugin::{Input, plugin};
///
/// struct Shout(String);
///
/// impl Input<'_> for Shout {
///     fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
///         let text = String::from_bytes(bytes)?;
///         if text.is_empty() {
///             return Err("is empty".to_owned());
///         }
///         Ok(Self(text.to_uppercase()))
///     }
/// }
///
/// #[plugin]
/// fn shout(Shout(text): Shout) -> String {
///     text
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a function of a plugin cannot take `{Self}`",
    label = "not an input",
    note = "it can take `String`, `&str`, `Vec<u8>`, `&[u8]`, `Json<T>` with the feature `json`, and \
            types that implement `pocketwasm_plugin::Input`"
)]
pub trait Input<'a>: Sized {
    /// Makes the value.
    ///
    /// # Errors
    ///
    /// What is wrong with the bytes, as it reads behind "the input": `is not UTF-8`.
    fn from_bytes(bytes: &'a [u8]) -> Result<Self, String>;
}

impl<'a> Input<'a> for &'a [u8] {
    fn from_bytes(bytes: &'a [u8]) -> Result<Self, String> {
        Ok(bytes)
    }
}

impl Input<'_> for Vec<u8> {
    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        Ok(bytes.to_vec())
    }
}

impl<'a> Input<'a> for &'a str {
    fn from_bytes(bytes: &'a [u8]) -> Result<Self, String> {
        core::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
    }
}

impl Input<'_> for String {
    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        <&str>::from_bytes(bytes).map(ToString::to_string)
    }
}

/// The value of the input at `position`, counted from 0, of `count`.
///
/// # Errors
///
/// Which input is wrong, and what is wrong with it.
pub fn input<'a, T: Input<'a>>(
    bytes: &'a [u8],
    position: usize,
    count: usize,
) -> Result<T, String> {
    T::from_bytes(bytes).map_err(|problem| match count {
        1 => format!("the input {problem}"),
        _ => format!("input {} {problem}", position.saturating_add(1)),
    })
}

#[cfg(test)]
mod tests {
    use super::input;
    use alloc::{string::String, vec::Vec};

    #[test]
    fn errors_say_which_input() {
        let one = input::<String>(b"\xff", 0, 1);
        assert_eq!(one.unwrap_err(), "the input is not UTF-8");
        let second = input::<&str>(b"\xff", 1, 2);
        assert_eq!(second.unwrap_err(), "input 2 is not UTF-8");
    }

    #[test]
    fn bytes_are_taken_as_they_are() {
        assert_eq!(input::<Vec<u8>>(b"\xff", 0, 1).unwrap(), b"\xff");
        assert_eq!(input::<&[u8]>(b"\xff", 0, 1).unwrap(), b"\xff");
        assert_eq!(input::<&str>("é".as_bytes(), 0, 1).unwrap(), "é");
    }
}
