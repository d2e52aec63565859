//! The requests of a listing: pages of a folder, single archives, each tried again and as many at a
//! time as allowed.
//!
//! What is listed, and in which order, is the business of `listing`; what to do about the archives
//! that of the plan.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use chrono::NaiveDate;
use futures::StreamExt;
use lakehouse_core::listing::{Inventory, Listed, ListingPage, SeriesWindow};
use tokio::sync::Semaphore;

use super::progress::Progress;
use super::retry::{Retries, RetryPolicy};
use super::{ObjectHead, Source, SourceError};
use crate::background_task::BackgroundTask;
use crate::events::{Event, Reporter};

/// What a source holds of a selection.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub inventory: Inventory,
    /// What could neither be listed nor requested: the run knows nothing of it.
    pub unavailable: Vec<Unavailable>,
}

/// A folder of which nothing is known.
#[derive(Clone, Debug)]
pub struct Unavailable {
    pub prefix: String,
    pub reason: SourceError,
}

/// Lists one source.
pub struct Lister {
    pub(super) source: Arc<dyn Source>,
    retries: Retries,
    pub(super) parallel: usize,
    pub(super) today: NaiveDate,
    pub(super) reporter: Arc<dyn Reporter>,
    permits: Arc<Semaphore>,
    /// Whether an early end of a listing is doubted for all symbols of a folder together, although
    /// they are named.
    pub(super) doubts_folders: bool,
    /// Whether the last listing request failed for good, so that the next one need not be patient.
    down: AtomicBool,
    /// Why the objects' server cannot be connected to; no more is then requested of it.
    unreachable: OnceLock<SourceError>,
}

impl std::fmt::Debug for Lister {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lister")
            .field("source", &self.source)
            .field("today", &self.today)
            .finish_non_exhaustive()
    }
}

impl Lister {
    /// How many requests run at a time at least: pages are small, and nothing else happens before
    /// they are there.
    pub const PARALLEL: usize = 16;

    /// Makes a lister that runs at most `parallel` requests at a time; `today` is the current UTC
    /// day.
    #[must_use]
    pub fn new(
        source: Arc<dyn Source>,
        retry: RetryPolicy,
        parallel: usize,
        today: NaiveDate,
        reporter: Arc<dyn Reporter>,
    ) -> Self {
        let parallel = parallel.clamp(1, Semaphore::MAX_PERMITS);
        let permits = Arc::new(Semaphore::new(parallel));
        let retries = Retries::new(retry, Arc::clone(&reporter));
        let down = AtomicBool::new(false);
        let unreachable = OnceLock::new();
        let doubts_folders = false;
        Self {
            source,
            retries,
            parallel,
            today,
            reporter,
            permits,
            doubts_folders,
            down,
            unreachable,
        }
    }

    /// Doubts the listings of all named symbols of a folder together, because most may have ended.
    #[must_use]
    pub fn doubting_folders(self) -> Self {
        Self { doubts_folders: true, ..self }
    }

    /// Lists a window page by page, and stops after its end.
    pub(super) async fn pages(&self, window: SeriesWindow) -> Result<Vec<Listed>, SourceError> {
        let mut objects = Vec::new();
        let mut marker = window.marker().map(str::to_owned);
        let mut progress = Progress::new(window.prefix());
        loop {
            let page = self.page(window.prefix(), false, marker.as_deref()).await?;
            progress.check(&page)?;
            for object in page.objects {
                if window.is_past(&object.key) {
                    return Ok(objects);
                }
                objects.push(object);
            }
            match page.next_marker {
                Some(next) => marker = Some(next),
                None => return Ok(objects),
            }
        }
    }

    /// Lists what lies right below a folder.
    pub(super) async fn children(&self, prefix: String) -> Result<ListingPage, SourceError> {
        let mut children = self.page(&prefix, true, None).await?;
        let mut progress = Progress::new(&prefix);
        progress.check(&children)?;
        while let Some(marker) = children.next_marker.take() {
            let next = self.page(&prefix, true, Some(&marker)).await?;
            progress.check(&next)?;
            children.objects.extend(next.objects);
            children.prefixes.extend(next.prefixes);
            children.next_marker = next.next_marker;
        }
        Ok(children)
    }

