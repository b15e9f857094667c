//! Keeps the messages of panics instead of printing them.

use std::{cell::RefCell, panic};

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

pub fn keep() {
    panic::set_hook(Box::new(|info| {
        let text = info.to_string().replace('\n', " ");
        // Where it cannot be caught, the parent shows it.
        eprintln!("{text}");
        LAST.with_borrow_mut(|last| *last = text);
    }));
}

pub fn last() -> String {
    LAST.with_borrow(String::clone)
}
