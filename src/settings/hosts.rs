//! Patterns for the hosts that plugins may send requests to.

use core::net::Ipv6Addr;

/// Whether a pattern can match any host.
pub(super) fn can_be_allowed(pattern: &str) -> bool {
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
