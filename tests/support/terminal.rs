//! A program in a terminal of its own.

use std::process::Command;

use rexpect::session::{PtySession, spawn_command};

/// Longer than anything takes that ends at all.
const PATIENCE_MS: u64 = 120_000;

/// Starts a program in a terminal of so many columns.
pub(crate) fn in_terminal(mut program: Command, columns: u16) -> PtySession {
    program.env("TERM", "xterm").env("COLUMNS", columns.to_string());
    spawn_command(program, Some(PATIENCE_MS)).unwrap()
}
