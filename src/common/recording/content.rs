//! What a call returned or wrote.

use crate::common::recording::codec::{Damage, Reader, Writer};
use alloc::vec::Vec;
use core::fmt;
use sha2::{Digest, Sha256};

/// Bytes, or their length and hash if they are many.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Bytes(Vec<u8>),
    Hash(u64, [u8; 32]),
}

/// The most bytes that are written as they are. Of more, the hash is written.
const FEW: usize = 64;

impl Content {
    /// Writes bytes as they are, however many.
    #[inline(always)]
    pub(super) fn put_all(bytes: &[u8], writer: &mut Writer) {
        writer.tagged(0, bytes.len() as u64);
        writer.0.extend_from_slice(bytes);
    }

    pub(super) fn put(&self, writer: &mut Writer) {
        match self {
            Self::Bytes(bytes) if bytes.len() <= FEW => Self::put_all(bytes, writer),
            many => {
                writer.byte(1);
                writer.number(many.length());
                writer.0.extend_from_slice(&many.hash());
            }
        }
    }

    pub(super) fn take(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        match reader.byte()? {
            0 => Ok(Self::Bytes(reader.bytes()?.to_vec())),
            1 => Ok(Self::Hash(reader.number()?, reader.array()?)),
            _ => Err(Damage("bytes are of no known form")),
        }
    }

    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Hash(length, _) => *length,
        }
    }

    fn hash(&self) -> [u8; 32] {
        match self {
            Self::Bytes(bytes) => Sha256::digest(bytes).into(),
            Self::Hash(_, hash) => *hash,
        }
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bytes(one), Self::Bytes(other)) => one == other,
            _ => self.length() == other.length() && self.hash() == other.hash(),
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of SHA-256 ", self.length())?;
        self.hash()
            .iter()
            .take(4)
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
