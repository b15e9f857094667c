//! Rewrites a module before it is compiled, where the engine alone would not keep our promises.
//!
//! - **The start function** runs inside the engine's instantiation, where nothing can slice or
//!   stop it. So its section becomes an export, which is then called like any other.
//! - **`table.grow`** that runs out of fuel loses its position: resumed, the engine begins the
//!   function again. So each moves into a function of its own, which can begin again without
//!   anyone noticing (its only effect is the growing), and the fuel of beginning again is given
//!   back.
//! - **`memory.grow`** gets a `loop` around it, since a loop pays for its operators when it is
//!   entered. Otherwise it could be paid for long before: functions that call first and grow then
//!   would all return, and grow, on one grant of fuel, and the bound on what growing leaves
//!   behind in native stack (`dispatch`) rests on the grant. A `table.grow` has its function.
//! - **Operators that the engine compiles wrongly** become others that mean the same (`faults`).
//! - **Exported functions**, where there are many, move into a table (`gather`): that changes
//!   nothing but what an instance costs.
//!
//! Everything else is copied as it is. No index changes, since functions, types and tables are only
//! added at the end, and no index of any that was wrong becomes right: most are checked by the
//! inspection, those of functions in code here, where functions are added.

mod gather;

pub(crate) use self::gather::Gathered;
use crate::{
    binary::{
        Added, HEADER, Sections, Splice, add, put_bytes, put_i64, put_section, put_u32, section,
        sized,
    },
    bound::LEAKING_COST,
    error::Failure,
    faults::{
        Faults, SETTLE, block_params,
        host_tail_calls::{self, StandIns},
    },
    inspect::{ModuleInfo, named},
    value::ValueType,
};
use alloc::{borrow::Cow, boxed::Box, format, sync::Arc, vec::Vec};
use core::ops::Range;
use wasmparser::{BinaryReader, ExternalKind, FunctionBody, Operator};

/// The fuel that the engine takes again when a function made for `table.grow` begins again: its
/// three operators, of which one is dear, and one for entering it.
pub(crate) const TABLE_GROW_ENTRY_FUEL: u64 = 3 + LEAKING_COST as u64;

/// A module that was inspected and can be compiled.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    pub(crate) original: &'a [u8],
    pub(crate) bytes: Cow<'a, [u8]>,
    pub(crate) info: ModuleInfo,
    /// The export that holds the start function.
    pub(crate) start: Option<Box<str>>,
    /// Where the exported functions are, if not among the exports.
    pub(crate) gathered: Option<Arc<Gathered>>,
}

/// Makes an inspected module ready for compiling; whether there will be many instances of it decides
/// what is worth while.
pub(crate) fn prepare(
    bytes: &[u8],
    info: ModuleInfo,
    faults: Faults,
    many_instances: bool,
) -> Result<Prepared<'_>, Failure> {
    let mut prepared = Prepared {
        original: bytes,
        bytes: Cow::Borrowed(bytes),
        info,
        start: None,
        gathered: None,
    };
    let info = &prepared.info;
    if many_instances && gather::pays(info) {
        let name = unused_name(info, "exported functions");
        let (rewritten, gathered) = gather::gather(bytes, info, name)?;
        prepared.bytes = Cow::Owned(rewritten);
        prepared.gathered = Some(Arc::new(gathered));
    }
    let start = info
        .start
        .map(|function| (function, unused_name(info, "start function")));
    let rewrite = Rewrite::new(info, faults, start.as_ref());
    if start.is_some() || !info.rewritten.is_empty() || rewrite.stand_ins.is_some() {
        prepared.bytes = Cow::Owned(rewrite.module(&prepared.bytes)?);
        prepared.start = start.map(|(_, name)| name);
    }
    Ok(prepared)
}

/// A name that begins like that and that the module does not export already.
fn unused_name(info: &ModuleInfo, wanted: &str) -> Box<str> {
    let mut name = Box::from(wanted);
    let mut number = 1_u32;
    while info.export(&name).is_some() {
        number += 1;
        name = format!("{wanted} {number}").into();
    }
    name
}

struct Rewrite<'a> {
    info: &'a ModuleInfo,
    faults: Faults,
    start: Option<&'a (u32, Box<str>)>,
    /// The tables for which a function is added; empty where the module grows none.
    grown: &'a [ValueType],
    stand_ins: Option<StandIns>,
}

impl<'a> Rewrite<'a> {
    fn new(info: &'a ModuleInfo, faults: Faults, start: Option<&'a (u32, Box<str>)>) -> Self {
        let grown = if info.grows_tables {
            &*info.table_elements
        } else {
            &[]
        };
        let mut rewrite = Self {
            info,
            faults,
            start,
            grown,
            stand_ins: None,
        };
        if info.tail_calls_by_table && faults.closes(host_tail_calls::NAME) {
            let signatures = info.imports.iter().filter_map(|it| it.ty.signature());
            let params = signatures.map(|signature| signature.params().len());
            let imports = info.imported_types.iter().copied().zip(params).collect();
            let first = rewrite.first_added().saturating_add(rewrite.growers());
            rewrite.stand_ins = Some(StandIns::new(imports, first));
        }
        rewrite
    }

