//! Whether what is to be downloaded fits on the disk, before the first byte is.
//!
//! Only what is certain is counted: archives as they are listed. What tables take besides is not
//! known before the archives are read.

use std::path::{Path, PathBuf};

use bytesize::ByteSize;

use super::FetchError;
use super::partial::disk;
use crate::storage::space::free_bytes;

/// Bytes that are going to be written into a folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Need {
    folder: PathBuf,
    bytes: u64,
}

/// Returns what archives of these sizes need: all of them in a local bronze that keeps them, and as
/// many as are downloaded at a time where they grow.
pub(super) fn needed_room(
    bronze: Option<&Path>,
    scratch: &Path,
    mut sizes: Vec<u64>,
    parallel: usize,
) -> Vec<Need> {
    let sum = |sizes: &[u64]| sizes.iter().fold(0, |sum: u64, size| sum.saturating_add(*size));
    let all = sum(&sizes);
    let mut needs: Vec<Need> =
        bronze.map(|folder| Need { folder: folder.to_owned(), bytes: all }).into_iter().collect();
    // Archives that grow within bronze stay there and need no second place.
    if bronze.is_none_or(|bronze| !scratch.starts_with(bronze)) {
        sizes.sort_unstable_by_key(|size| std::cmp::Reverse(*size));
        sizes.truncate(parallel);
        needs.push(Need { folder: scratch.to_owned(), bytes: sum(&sizes) });
    }
    needs
}

impl Need {
    /// Compares with what is free.
    pub(super) fn check(&self) -> Result<(), FetchError> {
        let free = free_bytes(&self.folder).map_err(|error| disk(&self.folder, error))?;
        match free {
            Some(free) if free < self.bytes => Err(FetchError::NoRoom {
                folder: self.folder.clone(),
                needed: ByteSize::b(self.bytes),
                free: ByteSize::b(free),
            }),
            _ => Ok(()),
        }
    }
}
