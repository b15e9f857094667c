//! `pocketwasm debug --gdb`: the packets that LLDB sends, and what they are answered. `tests/lldb/run`
//! has LLDB itself look at the same call.

use super::Guests;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStderr},
};

/// The server and a connection to it.
struct Session {
    server: Child,
    stderr: BufReader<ChildStderr>,
    stream: TcpStream,
}

impl Session {
    /// Records a call, serves it, and connects.
    #[track_caller]
    fn new(module: &str, call: &[&str]) -> Self {
        let guests = Guests::new(&[module]);
        guests.run([&["call", "--record", "call.recording", module], call].concat());
        let mut server = guests
            .command(["debug", "--gdb", "127.0.0.1:0", "call.recording"])
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(server.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("waiting for a debugger at ");
        let stream = TcpStream::connect(address.expect("an address")).unwrap();
        let mut session = Self {
            server,
            stderr,
            stream,
        };
        // Without acknowledgements, as LLDB wants it.
        session.send("QStartNoAckMode");
        assert_eq!(session.receive(), "OK");
        session.stream.write_all(b"+").unwrap();
        session
    }

    fn send(&mut self, packet: &str) {
        let sum = packet.bytes().fold(0_u8, u8::wrapping_add);
        write!(self.stream, "${packet}#{sum:02x}").unwrap();
    }

    /// The next packet, with its runs of characters expanded.
    fn receive(&mut self) -> String {
        let mut byte = || {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            byte[0]
        };
        while byte() != b'$' {}
        let mut packet = String::new();
        loop {
            match byte() {
                b'#' => break,
                b'*' => {
                    let last = packet.chars().last().unwrap();
                    let count = usize::from(byte() - 29);
                    packet.extend(std::iter::repeat_n(last, count));
                }
                other => packet.push(char::from(other)),
            }
        }
        byte();
        byte();
        packet
    }

    #[track_caller]
    fn compare(&mut self, exchange: &[(&str, &str)]) {
        let mut said = Vec::new();
        for (packet, _) in exchange {
            self.send(packet);
            said.push((*packet, self.receive()));
        }
        let said: Vec<_> = said.iter().map(|(it, answer)| (*it, &**answer)).collect();
        assert_eq!(said, exchange);
    }

    /// Leaves. Returns what the server said.
    fn leave(mut self) -> String {
        self.send("D");
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        assert_eq!(self.server.wait().unwrap().code(), Some(0), "{said}");
        said
    }
}

#[test]
fn a_call_is_debugged_forwards_and_backwards() {
    let mut session = Session::new("coverage/c.wasm", &["classify", "35"]);
    let triple = "7761736d33322d756e6b6e6f776e2d756e6b6e6f776e2d7761736d";
    let libraries = "<library-list><library name=\"module.wasm\">\
        <section address=\"0x4000000000000000\"/></library></library-list>";
    session.compare(&[
        (
            "qSupported:multiprocess+;swbreak+",
            "PacketSize=020000;vContSupported+;multiprocess+;QStartNoAckMode+;fork-events+;vfork-events+;\
             vforkdone-events+;ReverseContinue+;ReverseStep+;swbreak+;qXfer:libraries:read+",
        ),
        ("qHostInfo", &format!("triple:{triple};endian:little;;ptrsize:4;")),
        ("qProcessInfo", &format!("pid:1;triple:{triple};endian:little;;ptrsize:4;")),
        (
            "qRegisterInfo0",
            "name:pc;bitsize:64;offset:0;encoding:uint;format:hex;\
             set:General Purpose Registers;gcc:16;dwarf:16;generic:pc;",
        ),
        ("qRegisterInfo1", "E45"),
        ("qXfer:libraries:read::0,1ffff", &format!("m{libraries}")),
        ("qXfer:libraries:read::6a,1ffff", "l"),
        // The module's first bytes, and past its end.
        ("m4000000000000000,8", "0061736d01000000"),
        ("m40000000ffff0000,4", "E79"),
        ("?", "T05thread:p01.01;"),
        // `divisor` after its prologue. Nothing is at the second, and the third is no code.
        ("Z0,4000000000000201,1", "OK"),
        ("Z0,4000000000000001,1", "E16"),
        ("Z0,201,1", "E16"),
        ("vCont;c:p1.-1", "T05thread:p01.01;swbreak:;00:0102000000000040;"),
        ("qWasmCallStack:1", "01020000000000408801000000000040"),
        // The parameter, a local that there is not, and a frame that there is not.
        ("qWasmLocal:0;0", "23000000"),
        ("qWasmLocal:0;99", ""),
        ("qWasmLocal:9;0", ""),
        ("qWasmLocal:1;0", "23000000"),
        ("qWasmGlobal:0;0", "f0ff0f00"),
        ("qWasmGlobal:0;9", ""),
        // The call's memory, the end of it, and what cannot be done.
        ("m0,4", "00000000"),
        ("m10000000,4", "E79"),
        ("M0,1:ff", "E79"),
        ("vCont;s:p1.1", "T05thread:p01.01;00:0302000000000040;"),
        ("bs", "T05thread:p01.01;00:0102000000000040;"),
        ("bc", "T05replaylog:begin;00:4600000000000040;"),
    ]);
    // `monitor`, whatever it is asked, says where the call stands.
    let hexadecimal: String = b"place 1, 134 units of fuel\n"
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    session.compare(&[("qRcmd,00", &format!("O{hexadecimal}"))]);
    assert_eq!(session.receive(), "OK");
    session.compare(&[(
        "vCont;c:p1.-1",
        "T05thread:p01.01;swbreak:;00:0102000000000040;",
    )]);
    session.compare(&[
        ("z0,4000000000000201,1", "OK"),
        ("z0,4000000000000201,1", "E16"),
        ("vCont;c:p1.-1", "T05replaylog:end;00:bc01000000000040;"),
        // All is still there at the last operator.
        ("qWasmCallStack:1", "bc01000000000040"),
        ("qWasmLocal:0;0", "23000000"),
    ]);
    let said = session.leave();
    assert_eq!(said, "the call has ended: well, after 296 units of fuel\n");
}

#[test]
fn a_trap_stops_at_its_operator() {
    let mut session = Session::new("traps/c.wasm", &["trap"]);
    session.compare(&[
        ("vCont;c:p1.-1", "T05thread:01;00:8e00000000000040;"),
        ("qWasmCallStack:1", "8e000000000000407100000000000040"),
        // It is there, how often one may go on.
        ("vCont;s:p1.1", "T05thread:01;00:8e00000000000040;"),
    ]);
    let said = session.leave();
    let end = "the call has ended: trap: memory access out of bounds\n";
    assert_eq!(said, end.repeat(2));
}

#[test]
fn a_session_ends_when_its_client_is_gone() {
    let session = Session::new("add.wasm", &["add", "1", "2"]);
    let Session {
        mut server, stream, ..
    } = session;
    drop(stream);
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
fn what_cannot_be_served_is_said() {
    let guests = Guests::new(&["add.wasm"]);
    guests.run([
        "call",
        "--record",
        "call.recording",
        "add.wasm",
        "add",
        "1",
        "2",
    ]);
    let ran = guests.run(["debug", "--gdb", "nowhere", "call.recording"]);
    let problem = "pocketwasm: cannot listen at \"nowhere\": invalid socket address\n";
    ran.is("no address", 7, "", problem);
}
