//! The terminal of the debugger: commands in, text out.

use crate::{failure::Failure, streams::Stream};
use pocketwasm::explain::{Breakpoint, Debugger, Frame, Motion, Stop, Variable};
use std::{
    fmt::Write as _,
    fs,
    io::{self, BufRead, IsTerminal, Read},
};

/// The bytes that `memory` shows by default, and at most.
const SHOWN_BYTES: u64 = 64;
const MOST_BYTES: u64 = 65_536;
/// The lines that `list` shows.
const SHOWN_LINES: usize = 10;
/// The frames that `backtrace` shows.
const MOST_FRAMES: usize = 100;
/// The longest line of a source that is shown, and the longest command, in bytes.
const LONGEST: usize = 1_000;
/// The largest source that is read, in bytes.
const MOST_SOURCE: u64 = 16 << 20;

const HELP: &str = "\
break NAME         stop where functions of that name begin; * stands for any characters
break FILE:LINE    stop where code of a line begins
break fuel N       stop where N units of fuel are used
breakpoints        the breakpoints
delete N           remove a breakpoint
continue           go to the next breakpoint, or to the end
step               go to another line, also into functions
next               go to another line, over calls
stepi              go to the next operator
finish             go to the caller
reverse-continue, reverse-step, reverse-next, reverse-stepi, reverse-finish
                   the same backwards
backtrace          the functions that are active
frame N            look at another of them
locals             its locals
globals            the globals
memory ADDRESS [LENGTH]
                   bytes of the memory
list               the source around the line
quit               end
Every command has a short form: b, c, s, n, si, fin, rc, rs, rn, rsi, rfin, bt, f, l, q. An empty line
repeats the last motion.
";

/// A session.
pub(crate) struct Terminal {
    debugger: Debugger,
    frame: usize,
    /// The last command that moved.
    last: Option<(Motion, bool)>,
}

impl Terminal {
    pub(crate) fn new(debugger: Debugger) -> Self {
        Self {
            debugger,
            frame: 0,
            last: None,
        }
    }

