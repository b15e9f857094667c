//! Archives byte by byte, hostile ones too.

use flate2::{Compression, Crc, write::DeflateEncoder, write::GzEncoder};
use std::io::Write;

fn length32(bytes: &[u8]) -> u32 {
    bytes.len().try_into().unwrap()
}

fn length16(length: usize) -> u16 {
    length.try_into().unwrap()
}

/// An entry of a tar archive: its header as it comes, and the contents in whole blocks.
pub(super) struct Entry<'a> {
    pub(super) path: &'a [u8],
    pub(super) kind: u8,
    /// The octal digits of the size, or those of another size.
    pub(super) size: Option<&'a [u8]>,
    pub(super) target: &'a str,
    pub(super) contents: &'a [u8],
}

pub(super) const FILE: Entry<'static> = Entry {
    path: b"a",
    kind: b'0',
    size: None,
    target: "",
    contents: b"",
};

pub(super) fn file<'a>(path: &'a str, contents: &'a str) -> Entry<'a> {
    Entry {
        path: path.as_bytes(),
        contents: contents.as_bytes(),
        ..FILE
    }
}

pub(super) fn other<'a>(kind: u8, path: &'a str, target: &'a str) -> Entry<'a> {
    Entry {
        path: path.as_bytes(),
        kind,
        target,
        ..FILE
    }
}

pub(super) fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for entry in entries {
        let mut header = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &entry.path[..entry.path.len().min(100)]);
        put(100, b"0000644\0");
        let size = format!("{:011o}\0", entry.contents.len());
        put(124, entry.size.unwrap_or(size.as_bytes()));
        put(136, format!("{:011o}\0", 1_600_000_000).as_bytes());
        put(148, b"        ");
        put(156, &[entry.kind]);
        put(157, entry.target.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(header);
        archive.extend(entry.contents);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1_024, 0);
    archive
}

pub(super) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An entry of a zip archive, with a size and a mode that it claims.
pub(super) struct Zipped<'a> {
    pub(super) name: &'a [u8],
    pub(super) mode: u32,
    pub(super) contents: &'a [u8],
    pub(super) size: Option<u32>,
    pub(super) is_deflated: bool,
    pub(super) flags: u16,
}

pub(super) fn zipped<'a>(name: &'a str, contents: &'a str) -> Zipped<'a> {
    Zipped {
        name: name.as_bytes(),
        mode: 0,
        contents: contents.as_bytes(),
        size: None,
        is_deflated: false,
        flags: 0,
    }
}

pub(super) fn zip(entries: &[Zipped<'_>]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let mut sum = Crc::new();
        sum.update(entry.contents);
        let stored = match entry.is_deflated {
            true => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(entry.contents).unwrap();
                encoder.finish().unwrap()
            }
            false => entry.contents.to_vec(),
        };
        let size = entry.size.unwrap_or_else(|| length32(entry.contents));
        let mut common = Vec::new();
        common.extend(20_u16.to_le_bytes());
        common.extend(entry.flags.to_le_bytes());
        common.extend((8 * u16::from(entry.is_deflated)).to_le_bytes());
        // 2020-09-13, 12:26:40, where the tar archives are too.
        common.extend((12_u16 << 11 | 26 << 5 | 20).to_le_bytes());
        common.extend((40_u16 << 9 | 9 << 5 | 13).to_le_bytes());
        common.extend(sum.sum().to_le_bytes());
        common.extend(length32(&stored).to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(length16(entry.name.len()).to_le_bytes());
        common.extend([0; 2]);
        let at = length32(&archive);
        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(entry.name);
        archive.extend(stored);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&common);
        directory.extend([0; 6]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(entry.name);
    }
    let (count, at) = (length16(entries.len()), length32(&archive));
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend(length32(&directory).to_le_bytes());
    archive.extend(at.to_le_bytes());
    archive.extend([0; 2]);
    archive
}
