//! Processes that end by themselves, or are killed at a named step or at some moment.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use lakehouse::failpoint::{PAUSE_AT, PAUSE_FILE};

/// No run of these tests takes so long, however busy the machine is.
const HUNG: Duration = Duration::from_secs(300);

/// When a process is killed.
#[derive(Clone, Debug)]
pub(crate) enum Kill {
    Never,
    /// When it has come to a step of the work on a table.
    At(String),
    After(Duration),
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) killed: bool,
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

/// A process that is killed when nobody needs it any more.
pub(crate) struct Background(pub(crate) Child);

impl Deref for Background {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Background {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process at work.
pub(crate) struct Running {
    child: Background,
    kill: Kill,
    started: Instant,
    marker: PathBuf,
    stderr: PathBuf,
}

impl Running {
    /// Starts a command, whose files of `name` lie in `folder`.
    pub(crate) fn start(mut command: Command, kill: Kill, folder: &Path, name: &str) -> Self {
        let marker = folder.join(format!("{name}-reached"));
        let stderr = folder.join(format!("{name}-stderr"));
        if let Kill::At(step) = &kill {
            command.env(PAUSE_AT, step).env(PAUSE_FILE, &marker);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(std::fs::File::create(&stderr).unwrap());
        let child = Background(command.spawn().unwrap());
        Self { child, kill, started: Instant::now(), marker, stderr }
    }

    /// Looks whether the process has ended or is to be killed now.
    fn poll(&mut self) -> Option<End> {
        let took = self.started.elapsed();
        let ended = self.child.try_wait().unwrap();
        let is_due = match &self.kill {
            Kill::Never => false,
            Kill::At(_) => self.marker.exists(),
            Kill::After(time) => took >= *time,
        };
        let killed = ended.is_none() && is_due;
        if killed {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        } else if ended.is_none() {
            assert!(took < HUNG, "still running after {took:?}");
            return None;
        }
        let stderr = std::fs::read_to_string(&self.stderr).unwrap();
        let _ = std::fs::remove_file(&self.marker);
        std::fs::remove_file(&self.stderr).unwrap();
        Some(End { killed, code: ended.and_then(|ended| ended.code()), stderr, took })
    }
}

/// Waits until all processes have ended or were killed.
pub(crate) fn finish(mut running: Vec<Running>) -> Vec<End> {
    let mut ends: Vec<Option<End>> = running.iter().map(|_| None).collect();
    let (_sender, never) = mpsc::channel::<()>();
    loop {
        for (process, end) in running.iter_mut().zip(&mut ends) {
            if end.is_none() {
                *end = process.poll();
            }
        }
        if ends.iter().all(Option::is_some) {
            return ends.into_iter().flatten().collect();
        }
        let _ = never.recv_timeout(Duration::from_millis(1));
    }
}
