//! Brings archives into bronze: downloaded, verified, durable, and byte for byte as published.
//!
//! [`Fetcher::fetch`] takes what bronze holds if it is what the source publishes; else it reads the
//! archive and its checksum, compares, and only then gives the bytes their final name. `download`
//! reads and resumes, `partial` is the file that grows meanwhile, `store` says what bronze
//! promises, and `local` and `remote` keep it; `placement_queue` names local
//! files. What the bytes mean is decided elsewhere.

mod again;
mod bandwidth;
mod checksum;
mod claim;
mod download;
mod dropping;
mod fetcher;
mod local;
mod note;
mod outage;
mod outcome;
mod partial;
mod permits;
mod placement;
mod placement_queue;
mod remote;
mod room;
mod stale;
mod store;

use std::path::{Path, PathBuf};

pub(crate) use self::again::Redownload;
pub use self::again::RedownloadError;
pub use self::bandwidth::Bandwidth;
pub(crate) use self::dropping::ArchiveDropper;
pub use self::fetcher::Fetcher;
use self::local::LocalBronze;
pub use self::outcome::{BronzeArchive, FetchError, FetchOutcome, Fetched, Mismatch};
pub(crate) use self::partial::{Summed, sum_file};
use self::remote::RemoteBronze;
pub(crate) use self::stale::{delete_stale_partials, find_stale_partials};
use self::store::Bronze;
pub(crate) use self::store::older_name;
use crate::source::retry::RetryPolicy;
use crate::storage::Storage;

/// How archives are fetched.
#[derive(Clone, Debug)]
pub struct FetchOptions {
    pub retry: RetryPolicy,
    /// Whether bytes must match their published checksum.
    pub checksum: bool,
    /// Download also what bronze holds already.
    pub force: bool,
    /// Go on with half-downloaded archives, of this run and of earlier ones.
    pub resume: bool,
    /// Bytes per second, over all downloads.
    pub bandwidth: Option<u64>,
    /// Downloads at a time, over all batches; fewer while the source does not keep up.
    pub parallel: usize,
    /// Begin though there is less free space than the archives need.
    pub ignore_free_space: bool,
    /// Where archives grow; by default inside a local lake, else in the system's folder for
    /// temporary files.
    pub scratch: Option<PathBuf>,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            checksum: true,
            force: false,
            resume: true,
            bandwidth: None,
            parallel: 8,
            ignore_free_space: false,
            scratch: None,
        }
    }
}

/// Opens bronze; `scratch` is a local folder for copies of what is not local.
fn open(storage: &Storage, scratch: &Path) -> Box<dyn Bronze> {
    match storage.local_folder() {
        Some(folder) => Box::new(LocalBronze::new(folder, scratch)),
        None => Box::new(RemoteBronze::new(storage, scratch)),
    }
}
