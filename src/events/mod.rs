//! What a run reports while it works: events, and who receives them.
//!
//! Workers never draw and never print. They report to a [`Reporter`]; the terminal, logs and the
//! final summary are made from the same events elsewhere.

pub(crate) mod document;
pub(crate) mod lineage;
pub(crate) mod metrics;
mod model;
pub mod summary;

use std::sync::Arc;

use lakehouse_core::names::archive::ArchiveKey;
use tracing::{Span, debug, info, trace};

pub use self::document::TableVersions;
pub use self::model::{DayRange, ModelOutcome, ModelReport};
use self::summary::FillFigures;
use crate::audit::{CheckReport, OpenRows};
use crate::storage::lake::TableName;

/// The target of logs that are messages to the user, written at every verbosity but quiet.
pub(crate) const MESSAGES: &str = "lakehouse::messages";

/// Something that happened, to be shown or counted.
#[derive(Clone, Debug)]
pub enum Event {
    /// A run began that may write; commits and `meta.runs` have its identifier.
    Started { run: Arc<str> },
    /// A request was sent to the source.
    Requested { what: Arc<str> },
    /// Pages of a listing were read, with this many more keys.
    Listed { keys: u64 },
    /// A folder of the source could neither be listed nor probed: nothing is known of it.
    Unlisted { prefix: String, reason: String },
    /// The plan is made: this much is to be fetched.
    Planned { archives: u64, bytes: u64 },
    /// This many selected archives are held already, as they are published.
    Skipped { archives: u64 },
    /// This many archives replaced an earlier version of themselves; their commit is another event.
    Corrected { archives: u64 },
    /// An archive's download began; its size is mostly known from the listing.
    DownloadStarted { archive: Arc<str>, bytes: Option<u64> },
    /// This many more bytes of an archive arrived.
    Downloaded { archive: Arc<str>, bytes: u64 },
    /// A request is tried again after a temporary failure.
    Retried { archive: Arc<str>, reason: String },
    /// The source fails: no more than this many downloads run at a time, until more succeed.
    Slowed { parallel: usize },
    /// A download ended; `stored` says whether the archive is in bronze.
    DownloadFinished { archive: Arc<str>, stored: bool },
    /// An archive was read to its end.
    Decoded { archive: Arc<str>, rows: u64, rejected: u64, bytes: u64 },
    /// Rows outside an archive's period were left to the archives of their days.
    Left { archive: Arc<str>, rows: u64, reason: String },
    /// A table has a new version.
    Committed { table: TableName, version: i64, archives: u64, rows: u64 },
    /// An archive ended otherwise than in silver.
    Failed { archive: Arc<str>, status: &'static str, reason: String },
    /// An archive was verified, so many bytes of it in bronze.
    Verified { bytes: u64 },
    /// A gold model was built, or needed no build, or failed.
    Model(ModelReport),
    /// A check of an audit ran, or was left out, or failed.
    Check(CheckReport),
    /// An audit at the end of a run leaves this much open.
    Audited(OpenRows),
    /// A fill ended.
    Filled(FillFigures),
    /// Something a user should know, once, that is no failure.
    Note(String),
    /// Something a user should look at.
    Warning(String),
}

impl Event {
    /// Writes the event to the logs, unless it is shown to the user anyway.
    pub(crate) fn log(&self) {
        match self {
            Self::Started { run } => debug!(%run, "started"),
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
                debug!(%archive, stored, "download finished");
            }
            Self::Decoded { archive, rows, rejected, bytes } => {
                debug!(%archive, rows, rejected, bytes, "decoded");
            }
            Self::Left { archive, rows, reason } => info!(%archive, rows, reason, "rows left"),
            Self::Committed { table, version, archives, rows } => {
                info!(%table, version, archives, rows, "committed");
            }
            Self::Failed { archive, status, reason } => {
                info!(%archive, status, reason, "not in silver");
            }
            Self::Verified { bytes } => trace!(bytes, "verified"),
            Self::Model(model) => info!("{model}"),
            Self::Check(check) => info!("audit: {check}"),
            Self::Audited(open) => info!("audit: {open}"),
            Self::Filled(figures) => {
                let FillFigures { rows, replaced, rejected, requests, failed, .. } = *figures;
                info!(rows, replaced, rejected, requests, failed, "filled");
            }
            Self::Unlisted { .. } | Self::Note(_) | Self::Warning(_) => {}
        }
    }
}

/// Makes the span of everything that concerns one archive.
pub(crate) fn archive_span(key: &ArchiveKey) -> Span {
    tracing::info_span!("archive", key = %key)
}

/// Receives events, from any thread.
pub trait Reporter: Send + Sync {
    /// Takes note of one event; must not block.
    fn report(&self, event: Event);
}

/// Ignores every event.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _: Event) {}
}
