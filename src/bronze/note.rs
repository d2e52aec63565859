//! The note next to a partial file: which object its bytes are of.
//!
//! Notes lie under names that are known beforehand, so that somebody else may have put a link or a
//! pipe there; neither is followed.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::source::Validator;

/// Bytes of the longest note that is read.
const LONGEST: u64 = 64 * 1024;

/// Which object's bytes a partial file holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ResumeNote {
    pub(super) source: String,
    pub(super) key: String,
    pub(super) validator: Validator,
}

impl ResumeNote {
    /// Reads a note that an earlier run left, if there is one.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let metadata = std::fs::symlink_metadata(path).ok()?;
        if !metadata.is_file() || metadata.len() > LONGEST {
            return None;
        }
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// Writes the note as a new file; nothing may have its name.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(&serde_json::to_vec(self)?)
    }
}
