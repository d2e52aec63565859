//! One archive after the other, from its source into bronze.
//!
//! Bytes get their final name only after [`checksum`](super::checksum) has accepted them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use lakehouse_core::ledger::{BronzePolicy, ChecksumState};
use lakehouse_core::listing::Published;
use tokio::sync::Semaphore;
use tracing::Instrument;

use super::bandwidth::Bandwidth;
use super::checksum::{Doubt, PublishedChecksum, Sums};
use super::download::Complete;
use super::outage::Outage;
use super::outcome::{BronzeArchive, FetchError, FetchOutcome, Fetched, Mismatch};
use super::partial::Partials;
use super::permits::{DownloadPermit, DownloadPermits};
use super::room::{Need, needed_room};
use super::stale::PARTIAL_FOLDER;
use super::store::{Bronze, Held};
use super::{FetchOptions, open};
use crate::events::{Event, Reporter, archive_span};
use crate::source::retry::Retries;
use crate::source::{Source, SourceError};
use crate::storage::Storage;

/// Complete archives that wait for their names. Each has a file open, and processes may often have
/// no more than 1,024; downloads pause while a disk or a store is slower than they are.
const PLACED_AT_ONCE: usize = 256;

/// Brings archives of one source into one lake's bronze.
pub struct Fetcher {
    pub(super) source: Arc<dyn Source>,
    bronze: Box<dyn Bronze>,
    /// Where a local bronze is.
    bronze_folder: Option<PathBuf>,
    pub(super) partials: Partials,
    pub(super) options: FetchOptions,
    pub(super) bandwidth: Bandwidth,
    pub(super) permits: DownloadPermits,
    /// Permits of complete archives that wait for the disk or the store.
    placing: Semaphore,
    pub(super) reporter: Arc<dyn Reporter>,
    pub(super) retries: Retries,
    pub(super) outage: Outage,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher")
            .field("source", &self.source)
            .field("bronze", &self.bronze)
            .finish_non_exhaustive()
    }
}

impl Fetcher {
    /// Makes a fetcher into the storage of a lake's bronze; nothing of it but the scratch folder is
    /// written yet.
    ///
    /// # Errors
    /// When the scratch folder cannot be made.
    pub fn new(
        source: Arc<dyn Source>,
        bronze: &Storage,
        options: FetchOptions,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, FetchError> {
        let scratch = options.scratch.clone();
        let scratch =
            scratch.or_else(|| bronze.local_folder().map(|folder| folder.join(PARTIAL_FOLDER)));
        let partials = Partials::new(scratch, source.location(), options.resume)?;
        let bandwidth = Bandwidth::new(options.bandwidth);
        let permits = DownloadPermits::new(options.parallel, Arc::clone(&reporter));
        let bronze_folder = bronze.local_folder().map(Path::to_owned);
        let bronze = open(bronze, partials.folder());
        let retries = Retries::new(options.retry, Arc::clone(&reporter));
        let outage = Outage::default();
        Ok(Self {
            source,
            bronze,
            bronze_folder,
            partials,
            options,
            bandwidth,
            permits,
            placing: Semaphore::new(PLACED_AT_ONCE),
            reporter,
            retries,
            outage,
        })
    }

    /// Compares what is to be downloaded with the room that there is, before anything is. Archives
    /// that bronze does not keep need room where they grow, and little more.
    ///
    /// # Errors
    /// When there is less room than archives of these sizes need, unless that is to be ignored.
    pub fn check_free_space(
        &self,
        sizes: Vec<u64>,
        policy: BronzePolicy,
    ) -> Result<(), FetchError> {
        if self.options.ignore_free_space {
            return Ok(());
        }
        let keeps = policy == BronzePolicy::Keep;
        let needs = needed_room(
            self.bronze_folder.as_deref().filter(|_| keeps),
            self.partials.folder(),
            sizes,
            self.options.parallel,
        );
        needs.iter().try_for_each(Need::check)
    }

    /// Fetches a batch, largest archives first, in the order in which they are done.
    ///
    /// Batches may overlap: together they run no more downloads than the options allow, and those
    /// of the batch that was requested first go first.
    pub fn fetch_all(self: &Arc<Self>, mut batch: Vec<Published>) -> BoxStream<'static, Fetched> {
        batch.sort_by_key(|published| std::cmp::Reverse(published.size));
        let archives = batch.len().max(1);
        let fetcher = Arc::clone(self);
        let fetches = futures::stream::iter(batch).map(move |published| {
            let fetcher = Arc::clone(&fetcher);
            let span = archive_span(&published.key);
            async move { fetcher.fetch(&published).await }.instrument(span)
        });
        fetches.buffer_unordered(archives).boxed()
    }

