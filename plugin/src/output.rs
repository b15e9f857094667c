//! What a function can return.

use alloc::{borrow::Cow, format, string::String, vec::Vec};
use core::fmt::Display;

/// What a function of a plugin can return: bytes, or an error with its message.
///
/// ```
/// use pocketwasm_plugin::{Output, plugin};
///
/// struct Celsius(f64);
///
/// impl Output for Celsius {
///     type Bytes = String;
///
///     fn into_bytes(self) -> Result<String, String> {
///         Ok(format!("{:.1} °C", self.0))
///     }
/// }
///
/// #[plugin]
/// fn boiling() -> Celsius {
///     Celsius(100.0)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a function of a plugin cannot return `{Self}`",
    label = "not an output",
    note = "it can return `()`, text (`String`, `&str`), bytes (`Vec<u8>`, `&[u8]`), `Json<T>` with the \
            feature `json`, types that implement `pocketwasm_plugin::Output`, and a `Result` of them \
            whose error implements `Display`"
)]
pub trait Output {
    /// What holds the bytes while they are sent.
    type Bytes: AsRef<[u8]>;

    /// The bytes of the result.
    ///
    /// # Errors
    ///
    /// The message that the host gets instead.
    fn into_bytes(self) -> Result<Self::Bytes, String>;
}

/// No bytes.
impl Output for () {
    type Bytes = [u8; 0];

    fn into_bytes(self) -> Result<Self::Bytes, String> {
        Ok([])
    }
}

/// Types that are bytes as they are.
macro_rules! bytes {
    ($($type:ty),*) => {
        $(
            impl Output for $type {
                type Bytes = Self;

                fn into_bytes(self) -> Result<Self, String> {
                    Ok(self)
                }
            }
        )*
    };
}

bytes!(Vec<u8>, &[u8], String, &str, Cow<'_, [u8]>);

impl Output for Cow<'_, str> {
    type Bytes = Vec<u8>;

    fn into_bytes(self) -> Result<Self::Bytes, String> {
        Ok(self.into_owned().into_bytes())
    }
}

/// The error's text in the alternate form `{:#}`, which of `anyhow`'s errors has the causes too.
impl<T: Output, E: Display> Output for Result<T, E> {
    type Bytes = T::Bytes;

    fn into_bytes(self) -> Result<Self::Bytes, String> {
        match self {
            Ok(value) => value.into_bytes(),
            Err(error) => Err(format!("{error:#}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Output;
    use alloc::{borrow::Cow, string::String, vec};
    use core::fmt;

    fn bytes(output: impl Output) -> Result<vec::Vec<u8>, String> {
        output.into_bytes().map(|bytes| bytes.as_ref().to_vec())
    }

    #[test]
    fn what_is_sent() {
        assert_eq!(bytes(()).unwrap(), b"");
        assert_eq!(bytes("text").unwrap(), b"text");
        assert_eq!(bytes(String::from("text")).unwrap(), b"text");
        assert_eq!(bytes(&b"\xff"[..]).unwrap(), b"\xff");
        assert_eq!(bytes(vec![0xff]).unwrap(), b"\xff");
        assert_eq!(bytes(Cow::Borrowed("text")).unwrap(), b"text");
        assert_eq!(bytes(Cow::Borrowed(&b"\xff"[..])).unwrap(), b"\xff");
        assert_eq!(bytes(Ok::<_, String>("text")).unwrap(), b"text");
    }

    #[test]
    fn an_error_has_its_causes() {
        struct Chain;

        impl fmt::Display for Chain {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(if f.alternate() {
                    "outer: inner"
                } else {
                    "outer"
                })
            }
        }

        let result: Result<&str, Chain> = Err(Chain);
        assert_eq!(bytes(result).unwrap_err(), "outer: inner");
    }
}
