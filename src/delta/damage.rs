//! What can be wrong with the files of a log, and the words for it.
//!
//! A power cut can leave the newest commit empty, cut or full of zeros, and a checkpoint damaged or
//! missing. An engine passes over some of these in silence, which would make rows land twice, and
//! stops at others with a message about its own parts. Falling back to other files of the log is
//! the business of [`open`](super::open), setting damaged files aside that of maintenance.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use deltalake::DeltaTableError;
use object_store::ObjectMeta;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use thiserror::Error;

/// The command that sets damaged files of a log aside.
pub(crate) const REPAIR: &str = "lakehouse maintain --repair";

/// The key of a commit's information that says how many actions the commit has, that one included.
///
/// The information is the first action, so it is there whatever was cut off behind it.
pub(super) const ACTIONS_KEY: &str = "lakehouseActions";

/// Why a log cannot be read.
#[derive(Debug, Error)]
pub(crate) enum LogError {
    #[error(transparent)]
    Delta(#[from] DeltaTableError),
    #[error(transparent)]
    Store(#[from] object_store::Error),
    #[error(transparent)]
    Damaged(#[from] DamagedFile),
}

impl LogError {
    /// Returns the error itself as the cause of another one.
    pub(crate) fn into_cause(self) -> Box<dyn StdError + Send + Sync> {
        match self {
            Self::Delta(error) => error.into(),
            Self::Store(error) => error.into(),
            Self::Damaged(error) => error.into(),
        }
    }
}

/// A file of a log that is not as it was written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{path} (version {version}, written at {}) {damage}; run `{REPAIR}`, which sets it aside and \
     loads again what it held",
    time(written)
)]
pub(crate) struct DamagedFile {
    /// Below the table's folder.
    pub(crate) path: String,
    pub(crate) version: u64,
    pub(crate) written: DateTime<Utc>,
    pub(crate) damage: Damage,
}

/// What is wrong with a file of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// A commit without a single byte, or without a line.
    Empty,
    /// A commit with a line, counted from one, that is not whole.
    Line(usize),
    /// A commit that was cut at the end of a line, and has fewer actions than it says.
    Short { found: usize, expected: usize },
    /// A checkpoint that cannot be read, and commits before it are not there to be read instead.
    Checkpoint,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::Line(line) => write!(f, "is cut or overwritten: its line {line} is not JSON"),
            Self::Short { found, expected } => {
                write!(f, "is cut: it has {found} of its {expected} actions")
            }
            Self::Checkpoint => f.write_str(
                "is damaged, and not all of the commits that it stands for are in the log",
            ),
        }
    }
}

impl DamagedFile {
    pub(super) fn new(file: &ObjectMeta, version: u64, damage: Damage) -> Self {
        let name = file.location.filename().unwrap_or_default();
        Self { path: format!("_delta_log/{name}"), version, written: file.last_modified, damage }
    }
}

fn time(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Returns what is wrong with the bytes of a commit; nothing if all of its lines are whole, and as
/// many as it says.
///
/// Commits of other programs, and of older versions of this one, do not say how many they are.
pub(crate) fn commit_damage(commit: &[u8]) -> Option<Damage> {
    let mut found = 0;
    let mut expected = None;
    for (number, line) in commit.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let Ok(action) = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(line) else {
            return Some(Damage::Line(number + 1));
        };
        if action.contains_key("commitInfo") {
            expected = expected.or(recorded_actions(line));
        }
        found += 1;
    }
    if found == 0 {
        return Some(Damage::Empty);
    }
    let expected = expected.filter(|expected| found < *expected)?;
    Some(Damage::Short { found, expected })
}

/// Returns how many actions a commit says it has.
fn recorded_actions(info: &[u8]) -> Option<usize> {
    let line: CountedLine<'_> = serde_json::from_slice(info).ok()?;
    line.info.get(ACTIONS_KEY)?.get().parse().ok()
}

/// The line of a commit's information, of which no value is parsed: the lake's record is long.
#[derive(Deserialize)]
struct CountedLine<'a> {
    #[serde(rename = "commitInfo", borrow)]
    info: BTreeMap<String, &'a RawValue>,
}
