//! The call that a client debugs.

use super::copy;
use crate::{debugging::clean, streams::Stream};
use gdbstub::{
    common::{Signal, Tid},
    stub::SingleThreadStopReason,
    target::{
        Target, TargetError, TargetResult,
        ext::{
            base::{
                BaseOps,
                reverse_exec::{
                    ReplayLogPosition, ReverseCont, ReverseContOps, ReverseStep, ReverseStepOps,
                },
                singlethread::{
                    SingleThreadBase, SingleThreadResume, SingleThreadResumeOps,
                    SingleThreadSingleStep, SingleThreadSingleStepOps,
                },
            },
            breakpoints::{Breakpoints, BreakpointsOps, SwBreakpoint, SwBreakpointOps},
            host_info::HostInfoOps,
            libraries::LibrariesOps,
            lldb_register_info_override::LldbRegisterInfoOverrideOps,
            monitor_cmd::{ConsoleOutput, MonitorCmd, MonitorCmdOps, outputln},
            process_info::ProcessInfoOps,
            wasm::{Wasm, WasmOps},
        },
    },
};
use gdbstub_arch::wasm::{
    Wasm as Architecture,
    addr::{WasmAddr, WasmAddrType},
    reg::WasmRegisters,
};
use pocketwasm::{
    explain::{Breakpoint, Debugger, Motion, Variable},
    types::Value,
};
use std::cell::{Ref, RefCell};

/// After a step, and where the call failed. Other reasons for that leave out the register, without
/// which LLDB takes the place for the one before.
const STEPPED: SingleThreadStopReason<u64> = SingleThreadStopReason::SignalWithThread {
    tid: (),
    signal: Signal::SIGTRAP,
};

/// The call that is debugged.
pub(super) struct Call {
    /// Reading locals can take a replay, which changes it, and is asked with a shared reference.
    debugger: RefCell<Debugger>,
    /// What the client wants next, and whether it is backwards.
    wanted: (Motion, bool),
}

impl Call {
    pub(super) fn new(debugger: Debugger) -> Self {
        Self {
            debugger: RefCell::new(debugger),
            wanted: (Motion::StepOperator, false),
        }
    }

    /// Moves as the client wants. Says where the call stands then.
    pub(super) fn go(&mut self) -> SingleThreadStopReason<u64> {
        let debugger = self.debugger.get_mut();
        let (motion, backward) = self.wanted;
        let before = debugger.stop().place();
        let moved = match backward {
            true => debugger.backward(motion).cloned(),
            false => debugger.forward(motion).cloned(),
        };
        let stop = match moved {
            Ok(stop) => stop,
            Err(error) => {
                let _ = Stream::Stderr.write(format!("{}\n", clean(&error.to_string())).as_bytes());
                return STEPPED;
            }
        };
        if let Some(end) = stop.ended() {
            let said = format!("the call has ended: {}\n", clean(end));
            let _ = Stream::Stderr.write(said.as_bytes());
            // All is still there before its last operator.
            let _ = debugger.backward(Motion::StepOperator);
            return match stop.frames().is_empty() {
                true => boundary(ReplayLogPosition::End),
                false => STEPPED,
            };
        }
        match stop.breakpoint() {
            _ if backward && stop.place() == before => boundary(ReplayLogPosition::Begin),
            Some(_) => SingleThreadStopReason::SwBreak(()),
            None if backward && motion == Motion::Continue => boundary(ReplayLogPosition::Begin),
            None => STEPPED,
        }
    }

    fn debugger(&self) -> Ref<'_, Debugger> {
        self.debugger.borrow()
    }

    /// Where a frame goes on. At a breakpoint it is its address, by which the client knows it, though
    /// operators that do nothing may come there.
    pub(super) fn pc(&self, frame: usize) -> u64 {
        let debugger = self.debugger();
        let reached = debugger.stop().breakpoint().filter(|_| frame == 0);
        let mut set = debugger.breakpoints().iter();
        let offset = match set.find(|(number, _)| Some(*number) == reached) {
            Some((_, Breakpoint::Offset(offset))) => *offset,
            _ => debugger.next_offset(frame).unwrap_or_default(),
        };
        let address = WasmAddr::new(WasmAddrType::Object, 0, offset);
        address.map_or(0, WasmAddr::as_raw)
    }
}

fn boundary(pos: ReplayLogPosition) -> SingleThreadStopReason<u64> {
    SingleThreadStopReason::ReplayLog { tid: None, pos }
}

/// The bytes of a variable, and how many they are.
fn write(variables: Option<Vec<Variable>>, index: usize, buf: &mut [u8]) -> usize {
    let value = variables.as_ref().and_then(|all| all.get(index)?.value());
    let bytes = match value {
        Some(Value::I32(value)) => value.to_le_bytes().to_vec(),
        Some(Value::I64(value)) => value.to_le_bytes().to_vec(),
        Some(Value::F32(value)) => value.to_le_bytes().to_vec(),
        Some(Value::F64(value)) => value.to_le_bytes().to_vec(),
        Some(Value::V128(value)) => value.to_le_bytes().to_vec(),
        _ => Vec::new(),
    };
    copy(&bytes, buf)
}

impl Target for Call {
    type Arch = Architecture;
    type Error = &'static str;

