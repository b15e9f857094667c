//! Builds modules byte by byte, for shapes that the text format cannot express.

/// Unsigned LEB128.
pub(crate) fn number(value: impl TryInto<u64>) -> Vec<u8> {
    let Ok(mut value) = value.try_into() else {
        panic!("no number of a module is negative");
    };
    let mut out = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        if value == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}

/// A vector of `count` times the same entry.
pub(crate) fn times(count: usize, entry: &[u8]) -> Vec<u8> {
    let mut out = number(count);
    out.extend(entry.repeat(count));
    out
}

/// A vector of entries.
pub(crate) fn list(entries: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let entries: Vec<_> = entries.into_iter().collect();
    let mut out = number(entries.len());
    out.extend(entries.concat());
    out
}

pub(crate) fn section(id: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    [&[id][..], &number(content.len()), content].concat()
}

pub(crate) fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
}

pub(crate) const I32: u8 = 0x7f;
pub(crate) const I64: u8 = 0x7e;

/// A function type of so many parameters and results, all i32.
pub(crate) fn ty(params: usize, results: usize) -> Vec<u8> {
    [vec![0x60], times(params, &[I32]), times(results, &[I32])].concat()
}

/// A function body: groups of locals as they are encoded, then code without its `end`.
pub(crate) fn body(locals: &[u8], code: &[u8]) -> Vec<u8> {
    let content = [locals, code, &[0x0b]].concat();
    [number(content.len()), content].concat()
}

/// `count` functions of the first type, all with the same body.
pub(crate) fn functions(types: &[Vec<u8>], count: usize, body: &[u8]) -> Vec<u8> {
    module(&[
        section(1, list(types.iter().cloned())),
        section(3, times(count, &[0])),
        section(10, times(count, body)),
    ])
}
