//! Reads one archive from its source into a partial file, and goes on where a broken try ended.
//!
//! Bytes of two states of an object are never mixed: whatever cannot be continued for certain is
//! read from its beginning. Whether the bytes are right is judged by the caller.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use lakehouse_core::listing::Published;
use lakehouse_core::listing::checksum::Sha256Hex;

use super::FetchError;
use super::fetcher::Fetcher;
use super::partial::Partial;
use crate::events::Event;
use crate::source::{Download, SourceError, Validator};

/// How many bytes are written at once: worth a switch of threads, and little next to other memory.
const PIECE: usize = 512 * 1024;
/// A try that brought so much was worth it, and all tries are left again.
const PROGRESS: u64 = 1024 * 1024;

/// A whole archive under its partial name.
#[derive(Debug)]
pub(crate) struct Complete {
    pub(crate) partial: Partial,
    pub(crate) sha256: Sha256Hex,
    pub(crate) size: u64,
    pub(crate) validator: Validator,
    /// Whether its beginning is from an earlier run.
    pub(crate) continued: bool,
}

impl Fetcher {
    /// Reads an archive to its end; nothing if it is not published.
    pub(super) async fn download(
        &self,
        wanted: &Published,
    ) -> Result<Option<Complete>, FetchError> {
        let archive = wanted.key.shared_path();
        let partial = self.partials.open(&wanted.key).await?;
        if partial.len() > 0 {
            self.reporter
                .report(Event::Downloaded { archive: Arc::clone(&archive), bytes: partial.len() });
        }
        let mut retry_budget = self.retries.budget(Arc::clone(&archive));
        let mut farthest = partial.len();
        loop {
            self.outage.check(&archive)?;
            let round = self.permits.round();
            match self.attempt(wanted, &archive, &partial).await {
                Ok(()) => {
                    self.outage.end();
                    break;
                }
                Err(FetchError::Source(SourceError::NotFound { .. })) => {
                    partial.discard().await?;
                    return Ok(None);
                }
                Err(FetchError::Source(error @ SourceError::Changed { .. })) => {
                    self.reporter.report(Event::Retried {
                        archive: Arc::clone(&archive),
                        reason: error.to_string(),
                    });
                    partial.restart(Validator::default()).await?;
                }
                Err(FetchError::Source(error)) => {
                    if partial.len() >= farthest + PROGRESS {
                        farthest = partial.len();
                        retry_budget.renew();
                    }
                    self.permits.on_failure(round, &error);
                    let waited = retry_budget.wait(error).await;
                    self.outage.note(&waited);
                    waited?;
                }
                Err(error) => return Err(error),
            }
        }
        let sha256 = partial.sha256();
        let size = partial.len();
        let validator = partial.validator();
        let continued = partial.is_continued();
        Ok(Some(Complete { partial, sha256, size, validator, continued }))
    }

    /// Makes one request for what is not held yet.
    async fn attempt(
        &self,
        wanted: &Published,
        archive: &Arc<str>,
        partial: &Partial,
    ) -> Result<(), FetchError> {
        let resume = partial.resume();
        self.reporter.report(Event::Requested { what: Arc::clone(archive) });
        let download = self.source.get(archive, resume.as_ref()).await?;
        if download.offset != partial.len() || resume.is_none() {
            partial.restart(download.validator.clone()).await?;
        }
        let size = download.size;
        let limit = SizeLimit::of(wanted.size, size);
        limit.check_announced(archive, size)?;
        if let Err(error) = self.read(archive, partial, download, limit).await {
            // What goes on for ever is no part of the archive.
            if partial.len() > limit.bytes {
                partial.restart(Validator::default()).await?;
            }
            return Err(error);
        }
        match size {
            Some(size) if partial.len() < size => {
                let reason = format!("the answer ended after {} of {size} bytes", partial.len());
                Err(SourceError::transient(archive, reason).into())
            }
            Some(size) if partial.len() > size => {
                let reason = format!("{} bytes came, and {size} were announced", partial.len());
                partial.restart(Validator::default()).await?;
                Err(SourceError::transient(archive, reason).into())
            }
            _ => Ok(()),
        }
    }

    /// Writes a body as it comes; what came before a failure is written too.
    async fn read(
        &self,
        archive: &Arc<str>,
        partial: &Partial,
        download: Download,
        limit: SizeLimit,
    ) -> Result<(), FetchError> {
        let mut body = download.body;
        let mut pieces: Vec<Bytes> = Vec::new();
        let mut waiting = 0;
        while let Some(piece) = body.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    partial.append(pieces, false).await?;
                    return Err(error.into());
                }
            };
            self.bandwidth.take(piece.len()).await;
            self.reporter.report(Event::Downloaded {
                archive: Arc::clone(archive),
                bytes: piece.len() as u64,
            });
            waiting += piece.len();
            pieces.push(piece);
            let surplus = partial.len() + waiting as u64 > limit.bytes;
            if surplus || waiting >= PIECE {
                partial.append(std::mem::take(&mut pieces), false).await?;
                waiting = 0;
            }
            if surplus {
                return Err(limit.exceeded(archive).into());
            }
        }
        let whole = download.size.is_none_or(|size| partial.len() + waiting as u64 == size);
        partial.append(pieces, whole).await
    }
}

/// How many bytes of an archive are taken at most, because a body may go on for ever.
#[derive(Clone, Copy, Debug)]
struct SizeLimit {
    bytes: u64,
    listed: Option<u64>,
}

/// A correction may be larger than what was listed a moment ago, by so much at least.
const GROWTH: u64 = 16 * 1024 * 1024;
/// The limit of what neither a listing nor the answer gives a size; the largest archives have some
/// gigabytes.
const LARGEST: u64 = 64 * 1024 * 1024 * 1024;

impl SizeLimit {
    /// Goes by what is announced, as far as the listing makes it likely.
    fn of(listed: Option<u64>, announced: Option<u64>) -> Self {
        let plausible = listed.map_or(LARGEST, |listed| listed.saturating_mul(2) + GROWTH);
        let bytes = match (announced, listed) {
            (Some(announced), _) => announced.min(plausible),
            (None, Some(listed)) => listed,
            (None, None) => LARGEST,
        };
        Self { bytes, listed }
    }

    /// Refuses an answer that announces far more than the archive can have.
    fn check_announced(self, archive: &str, announced: Option<u64>) -> Result<(), SourceError> {
        if announced.is_some_and(|announced| announced > self.bytes) {
            return Err(self.exceeded(archive));
        }
        Ok(())
    }

    fn exceeded(self, archive: &str) -> SourceError {
        let reason = match self.listed {
            Some(listed) => format!("more than {} bytes come, and {listed} are listed", self.bytes),
            None => format!("more than {} bytes come", self.bytes),
        };
        SourceError::transient(archive, reason)
    }
}
