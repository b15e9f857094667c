//! The figures that bound the native stack that the engine's tail calls can leave behind.
//!
//! `tools/dispatch/leaks` reads these figures too, and checks a built binary against them.

/// The fuel of a `memory.grow` or `table.grow`: the largest price that the engine's table can hold.
///
/// In a build for x86-64 or AArch64 that is optimised for speed, only the handlers of these two
/// operators reach the next handler by a call instead of a jump. Their frames stay on the native
/// stack until the engine is next left.
///
/// Where `prepare` puts other operators around a `memory.grow`, all of them together cost this, and
/// are paid for together.
pub(crate) const LEAKING_COST: u8 = 255;

/// The most fuel that the engine has when it is entered, except for a single block of operators
/// that costs more, which then has exactly its price. When the fuel is used up the engine is left,
/// and its native stack is free again.
pub(crate) const LARGEST_GRANT: u64 = 262_144;

/// The same for modules whose host functions may call the guest back. The stack of those calls
/// comes on top of what is left behind.
pub(crate) const LARGEST_GRANT_BENEATH: u64 = 65_536;

/// The same for a call from a host function back into the guest. A call nested in another one gets
/// a half, a third and so on. All of them together then leave little behind.
pub(crate) const LARGEST_NESTED_GRANT: u64 = 8_192;

/// The bytes of native stack that calls from host functions back into the guest may take by
/// default, measured from the first of them. Together with what is left behind beneath them, they
/// fit a thread of 256 KiB.
pub(crate) const HOST_STACK: u32 = 120 * 1024;

/// The bytes of native stack that may be left behind between two grants.
pub(crate) const NATIVE_STACK: u64 = 256 * 1024;

/// How often an operator that leaves stack behind can run on one grant. It pays before it runs. One
/// more can have paid from the grant before, which ran out while it was growing.
pub(crate) const fn most_leaks(grant: u64) -> u64 {
    grant / LEAKING_COST as u64 + 1
}

/// The most bytes that one such operator may leave behind.
pub(crate) const MOST_LEFT_BEHIND: u64 = NATIVE_STACK / most_leaks(LARGEST_GRANT);

/// The most bytes that were ever read from a binary.
const MOST_READ: u64 = 192;
const _: () = assert!(MOST_LEFT_BEHIND >= MOST_READ);

// In an optimised build a call from a host function back into the guest takes about 4 KiB by
// itself. There the default depth is reached before the default stack, and a thread of 256 KiB has
// 64 KiB left for the host.
const _: () = {
    let (mut depth, mut nested) = (1, 0);
    while depth <= 16 {
        nested += 4_096 + MOST_READ * most_leaks(LARGEST_NESTED_GRANT / depth);
        depth += 1;
    }
    assert!(nested <= HOST_STACK as u64);
    let beneath = MOST_READ * most_leaks(LARGEST_GRANT_BENEATH);
    assert!(beneath + HOST_STACK as u64 <= NATIVE_STACK - 64 * 1024);
};