    fn base_ops(&mut self) -> BaseOps<'_, Self::Arch, Self::Error> {
        BaseOps::SingleThread(self)
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_host_info(&mut self) -> Option<HostInfoOps<'_, Self>> {
        Some(self)
    }

    fn support_process_info(&mut self) -> Option<ProcessInfoOps<'_, Self>> {
        Some(self)
    }

    fn support_lldb_register_info_override(
        &mut self,
    ) -> Option<LldbRegisterInfoOverrideOps<'_, Self>> {
        Some(self)
    }

    fn support_libraries(&mut self) -> Option<LibrariesOps<'_, Self>> {
        Some(self)
    }

    fn support_monitor_cmd(&mut self) -> Option<MonitorCmdOps<'_, Self>> {
        Some(self)
    }

    fn support_wasm(&mut self) -> Option<WasmOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadBase for Call {
    fn read_registers(&mut self, registers: &mut WasmRegisters) -> TargetResult<(), Self> {
        registers.pc = self.pc(0);
        Ok(())
    }

    fn write_registers(&mut self, _: &WasmRegisters) -> TargetResult<(), Self> {
        Err(TargetError::NonFatal)
    }

    fn read_addrs(&mut self, address: u64, data: &mut [u8]) -> TargetResult<usize, Self> {
        let address = WasmAddr::from_raw(address).ok_or(TargetError::NonFatal)?;
        let debugger = self.debugger.get_mut();
        let read = match (address.addr_type(), address.module_index()) {
            (WasmAddrType::Object, 0) => {
                let from = usize::try_from(address.offset()).unwrap_or(usize::MAX);
                copy(debugger.module().get(from..).unwrap_or_default(), data)
            }
            (WasmAddrType::Memory, 0) => {
                let wanted = u64::try_from(data.len()).unwrap_or(u64::MAX);
                copy(&debugger.memory(address.offset().into(), wanted).0, data)
            }
            _ => 0,
        };
        match read {
            0 => Err(TargetError::NonFatal),
            read => Ok(read),
        }
    }

    /// What happened cannot be changed.
    fn write_addrs(&mut self, _: u64, _: &[u8]) -> TargetResult<(), Self> {
        Err(TargetError::NonFatal)
    }

    fn support_resume(&mut self) -> Option<SingleThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadResume for Call {
    fn resume(&mut self, _: Option<Signal>) -> Result<(), Self::Error> {
        self.wanted = (Motion::Continue, false);
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<SingleThreadSingleStepOps<'_, Self>> {
        Some(self)
    }

    fn support_reverse_step(&mut self) -> Option<ReverseStepOps<'_, (), Self>> {
        Some(self)
    }

    fn support_reverse_cont(&mut self) -> Option<ReverseContOps<'_, (), Self>> {
        Some(self)
    }
}

impl SingleThreadSingleStep for Call {
    fn step(&mut self, _: Option<Signal>) -> Result<(), Self::Error> {
        self.wanted = (Motion::StepOperator, false);
        Ok(())
    }
}

impl ReverseStep<()> for Call {
    fn reverse_step(&mut self, (): ()) -> Result<(), Self::Error> {
        self.wanted = (Motion::StepOperator, true);
        Ok(())
    }
}

impl ReverseCont<()> for Call {
    fn reverse_cont(&mut self) -> Result<(), Self::Error> {
        self.wanted = (Motion::Continue, true);
        Ok(())
    }
}

impl Breakpoints for Call {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }
}

/// The breakpoint at an address of the module.
fn breakpoint(address: u64) -> Option<Breakpoint> {
    let address = WasmAddr::from_raw(address)?;
    let is_code = address.addr_type() == WasmAddrType::Object && address.module_index() == 0;
    is_code.then(|| Breakpoint::Offset(address.offset()))
}

impl SwBreakpoint for Call {
    fn add_sw_breakpoint(&mut self, address: u64, _: usize) -> TargetResult<bool, Self> {
        let Some(wanted) = breakpoint(address) else {
            return Ok(false);
        };
        let debugger = self.debugger.get_mut();
        let (number, places) = debugger.break_at(wanted);
        if places == 0 {
            debugger.remove(number);
        }
        Ok(places > 0)
    }

    fn remove_sw_breakpoint(&mut self, address: u64, _: usize) -> TargetResult<bool, Self> {
        let debugger = self.debugger.get_mut();
        let wanted = breakpoint(address);
        let set = &mut debugger.breakpoints().iter();
        let found = set.find(|(_, it)| Some(it) == wanted.as_ref());
        let number = found.map(|(number, _)| *number);
        Ok(number.is_some_and(|number| debugger.remove(number)))
    }
}

impl MonitorCmd for Call {
    fn handle_monitor_cmd(
        &mut self,
        _: &[u8],
        mut out: ConsoleOutput<'_>,
    ) -> Result<(), Self::Error> {
        let stop = self.debugger().stop().clone();
        outputln!(out, "place {}, {} units of fuel", stop.place(), stop.fuel());
        Ok(())
    }
}

impl Wasm for Call {
    fn wasm_call_stack(&self, _: Tid, next_pc: &mut dyn FnMut(u64)) -> Result<(), Self::Error> {
        let frames = self.debugger().stop().frames().len();
        (0..frames).for_each(|frame| next_pc(self.pc(frame)));
        Ok(())
    }

    fn read_wasm_local(
        &self,
        _: Tid,
        frame: usize,
        local: usize,
        buf: &mut [u8],
    ) -> Result<usize, Self::Error> {
        let locals = self.debugger.borrow_mut().locals(frame);
        Ok(write(locals.unwrap_or_default(), local, buf))
    }

    /// Operands are not reported.
    fn read_wasm_stack(
        &self,
        _: Tid,
        _: usize,
        _: usize,
        _: &mut [u8],
    ) -> Result<usize, Self::Error> {
        Ok(0)
    }

    fn read_wasm_global(
        &self,
        _: Tid,
        _: usize,
        global: usize,
        buf: &mut [u8],
    ) -> Result<usize, Self::Error> {
        let globals = self.debugger.borrow_mut().globals();
        Ok(write(globals.ok(), global, buf))
    }
}
