//! What guests see of the real world, if the embedder lets them: clocks, random numbers, where their
//! output goes.

use super::{arguments::mistake, config::pw_config, user_data::UserData};
#[cfg(not(feature = "std"))]
use crate::environment::OutputSink;
use crate::environment::{Clock, Entropy};
use core::{ffi::c_void, time::Duration};

/// A clock of the embedder's. All functions may be called on any thread that calls a plugin, and must
/// be there as long as the runners with this clock and all that they gave out.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pw_clock {
    /// Passed to the functions.
    pub user_data: *mut c_void,
    /// The nanoseconds since a fixed point. They never go back, and go on while a guest runs: a clock
    /// that stands still never ends a call by its deadline.
    pub monotonic_ns: Option<unsafe extern "C" fn(user_data: *mut c_void) -> u64>,
    /// The nanoseconds since 1970-01-01T00:00:00Z, which only guests see. They may be wrong.
    pub since_epoch_ns: Option<unsafe extern "C" fn(user_data: *mut c_void) -> u64>,
    /// Blocks the thread for about as many nanoseconds, which are at most 5,000,000.
    pub sleep_ns: Option<unsafe extern "C" fn(user_data: *mut c_void, nanoseconds: u64)>,
}

/// Fills `bytes` with random ones, at most 4,096. Returns false if it cannot.
pub type pw_entropy =
    Option<unsafe extern "C" fn(user_data: *mut c_void, bytes: *mut u8, length: usize) -> bool>;

/// Takes all of `bytes`, of which there is at least one. Returns false if that failed; the guest then
/// sees the errno IO. It takes one write at a time, and must not call the runner.
pub type pw_output =
    Option<unsafe extern "C" fn(user_data: *mut c_void, bytes: *const u8, length: usize) -> bool>;

/// One of a guest's output streams.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum pw_stream {
    /// Standard output.
    Stdout = 1,
    /// Standard error.
    Stderr = 2,
}

struct CClock {
    user_data: UserData,
    monotonic_ns: unsafe extern "C" fn(*mut c_void) -> u64,
    since_epoch_ns: unsafe extern "C" fn(*mut c_void) -> u64,
    sleep_ns: unsafe extern "C" fn(*mut c_void, u64),
}

impl CClock {
    fn new(clock: &pw_clock) -> Option<Self> {
        Some(Self {
            user_data: UserData::new(clock.user_data, None),
            monotonic_ns: clock.monotonic_ns?,
            since_epoch_ns: clock.since_epoch_ns?,
            sleep_ns: clock.sleep_ns?,
        })
    }
}

impl Clock for CClock {
    fn monotonic(&self) -> Duration {
        // SAFETY: the header asks for functions of these types, for this data.
        Duration::from_nanos(unsafe { (self.monotonic_ns)(self.user_data.pointer) })
    }

    fn since_epoch(&self) -> Duration {
        // SAFETY: the same.
        Duration::from_nanos(unsafe { (self.since_epoch_ns)(self.user_data.pointer) })
    }

    fn sleep(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        // SAFETY: the same.
        unsafe { (self.sleep_ns)(self.user_data.pointer, nanoseconds) };
    }
}

struct CEntropy {
    user_data: UserData,
    fill: unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> bool,
}

impl Entropy for CEntropy {
    fn fill(&self, bytes: &mut [u8]) -> bool {
        // SAFETY: the header asks for a function that writes as many bytes as it is told.
        unsafe { (self.fill)(self.user_data.pointer, bytes.as_mut_ptr(), bytes.len()) }
    }
}

struct COutput {
    user_data: UserData,
    write: unsafe extern "C" fn(*mut c_void, *const u8, usize) -> bool,
}

/// With `std`, any `std::io::Write` is a sink.
#[cfg(feature = "std")]
impl std::io::Write for COutput {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.take(bytes) {
            true => Ok(bytes.len()),
            false => Err(std::io::ErrorKind::Other.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(not(feature = "std"))]
impl OutputSink for COutput {
    fn emit(&mut self, bytes: &[u8]) -> bool {
        self.take(bytes)
    }
}

impl COutput {
    fn take(&self, bytes: &[u8]) -> bool {
        // SAFETY: the header asks for a function that reads as many bytes as it is told.
        unsafe { (self.write)(self.user_data.pointer, bytes.as_ptr(), bytes.len()) }
    }
}

const CLOCK_LACKS: &str = "lacks one of its three functions";

/// Sets the clock that deadlines are measured by. NULL stands for no clock: the timeout then becomes a
/// budget of fuel, by PW_SETTING_FUEL_PER_SECOND. Default: the operating system's clock with `std`, no
/// clock without.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_clock(config: Option<&mut pw_config>, clock: Option<&pw_clock>) {
    let Some(pw_config(config)) = config else {
        return;
    };
    config.change(|config| {
        let before = core::mem::take(config);
        *config = match clock {
            None => before.no_clock(),
            Some(clock) => {
                let clock = CClock::new(clock);
                before.clock(clock.ok_or_else(|| mistake("clock", CLOCK_LACKS))?)
            }
        };
        Ok(())
    });
}

/// Lets guests see a clock of the embedder's and sleep on it. Calls are then no longer reproducible. By
/// default they see a virtual clock, which starts at 2020-01-01T00:00:00Z and advances with the fuel
/// used; see also pw_options_clock_start_ns.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_guest_clock(config: Option<&mut pw_config>, clock: Option<&pw_clock>) {
    let Some(pw_config(config)) = config else {
        return;
    };
    config.change(|config| {
        let clock = clock.ok_or_else(|| mistake("clock", "is NULL"))?;
        let clock = CClock::new(clock).ok_or_else(|| mistake("clock", CLOCK_LACKS))?;
        *config = core::mem::take(config).guest_clock(clock);
        Ok(())
    });
}

/// Lets guests use random numbers of the embedder's. Calls are then no longer reproducible. By default
/// they get numbers from PW_SETTING_SEED, which must not be used for secrets. `user_data` is passed to
/// the function, which may be called on any thread that calls a plugin.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_guest_entropy(
    config: Option<&mut pw_config>,
    entropy: pw_entropy,
    user_data: *mut c_void,
) {
    let Some(pw_config(config)) = config else {
        return;
    };
    config.change(|config| {
        let entropy = CEntropy {
            user_data: UserData::new(user_data, None),
            fill: entropy.ok_or_else(|| mistake("entropy", "is NULL"))?,
        };
        *config = core::mem::take(config).guest_entropy(entropy);
        Ok(())
    });
}

/// Passes what guests write to a stream on to a function, such as one that writes to a serial port, in
/// place of the outcome. `stream` is one of pw_stream. PW_SETTING_MAX_OUTPUT_BYTES holds as ever.
/// `user_data` is passed to the function, which may be called on any thread that calls a plugin.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_output(
    config: Option<&mut pw_config>,
    stream: u32,
    output: pw_output,
    user_data: *mut c_void,
) {
    let Some(pw_config(config)) = config else {
        return;
    };
    config.change(|config| {
        let sink = COutput {
            user_data: UserData::new(user_data, None),
            write: output.ok_or_else(|| mistake("output", "is NULL"))?,
        };
        let before = core::mem::take(config);
        *config = match stream {
            stream if stream == pw_stream::Stdout as u32 => before.stdout(sink),
            stream if stream == pw_stream::Stderr as u32 => before.stderr(sink),
            _ => {
                return Err(mistake(
                    "stream",
                    "is neither PW_STREAM_STDOUT nor PW_STREAM_STDERR",
                ));
            }
        };
        Ok(())
    });
}