    /// Fetches one archive.
    pub async fn fetch(&self, wanted: &Published) -> Fetched {
        let permit = self.permits.acquire().await;
        let archive = wanted.key.shared_path();
        self.reporter
            .report(Event::DownloadStarted { archive: Arc::clone(&archive), bytes: wanted.size });
        let outcome = self
            .obtain(wanted, permit)
            .await
            .unwrap_or_else(|error| FetchOutcome::Failed { error });
        let stored = matches!(outcome, FetchOutcome::Stored(_));
        self.reporter.report(Event::DownloadFinished { archive, stored });
        Fetched { key: wanted.key.clone(), outcome }
    }

    /// Gets hold of an archive; the permit is another download's as soon as all bytes are here and
    /// not too many wait for their names.
    async fn obtain(
        &self,
        wanted: &Published,
        permit: DownloadPermit<'_>,
    ) -> Result<FetchOutcome, FetchError> {
        if let Some(archive) = self.reuse(wanted).await? {
            return Ok(FetchOutcome::Stored(archive));
        }
        let mut retry_budget = self.retries.budget(wanted.key.shared_path());
        let mut seen = None;
        loop {
            let (checksum, complete) =
                tokio::try_join!(self.checksum(wanted), self.download(wanted))?;
            self.permits.on_success();
            let Some(complete) = complete else { return Ok(FetchOutcome::NotPublished) };
            match self.judge(wanted, checksum.as_ref(), &complete) {
                Ok(state) => {
                    let _placing = self.placing.acquire().await;
                    drop(permit);
                    return self
                        .store(wanted, complete, checksum, state)
                        .await
                        .map(FetchOutcome::Stored);
                }
                Err(Doubt::Mismatch(sums)) => {
                    // The same disagreement twice is what the source publishes, not a fault on the
                    // way.
                    let again = seen.replace(sums) == Some(sums);
                    let error = SourceError::transient(
                        wanted.key.path(),
                        "the bytes do not match the checksum",
                    );
                    if again || retry_budget.wait(error).await.is_err() {
                        return self.set_aside(wanted, complete, sums).await;
                    }
                    complete.partial.discard().await?;
                }
                Err(Doubt::Size(error)) => {
                    complete.partial.discard().await?;
                    retry_budget.wait(error).await?;
                }
            }
        }
    }

    /// Takes the bytes that bronze holds, if they are those that the source publishes now.
    async fn reuse(&self, wanted: &Published) -> Result<Option<BronzeArchive>, FetchError> {
        if self.options.force {
            return Ok(None);
        }
        let Some(held) = self.bronze.lookup(&wanted.key, wanted.size).await? else {
            return Ok(None);
        };
        let checksum = self.checksum(wanted).await?;
        let same = match &checksum {
            Some(published) => published.sum == held.sha256,
            None => !self.options.checksum && wanted.size == Some(held.size),
        };
        if !same {
            return Ok(None);
        }
        if let Some(published) = &checksum {
            self.bronze.keep_checksum(&wanted.key, &published.text).await?;
        }
        let state =
            if checksum.is_some() { ChecksumState::Match } else { ChecksumState::Unchecked };
        let Held { file, identity, copy, sha256, size } = held;
        let (etag, last_modified) = (wanted.etag.clone(), wanted.last_modified);
        let key = wanted.key.clone();
        let downloaded = false;
        Ok(Some(BronzeArchive {
            key,
            file,
            sha256,
            size,
            etag,
            last_modified,
            checksum: state,
            downloaded,
            identity,
            _copy: copy,
        }))
    }

    async fn store(
        &self,
        wanted: &Published,
        complete: Complete,
        checksum: Option<PublishedChecksum>,
        state: ChecksumState,
    ) -> Result<BronzeArchive, FetchError> {
        let Complete { sha256, size, .. } = complete;
        let validator = complete.validator.clone();
        let kept = self
            .bronze
            .keep(&wanted.key, complete, checksum.map(|published| published.text))
            .await?;
        Ok(BronzeArchive {
            key: wanted.key.clone(),
            file: kept.file,
            sha256,
            size,
            etag: wanted
                .etag
                .clone()
                .or_else(|| validator.etag.map(|etag| etag.trim_matches('"').to_owned())),
            last_modified: wanted.last_modified.or(validator.last_modified),
            checksum: state,
            downloaded: true,
            identity: kept.identity,
            _copy: kept.copy,
        })
    }

    async fn set_aside(
        &self,
        wanted: &Published,
        complete: Complete,
        sums: Sums,
    ) -> Result<FetchOutcome, FetchError> {
        let (expected, actual) = sums;
        let size = complete.size;
        let kept_as = self.bronze.set_aside(&wanted.key, complete).await?;
        let wanted = wanted.clone();
        let mismatch = Mismatch { wanted, expected, actual, size, kept_as };
        Ok(FetchOutcome::Mismatch(Box::new(mismatch)))
    }
}
