//! A plugin that greets and works out what an order costs.
//!
//! ```sh
//! cargo build -p pocketwasm-plugin --example order --features json \
//!     --release --target wasm32-unknown-unknown
//! ```

#![forbid(unsafe_code)]

use pocketwasm_plugin::{Json, plugin};
use serde::{Deserialize, Serialize};

/// Returns a greeting.
#[plugin]
fn greet(name: String) -> String {
    format!("Hello, {name}")
}

#[derive(Deserialize)]
struct Order {
    price: u64,
    count: i64,
}

#[derive(Serialize)]
struct Receipt {
    total: u64,
}

/// Returns what an order costs.
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
