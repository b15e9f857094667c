//! What plugins and instances keep resident.

use crate::{Guest, Loaded, Peer, Result};
use std::fs;

/// KiB for each of so many plugins of the same module, each loaded by itself and called once.
pub(crate) fn plugins(peer: &dyn Peer, guest: &Guest, bytes: &[u8], count: u32) -> Result<f64> {
    // What is there once is there before.
    let first = peer.load(guest, bytes)?;
    first.fresh(&guest.work)?;
    let before = resident()?;
    let mut kept = Vec::new();
    for number in 0..count {
        let loaded = peer.load(guest, &distinct(bytes, number))?;
        loaded.fresh(&guest.work)?;
        kept.push(loaded);
    }
    Ok((resident()? - before) / f64::from(count))
}

/// KiB for each of so many live instances.
pub(crate) fn instances(loaded: &dyn Loaded, count: u32) -> Result<f64> {
    let first = loaded.instance()?;
    let before = resident()?;
    let kept = (0..count)
        .map(|_| loaded.instance())
        .collect::<Result<Vec<_>>>()?;
    let per = (resident()? - before) / f64::from(count);
    drop((first, kept));
    Ok(per)
}

/// The module with a custom section of its own, for runtimes that keep one of equal ones.
fn distinct(bytes: &[u8], number: u32) -> Vec<u8> {
    let name = format!("{number:08}");
    // Not an empty one: wazero refuses those.
    [bytes, &[0, 10, 8], name.as_bytes(), &[0]].concat()
}

/// The process's resident memory in KiB.
fn resident() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("/proc tells no VmRSS")?.parse()?)
}
