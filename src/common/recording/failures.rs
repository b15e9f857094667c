//! How a failure is recorded: those that decide something keep their numbers, all others their kind
//! and their text.

use crate::common::{
    error_kind::ErrorKind,
    failure::{Cause, Failure, Source},
    recording::codec::{Damage, Reader, Writer},
    text::first_line,
};
use alloc::{
    boxed::Box,
    string::{String, ToString},
};
use core::{error::Error as CoreError, fmt, time::Duration};

/// All kinds, in the order of their numbers in the file. New ones go to the end.
const KINDS: [ErrorKind; 23] = [
    ErrorKind::InvalidConfig,
    ErrorKind::Io,
    ErrorKind::InvalidModule,
    ErrorKind::ShapeLimit,
    ErrorKind::UnsupportedImport,
    ErrorKind::NotFound,
    ErrorKind::Signature,
    ErrorKind::MemoryLimit,
    ErrorKind::OutOfFuel,
    ErrorKind::Timeout,
    ErrorKind::Cancelled,
    ErrorKind::Trap,
    ErrorKind::Exit,
    ErrorKind::Plugin,
    ErrorKind::GuestData,
    ErrorKind::TooLarge,
    ErrorKind::Host,
    ErrorKind::Poisoned,
    ErrorKind::Refused,
    ErrorKind::Snapshot,
    ErrorKind::Closed,
    ErrorKind::Recording,
    ErrorKind::Difference,
];

/// The number of a kind.
pub(crate) fn kind_number(kind: ErrorKind) -> u8 {
    let place = KINDS.iter().position(|known| *known == kind);
    place
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or(u8::MAX)
}

/// The kind of a number.
pub(crate) fn kind_of(number: u8) -> Result<ErrorKind, Damage> {
    let kind = KINDS.get(usize::from(number));
    kind.copied().ok_or(Damage("an error is of no known kind"))
}

/// The text of an error's source.
#[derive(Debug)]
struct Said(String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl CoreError for Said {}

pub(crate) fn put_failure(writer: &mut Writer, failure: &Failure) {
    let duration = |duration: &Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    match &**failure {
        Cause::Exit { code } => {
            writer.byte(0);
            writer.number(code.cast_unsigned().into());
        }
        Cause::Plugin { message } => {
            writer.byte(1);
            writer.text(message);
        }
        Cause::OutOfFuel { budget } => {
            writer.byte(2);
            writer.number(*budget);
        }
        Cause::OutOfTimeFuel { budget, timeout } => {
            writer.byte(3);
            writer.number(*budget);
            writer.number(duration(timeout));
        }
        Cause::Timeout { limit } => {
            writer.byte(4);
            writer.number(duration(limit));
        }
        Cause::Cancelled => writer.byte(5),
        Cause::Closed => writer.byte(6),
        cause => {
            writer.byte(7);
            writer.byte(kind_number(cause.kind()));
            writer.text(&cause.to_string());
            let source = CoreError::source(cause);
            writer.flag(source.is_some());
            if let Some(source) = source {
                writer.text(&first_line(&source));
            }
        }
    }
}

pub(crate) fn take_failure(reader: &mut Reader<'_>) -> Result<Failure, Damage> {
    let cause = match reader.byte()? {
        0 => Cause::Exit {
            code: reader.small::<u32>()?.cast_signed(),
        },
        1 => Cause::Plugin {
            message: reader.string()?,
        },
        2 => Cause::OutOfFuel {
            budget: reader.number()?,
        },
        3 => Cause::OutOfTimeFuel {
            budget: reader.number()?,
            timeout: Duration::from_nanos(reader.number()?),
        },
        4 => Cause::Timeout {
            limit: Duration::from_nanos(reader.number()?),
        },
        5 => Cause::Cancelled,
        6 => Cause::Closed,
        7 => Cause::Recorded {
            kind: kind_of(reader.byte()?)?,
            message: reader.string()?,
            source: match reader.flag()? {
                true => Some(Box::new(Said(reader.string()?)) as Source),
                false => None,
            },
        },
        _ => return Err(Damage("a failure is of no known form")),
    };
    Ok(cause.into())
}
