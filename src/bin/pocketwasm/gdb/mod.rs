//! The debugger for LLDB: a server of the GDB remote protocol, with LLDB's packets for WebAssembly.

mod call;
mod description;

use crate::{failure::Failure, streams::Stream};
use call::Call;
use gdbstub::{
    conn::{Connection, ConnectionExt},
    stub::{
        GdbStub, GdbStubError, SingleThreadStopReason,
        state_machine::{GdbStubStateMachine, GdbStubStateMachineInner, state::Running},
    },
    target::Target,
};
use gdbstub_arch::wasm::reg::id::WasmRegId;
use pocketwasm::explain::Debugger;
use std::{
    io,
    net::{TcpListener, TcpStream},
};

/// The longest packet, in bytes. LLDB reads the module in pieces of half of it.
const PACKET_BYTES: usize = 128 << 10;

/// Lets one client debug the call, until it leaves.
pub(crate) fn serve(debugger: Debugger, address: &str) -> Result<(), Failure> {
    let listener = TcpListener::bind(address).map_err(|source| Failure::Io {
        action: format!("cannot listen at {address:?}"),
        source,
    })?;
    let failed = |source| Failure::Io {
        action: "cannot talk to the debugger's client".to_owned(),
        source,
    };
    let here = listener.local_addr().map_err(failed)?;
    Stream::Stderr.write(format!("waiting for a debugger at {here}\n").as_bytes())?;
    let (stream, _) = listener.accept().map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    talk(debugger, stream).map_err(failed)
}

fn talk(debugger: Debugger, stream: TcpStream) -> io::Result<()> {
    let mut call = Call::new(debugger);
    let failed = |error: GdbStubError<_, _>| io::Error::other(error.to_string());
    let builder = GdbStub::builder(stream).packet_buffer_size(PACKET_BYTES);
    let stub = builder.build().map_err(io::Error::other)?;
    let mut stub = stub.run_state_machine(&mut call).map_err(failed)?;
    loop {
        stub = match stub {
            GdbStubStateMachine::Idle(mut idle) => {
                let byte = match idle.borrow_conn().read() {
                    Ok(byte) => byte,
                    Err(gone) if gone.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                    Err(error) => return Err(error),
                };
                idle.incoming_data(&mut call, byte)
            }
            GdbStubStateMachine::Running(running) => go(running, &mut call),
            GdbStubStateMachine::CtrlCInterrupt(interrupted) => {
                // It comes when a motion has ended, and was reported.
                interrupted.interrupt_handled(&mut call, None::<SingleThreadStopReason<u64>>)
            }
            GdbStubStateMachine::Disconnected(_) => return Ok(()),
        }
        .map_err(failed)?;
    }
}

type Stub<'a, C> = GdbStubStateMachine<'a, Call, C>;
type Problem<C> = GdbStubError<<Call as Target>::Error, <C as Connection>::Error>;

/// Moves as the client wants, and reports where the call stands then.
fn go<'a, C: Connection>(
    running: GdbStubStateMachineInner<'a, Running, Call, C>,
    call: &mut Call,
) -> Result<Stub<'a, C>, Problem<C>> {
    let reason = call.go();
    let pc = call.pc(0).to_le_bytes();
    let mut registers = [(WasmRegId::Pc, pc.as_slice())].into_iter();
    running.report_stop_with_regs(call, reason, &mut registers)
}

/// Copies what there is room for.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let length = from.len().min(to.len());
    to[..length].copy_from_slice(&from[..length]);
    length
}
