//! Runs one comparison in a process of its own, to see also what kills the process.

use crate::compare::{Difference, Engines, Verdict};
use answers::Case;

/// The seconds after which a case hangs.
const PATIENCE: u32 = 20;

/// How a case ended, as far as one has to be told from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Same,
    Incomparable,
    /// By the code that [`class`] gives to a difference.
    Differs(i32),
    Signal(i32),
}

/// A number for the sort of difference: two panics in the same place are the same.
pub fn class(difference: &Difference) -> i32 {
    match difference.kind {
        "results" if difference.wher.starts_with("against") => 2,
        "results" => 3,
        "fuel" => 4,
        "refused" => 5,
        _ => {
            let place = difference.got.split(": ").next().unwrap_or_default();
            let sum = place
                .bytes()
                .fold(0_i32, |sum, byte| (sum * 31 + i32::from(byte)) % 100);
            100 + sum
        }
    }
}

/// Compares in a child.
#[allow(
    unsafe_code,
    reason = "a crash must be seen, and starting a process takes too long"
)]
pub fn compare(engines: &Engines, case: &Case) -> Class {
    // SAFETY: this process has one thread, and the child ends without coming back.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: both only concern the child itself.
        unsafe { libc::alarm(PATIENCE) };
        let code = match engines.compare(case) {
            Verdict::Same { .. } => 0,
            Verdict::Incomparable(_) => 1,
            Verdict::Differs(difference) => class(&difference),
        };
        // SAFETY: as above.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: the child was made above.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    if libc::WIFSIGNALED(status) {
        return Class::Signal(libc::WTERMSIG(status));
    }
    match libc::WEXITSTATUS(status) {
        0 => Class::Same,
        1 => Class::Incomparable,
        code => Class::Differs(code),
    }
}