    async fn page(
        &self,
        prefix: &str,
        delimiter: bool,
        marker: Option<&str>,
    ) -> Result<ListingPage, SourceError> {
        let policy = self.retries.policy();
        let retries = if self.down.load(Ordering::Relaxed) { 0 } else { policy.retries };
        let policy = RetryPolicy { retries, ..policy };
        let mut retry_budget = self.retries.budget_of(policy, prefix.into());
        let mut refused = 0;
        loop {
            let waited = match self.request_page(prefix, delimiter, marker).await {
                Ok(page) => {
                    self.down.store(false, Ordering::Relaxed);
                    self.reporter.report(Event::Listed { keys: page.objects.len() as u64 });
                    return Ok(page);
                }
                Err(error) if is_hopeless(&error, &mut refused) => Err(error),
                Err(error) => retry_budget.wait(error).await,
            };
            if let Err(error) = waited {
                self.down.store(true, Ordering::Relaxed);
                if error.is_unreachable() && !self.source.is_listed_elsewhere() {
                    let _ = self.unreachable.set(error.clone());
                }
                return Err(error);
            }
        }
    }

    /// Returns whether the objects' server cannot be connected to.
    pub(super) fn is_unreachable(&self) -> bool {
        self.unreachable.get().is_some()
    }

    /// Looks up whether one object exists.
    pub(super) async fn head(&self, key: &str) -> Result<Option<ObjectHead>, SourceError> {
        let mut retry_budget = self.retries.budget(key.into());
        let mut refused = 0;
        loop {
            if let Some(error) = self.unreachable.get() {
                return Err(error.clone());
            }
            match self.request_head(key).await {
                Ok(found) => return Ok(found),
                Err(error) if is_hopeless(&error, &mut refused) => {
                    return Err(self.unreachable.get_or_init(|| error).clone());
                }
                Err(error) => retry_budget.wait(error).await?,
            }
        }
    }

    async fn request_page(
        &self,
        prefix: &str,
        delimiter: bool,
        marker: Option<&str>,
    ) -> Result<ListingPage, SourceError> {
        let source = Arc::clone(&self.source);
        let folder = prefix.to_owned();
        let marker = marker.map(str::to_owned);
        let request = async move { source.list(&folder, delimiter, marker.as_deref()).await };
        self.request(prefix, request).await
    }

    async fn request_head(&self, key: &str) -> Result<Option<ObjectHead>, SourceError> {
        let source = Arc::clone(&self.source);
        let object = key.to_owned();
        self.request(key, async move { source.head(&object).await }).await
    }

    /// Makes one request as soon as there is a permit for it.
    ///
    /// It is a task of its own, because listings are streams within streams: while an outer one
    /// waits, what an inner one has begun is not polled, and a permit that it holds would never be
    /// returned to the request that the outer one waits for.
    async fn request<T: Send + 'static>(
        &self,
        what: &str,
        request: impl Future<Output = Result<T, SourceError>> + Send + 'static,
    ) -> Result<T, SourceError> {
        let permits = Arc::clone(&self.permits);
        let reporter = Arc::clone(&self.reporter);
        let requested: Arc<str> = what.into();
        let task = BackgroundTask::start(async move {
            let _permit = permits.acquire_owned().await;
            reporter.report(Event::Requested { what: requested });
            request.await
        });
        task.done().await.unwrap_or_else(|| Err(SourceError::fatal(what, "the request panicked")))
    }

    /// Runs futures concurrently; answers come in the order of the futures.
    pub(super) async fn in_parallel<F: Future>(&self, futures: Vec<F>) -> Vec<F::Output> {
        futures::stream::iter(futures).buffered(self.parallel).collect().await
    }
}

/// Connections that are tried to a server that takes none. Before anything is downloaded, a user is
/// better served by an error than by patience.
const CONNECTS: usize = 3;

/// Counts failed connections, and says when no more are worth while.
const fn is_hopeless(error: &SourceError, refused: &mut usize) -> bool {
    if error.is_unreachable() {
        *refused += 1;
    }
    *refused >= CONNECTS
}
