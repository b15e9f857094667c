//! What `memory.grow` and `memory.size` become, in a module whose only memory is its own.
//!
//! The engine copies a memory that grows, and can make no memory smaller. An instance that has served a
//! call which grew its memory can therefore serve another one only if the guest does not see that
//! the memory is larger already. Two globals are added for that: the pages that the guest knows of,
//! and the pages that are hidden from it. `memory.grow` takes what is hidden away from what it
//! grows by, and then nothing is hidden any more. `engine/hidden.rs` says why no guest can tell.
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
pub(crate) const GROWTH_FUEL: u8 = 12;
/// How many of them are `i32.const`, which costs nothing in instrumented copies.
#[cfg(feature = "explain")]
pub(crate) const GROWTH_CONSTANTS: u8 = 3;

/// The most `memory.grow` and `memory.size` of a module that gets the globals. Compilers write a
/// few. What they become is longer.
const MOST_GROWS: usize = 64;
const MOST_SIZES: usize = 4_096;

/// The globals that are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Growth {
    /// The pages that the guest knows of. It is up to date where only the guest grows the memory.
    pub(crate) told: u32,
    /// Twice the pages that are hidden from the guest; 1 after the first `memory.grow`.
    pub(crate) hidden: u32,
}

impl Growth {
    /// The globals for a module, if it is to have them. A module that shares its memory with others
    /// does not have them.
    pub(super) fn of(info: &ModuleInfo, across_modules: bool) -> Option<Self> {
        let few =
            (1..=MOST_GROWS).contains(&info.memory_grows) && info.memory_sizes.len() <= MOST_SIZES;
        // What they become names no memory in any other way.
        let plain = !info.names_memories;
        (few && plain && info.has_own_memory && !across_modules).then(|| Self {
            told: info.globals,
            hidden: info.globals.saturating_add(1),
        })
    }

    /// The module with the globals.
    pub(super) fn add_globals(self, bytes: &[u8], info: &ModuleInfo) -> Result<Vec<u8>, Failure> {
        self.check_names(bytes)?;
        let mut globals = SectionEntries::default();
        for value in [info.minimum_pages, 0] {
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
        let low = |index: u32| {
            let [low, ..] = index.to_le_bytes();
            low & 0x7f
        };
        let (told, hidden) = (low(self.told), low(self.hidden));
        let index_may_be = |byte: u8| (byte & 0x7f == told) | (byte & 0x7f == hidden);
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
        // What is hidden counts twice in its global.
        let take_hidden = |new: &mut Vec<u8>| {
            new.push(0x23);
            put_u32(new, self.hidden);
            // `i32.const 1`, `i32.shr_u`, `i32.sub`.
            new.extend_from_slice(&[0x41, 1, 0x76, 0x6b]);
        };
        take_hidden(new);
        new.extend_from_slice(&[0x40, 0]);
        take_hidden(new);
        // Nothing is hidden any more.
        new.extend_from_slice(&[0x41, 1, 0x24]);
        put_u32(new, self.hidden);
        new.extend_from_slice(&[0x3f, 0, 0x24]);
        put_u32(new, self.told);
    }

    /// Writes what replaces a `memory.size`.
    pub(super) fn put_size(self, new: &mut Vec<u8>) {
        new.push(0x23);
        put_u32(new, self.told);
    }
}
