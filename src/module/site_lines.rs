//! The lines of source of an instrumented module's sites.

#[cfg(feature = "debug-info")]
use crate::module::debug_info::DebugInfo;
use crate::module::instrument::{Event, Sites};
use alloc::{boxed::Box, collections::BTreeMap, sync::Arc, vec::Vec};

/// The lines of the operators that a copy reports.
pub(crate) struct SiteLines {
    /// The number of the line of each site; 0 if it has none.
    pub(crate) numbers: Arc<[u32]>,
    /// The lines by their numbers, from 1 on.
    lines: Vec<(Box<str>, u32)>,
}

impl SiteLines {
    pub(crate) fn of(bytes: &[u8], sites: &Sites) -> Self {
        let ranges = ranges(bytes);
        let mut known = BTreeMap::new();
        let mut lines: Vec<(Box<str>, u32)> = Vec::new();
        let mut numbers = Vec::new();
        for number in 0.. {
            let Some(site) = sites.get(number) else {
                break;
            };
            let at = ranges.partition_point(|(start, ..)| *start <= site.offset);
            let range = at.checked_sub(1).and_then(|at| ranges.get(at));
            let line = range
                .filter(|(_, end, ..)| site.event == Event::Step && site.offset < *end)
                .map_or(0, |(.., file, line)| {
                    *known.entry((file.clone(), *line)).or_insert_with(|| {
                        lines.push((file.clone(), *line));
                        u32::try_from(lines.len()).unwrap_or(u32::MAX)
                    })
                });
            numbers.push(line);
        }
        Self {
            numbers: numbers.into(),
            lines,
        }
    }

    /// Whether any line is known.
    pub(crate) fn are_known(&self) -> bool {
        !self.lines.is_empty()
    }

    /// The sites where code of a line begins, in files whose path ends with `file`.
    pub(crate) fn begins(&self, file: &str, line: u32) -> Vec<u32> {
        let is_wanted = |number: u32| {
            let found = (number as usize)
                .checked_sub(1)
                .and_then(|at| self.lines.get(at));
            found.is_some_and(|(path, at)| *at == line && is_file(path, file))
        };
        let mut before = 0;
        let mut found = Vec::new();
        for (site, number) in (0..).zip(self.numbers.iter()) {
            // Sites between operators have no line.
            if *number != 0 && *number != before && is_wanted(*number) {
                found.push(site);
            }
            if *number != 0 {
                before = *number;
            }
        }
        found
    }
}

/// Whether a path ends with the names in `file`.
fn is_file(path: &str, file: &str) -> bool {
    let rest = path.strip_suffix(file);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(['/', '\\']))
}

/// The start, the end, the file and the line of ranges of code.
type Range = (u32, u32, Box<str>, u32);

#[cfg(feature = "debug-info")]
fn ranges(bytes: &[u8]) -> Vec<Range> {
    let ranges = DebugInfo::of(bytes).map(|it| it.ranges());
    let ranges = ranges.unwrap_or_default().into_iter();
    ranges
        .map(|it| (it.start, it.end, it.file, it.line))
        .collect()
}

#[cfg(not(feature = "debug-info"))]
fn ranges(_: &[u8]) -> Vec<Range> {
    Vec::new()
}
