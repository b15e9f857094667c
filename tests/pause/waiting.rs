//! Waiting calls, and what becomes of them.

use crate::support::{
    IMPORTS, ONE, functions, patient, paused, refused, text, to_the_end, told, waiting,
};
use pocketwasm::{CancelToken, Error, ErrorKind, HostContext, Progress, Runner, types::Value};

#[test]
fn what_cannot_wait_says_why() {
    const RUNS: &str = if cfg!(feature = "async") {
        "host function \"env\" \"to\" cannot wait: its call runs to its end; \
                        `run_for` and `run_async` begin one that can be suspended"
    } else {
        "host function \"env\" \"to\" cannot wait: its call runs to its end; `run_for` begins one that can be suspended"
    };
    let plugin = text(functions(patient(), true), ONE);
    let error = plugin.call("f").run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CannotWait);
    assert_eq!(error.message(), RUNS);
    let mut instance = plugin.instantiate().unwrap();
    assert_eq!(instance.call("f").run().unwrap_err().message(), RUNS);
    assert!(instance.is_poisoned());

    const TAIL: &str = "plugin \"m\", export \"f\": host function \"env\" \"to\" cannot wait: the module \
                        has tail calls that can reach a function of its type";
    let tails = [
        r#"(func $g (result i32) (return_call $to (i32.const 1)))
           (func (export "f") (result i32) (i32.add (call $g) (i32.const 1)))"#,
        r#"(type $t (func (param i32) (result i32))) (table funcref (elem $to))
           (func $g (result i32) (return_call_indirect (type $t) (i32.const 1) (i32.const 0)))
           (func (export "f") (result i32) (i32.add (call $g) (i32.const 1)))"#,
    ];
    for tail in tails {
        let plugin = text(
            functions(patient(), true),
            &format!("(module {IMPORTS} {tail})"),
        );
        refused(
            plugin.call("f").run_for(u64::MAX),
            ErrorKind::CannotWait,
            TAIL,
        );
        // Functions of other types can wait there.
        let other = format!("(module {IMPORTS} {tail} (func (export \"g\") (call $nothing)))");
        let plugin = text(functions(patient(), true), &other);
        let _waits = waiting(plugin.call("g").run_for(u64::MAX).unwrap());
    }
    // A tail call of the guest's own functions harms nobody.
    let own = r#"(func $g (param i32) (result i32) (call $to (local.get 0)))
        (func (export "f") (result i32) (return_call $g (i32.const 4)))"#;
    let plugin = text(
        functions(patient(), true),
        &format!("(module {IMPORTS} {own})"),
    );
    let call = waiting(plugin.call("f").run_for(u64::MAX).unwrap());
    assert_eq!(
        call.resume_with(&[8.into()], 0)
            .unwrap()
            .finished()
            .unwrap()
            .results(),
        [8]
    );
}

#[test]
fn a_guest_that_was_called_back_cannot_wait_and_is_not_paused() {
    let module = r#"(module
        (import "env" "back" (func $back (param i32) (result i64)))
        (import "env" "to" (func $to (param i32) (result i32)))
        (func (export "inner") (param i32) (result i32)
            (if (result i32) (local.get 0) (then (call $to (i32.const 1))) (else
                (loop (result i32)
                    (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                    (br_if 0 (i32.lt_u (local.get 0) (i32.const 5000)))
                    (local.get 0)))))
        (func (export "f") (param i32) (result i32)
            (local.set 0 (i32.wrap_i64 (call $back (local.get 0))))
            (loop (result i32)
                (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                (br_if 0 (i32.lt_u (local.get 0) (i32.const 5020)))
                (local.get 0))))"#;
    let back = |context: &mut HostContext<'_>, which: u32| -> Result<u64, Error> {
        Ok(context.call("inner", &[which.into()])?[0])
    };
    let plugin = text(
        functions(patient(), true).function("env", "back", back),
        module,
    );
    refused(
        plugin.call("f").params(&[1]).run_for(u64::MAX),
        ErrorKind::CannotWait,
        "plugin \"m\", export \"f\": host function \"env\" \"to\" cannot wait: a host function \
         has called the guest back",
    );
    let whole = plugin.call("f").params(&[0]).run().unwrap();
    let (ended, pauses) = to_the_end(plugin.call("f").params(&[0]).run_for(60), 60);
    assert_eq!(told(&ended), told(&Ok(whole)));
    // All that the host had taken in advance must be given before the guest goes on.
    assert!(pauses > 100, "{pauses}");
}

