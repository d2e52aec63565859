//! Runs the program as a user would, apart from the user's own environment.

use std::fmt;
use std::path::Path;
use std::process::{Command, Output};

/// What a run of the program left behind; prints as exit code and both outputs.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        write!(f, "exit code: {code}\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr)
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// Returns the program, to be run in `folder` without settings from outside.
pub(crate) fn lakehouse(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lakehouse"));
    command.current_dir(folder);
    for name in [
        "LAKEHOUSE_API",
        "LAKEHOUSE_CONFIG",
        "LAKEHOUSE_LAKE",
        "LAKEHOUSE_LISTING",
        "LAKEHOUSE_SOURCE",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs the program in a folder of its own.
pub(crate) fn run(arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    lakehouse(folder.path()).args(arguments).output().unwrap().into()
}