    /// Reads commands until `quit` or the end of standard input.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        print(&self.place())?;
        let is_terminal = io::stdin().is_terminal();
        let mut lines = io::stdin().lock();
        loop {
            if is_terminal {
                print("(pocketwasm) ")?;
            }
            let mut line = Vec::new();
            let read = lines
                .by_ref()
                .take(LONGEST as u64)
                .read_until(b'\n', &mut line);
            let count = read.map_err(|source| Failure::Io {
                action: "cannot read a command".to_owned(),
                source,
            })?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let mut words = line.split_whitespace();
            let command = words.next().unwrap_or_default();
            if count == 0 || matches!(command, "quit" | "q") {
                return Ok(());
            }
            if !is_terminal {
                print(&format!("> {}\n", line.trim()))?;
            }
            let rest: Vec<&str> = words.collect();
            let said = match self.command(command, &rest) {
                Ok(said) => said,
                Err(problem) => format!("{problem}\n"),
            };
            print(&said)?;
        }
    }

    /// Runs a command. Returns what it prints, or what is wrong with it.
    fn command(&mut self, command: &str, rest: &[&str]) -> Result<String, String> {
        let (name, backward) = match command.strip_prefix("reverse-") {
            Some(name) => (name, true),
            None => match command {
                "rc" | "rs" | "rn" | "rsi" | "rfin" => (&command[1..], true),
                _ => (command, false),
            },
        };
        let motion = match name {
            "continue" | "c" => Some(Motion::Continue),
            "step" | "s" => Some(Motion::Step),
            "next" | "n" => Some(Motion::Next),
            "stepi" | "si" => Some(Motion::StepOperator),
            "finish" | "fin" => Some(Motion::Finish),
            _ => None,
        };
        if let Some(motion) = motion {
            return self.go(motion, backward);
        }
        match (command, rest) {
            ("", _) => match self.last {
                Some((motion, backward)) => self.go(motion, backward),
                None => Ok(String::new()),
            },
            ("help" | "h", _) => Ok(HELP.to_owned()),
            ("break" | "b", rest) => self.break_at(rest),
            ("breakpoints", []) => {
                let list = self.debugger.breakpoints().iter();
                let list = list.map(|(number, it)| format!("{number} {}\n", shown(it)));
                Ok(list.collect())
            }
            ("delete", [number]) => {
                let removed = number.parse().is_ok_and(|it| self.debugger.remove(it));
                match removed {
                    true => Ok(String::new()),
                    false => Err(format!("there is no breakpoint {number}")),
                }
            }
            ("backtrace" | "bt", []) => Ok(self.backtrace()),
            ("frame" | "f", [number]) => {
                let count = self.debugger.stop().frames().len();
                match number.parse().ok().filter(|number| *number < count) {
                    Some(number) => {
                        self.frame = number;
                        Ok(self.line_of_frame())
                    }
                    None => Err(format!("there is no frame {number}, of {count}")),
                }
            }
            ("locals", []) => match self.debugger.locals(self.frame) {
                Ok(Some(locals)) => Ok(variables(&locals, "local")),
                Ok(None) => Err("the locals are not known here".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            ("globals", []) => match self.debugger.globals() {
                Ok(globals) => Ok(variables(&globals, "global")),
                Err(error) => Err(error.to_string()),
            },
            ("memory" | "x", [address, length @ ..]) if length.len() < 2 => {
                let address = number(address)?;
                let length = length.first().map_or(Ok(SHOWN_BYTES), |it| number(it))?;
                self.memory(address, length)
            }
            ("list" | "l", []) => self.list(),
            _ => Err(format!(
                "no command {command:?} with {} words; try help",
                rest.len()
            )),
        }
    }

    fn go(&mut self, motion: Motion, backward: bool) -> Result<String, String> {
        self.last = Some((motion, backward));
        let went = match backward {
            true => self.debugger.backward(motion),
            false => self.debugger.forward(motion),
        };
        went.map_err(|error| error.to_string())?;
        self.frame = 0;
        Ok(self.place())
    }

    fn break_at(&mut self, words: &[&str]) -> Result<String, String> {
        let breakpoint = match words {
            ["fuel", fuel] => Breakpoint::Fuel(number(fuel)?),
            [] => return Err("break NAME, break FILE:LINE or break fuel N".to_owned()),
            words => {
                let name = words.join(" ");
                let place = name.rsplit_once(':').and_then(|(file, line)| {
                    let line = line.parse().ok()?;
                    (!file.ends_with(':')).then(|| Breakpoint::Line(file.into(), line))
                });
                place.unwrap_or_else(|| Breakpoint::Function(name.into()))
            }
        };
        let said = shown(&breakpoint);
        let is_fuel = matches!(breakpoint, Breakpoint::Fuel(_));
        let (number, places) = self.debugger.break_at(breakpoint);
        if places == 0 && !is_fuel {
            self.debugger.remove(number);
            return Err(format!("there is no code of {said}"));
        }
        let places = match places {
            0 | 1 => String::new(),
            places => format!(", in {places} places"),
        };
        Ok(format!("breakpoint {number}: {said}{places}\n"))
    }

    /// Where the debugger stands.
    fn place(&self) -> String {
        let stop = self.debugger.stop();
        let mut text = String::new();
        if let Some(number) = stop.breakpoint() {
            let _ = writeln!(text, "breakpoint {number}");
        }
        let _ = writeln!(
            text,
            "place {}, {} units of fuel",
            stop.place(),
            stop.fuel()
        );
        if let Some(ended) = stop.ended() {
            let _ = writeln!(text, "the call has ended: {}", clean(ended));
        }
        if !stop.frames().is_empty() {
            text += &self.line_of_frame();
        }
        text
    }

    /// The chosen frame, with its line of source, or the operator that comes next.
    fn line_of_frame(&self) -> String {
        let stop = self.debugger.stop();
        let Some(frame) = stop.frames().get(self.frame) else {
            return String::new();
        };
        let mut text = shown_frame(self.frame, frame);
        match source(frame) {
            Some((lines, line)) => {
                let content = lines.get(line.saturating_sub(1)).cloned();
                let content = format!("{line:>6}  {}", content.unwrap_or_default());
                let _ = writeln!(text, "{}", content.trim_end());
            }
            None if self.frame == 0 && !stop.operator().is_empty() => {
                let _ = writeln!(text, "        {}", stop.operator());
            }
            None => {}
        }
        text
    }

    fn backtrace(&self) -> String {
        let frames = self.debugger.stop().frames();
        let shown = frames.iter().enumerate().take(MOST_FRAMES);
        let mut text: String = shown.map(|(at, frame)| shown_frame(at, frame)).collect();
        if frames.len() > MOST_FRAMES {
            let _ = writeln!(text, "and {} more", frames.len() - MOST_FRAMES);
        }
        text
    }

    fn memory(&mut self, address: u64, length: u64) -> Result<String, String> {
        if length > MOST_BYTES {
            return Err(format!("at most {MOST_BYTES} bytes are shown at once"));
        }
        let (bytes, size) = self.debugger.memory(address, length);
        if bytes.is_empty() {
            return Err(format!("the memory has {size} bytes"));
        }
        let mut text = String::new();
        for (row, bytes) in (0..).zip(bytes.chunks(16)) {
            let mut digits = String::new();
            for byte in bytes {
                let _ = write!(digits, " {byte:02x}");
            }
            let printable = |byte: &u8| match byte {
                b' '..=b'~' => char::from(*byte),
                _ => '.',
            };
            let letters: String = bytes.iter().map(printable).collect();
            let at = address + row * 16;
            let _ = writeln!(text, "{at:#010x} {digits:<48}  {letters}");
        }
        Ok(text)
    }

    fn list(&self) -> Result<String, String> {
        let stop: &Stop = self.debugger.stop();
        let frame = stop.frames().get(self.frame);
        let found = frame.and_then(source);
        let (lines, line) = found.ok_or("the source is not there")?;
        let first = line.saturating_sub(SHOWN_LINES / 2).max(1);
        let mut text = String::new();
        let shown = (first..).zip(lines.iter().skip(first - 1));
        for (number, content) in shown.take(SHOWN_LINES) {
            let mark = if number == line { '*' } else { ' ' };
            let content = format!("{mark}{number:>5}  {content}");
            let _ = writeln!(text, "{}", content.trim_end());
        }
        Ok(text)
    }
}

fn print(text: &str) -> Result<(), Failure> {
    Stream::Stdout.write(text.as_bytes())
}

/// Text without what a terminal would obey.
pub(crate) fn clean(text: &str) -> String {
    let harmless = |c: char| match c.is_control() {
        true => char::REPLACEMENT_CHARACTER,
        false => c,
    };
    text.chars().map(harmless).collect()
}

fn number(text: &str) -> Result<u64, String> {
    let found = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    found.map_err(|_| format!("{text:?} is no number"))
}

fn shown(breakpoint: &Breakpoint) -> String {
    match breakpoint {
        Breakpoint::Function(name) => format!("the function {name}"),
        Breakpoint::Line(file, line) => format!("the line {file}:{line}"),
        Breakpoint::Fuel(fuel) => format!("{fuel} units of fuel"),
        _ => String::new(),
    }
}

fn shown_frame(number: usize, frame: &Frame) -> String {
    let own = match frame.name() {
        Some(name) => clean(name),
        None => format!("function {}", frame.function()),
    };
    let mut text = format!("#{number} {:#x} ", frame.offset());
    let Some((first, callers)) = frame.lines().split_first() else {
        return text + &own + "\n";
    };
    let inlined = match callers.is_empty() {
        true => own.clone(),
        false => first.function().map_or_else(|| own.clone(), clean),
    };
    let _ = write!(text, "{inlined} at {}", clean(&first.to_string()));
    if !callers.is_empty() {
        let _ = write!(text, ", inlined into {own}");
    }
    text + "\n"
}

fn variables(variables: &[Variable], what: &str) -> String {
    let mut text = String::new();
    for it in variables {
        let name = match it.name() {
            Some(name) => clean(name),
            None => format!("{what} {}", it.index()),
        };
        let value = match it.value() {
            Some(value) => format!("{value:?}"),
            None => format!("{}, a reference", it.ty()),
        };
        let _ = writeln!(text, "{name} = {value}");
    }
    text
}

/// The lines of a frame's source, if the file is where it was compiled, and which of them it is.
fn source(frame: &Frame) -> Option<(Vec<String>, usize)> {
    let line = frame.lines().first()?;
    let number = usize::try_from(line.line()?).ok()?;
    let file = fs::metadata(line.file()?).ok()?;
    // A module can name any file.
    if !file.is_file() || file.len() > MOST_SOURCE {
        return None;
    }
    let text = fs::read_to_string(line.file()?).ok()?;
    let short = |line: &str| clean(line.get(..LONGEST).unwrap_or(line));
    Some((text.lines().map(short).collect(), number))
}
