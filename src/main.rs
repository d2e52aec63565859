//! The program: reads the command line and the clock, runs the command, returns its exit code.

use std::io;
use std::num::NonZero;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use lakehouse::clock::Clock;
use lakehouse::commands;
use lakehouse::system::limit_arenas;
use lakehouse::terminal::usage;
use tokio::runtime::Builder;

/// Workers besides one for each core. A join of everything with everything does not yield for
/// minutes, and a statement has one on each core; limits of time and signals need a worker too.
const SPARE_WORKERS: usize = 2;

/// How long the program waits at its end for work that was given up.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// Threads for work that blocks: each needs memory, and far fewer keep a disk busy.
const BLOCKING_THREADS: usize = 32;

/// Bytes of stack of a worker. Plans of statements are trees, which are walked and dropped on it,
/// so it has as much as the first thread of a program.
const STACK: usize = 8 << 20;

fn main() -> io::Result<ExitCode> {
    let cli = match usage::parse() {
        Ok(cli) => cli,
        Err(code) => return Ok(code),
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    limit_arenas();
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .worker_threads(cores + SPARE_WORKERS)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_stack_size(STACK)
        .build()?;
    let code = runtime.block_on(commands::run(cli, clock()));
    // A statement that was given up may compute on. Nothing that matters is left to be done.
    runtime.shutdown_timeout(SHUTDOWN);
    Ok(code)
}

fn clock() -> Clock {
    let offset = offset(now());
    Clock::new(move || now() + offset)
}

#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// Returns how far off the clock is: a test of builds with debug assertions may say what time it
/// is.
#[cfg(debug_assertions)]
fn offset(now: DateTime<Utc>) -> TimeDelta {
    let text = std::env::var_os("LAKEHOUSE_TEST_CLOCK");
    let time = text.and_then(|text| text.to_str()?.parse::<DateTime<Utc>>().ok());
    time.map_or(TimeDelta::zero(), |time| time - now)
}

#[cfg(not(debug_assertions))]
const fn offset(_: DateTime<Utc>) -> TimeDelta {
    TimeDelta::zero()
}