#[test]
fn results_are_checked() {
    let plugin = text(functions(patient(), true), ONE);
    let begin = || waiting(plugin.call("f").run_for(1_000).unwrap());
    let host = "plugin \"m\", export \"f\": host function \"env\" \"to\": ";
    let cases: [(&[Value], &str); 3] = [
        (&[], "0 results; its signature says 1"),
        (&[1.into(), 2.into()], "2 results; its signature says 1"),
        (
            &[1_i64.into()],
            "result 1 is of type i64; its signature says i32",
        ),
    ];
    for (results, message) in cases {
        let ended = begin().resume_with(results, 1_000);
        let error = refused(ended, ErrorKind::Host, &format!("{host}{message}"));
        assert_eq!(error.outcome().unwrap().fuel_used(), 60);
    }
    let ended = begin().resume_by(1_000, |_| 5_i64);
    refused(
        ended,
        ErrorKind::Host,
        &format!("{host}the results have the types of () -> (i64)"),
    );
    let ended = begin().fail_with("the line is dead");
    refused(ended, ErrorKind::Host, &format!("{host}the line is dead"));
    let ended = begin().resume_by(1_000, |context| {
        context.write(65_535, b"ab").map(|()| 1_i32)
    });
    refused(
        ended,
        ErrorKind::GuestData,
        "plugin \"m\", export \"f\": what the host function reads or writes at 0xffff with length 2 \
         is outside the memory of 65536 bytes",
    );
    let ended = begin().resume_by(1_000, |context| Err::<i32, _>(context.wait("again")));
    refused(
        ended,
        ErrorKind::CannotWait,
        "plugin \"m\", export \"f\": host function \"env\" \"to\" cannot wait: it waits for what it \
         has waited for",
    );
    let ended = begin().resume_by(1_000, |_| -> i32 { panic!("oh") });
    refused(
        ended,
        ErrorKind::Host,
        "plugin \"m\", export \"f\": a host function panicked: oh",
    );
}

#[test]
fn who_resumes_may_change_the_guest_and_call_it_back() {
    let plugin = text(functions(patient(), true), ONE);
    let call = waiting(plugin.call("f").run_for(1_000).unwrap());
    assert_eq!(call.function(), ("env", "to"));
    assert_eq!(call.signature().to_string(), "(i32) -> (i32)");
    let finish = |context: &mut HostContext<'_>| -> Result<i32, Error> {
        context.memory("memory")?.grow(2)?;
        context.write(16, &7_u32.to_le_bytes())?;
        context.charge(100)?;
        let ok = context.call_values("ok", &[])?[0].get::<i32>().unwrap();
        Ok(ok + context.global("g")?.get::<i32>().unwrap())
    };
    let outcome = call.resume_by(1_000, finish).unwrap().finished().unwrap();
    assert_eq!(outcome.results(), [9]);
    assert_eq!(outcome.peak_memory_pages(), 3);
    assert!(outcome.fuel_used() > 2_048 + 100, "{outcome:?}");
}

#[test]
fn an_instance_whose_call_was_dropped_is_refused_until_it_is_reset() {
    const DROPPED: &str = "plugin \"m\", export \"ok\": an earlier call of this instance was suspended \
                           and then dropped; reset the instance, or make a new one";
    let plugin = text(functions(patient(), true), ONE);
    let mut instance = plugin.instantiate().unwrap();
    for export in ["f", "spin"] {
        drop(instance.call(export).run_for(1_000).unwrap());
        assert!(instance.is_poisoned());
        let error = instance.call("ok").run().unwrap_err();
        assert_eq!(
            (error.kind(), &*error.to_string()),
            (ErrorKind::Poisoned, DROPPED)
        );
        refused(instance.call("ok").run_for(1), ErrorKind::Poisoned, DROPPED);
        // What the guest left can still be read.
        assert_eq!(
            instance.global("g").unwrap().get::<i32>(),
            Some(i32::from(export == "f"))
        );
        instance.reset().unwrap();
        assert_eq!(instance.call("ok").run().unwrap().results(), [1]);
    }
    // One that was forgotten, which runs no destructor, is as one that was dropped.
    std::mem::forget(instance.call("f").run_for(1_000).unwrap());
    assert_eq!(instance.call("ok").run().unwrap_err().to_string(), DROPPED);
    instance.reset().unwrap();
    // One that failed is as any other that failed.
    let call = waiting(instance.call("f").run_for(1_000).unwrap());
    call.fail_with("no").unwrap_err();
    let error = instance.call("ok").run().unwrap_err();
    assert!(error.message().contains("ended with an error"), "{error}");
    instance.reset().unwrap();
    // One that ended well leaves a good instance.
    let call = waiting(instance.call("f").run_for(1_000).unwrap());
    call.resume_with(&[1.into()], 0)
        .unwrap()
        .finished()
        .unwrap();
    assert_eq!(instance.call("ok").run().unwrap().results(), [1]);
}

