//! The HTTP status for each kind of error.

use hyper::StatusCode;
use pocketwasm::ErrorKind;

/// Maps an [`ErrorKind`] to a status. There is no other place that does.
pub(super) fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        // The request is at fault: other parameters, or a higher memory limit, would work.
        ErrorKind::InvalidConfig | ErrorKind::Signature | ErrorKind::MemoryLimit => {
            StatusCode::BAD_REQUEST
        }
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        // The plugin itself reported an error.
        ErrorKind::Exit | ErrorKind::Plugin => StatusCode::UNPROCESSABLE_ENTITY,
        // The plugin broke its convention. Request bodies are checked before the call, which means
        // that only the plugin's output can be too large here.
        ErrorKind::GuestData | ErrorKind::TooLarge => StatusCode::BAD_GATEWAY,
        ErrorKind::OutOfFuel | ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        // Seen only while the gateway stops: a client that went away gets no answer.
        ErrorKind::Cancelled | ErrorKind::Closed => StatusCode::SERVICE_UNAVAILABLE,
        // Traps, failures on the host's side, and kinds that no call should end with.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Whether the client may see the error's message. Failures on the host's side may name files and
/// other internals; those stay in the log.
pub(super) fn is_public(kind: ErrorKind) -> bool {
    !matches!(
        kind,
        ErrorKind::Host | ErrorKind::Io | ErrorKind::Poisoned | ErrorKind::Refused
    )
}

/// The kind's name in JSON and in metrics, such as `out_of_fuel`.
pub(super) fn name(kind: ErrorKind) -> String {
    let mut name = String::new();
    for letter in format!("{kind:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_status_of_the_documentation() {
        let table = [
            (ErrorKind::InvalidConfig, 400, "invalid_config"),
            (ErrorKind::Signature, 400, "signature"),
            (ErrorKind::MemoryLimit, 400, "memory_limit"),
            (ErrorKind::NotFound, 404, "not_found"),
            (ErrorKind::Exit, 422, "exit"),
            (ErrorKind::Plugin, 422, "plugin"),
            (ErrorKind::Trap, 500, "trap"),
            (ErrorKind::Host, 500, "host"),
            (ErrorKind::Io, 500, "io"),
            (ErrorKind::InvalidModule, 500, "invalid_module"),
            (ErrorKind::Poisoned, 500, "poisoned"),
            (ErrorKind::GuestData, 502, "guest_data"),
            (ErrorKind::TooLarge, 502, "too_large"),
            (ErrorKind::Cancelled, 503, "cancelled"),
            (ErrorKind::Closed, 503, "closed"),
            (ErrorKind::OutOfFuel, 504, "out_of_fuel"),
            (ErrorKind::Timeout, 504, "timeout"),
        ];
        for (kind, expected, expected_name) in table {
            assert_eq!(status(kind).as_u16(), expected, "{kind:?}");
            assert_eq!(name(kind), expected_name);
        }
    }
}