    fn module(&self, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut out = Splice::new(bytes, 0);
        let mut sections = Sections::of(bytes)?;
        let mut exports_seen = false;
        let mut from = HEADER.len();
        while let Some((id, mut content)) = sections.next()? {
            let place = from..content.range().end;
            from = place.end;
            let (id, content) = match id {
                section::TYPE => (id, self.types().to(&mut content)?),
                section::FUNCTION => (id, self.functions().to(&mut content)?),
                section::EXPORT => {
                    exports_seen = true;
                    (id, self.exports().to(&mut content)?)
                }
                // The place of the start section is just after that of the exports.
                section::START if exports_seen => {
                    out.replace(place, &[]);
                    continue;
                }
                section::START => (section::EXPORT, self.exports().alone()),
                section::CODE => {
                    self.code(bytes, place.start, content, &mut out)?;
                    continue;
                }
                _ => match (id, &self.stand_ins) {
                    (section::GLOBAL, Some(stand_ins)) => (id, stand_ins.globals(bytes, content)?),
                    (section::ELEMENT, Some(stand_ins)) => {
                        (id, stand_ins.elements(bytes, content)?)
                    }
                    _ => continue,
                },
            };
            let mut section = Vec::with_capacity(content.len() + 6);
            put_section(&mut section, id, &content);
            out.replace(place, &section);
        }
        let out = out.finish();
        match &self.stand_ins {
            Some(stand_ins) => add(&out, &[(section::ELEMENT, stand_ins.declared())]),
            None => Ok(out),
        }
    }

    fn exports(&self) -> Added {
        let mut added = Added::default();
        if let Some((function, name)) = self.start {
            added.export(name, ExternalKind::Func, *function);
        }
        added
    }

    /// For each table, the type `(element, i32) -> i32`, and after them that of the loops around
    /// `memory.grow`, where there is none like it.
    fn types(&self) -> Added {
        let mut entries = Vec::new();
        for element in self.grown {
            let reference = if *element == ValueType::FuncRef {
                0x70
            } else {
                0x6f
            };
            entries.extend_from_slice(&[0x60, 2, reference, 0x7f, 1, 0x7f]);
        }
        let mut count = self.growers();
        if self.info.grows_memories && self.info.growth_type.is_none() {
            entries.extend_from_slice(&[0x60, 1, 0x7f, 1, 0x7f]);
            count = count.saturating_add(1);
        }
        Added { count, entries }
    }

    /// The type of the loops around `memory.grow`.
    fn growth_type(&self) -> u32 {
        let added = self.info.types.saturating_add(self.growers());
        self.info.growth_type.unwrap_or(added)
    }

    /// For each table, a function of its type, and after them the stand-ins.
    fn functions(&self) -> Added {
        let mut added = Added::default();
        for table in 0..self.growers() {
            added.count = added.count.saturating_add(1);
            put_u32(&mut added.entries, self.info.types.saturating_add(table));
        }
        if let Some(stand_ins) = &self.stand_ins {
            stand_ins.functions(&mut added);
        }
        added
    }

    /// The functions that are added for tables.
    fn growers(&self) -> u32 {
        u32::try_from(self.grown.len()).unwrap_or(u32::MAX)
    }

    /// All functions that are added.
    fn added(&self) -> u32 {
        let stand_ins = self.stand_ins.as_ref().map(StandIns::count);
        self.growers().saturating_add(stand_ins.unwrap_or_default())
    }

    /// The section at `from`: bodies with their operators rewritten, and after them those of the
    /// added functions.
    fn code(
        &self,
        bytes: &[u8],
        from: usize,
        mut content: BinaryReader<'_>,
        out: &mut Splice<'_>,
    ) -> Result<(), Failure> {
        let Range { start, end } = content.range();
        let count = content.read_var_u32()?;
        let bodies_start = content.original_position();
        let mut references = Vec::new();
        if self.added() > 0 {
            references = self.check_calls(content.clone(), count)?;
        }
        if self.stand_ins.is_none() {
            references = Vec::new();
        }
        let rewritten = self.info.rewritten.iter().map(|at| start + *at as usize);
        let mut places = merged(rewritten, references.into_iter()).peekable();
        let mut bodies = Vec::new();
        while let Some(place) = places.peek().copied() {
            let at = content.original_position();
            let body = sized(&mut content)?.range();
            if place < body.end {
                let places = core::iter::from_fn(|| places.next_if(|at| *at < body.end));
                let mut new = Vec::new();
                put_bytes(&mut new, &self.body(bytes, &body, places)?);
                bodies.push((at..body.end, new));
            }
        }
        let mut before = Vec::new();
        put_u32(&mut before, count.saturating_add(self.added()));
        let after = self.added_bodies();
        let replaced: usize = bodies.iter().map(|(place, _)| place.len()).sum();
        let new: usize = bodies.iter().map(|(_, body)| body.len()).sum();
        let size = before.len() + (end - bodies_start - replaced) + new + after.len();
        let mut header = [section::CODE].to_vec();
        put_u32(&mut header, u32::try_from(size).unwrap_or(u32::MAX));
        out.replace(from..bodies_start, &[header, before].concat());
        for (place, body) in bodies {
            out.replace(place, &body);
        }
        out.replace(end..end, &after);
        Ok(())
    }

