//! A plugin. Every function with `#[plugin]` is an export that the host can call.

#![forbid(unsafe_code)]

use pocketwasm_plugin::{Json, plugin};
use serde::{Deserialize, Serialize};

/// Text in, text out.
#[plugin]
fn greet(name: String) -> String {
    format!("Hello, {name}")
}

#[derive(Deserialize)]
struct Order {
    price: u64,
    count: i64,
}

#[derive(Debug, PartialEq, Serialize)]
struct Receipt {
    total: u64,
}

/// JSON in, JSON out. The host gets an error with its message.
#[plugin]
fn order(Json(order): Json<Order>) -> Result<Json<Receipt>, &'static str> {
    let count = u64::try_from(order.count).unwrap_or(0);
    if count == 0 {
        return Err("the count must be positive");
    }
    let total = order.price.checked_mul(count);
    let total = total.ok_or("the total is too large")?;
    Ok(Json(Receipt { total }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greets() {
        assert_eq!(greet("World".to_owned()), "Hello, World");
    }

    #[test]
    fn orders() {
        let placed = |price, count| order(Json(Order { price, count }));
        assert_eq!(placed(250, 3), Ok(Json(Receipt { total: 750 })));
        assert_eq!(placed(250, 0), Err("the count must be positive"));
    }
}
