//! Patterns for the hosts that plugins may send requests to.

use crate::common::{
    failure::{Cause, Failure},
    text::Quoted,
};
use alloc::format;
use core::net::Ipv6Addr;

/// Refuses a pattern that can never match a host.
pub(crate) fn check(pattern: &str) -> Result<(), Failure> {
    if can_match(pattern) {
        return Ok(());
    }
    Err(Cause::InvalidConfig {
        setting: "allow_host",
        problem: format!(
            "is {}; it must be a host as in a URL, without scheme, port and path: example.org, \
             *.example.org, [::1], or * for any",
            Quoted(pattern)
        ),
    }
    .into())
}

fn can_match(pattern: &str) -> bool {
    let name = pattern.strip_prefix("*.").unwrap_or(pattern);
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    match address {
        Some(address) => name == pattern && address.parse::<Ipv6Addr>().is_ok(),
        None => {
            let label = |label: &str| {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                !label.is_empty() && label.bytes().all(plain)
            };
            pattern == "*" || name.split('.').all(label)
        }
    }
}
