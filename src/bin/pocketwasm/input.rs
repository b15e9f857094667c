//! Standard input for a guest, with a deadline.

use crate::failure::Failure;
use pocketwasm::environment::InputSource;
#[cfg(unix)]
use std::fs::File;
use std::{
    io::{self, Read},
    sync::{
        Mutex,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// The most bytes that are read at once.
const PIECE: usize = 65_536;

/// How much longer than the call a read waits. The call's own timeout is then the one that ends it.
const GRACE: Duration = Duration::from_millis(5);

/// A reader that reads on a thread of its own: reading a terminal or a pipe can block for ever, and
/// a call may not. The thread starts with the first read, which means that input that the guest
/// never reads stays unread.
pub(crate) struct Input {
    source: Option<Box<dyn Read + Send + Sync>>,
    worker: Option<Worker>,
    /// `None` for a deadline that is too far away to represent.
    deadline: Option<Instant>,
}

struct Worker {
    lengths: Sender<usize>,
    pieces: Mutex<Receiver<io::Result<Vec<u8>>>>,
    /// Whether a requested piece has not arrived yet.
    is_asked: bool,
    /// A piece that has arrived but is not consumed yet.
    piece: Option<io::Result<Vec<u8>>>,
}

impl Input {
    /// Creates input from `source` for a call that begins now and may take `timeout`.
    pub(crate) fn new(source: impl Read + Send + Sync + 'static, timeout: Duration) -> Self {
        Self {
            source: Some(Box::new(source)),
            worker: None,
            deadline: Instant::now().checked_add(timeout.saturating_add(GRACE)),
        }
    }

    /// Waits at most `most` for a piece of at most `length` bytes. A piece that was requested
    /// earlier may be longer.
    fn piece(&mut self, length: usize, most: Duration) -> io::Result<&mut Worker> {
        if let Some(source) = self.source.take() {
            self.worker = Some(Worker::start(source)?);
        }
        let worker = self.worker.as_mut().ok_or_else(over)?;
        if worker.piece.is_some() {
            return Ok(worker);
        }
        if !worker.is_asked {
            worker.lengths.send(length).map_err(|_| over())?;
            worker.is_asked = true;
        }
        let pieces = worker.pieces.get_mut().map_err(|_| over())?;
        match pieces.recv_timeout(most) {
            Ok(piece) => {
                worker.is_asked = false;
                worker.piece = Some(piece);
                Ok(worker)
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(over()),
        }
    }

    fn left(&self) -> Duration {
        self.deadline.map_or(Duration::MAX, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        })
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.left();
        let worker = self.piece(bytes.len().min(PIECE), left)?;
        let mut piece = match worker.piece.take() {
            Some(piece) => piece?,
            None => return Err(over()),
        };
        let count = piece.len().min(bytes.len());
        bytes[..count].copy_from_slice(&piece[..count]);
        if count < piece.len() {
            // The piece was requested by an earlier call with a larger buffer.
            worker.piece = Some(Ok(piece.split_off(count)));
        }
        Ok(count)
    }
}

impl Worker {
    fn start(mut source: Box<dyn Read + Send + Sync>) -> io::Result<Self> {
        let (lengths, asked) = channel::<usize>();
        let (answer, pieces) = channel();
        thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || {
                for length in asked {
                    let mut piece = vec![0; length];
                    let read = loop {
                        match source.read(&mut piece) {
                            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                            read => break read,
                        }
                    };
                    let read = read.map(|count| {
                        piece.truncate(count);
                        piece
                    });
                    if answer.send(read).is_err() {
                        break;
                    }
                }
            })?;
        Ok(Self {
            lengths,
            pieces: Mutex::new(pieces),
            is_asked: false,
            piece: None,
        })
    }
}

/// The error for reads after the deadline.
fn over() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

impl InputSource for Input {
    fn fetch(&mut self, bytes: &mut [u8]) -> Option<usize> {
        self.read(bytes).ok()
    }

    fn wait(&mut self, most: Duration) -> bool {
        let most = most.min(self.left());
        // If the worker could not be started, the next read reports that at once.
        match self.piece(PIECE, most) {
            Ok(_) => true,
            Err(_) => self.worker.is_none(),
        }
    }
}

/// An [`Input`] that implements `Read`.
struct Reader(Input);

impl Read for Reader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

/// Whether standard input is a pipe, a socket or a file, and may hold input for the call.
pub(crate) fn is_piped() -> bool {
    #[cfg(unix)]
    {
        use std::os::{fd::AsFd, unix::fs::FileTypeExt};
        let stdin = io::stdin();
        let Ok(owned) = stdin.as_fd().try_clone_to_owned() else {
            return false;
        };
        File::from(owned).metadata().is_ok_and(|stdin| {
            let kind = stdin.file_type();
            kind.is_file() || kind.is_fifo() || kind.is_socket()
        })
    }
    #[cfg(not(unix))]
    {
        use std::io::IsTerminal;
        !io::stdin().is_terminal()
    }
}

/// Reads standard input, at most one byte more than `most`. It must end within `timeout`.
pub(crate) fn piped(most: usize, timeout: Duration) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let stdin = Reader(Input::new(io::stdin(), timeout));
    match stdin.take(most as u64 + 1).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(source) if source.kind() == io::ErrorKind::TimedOut => Err(Failure::Io {
            action: format!("standard input did not end within the limit `timeout`, {timeout:?}"),
            source,
        }
        .with_hint("`\"\"` is an empty input, and < /dev/null has no end to wait for".to_owned())),
        Err(source) => Err(unreadable(source)),
    }
}

/// Reads standard input, at most one byte more than `most`, without a deadline.
pub(crate) fn from_stdin(most: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let mut stdin = io::stdin().lock().take(most as u64 + 1);
    match stdin.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(source) => Err(unreadable(source)),
    }
}

fn unreadable(source: io::Error) -> Failure {
    Failure::Io {
        action: "cannot read standard input".to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::{Input, Reader};
    use pocketwasm::environment::InputSource;
    use std::{
        io::{self, Read},
        thread::sleep,
        time::{Duration, Instant},
    };

    struct Slow;

    impl Read for Slow {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            sleep(Duration::from_secs(600));
            Ok(bytes.len())
        }
    }

    #[test]
    fn all_of_it_in_order() {
        let text: Vec<u8> = (0..200_000_u32).map(|i| i.to_le_bytes()[0]).collect();
        let input = Input::new(io::Cursor::new(text.clone()), Duration::from_secs(60));
        let mut input = Reader(input);
        let mut read = Vec::new();
        input.read_to_end(&mut read).unwrap();
        assert!(read == text);
    }

    #[test]
    fn waiting_ends_with_the_call_and_stays_ended() {
        let mut input = Input::new(Slow, Duration::from_millis(20));
        let began = Instant::now();
        for _ in 0..2 {
            let error = input.read(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
        assert!(began.elapsed() < Duration::from_secs(300));
    }

    #[test]
    fn what_was_waited_for_is_read() {
        let source = io::Cursor::new(b"abc".to_vec());
        let mut input = Input::new(source, Duration::from_secs(60));
        let mut bytes = [0; 2];
        assert!(input.wait(Duration::from_secs(60)));
        assert_eq!(input.fetch(&mut bytes), Some(2));
        assert_eq!(input.fetch(&mut bytes), Some(1));
        assert!(input.wait(Duration::from_secs(60)));
        assert_eq!(input.fetch(&mut bytes), Some(0));
        let mut slow = Input::new(Slow, Duration::from_secs(60));
        assert!(!slow.wait(Duration::from_millis(1)));
    }
}
