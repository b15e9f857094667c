//! Standard input for a guest, with a deadline.

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

    fn worker(&mut self) -> io::Result<&mut Worker> {
        if let Some(mut source) = self.source.take() {
            let (lengths, asked) = channel::<usize>();
            let (answer, pieces) = channel();
            thread::Builder::new()
                .name("input".to_owned())
                .spawn(move || {
                    for length in asked {
                        let mut piece = vec![0; length];
                        let read = source.read(&mut piece);
                        let read = read.map(|count| {
                            piece.truncate(count);
                            piece
                        });
                        if answer.send(read).is_err() {
                            break;
                        }
                    }
                })?;
            self.worker = Some(Worker {
                lengths,
                pieces: Mutex::new(pieces),
            });
        }
        self.worker.as_mut().ok_or_else(over)
    }
}

/// The error for reads after the deadline.
fn over() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

impl Read for Input {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.map_or(Duration::MAX, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        });
        let worker = self.worker()?;
        let pieces = worker.pieces.get_mut().map_err(|_| over())?;
        worker
            .lengths
            .send(bytes.len().min(PIECE))
            .map_err(|_| over())?;
        let piece = match pieces.recv_timeout(left) {
            Ok(piece) => piece?,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                // A late piece must not become the answer to a later read.
                self.worker = None;
                return Err(over());
            }
        };
        let count = piece.len().min(bytes.len());
        bytes[..count].copy_from_slice(&piece[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::Input;
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
        let mut input = Input::new(io::Cursor::new(text.clone()), Duration::from_secs(60));
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
}