    fn added_bodies(&self) -> Vec<u8> {
        let mut bodies = Vec::new();
        for table in 0..self.growers() {
            let mut body = [0, 0x20, 0, 0x20, 1, 0xfc, 0x0f].to_vec();
            put_u32(&mut body, table);
            body.push(0x0b);
            put_bytes(&mut bodies, &body);
        }
        if let Some(stand_ins) = &self.stand_ins {
            stand_ins.bodies(&mut bodies);
        }
        bodies
    }

    /// Checks that the functions that code names are the module's own, and finds where it refers to
    /// any.
    fn check_calls(&self, mut bodies: BinaryReader<'_>, count: u32) -> Result<Vec<usize>, Failure> {
        let functions = self.first_added();
        let mut references = Vec::new();
        for _ in 0..count {
            let body = FunctionBody::new(sized(&mut bodies)?);
            let mut operators = body.get_operators_reader()?;
            while !operators.eof() {
                let at = operators.original_position();
                match operators.read()? {
                    Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                        named("function", function_index, functions)?;
                    }
                    Operator::RefFunc { function_index } => {
                        named("function", function_index, functions)?;
                        references.push(at);
                    }
                    _ => {}
                }
            }
        }
        Ok(references)
    }

    fn first_added(&self) -> u32 {
        let imported = self.info.imported_functions;
        imported.saturating_add(self.info.functions)
    }

    /// A body in which the operators at `places` are rewritten.
    fn body(
        &self,
        bytes: &[u8],
        body: &Range<usize>,
        places: impl Iterator<Item = usize>,
    ) -> Result<Vec<u8>, Failure> {
        let bytes = bytes.get(..body.end).unwrap_or_default();
        let mut out = Splice::new(bytes, body.start);
        for at in places {
            let mut reader = BinaryReader::new(bytes.get(at..).unwrap_or_default(), at);
            let operator = reader.read_operator()?;
            let place = at..reader.original_position();
            let old = bytes.get(place.clone()).unwrap_or_default();
            out.replace(place, &self.operator(&operator, old));
        }
        Ok(out.finish())
    }

    /// What an operator becomes whose bytes are `old`.
    fn operator(&self, operator: &Operator<'_>, old: &[u8]) -> Vec<u8> {
        let mut new = Vec::with_capacity(old.len() + 8);
        match *operator {
            Operator::TableGrow { table } => {
                new.push(0x10);
                put_u32(&mut new, self.first_added().saturating_add(table));
            }
            Operator::MemoryGrow { .. } => {
                // A loop with a parameter is what the engine compiles wrongly.
                if self.faults.closes(block_params::NAME) {
                    new.extend_from_slice(&SETTLE);
                }
                new.push(0x03);
                // The type of a block is a number with a sign.
                put_i64(&mut new, self.growth_type().into());
                new.extend_from_slice(old);
                new.push(0x0b);
            }
            Operator::ReturnCall { function_index } => {
                host_tail_calls::call_and_return(function_index, &mut new);
            }
            Operator::RefFunc { function_index } => match &self.stand_ins {
                Some(stand_ins) => stand_ins.reference(function_index, &mut new),
                None => new.extend_from_slice(old),
            },
            #[cfg(feature = "simd")]
            _ if crate::faults::lane_stores::rewrite(operator, &mut new) => {}
            _ => {
                new.extend_from_slice(&SETTLE);
                new.extend_from_slice(old);
            }
        }
        new
    }
}

/// Two rising sequences as one.
fn merged(
    one: impl Iterator<Item = usize>,
    other: impl Iterator<Item = usize>,
) -> impl Iterator<Item = usize> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    core::iter::from_fn(move || {
        let first = match (one.peek(), other.peek()) {
            (Some(a), Some(b)) => a < b,
            (a, _) => a.is_some(),
        };
        if first { one.next() } else { other.next() }
    })
}
