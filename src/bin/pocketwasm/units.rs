//! Parses times and sizes with units.

use std::time::Duration;

/// The size of a page of linear memory, in bytes.
const PAGE: u64 = 65_536;

/// Splits a text into its number and its unit.
fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    text.split_at(end)
}

pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let second = match unit {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err("a time is a number with us, ms, s, m or h, such as 100ms".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "no number before the unit")?;
    Duration::try_from_secs_f64(number * second).map_err(|error| error.to_string())
}

fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err("a size is a number, alone or with KiB, MiB or GiB".to_owned()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "a size begins with a whole number")?;
    number
        .checked_mul(factor)
        .ok_or_else(|| "larger than 64 bits can say".to_owned())
}

pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    usize::try_from(size(text)?).map_err(|error| error.to_string())
}

pub(crate) fn bytes32(text: &str) -> Result<u32, String> {
    u32::try_from(size(text)?).map_err(|_| "at most 4GiB less one byte".to_owned())
}

/// Parses a number of pages. A size is rounded down to whole pages.
pub(crate) fn pages(text: &str) -> Result<u32, String> {
    let pages = match text.strip_suffix('p') {
        Some(pages) => pages
            .parse()
            .map_err(|_| "before the p belongs a whole number of pages")?,
        None if split(text).1.is_empty() => {
            return Err("say pages, as in 256p, or a size with a unit, as in 16MiB".to_owned());
        }
        None => size(text)? / PAGE,
    };
    u32::try_from(pages).map_err(|_| "more pages than 32 bits can say".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{bytes, pages, time};
    use std::time::Duration;

    #[test]
    fn units() {
        for (text, expected) in [
            ("100ms", Duration::from_millis(100)),
            ("5s", Duration::from_secs(5)),
            ("1.5s", Duration::from_millis(1_500)),
            ("2m", Duration::from_secs(120)),
            ("1h", Duration::from_secs(3_600)),
            ("10us", Duration::from_micros(10)),
        ] {
            assert_eq!(time(text), Ok(expected), "{text}");
        }
        for text in [
            "5",
            "",
            "s",
            "-1s",
            "1.2.3s",
            "5 s",
            "5days",
            "1e400s",
            "99999999999999999999h",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
        for (text, expected) in [
            ("256p", 256),
            ("0p", 0),
            ("16MiB", 256),
            ("100KiB", 1),
            ("1GiB", 16_384),
        ] {
            assert_eq!(pages(text), Ok(expected), "{text}");
        }
        for text in [
            "256",
            "",
            "p",
            "-1p",
            "1.5p",
            "16MB",
            "4294967296p",
            "18446744073709551615GiB",
        ] {
            assert!(pages(text).is_err(), "{text}");
        }
        for (text, expected) in [
            ("0", 0),
            ("4096", 4_096),
            ("4096B", 4_096),
            ("1MiB", 1 << 20),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "-1", "1.5MiB", "1mb", "0x10"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
