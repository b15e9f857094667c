//! What `memory.grow` and `memory.size` become, in a module whose only memory is its own.
//!
//! The engine copies a memory that grows, and can make no memory smaller. An instance that has served a
//! call which grew its memory can therefore serve another one only if the guest does not see that
//! the memory is larger already. Two globals are added for that: the pages that the guest knows of,
//! and the pages that are hidden from it. `memory.grow` takes from what is hidden first, and grows the
//! memory by what is missing then. `engine/hidden.rs` says why no guest can tell. Two more globals
//! hold what `memory.grow` works with; nothing is in them between two of these.
//!
//! Which code a module gets depends on nothing but the module, because fuel and the depth at which
//! the call stack ends must be the same in every build and for every instance. Only where `hides`
//! says that memory can be hidden, `memory.size` reads the global, which costs the same. Nothing
//! branches, and no function is added.

use crate::{
    common::failure::Failure,
    module::{
        binary::{SectionEntries, Sections, add, put_i64, put_u32, section, sized},
        inspect::{ModuleInfo, named},
    },
};
use alloc::vec::Vec;
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// The operators that come with a `memory.grow`, each for a unit of fuel. A `memory.grow` itself
/// costs so much less.
pub(crate) const GROWTH_FUEL: u8 = 36;
/// How many of them are `i32.const`, which costs nothing in instrumented copies.
#[cfg(feature = "explain")]
pub(crate) const GROWTH_CONSTANTS: u8 = 5;

/// The most `memory.grow` and `memory.size` of a module that gets the globals. Compilers write a
/// few. What they become is longer.
const MOST_GROWS: usize = 64;
const MOST_SIZES: usize = 4_096;

/// The globals that are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Growth {
    /// The pages that the guest knows of. It is up to date where only the guest grows the memory.
    pub(crate) told: u32,
    /// The pages that are hidden from the guest.
    pub(crate) hidden: u32,
    /// What the last `memory.grow` was asked for.
    asked: u32,
    /// What the engine has answered to it.
    answered: u32,
}

/// How many globals are added.
const ADDED: u8 = 4;

impl Growth {
    /// The globals for a module, if it is to have them. A module that shares its memory with others
    /// does not have them.
    pub(super) fn of(info: &ModuleInfo, across_modules: bool) -> Option<Self> {
        let few =
            (1..=MOST_GROWS).contains(&info.memory_grows) && info.memory_sizes.len() <= MOST_SIZES;
        // What they become names no memory in any other way.
        let plain = !info.names_memories;
        let global = |place| info.globals.saturating_add(place);
        (few && plain && info.has_own_memory && !across_modules).then(|| Self {
            told: global(0),
            hidden: global(1),
            asked: global(2),
            answered: global(3),
        })
    }

    /// The module with the globals.
    pub(super) fn add_globals(self, bytes: &[u8], info: &ModuleInfo) -> Result<Vec<u8>, Failure> {
        self.check_names(bytes)?;
        let mut globals = SectionEntries::default();
        let values: [_; ADDED as usize] = [info.minimum_pages, 0, 0, 0];
        for value in values {
            globals.count += 1;
            globals.entries.extend_from_slice(&[0x7f, 1, 0x41]);
            put_i64(&mut globals.entries, i64::try_from(value).unwrap_or(-1));
            globals.entries.push(0x0b);
        }
        add(bytes, &[(section::GLOBAL, globals)])
    }

    /// Checks that code does not name the added globals. Constant expressions cannot: they may name
    /// only globals that never change.
    fn check_names(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut sections = Sections::of(bytes)?;
        while let Some((id, mut content)) = sections.next()? {
            if id != section::CODE {
                continue;
            }
            for _ in 0..content.read_var_u32()? {
                let body = sized(&mut content)?;
                if self.may_be_named(&body) {
                    self.check_body(&FunctionBody::new(body))?;
                }
            }
        }
        Ok(())
    }

    /// Whether the bytes of `global.get` or `global.set` of an added global are in the body, as an
    /// operator or by chance.
    fn may_be_named(self, body: &BinaryReader<'_>) -> bool {
        let mut body = body.clone();
        let length = body.bytes_remaining();
        let bytes = body.read_bytes(length).unwrap_or_default();
        // The first byte of an index has its lowest seven bits.
        let [told, ..] = self.told.to_le_bytes();
        let index_may_be = |byte: u8| byte.wrapping_sub(told) & 0x7f < ADDED;
        let pairs = bytes.iter().zip(bytes.iter().skip(1));
        // Without a branch for each pair the compiler can look at many at a time.
        pairs.fold(false, |found, (operator, index)| {
            found | (matches!(operator, 0x23 | 0x24) & index_may_be(*index))
        })
    }

    fn check_body(self, body: &FunctionBody<'_>) -> Result<(), Failure> {
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            if let Operator::GlobalGet { global_index } | Operator::GlobalSet { global_index } =
                operators.read()?
            {
                named("global", global_index, self.told)?;
            }
        }
        Ok(())
    }

    /// Writes what replaces a `memory.grow`, whose operand is on the stack.
    pub(super) fn put_grow(self, new: &mut Vec<u8>) {
        use Step::{Get, Is, Set};
        const GREATER: Step = Is(&[0x4b]);
        const MINUS: Step = Is(&[0x6b]);
        const ZERO: Step = Is(&[0x41, 0]);
        const FAILED: Step = Is(&[0x41, 0x7f]);
        const EQUAL: Step = Is(&[0x46]);
        // The first of two if the third is not 0.
        const SELECT: Step = Is(&[0x1b]);
        let (told, hidden) = (self.told, self.hidden);
        let (asked, answered) = (self.asked, self.answered);
        let steps = [
            &[Set(asked)][..],
            // What is missing, or 0.
            &[Get(asked), Get(hidden), MINUS, ZERO],
            &[Get(asked), Get(hidden), GREATER, SELECT],
            &[Is(&[0x40, 0]), Set(answered)],
            // The result: the pages that the guest knew of, or -1.
            &[FAILED, Get(answered), Get(hidden), MINUS],
            &[Get(answered), FAILED, EQUAL, SELECT],
            // What is hidden now: as much as before if it failed, else what was not asked for.
            &[Get(hidden), ZERO, Get(hidden), Get(asked), MINUS],
            &[Get(asked), Get(hidden), GREATER, SELECT],
            &[Get(answered), FAILED, EQUAL, SELECT, Set(hidden)],
            // What the guest knows of.
            &[Is(&[0x3f, 0]), Get(hidden), MINUS, Set(told)],
        ];
        for step in steps.into_iter().flatten() {
            step.put(new);
        }
    }

    /// Writes what replaces a `memory.size`.
    pub(super) fn put_size(self, new: &mut Vec<u8>) {
        new.push(0x23);
        put_u32(new, self.told);
    }
}

/// An operator of what replaces a `memory.grow`.
#[derive(Clone, Copy)]
enum Step {
    Get(u32),
    Set(u32),
    Is(&'static [u8]),
}

impl Step {
    fn put(self, new: &mut Vec<u8>) {
        let (operator, global) = match self {
            Self::Get(global) => (0x23, global),
            Self::Set(global) => (0x24, global),
            Self::Is(bytes) => return new.extend_from_slice(bytes),
        };
        new.push(operator);
        put_u32(new, global);
    }
}
