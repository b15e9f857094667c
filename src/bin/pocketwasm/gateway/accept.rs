//! Content negotiation: which type of answer a client prefers.

use hyper::header::{self, HeaderMap};

/// The quality of each content type that the gateway can answer with, from the `Accept` headers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Accept {
    json: f32,
    text: f32,
    octets: f32,
}

impl Accept {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT).iter();
        let mut accept = Self::default();
        for range in values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
        {
            accept.add(range);
        }
        accept
    }

    /// Adds one media range, such as `application/json;q=0.8`. Ranges that cannot be parsed count
    /// as nothing: the header is only a preference, and not worth an error.
    fn add(&mut self, range: &str) {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(1.0_f32, |quality| quality.parse().unwrap_or(0.0))
            .clamp(0.0, 1.0);
        let wish = match media.as_str() {
            "application/json" => &mut self.json,
            "application/octet-stream" => &mut self.octets,
            "text/plain" | "text/*" => &mut self.text,
            _ => return,
        };
        *wish = wish.max(quality);
    }

    /// Whether the client names JSON, and prefers nothing else to it.
    pub(super) fn prefers_json(self) -> bool {
        self.json > 0.0 && self.json >= self.text && self.json >= self.octets
    }

    /// Whether the client names `application/octet-stream`, and prefers it to everything else.
    pub(super) fn prefers_octets(self) -> bool {
        self.octets > 0.0 && self.octets > self.text && self.octets > self.json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_for_json_is_told_from_others() {
        let table = [
            ("", false, false),
            ("*/*", false, false),
            ("application/json", true, false),
            ("Application/JSON; charset=utf-8", true, false),
            ("text/html, application/json;q=0.9, */*;q=0.1", true, false),
            ("text/plain, application/json;q=0.9", false, false),
            ("application/json;q=0", false, false),
            ("application/json;q=wrong", false, false),
            ("application/octet-stream", false, true),
            ("application/octet-stream;q=0.5, text/plain", false, false),
        ];
        for (value, json, octets) in table {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, value.parse().unwrap());
            let accept = Accept::of(&headers);
            assert_eq!(accept.prefers_json(), json, "{value:?}");
            assert_eq!(accept.prefers_octets(), octets, "{value:?}");
        }
    }
}
