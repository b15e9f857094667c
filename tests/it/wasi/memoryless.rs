//! Guests without an exported memory: functions that need one fail, and `proc_exit` works.

use super::guest::{FUNCTIONS, PREVIEW1, SPIPE, SUCCESS, load};
use pocketwasm::{ErrorKind, RunnerConfig};

#[test]
fn a_guest_without_a_memory() {
    let mut module = String::from("(module\n");
    for (function, params) in FUNCTIONS {
        let types: String = params
            .chars()
            .map(|ty| if ty == 'I' { " i64" } else { " i32" })
            .collect();
        module += &format!(
            "(import {PREVIEW1:?} {function:?} (func ${function} (param{types}) (result i32)))\n"
        );
    }
    module += &format!("(import {PREVIEW1:?} \"proc_exit\" (func $proc_exit (param i32)))\n");
    for (function, params) in FUNCTIONS {
        let zeros: String = params
            .chars()
            .map(|ty| {
                if ty == 'I' {
                    " i64.const 0"
                } else {
                    " i32.const 0"
                }
            })
            .collect();
        // A descriptor that fits the function, and a subscription.
        let zeros = match function {
            "fd_write" => zeros.replacen("const 0", "const 1", 1),
            "poll_oneoff" => " i32.const 0 i32.const 0 i32.const 1 i32.const 0".into(),
            _ => zeros,
        };
        module += &format!("(func (export {function:?}) (result i32){zeros} call ${function})\n");
    }
    module +=
        "(memory 1) (func (export \"exit\") (param i32) local.get 0 call $proc_exit unreachable))";
    let plugin = load(RunnerConfig::new(), &module);
    for (function, _) in FUNCTIONS {
        let expected = match function {
            "sched_yield" | "fd_close" | "fd_fdstat_set_flags" => SUCCESS,
            "fd_seek" | "fd_tell" => SPIPE,
            _ => {
                let error = plugin.call(function).run().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::GuestData, "{function}");
                let message =
                    "exports no memory by the name `memory`, which the functions of WASI need";
                assert_eq!(error.message(), message, "{function}");
                continue;
            }
        };
        let outcome = plugin.call(function).run().unwrap();
        assert_eq!(outcome.results(), [expected], "{function}");
    }
    plugin
        .call("exit")
        .params(&[0])
        .run()
        .expect("0 is success");
    for code in [1, 7, 125, 255, -1, i32::MAX, i32::MIN] {
        let params = [u64::from(code.cast_unsigned())];
        let error = plugin.call("exit").params(&params).run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exit);
        assert_eq!(error.exit_code(), Some(code));
        let message =
            format!("plugin \"guest\", export \"exit\": the guest exited with code {code}");
        assert_eq!(error.to_string(), message);
    }
}
