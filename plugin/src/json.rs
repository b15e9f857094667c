//! Values of serde, as JSON.

use crate::{Input, Output};
use alloc::{format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// A parameter that is read from JSON, or a result that is written as JSON.
///
/// ```
/// use pocketwasm_plugin::{Json, plugin};
///
/// #[plugin]
/// fn sum(Json(numbers): Json<Vec<i32>>) -> Json<i32> {
///     Json(numbers.iter().sum())
/// }
///
/// assert_eq!(sum(Json(vec![1, 2, 3])), Json(6));
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Json<T>(
    /// The value.
    pub T,
);

impl<'a, T: Deserialize<'a>> Input<'a> for Json<T> {
    fn from_bytes(bytes: &'a [u8]) -> Result<Self, String> {
        match serde_json::from_slice(bytes) {
            Ok(value) => Ok(Self(value)),
            Err(error) => Err(format!("is not the JSON that is expected: {error}")),
        }
    }
}

impl<T: Serialize> Output for Json<T> {
    type Bytes = Vec<u8>;

    fn into_bytes(self) -> Result<Self::Bytes, String> {
        serde_json::to_vec(&self.0).map_err(|error| format!("the result is not JSON: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Json;
    use crate::{Input, Output};
    use alloc::{collections::BTreeMap, vec, vec::Vec};

    #[test]
    fn values_go_in_and_out() {
        let Json(numbers) = Json::<Vec<u8>>::from_bytes(b" [1, 2] ").unwrap();
        assert_eq!(numbers, [1, 2]);
        assert_eq!(Json(vec![1, 2]).into_bytes().unwrap(), b"[1,2]");
        let Json(text) = Json::<&str>::from_bytes(b"\"borrowed\"").unwrap();
        assert_eq!(text, "borrowed");
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let error = Json::<Vec<u8>>::from_bytes(b"[300]").unwrap_err();
        let expected = "is not the JSON that is expected: invalid value: integer `300`, expected u8 \
                        at line 1 column 4";
        assert_eq!(error, expected);
        let error = Json(BTreeMap::from([((1, 2), 3)]))
            .into_bytes()
            .unwrap_err();
        assert_eq!(error, "the result is not JSON: key must be a string");
    }
}
