//! Where a suspended call and who holds it leave each other word.

use crate::{
    common::{sync::Exclusive, value::Signature},
    engine::meter::Portion,
    host::{context::Request, waiting::Completion},
};
use alloc::sync::Arc;

/// What a suspended call is told when it goes on.
pub(crate) struct Answer {
    pub(crate) portion: Portion,
    /// The results of the host function, if the call waits for some.
    pub(crate) completion: Option<Completion>,
}

/// The host function that a call waits for.
pub(crate) struct Wait {
    pub(crate) request: Request,
    /// The module and the name by which the guest imports the function.
    pub(crate) function: [Arc<str>; 2],
    pub(crate) signature: Signature,
}

/// What a suspended call costs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Costs {
    pub(crate) fuel_used: u64,
    /// The bytes of the guest's memories and tables.
    pub(crate) guest_bytes: usize,
}

/// Why a call is suspended.
#[derive(Default)]
pub(crate) struct Suspension {
    pub(crate) costs: Costs,
    /// What it waits for; `None` if it has used its portion of fuel.
    pub(crate) wait: Option<Wait>,
}

#[derive(Default)]
struct Mail {
    answer: Option<Answer>,
    suspension: Option<Suspension>,
    /// What a host function says that it waits for, until its call is suspended.
    request: Option<Request>,
    /// Which host function that is.
    function: Option<[Arc<str>; 2]>,
}

/// Where a suspended call and who holds it leave each other word.
#[derive(Default)]
pub(crate) struct Mailbox(Exclusive<Mail>);

impl Mailbox {
    pub(crate) fn answer(&self, answer: Answer) {
        self.0.with(|mail| mail.answer = Some(answer));
    }

    pub(super) fn suspend(&self, suspension: Suspension) {
        self.0.with(|mail| mail.suspension = Some(suspension));
    }

    pub(crate) fn take_suspension(&self) -> Option<Suspension> {
        self.0.with(|mail| mail.suspension.take())
    }

    pub(super) fn request(&self, request: Request) {
        self.0.with(|mail| mail.request = Some(request));
    }

    /// Says which host function waits.
    pub(super) fn waits(&self, function: &[Arc<str>; 2]) {
        self.0.with(|mail| mail.function = Some(function.clone()));
    }

    pub(super) fn take_request(&self) -> Option<(Request, [Arc<str>; 2])> {
        self.0.with(|mail| {
            let function = mail.function.take()?;
            Some((mail.request.take()?, function))
        })
    }

    pub(crate) fn take_answer(&self) -> Option<Answer> {
        self.0.with(|mail| mail.answer.take())
    }
}
