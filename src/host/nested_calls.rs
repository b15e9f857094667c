//! Calls from host functions back into the guest, and how deep they may nest.

use crate::common::failure::{Cause, Failure};
use alloc::format;
use core::{hint::black_box, ptr};

/// How deep calls from host functions back into the guest are nested.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NestedCalls {
    depth: u32,
    /// The position of the native stack when the first of them began.
    beneath: usize,
    /// Whether one of them failed. The guest's state is unknown from then on.
    pub(crate) failed: bool,
}

impl NestedCalls {
    pub(crate) fn enter(&mut self, maximum: u32, stack: u32) -> Result<(), Failure> {
        let here = stack_position();
        if self.depth == 0 {
            self.beneath = here;
        }
        let taken = self.beneath.abs_diff(here);
        if taken as u64 > stack.into() {
            return Err(Cause::Host {
                problem: format!(
                    "calls from host functions back into the guest take {taken} bytes of the \
                     native stack, {} deep; the limit `max_host_stack_bytes` is {stack}",
                    self.depth
                ),
                source: None,
            }
            .into());
        }
        if self.depth >= maximum {
            return Err(Cause::Host {
                problem: format!(
                    "calls from host functions back into the guest nest {} deep; the limit \
                     `max_host_depth` is {maximum}",
                    u64::from(self.depth) + 1
                ),
                source: None,
            }
            .into());
        }
        self.depth += 1;
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}

/// The approximate position of the native stack now.
#[inline(never)]
fn stack_position() -> usize {
    let local = 0_u8;
    ptr::from_ref(black_box(&local)).addr()
}
