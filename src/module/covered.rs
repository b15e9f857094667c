//! What the counters of a copy say about the source: functions, lines and branches.

use crate::{
    common::{
        backtrace::{Frame, SourceLine},
        coverage_report::{
            BranchCoverage, CoverageReport, FileCoverage, FunctionCoverage, LineCoverage,
        },
    },
    module::{
        instrument::coverage_map::{Arms, Branch, CoverageMap, CoveredFunction},
        symbols::Symbols,
    },
};
use alloc::{boxed::Box, collections::BTreeMap, format, vec::Vec};

/// Where the code of an inlined function was put: the calls around it, the innermost first.
type Inlined = Vec<(Option<Box<str>>, Option<u32>, Option<u32>)>;
/// The code that counts as one: a function of the module, and what was inlined into it.
type Copy = (u32, Inlined);

/// What is known of a file.
#[derive(Default)]
struct File {
    functions: BTreeMap<(Option<u32>, Box<str>), u64>,
    lines: BTreeMap<u32, Line>,
    branches: BTreeMap<Place, (u32, Vec<u64>)>,
}

/// What is known of a line.
#[derive(Default)]
struct Line {
    /// Whether a statement begins there.
    has_statement: bool,
    /// For each copy of its code the part that ran most often.
    copies: BTreeMap<Copy, u64>,
}

/// A branch in the source: its line, its column, how many come before it there, and its arms.
type Place = (Option<u32>, Option<u32>, u32, usize);

/// The files by their paths. What has no source comes under `None`.
type Found = BTreeMap<Option<Box<str>>, File>;

/// Says what the counters of a module mean. `count` returns a counter's value.
pub(crate) fn report(
    map: &CoverageMap,
    symbols: &Symbols<'_>,
    calls: u64,
    count: impl Fn(u32) -> u64,
) -> CoverageReport {
    let mut found = Found::new();
    let firsts = lines(map, symbols, &count, &mut found);
    for function in &map.functions {
        functions(function, symbols, &count, &firsts, &mut found);
        branches(function, symbols, &count, &mut found);
    }
    let source = found.remove(&None);
    let files = found.into_iter().chain(source.map(|file| (None, file)));
    CoverageReport {
        calls,
        files: files.map(|(path, file)| finished(path, file)).collect(),
    }
}

/// Finds the lines that have code. Returns the first line of each function.
fn lines(
    map: &CoverageMap,
    symbols: &Symbols<'_>,
    count: &impl Fn(u32) -> u64,
    found: &mut Found,
) -> BTreeMap<u32, (Option<Box<str>>, Option<u32>)> {
    let segments: Vec<(u32, Option<u32>, u32)> = map
        .functions
        .iter()
        .flat_map(|function| {
            let segments = function.segments.iter();
            segments.map(|it| (it.start, it.counter, function.function))
        })
        .collect();
    let mut firsts = BTreeMap::new();
    for row in symbols.rows() {
        let from = segments.partition_point(|(start, ..)| *start <= row.start);
        let to = segments.partition_point(|(start, ..)| *start < row.end);
        let ran = segments.get(from.saturating_sub(1)..to).unwrap_or_default();
        // Nothing reaches code without a counter.
        let counts = ran.iter().filter_map(|(_, counter, _)| *counter).map(count);
        let (Some(ran), Some((.., function))) = (counts.max(), ran.first()) else {
            continue;
        };
        let Frame { lines, .. } = symbols.frame(*function, row.start);
        let Some((own, callers)) = lines.split_first() else {
            continue;
        };
        // Where code was removed, its table of lines may lie above another one.
        if own.line != Some(row.line) {
            continue;
        }
        let outermost = lines.last().unwrap_or(own);
        firsts
            .entry(*function)
            .or_insert_with(|| (outermost.file.clone(), outermost.line));
        let file = found.entry(own.file.clone()).or_default();
        let line = file.lines.entry(row.line).or_default();
        line.has_statement |= row.is_statement;
        let most = line
            .copies
            .entry((*function, inlined(callers)))
            .or_default();
        *most = ran.max(*most);
    }
    firsts
}

fn inlined(callers: &[SourceLine]) -> Inlined {
    let callers = callers.iter();
    let callers = callers.map(|caller| (caller.file.clone(), caller.line, caller.column));
    callers.collect()
}

fn functions(
    function: &CoveredFunction,
    symbols: &Symbols<'_>,
    count: &impl Fn(u32) -> u64,
    firsts: &BTreeMap<u32, (Option<Box<str>>, Option<u32>)>,
    found: &mut Found,
) {
    let number = function.function;
    let (path, line) = firsts.get(&number).cloned().unwrap_or_default();
    let name = symbols
        .name(number)
        .unwrap_or_else(|| format!("function {number}").into());
    let file = found.entry(path).or_default();
    let calls = file.functions.entry((line, name)).or_default();
    *calls = calls.saturating_add(count(function.calls));
}

fn branches(
    function: &CoveredFunction,
    symbols: &Symbols<'_>,
    count: &impl Fn(u32) -> u64,
    found: &mut Found,
) {
    let mut before: BTreeMap<(Inlined, Inlined), u32> = BTreeMap::new();
    for branch in &function.branches {
        let arms = arms(branch, count);
        let Frame { lines, .. } = symbols.frame(function.function, branch.offset);
        let own = lines.first().filter(|own| own.line.is_some());
        let callers = lines.get(1..).unwrap_or_default();
        let (path, line, column) = match own {
            Some(own) => (own.file.clone(), own.line, own.column),
            None => (None, None, None),
        };
        let place = [(path.clone(), line, column)].to_vec();
        let nth = before.entry((place, inlined(callers))).or_default();
        let file = found.entry(path).or_default();
        // Without a line, each function has branches of its own.
        let line_or_function = line.or(Some(function.function));
        let place = (line_or_function, column, *nth, arms.len());
        *nth += 1;
        let (_, sums) = file
            .branches
            .entry(place)
            .or_insert_with(|| (branch.offset, [0].repeat(arms.len())));
        for (sum, count) in sums.iter_mut().zip(arms) {
            *sum = sum.saturating_add(count);
        }
    }
}

fn arms(branch: &Branch, count: &impl Fn(u32) -> u64) -> Vec<u64> {
    match branch.arms {
        Arms::Both { first, second } => [count(first), count(second)].into(),
        Arms::First { all, first } => {
            let taken = count(first);
            [taken, count(all).saturating_sub(taken)].into()
        }
        Arms::Second { all, second } => {
            let went_on = count(second);
            [count(all).saturating_sub(went_on), went_on].into()
        }
        Arms::Table { first, labels } => (0..labels)
            .map(|label| count(first.saturating_add(label)))
            .collect(),
    }
}

fn finished(path: Option<Box<str>>, file: File) -> FileCoverage {
    let has_source = path.is_some();
    let functions = file.functions.into_iter();
    let lines = file.lines.into_iter();
    let lines = lines.filter(|(_, line)| line.has_statement);
    let branches = file.branches.into_iter();
    FileCoverage {
        path,
        functions: functions
            .map(|((line, name), calls)| FunctionCoverage { name, line, calls })
            .collect(),
        lines: lines
            .map(|(number, line)| LineCoverage {
                line: number,
                count: line.copies.into_values().fold(0, u64::saturating_add),
            })
            .collect(),
        branches: branches
            .map(|((line, ..), (offset, arms))| BranchCoverage {
                line: line.filter(|_| has_source),
                offset,
                arms,
            })
            .collect(),
    }
}