#[test]
fn what_ends_a_call_ends_a_suspended_one_when_it_goes_on() {
    let runner = Runner::new(functions(patient(), true)).unwrap();
    let plugin = runner
        .load_plugin("m", wat::parse_str(ONE).unwrap())
        .unwrap();
    for export in ["f", "spin"] {
        let token = CancelToken::new();
        let progress = plugin.call(export).cancel(&token).run_for(1_000).unwrap();
        token.cancel();
        let message = format!("plugin \"m\", export \"{export}\": cancelled");
        let ended = match progress {
            Progress::Paused(call) => call.resume(1_000),
            Progress::Waiting(call) => call.resume_with(&[1.into()], 1_000),
            _ => panic!(),
        };
        refused(ended, ErrorKind::Cancelled, &message);
    }
    let spin = paused(plugin.call("spin").run_for(1_000).unwrap());
    let call = waiting(plugin.call("f").run_for(1_000).unwrap());
    let unstarted = plugin.call("f").detach().unwrap();
    runner.close();
    refused(
        spin.resume(1_000),
        ErrorKind::Closed,
        "plugin \"m\", export \"spin\": the runner is closed",
    );
    let closed = "plugin \"m\", export \"f\": the runner is closed";
    refused(
        call.resume_with(&[1.into()], 1_000),
        ErrorKind::Closed,
        closed,
    );
    refused(unstarted.resume(1), ErrorKind::Closed, closed);
}

#[test]
fn a_call_outlives_what_began_it_and_changes_threads() {
    let call = {
        let plugin = text(functions(patient(), true), ONE);
        let export = String::from("f");
        plugin.call(&export).detach().unwrap()
    };
    let call = waiting(call.resume(1_000).unwrap());
    let ended = std::thread::spawn(move || call.resume_with(&[40.into()], 1_000).unwrap());
    assert_eq!(ended.join().unwrap().finished().unwrap().results(), [40]);

    let plugin = text(functions(patient(), true), ONE);
    let mut state = 5;
    let error = plugin.call("f").state(&mut state).detach().unwrap_err();
    let message = "plugin \"m\", export \"f\": a call that is detached would borrow its `state`";
    assert_eq!(
        (error.kind(), &*error.to_string()),
        (ErrorKind::Signature, message)
    );
    let mut instance = plugin.instantiate().unwrap();
    let error = instance.call("f").detach().unwrap_err();
    assert!(error.to_string().ends_with("would borrow its instance"));
    assert!(!instance.is_poisoned());
}

#[test]
fn state_and_output_are_those_of_one_call() {
    let wait = |context: &mut HostContext<'_>, number: i32| -> Result<i32, Error> {
        *context.state::<i32>().unwrap() += number;
        context.write_stdout(b"asked ")?;
        Err(context.wait(()))
    };
    let plugin = text(patient().function("env", "to", wait), ONE);
    let mut state = 1;
    let call = waiting(plugin.call("f").state(&mut state).run_for(1_000).unwrap());
    let finish = |context: &mut HostContext<'_>| -> Result<i32, Error> {
        *context.state::<i32>().unwrap() *= 10;
        context.write_stdout(b"answered")?;
        Ok(3)
    };
    let outcome = call.resume_by(0, finish).unwrap();
    let outcome = to_the_end(Ok(outcome), 1).0.unwrap();
    assert_eq!((outcome.stdout(), state), (&b"asked answered"[..], 50));
}
