//! The program: reads the command line and the clock, runs the command, returns its exit code.

use std::process::ExitCode;
use std::time::SystemTime;

use lakehouse::{clock::Clock, commands, usage};

/// Decoding allocates and frees batches on many threads, where the system's allocator is slow and keeps
/// memory that it does not need.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match usage::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    let clock = Clock::new(|| SystemTime::now().into());
    commands::run(cli, clock).await
}
