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
        let mut retry_budget =
            self.options.retry.retry_budget(Arc::clone(&archive), Arc::clone(&self.reporter));
        let mut farthest = partial.len();
        loop {
            let round = self.permits.round();
            match self.attempt(&archive, &partial).await {
                Ok(()) => break,
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
                    retry_budget.wait(error).await?;
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
    async fn attempt(&self, archive: &Arc<str>, partial: &Partial) -> Result<(), FetchError> {
        let resume = partial.resume();
        self.reporter.report(Event::Requested { what: Arc::clone(archive) });
        let download = self.source.get(archive, resume.as_ref()).await?;
        if download.offset != partial.len() || resume.is_none() {
            partial.restart(download.validator.clone()).await?;
        }
        let size = download.size;
        self.read(archive, partial, download).await?;
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
            if waiting >= PIECE {
                partial.append(std::mem::take(&mut pieces), false).await?;
                waiting = 0;
            }
        }
        let whole = download.size.is_none_or(|size| partial.len() + waiting as u64 == size);
        partial.append(pieces, whole).await
    }
}
