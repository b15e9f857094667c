//! QuickJS as a guest.

use pocketwasm::{HostContext, RunnerConfig};

/// What QuickJS imports besides WASI. Nothing here makes it call them.
pub(crate) fn imports(config: RunnerConfig) -> RunnerConfig {
    config
        .function(
            "env",
            "host_get_timezone_offset",
            |_: &mut HostContext<'_>, _: i32, _: i32| 0,
        )
        .function("env", "host_interrupt", |_: &mut HostContext<'_>| 0)
        .function(
            "env",
            "host_promise_rejection",
            |_: &mut HostContext<'_>, _: i32, _: i32, _: i32| (),
        )
        .function(
            "env",
            "host_module_normalize",
            |_: &mut HostContext<'_>, _: i32, _: i32| 0,
        )
        .function(
            "env",
            "host_module_load",
            |_: &mut HostContext<'_>, _: i32, _: i32| 0,
        )
        .function(
            "env",
            "host_call",
            |_: &mut HostContext<'_>, _: i32, _: i32, _: i32, _: i32, _: i32| 0,
        )
}
