//! What work tells of itself while it runs: events, and who may listen.
//!
//! Workers never draw and never print. They report to a [`Reporter`]; the terminal, logs and the
//! final summary are made from the same events elsewhere.

pub(crate) mod metrics;
mod model;
pub mod summary;

use std::sync::Arc;

use lakehouse_core::names::archive::ArchiveKey;
use tracing::{Span, debug, info, trace};

pub use self::model::{DayRange, ModelOutcome, ModelReport};
use crate::storage::lake::TableName;

/// Something that happened, for whoever shows or counts it.
#[derive(Clone, Debug)]
pub enum Event {
    /// The source was asked for something.
    Requested { what: Arc<str> },
    /// Listing pages were read; `keys` of them so far is the sum over all events.
    Listed { keys: u64 },
    /// A folder of the source could neither be listed nor asked for: nothing is known of it.
    Unlisted { prefix: String, reason: String },
    /// The plan is made: this much is to be fetched.
    Planned { archives: u64, bytes: u64 },
    /// So many wanted archives are held already, as they are published.
    Skipped { archives: u64 },
    /// So many archives replaced an earlier version of themselves; their commit is told apart from
    /// this.
    Corrected { archives: u64 },
    /// An archive's download began; its size is known from the listing, mostly.
    DownloadStarted { archive: Arc<str>, bytes: Option<u64> },
    /// So many more bytes of an archive arrived.
    Downloaded { archive: Arc<str>, bytes: u64 },
    /// A request is tried again after a fault that may pass.
    Retried { archive: Arc<str>, reason: String },
    /// The source does not keep up: no more than so many downloads run at a time, until more come
    /// through.
    Slowed { parallel: usize },
    /// An archive is in bronze, or never will be (`stored` is false).
    DownloadFinished { archive: Arc<str>, stored: bool },
    /// An archive was read to its end.
    Decoded { archive: Arc<str>, rows: u64, rejected: u64, bytes: u64 },
    /// A table has a new version.
    Committed { table: TableName, version: i64, archives: u64, rows: u64 },
    /// An archive ended otherwise than in silver.
    Failed { archive: Arc<str>, status: &'static str, reason: String },
    /// A gold model was dealt with.
    Model(ModelReport),
    /// Something a user should know, once, that is no failure.
    Note(String),
    /// Something a user should look at.
    Warning(String),
}

impl Event {
    /// Writes the event to the logs, as far as it is not told to the user anyway.
    pub(crate) fn log(&self) {
        match self {
            Self::Requested { what } => debug!(%what, "request"),
            Self::Listed { keys } => debug!(keys, "listed"),
            Self::Planned { archives, bytes } => info!(archives, bytes, "planned"),
            Self::Skipped { archives } => debug!(archives, "skipped"),
            Self::Corrected { archives } => info!(archives, "corrected"),
            Self::DownloadStarted { archive, bytes } => debug!(%archive, bytes, "download started"),
            Self::Downloaded { archive, bytes } => trace!(%archive, bytes, "downloaded"),
            Self::Retried { archive, reason } => info!(%archive, reason, "trying again"),
            Self::Slowed { parallel } => info!(parallel, "fewer downloads at a time"),
            Self::DownloadFinished { archive, stored } => {
                debug!(%archive, stored, "download finished")
            }
            Self::Decoded { archive, rows, rejected, bytes } => {
                debug!(%archive, rows, rejected, bytes, "decoded");
            }
            Self::Committed { table, version, archives, rows } => {
                info!(%table, version, archives, rows, "committed");
            }
            Self::Failed { archive, status, reason } => {
                info!(%archive, status, reason, "not in silver")
            }
            Self::Model(model) => info!("{model}"),
            Self::Unlisted { .. } | Self::Note(_) | Self::Warning(_) => {}
        }
    }
}

/// Makes the span that everything stands in that concerns one archive.
pub(crate) fn archive_span(key: &ArchiveKey) -> Span {
    tracing::info_span!("archive", key = %key)
}

/// Receives events, from any thread.
pub trait Reporter: Send + Sync {
    /// Takes note of one event; must not block.
    fn report(&self, event: Event);
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _: Event) {}
}
