//! The figures that bound the native stack which the engine's tail calls can leave behind.
//!
//! `tools/dispatch/leaks` reads them too, and checks a built binary against them.

/// The fuel of a `memory.grow` or `table.grow`: the most that the engine's table can say.
///
/// In a build for x86-64 or AArch64 that is optimised for speed, only the handlers of these two go on to the
/// next handler by a call instead of a jump, and so leave their frames behind until the engine is
/// next left.
pub(crate) const LEAKING_COST: u8 = 255;

/// The fuel that the engine has at most when it is entered, but for a single block of operators
/// that costs more, which then has just that. Out of fuel it is left, and its stack is free.
pub(crate) const LARGEST_GRANT: u64 = 262_144;

/// The same where host functions may call the guest back: their stack comes on top of what is left
/// behind.
pub(crate) const LARGEST_GRANT_BENEATH: u64 = 65_536;

/// The same for a call by a host function. One inside another has a part of it: half, a third, and so
/// on, so that all of them together leave little behind.
pub(crate) const LARGEST_NESTED_GRANT: u64 = 8_192;

/// The native stack in bytes that calls by host functions may take by default, measured from the
/// first of them. With what is left behind beneath it, a thread of 256 KiB has enough.
pub(crate) const HOST_STACK: u32 = 112 * 1024;

/// The native stack in bytes that may be left behind between two grants.
pub(crate) const NATIVE_STACK: u64 = 256 * 1024;

/// How often a leaking operator can run on one grant. It pays before it runs, and one can have
/// paid from the grant before, when it ran out in the middle of growing.
pub(crate) const fn most_leaks(grant: u64) -> u64 {
    grant / LEAKING_COST as u64 + 1
}

/// What one may leave behind in bytes.
pub(crate) const MOST_LEFT_BEHIND: u64 = NATIVE_STACK / most_leaks(LARGEST_GRANT);

/// The most that was ever read from a binary.
const MOST_READ: u64 = 192;
const _: () = assert!(MOST_LEFT_BEHIND >= MOST_READ);

// In an optimised build, where such a call takes about 4 KiB by itself, the default depth is reached
// before the default stack, and a thread of 256 KiB has 64 left for the host.
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
