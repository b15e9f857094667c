//! What a client is told of the program that it debugs.

use super::{call::Call, copy};
use gdbstub::{
    arch::lldb::{Encoding, Format, Generic, Register},
    common::{Endianness, Pid},
    target::{
        TargetResult,
        ext::{
            host_info::{HostInfo, HostInfoResponse},
            libraries::Libraries,
            lldb_register_info_override::{Callback, CallbackToken, LldbRegisterInfoOverride},
            process_info::{ProcessInfo, ProcessInfoResponse},
        },
    },
};

const TRIPLE: &str = "wasm32-unknown-unknown-wasm";
/// The only library: the module, from its first byte.
const LIBRARIES: &str = concat!(
    r#"<library-list><library name="module.wasm">"#,
    r#"<section address="0x4000000000000000"/></library></library-list>"#
);

impl HostInfo for Call {
    fn host_info(
        &self,
        write_item: &mut dyn FnMut(&HostInfoResponse<'_>),
    ) -> Result<(), Self::Error> {
        write_item(&HostInfoResponse::Triple(TRIPLE));
        write_item(&HostInfoResponse::Endianness(Endianness::Little));
        write_item(&HostInfoResponse::PointerSize(4));
        Ok(())
    }
}

impl ProcessInfo for Call {
    fn process_info(
        &self,
        write_item: &mut dyn FnMut(&ProcessInfoResponse<'_>),
    ) -> Result<(), Self::Error> {
        write_item(&ProcessInfoResponse::Pid(Pid::MIN));
        write_item(&ProcessInfoResponse::Triple(TRIPLE));
        write_item(&ProcessInfoResponse::Endianness(Endianness::Little));
        write_item(&ProcessInfoResponse::PointerSize(4));
        Ok(())
    }
}

/// LLDB tells a breakpoint from a step by the one register that there is.
impl LldbRegisterInfoOverride for Call {
    fn lldb_register_info<'a>(
        &mut self,
        register: usize,
        info: Callback<'a>,
    ) -> Result<CallbackToken<'a>, Self::Error> {
        if register > 0 {
            return Ok(info.done());
        }
        Ok(info.write(Register {
            name: "pc",
            alt_name: None,
            bitsize: 64,
            offset: 0,
            encoding: Encoding::Uint,
            format: Format::Hex,
            set: "General Purpose Registers",
            gcc: Some(16),
            dwarf: Some(16),
            generic: Some(Generic::Pc),
            container_regs: None,
            invalidate_regs: None,
        }))
    }
}

impl Libraries for Call {
    fn get_libraries(
        &self,
        offset: u64,
        length: usize,
        buf: &mut [u8],
    ) -> TargetResult<usize, Self> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = LIBRARIES.as_bytes().get(from..).unwrap_or_default();
        let length = length.min(buf.len());
        Ok(copy(rest, &mut buf[..length]))
    }
}
