//! Ingest: from what is published to what the lake holds.
//!
//! [`Ingest::plan`] says what is to be done, [`Ingest::run`] does it: batch by batch, archives are
//! fetched into bronze, decoded and committed to silver, and recorded in the ledger, while the next
//! batch is being downloaded already. Nothing here knows how any of these steps works.

mod batch;
mod refresh;

use std::pin::pin;
use std::sync::Arc;
use std::thread::available_parallelism;

use chrono::{DateTime, NaiveDate, Utc};
use futures::{StreamExt, stream};
use lakehouse_core::ledger::{BronzePolicy, Ledger};
use lakehouse_core::listing::{Published, SeriesListing};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::shard::Shard;
use lakehouse_core::plan::{Batch, BatchLimits, Batches, Plan, PlanOptions, Planner, Skipped};
use lakehouse_core::schema::Schemas;
use lakehouse_core::selection::near::misspelled;
use lakehouse_core::selection::{SymbolQuery, Targets};
use lakehouse_core::series::SeriesLooks;
use thiserror::Error;
use tokio::sync::mpsc;
use tracing::Instrument;
use uuid::Uuid;

use self::batch::BatchStore;
pub use self::refresh::RefreshPlan;
use crate::background_task::BackgroundTask;
use crate::bronze::{FetchError, FetchOptions, Fetched, Fetcher};
use crate::clock::Clock;
use crate::delta::TableError;
use crate::delta::commit::CommitContext;
use crate::events::summary::{Counting, Summary};
use crate::events::{Event, Reporter};
pub use crate::memory::MemoryBudget;
use crate::meta::archives::reader::{LedgerReader, SeriesRows};
use crate::meta::runs::{EndedRun, RunsTable};
use crate::meta::series::{Learned, SeriesTable, recorded_series};
use crate::shutdown::Shutdown;
use crate::source::lister::{Lister, Unavailable};
use crate::source::listing::ListingEnd;
use crate::source::{Source, SourceError};
use crate::storage::StorageError;
use crate::storage::lake::Lake;

/// Batches that are fetched at a time: the second has what the first leaves of the link.
const BATCHES_FETCHED: usize = 2;

/// Why an ingest could not be done, or not be finished; what has been committed stays.
#[derive(Debug, Error)]
pub enum IngestError {
    /// Not one folder of the source could be listed, and not one archive be requested.
    #[error("cannot reach the source {location}: check the network, or name another with --source")]
    Unreachable { location: String, source: SourceError },
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A table of the lake could not be read or written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A matrix names a schema that does not exist.
    #[error("the matrix names the schema `{schema}`, and there is no schemas/{schema}.toml")]
    Schema { schema: String },
    /// A fault of the program's own; what has landed stays.
    #[error("downloading broke off; run the same command again to go on, and please report it")]
    Died,
}

/// How far an ingest goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Archives are in bronze, verified; no table is touched.
    Bronze,
    /// Rows are in silver.
    #[default]
    Silver,
}

/// What is to be ingested, from where, into which lake.
#[derive(Clone, Debug)]
pub struct Ingest {
    pub lake: Lake,
    pub source: Arc<dyn Source>,
    pub matrix: Arc<Matrix>,
    pub schemas: Arc<Schemas>,
    pub targets: Targets,
    pub fetch: FetchOptions,
    /// How many archives are fetched, decoded and committed together.
    pub batch: BatchLimits,
    pub depth: Depth,
    /// What bronze keeps of archives that are in silver.
    pub bronze: BronzePolicy,
    /// Fetch also what was removed from the lake.
    pub restore: bool,
    /// Which series this process is about.
    pub shard: Shard,
    /// Folders of series up to which a refresh lists all of them each time; of a larger lake it
    /// lists those that are due.
    pub listed_each_time: usize,
    /// Archives that are decoded at a time.
    pub threads: usize,
    /// Bytes of rows that may be in memory; fewer make smaller files.
    pub memory: MemoryBudget,
    /// A request to end the run after the current batch.
    pub shutdown: Shutdown,
    /// The command as it was given, for `meta.runs`.
    pub command: String,
}

impl Ingest {
    /// Archives that are fetched together by default.
    pub const BATCH_SIZE: usize = 100;
    /// Folders that a refresh lists within a minute or so.
    pub const LISTED_EACH_TIME: usize = 10_000;

    /// Makes an ingest of these archives into silver, with the defaults for everything else.
    #[must_use]
    pub fn new(
        lake: Lake,
        source: Arc<dyn Source>,
        matrix: Arc<Matrix>,
        schemas: Arc<Schemas>,
        targets: Targets,
    ) -> Self {
        Self {
            lake,
            source,
            matrix,
            schemas,
            targets,
            fetch: FetchOptions::default(),
            batch: BatchLimits::default(),
            depth: Depth::default(),
            bronze: BronzePolicy::default(),
            restore: false,
            shard: Shard::default(),
            listed_each_time: Self::LISTED_EACH_TIME,
            threads: available_parallelism().map_or(1, usize::from),
            memory: MemoryBudget::default(),
            shutdown: Shutdown::default(),
            command: String::new(),
        }
    }

    /// Lists what is published and decides what is to be done; writes nothing.
    ///
    /// # Errors
    /// When the source cannot be listed at all, or the lake not be read.
    pub async fn plan(
        &self,
        today: NaiveDate,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<Plan, IngestError> {
        self.plan_with(today, reporter, |_| ()).await
    }

    /// Does the same, and reports every archive that is left alone: a plan only counts them.
    ///
    /// # Errors
    /// Like [`Ingest::plan`].
    pub async fn plan_with(
        &self,
        today: NaiveDate,
        reporter: &Arc<dyn Reporter>,
        on_skip: impl FnMut(Skipped<'_>) + Send,
    ) -> Result<Plan, IngestError> {
        let ledger = self.ledger().await?;
        let lister = self.lister(today, reporter);
        let mut planner = Planner::new(&self.targets, self.plan_options(today)).on_skip(on_skip);
        let listed = self.decide(&self.targets, &mut planner, ledger.as_ref(), &lister).await?;
        let unknown = self.report_unlisted(listed, reporter)?;
        let mut plan = planner.finish(unknown);
        find_misspelled(&mut plan, &self.targets, &lister, &self.matrix).await;
        announce(&plan, reporter);
        Ok(plan)
    }

    /// Lists the targets on their dates, and decides about each series as it arrives.
    async fn decide(
        &self,
        targets: &Targets,
        planner: &mut Planner<'_>,
        ledger: Option<&LedgerReader>,
        lister: &Lister,
    ) -> Result<ListingEnd, IngestError> {
        let mut held = HeldSeries::new(ledger, &self.matrix, reads_most(targets));
        let take = |listing: SeriesListing| {
            planner.add_listing(&listing, &held.of(&listing.archives)?);
            Ok::<(), IngestError>(())
        };
        let windows = |series: &Series, _| self.shard.has(series).then_some(targets.dates);
        lister.list_series(targets, &windows, &self.matrix, take).await
    }

    fn lister(&self, today: NaiveDate, reporter: &Arc<dyn Reporter>) -> Lister {
        let source = Arc::clone(&self.source);
        let parallel = self.fetch.parallel.max(Lister::PARALLEL);
        Lister::new(source, self.fetch.retry, parallel, today, Arc::clone(reporter))
    }

    const fn plan_options(&self, today: NaiveDate) -> PlanOptions {
        PlanOptions { force: self.fetch.force, today, restore: self.restore, shard: self.shard }
    }

    /// Does what a plan says, and returns its results; `counting` has received the events of the
    /// planning too, so that the figures are those of the whole run.
    ///
    /// # Errors
    /// When the lake cannot be written. What is wrong with single archives is in the summary, and
    /// never keeps others from landing.
    pub async fn run(
        &self,
        plan: &Plan,
        counting: &Arc<Counting>,
        clock: &Clock,
    ) -> Result<Summary, IngestError> {
        let started = clock.now();
        let run = Uuid::now_v7().simple().to_string();
        let shutdown = self.shutdown.clone();
        let context = CommitContext { run: run.into(), clock: clock.clone(), shutdown };
        let mut outcomes = SeriesLooks::default();
        if plan.is_empty() {
            self.record_series(plan, &outcomes, started, &context).await?;
            return Ok(counting.summary());
        }
        counting.report(Event::Started { run: Arc::clone(&context.run) });
        let span = tracing::info_span!("run", id = %context.run);
        let work = self.work(plan, counting, &context, &mut outcomes);
        let mut outcome = work.instrument(span).await;
        if outcome.is_ok() {
            outcome = self.record_series(plan, &outcomes, started, &context).await;
        }
        let elapsed = (clock.now() - started).to_std().unwrap_or_default();
        let summary = counting.summary().after(elapsed);
        let recorded = self.record_run(&summary, outcome.as_ref().err(), started, &context).await;
        // What stopped the work says more than that this could not be recorded either.
        outcome.and(recorded).map(|()| summary)
    }

    async fn record_run(
        &self,
        summary: &Summary,
        error: Option<&IngestError>,
        started: DateTime<Utc>,
        context: &CommitContext,
    ) -> Result<(), IngestError> {
        if self.depth > Depth::Bronze {
            let run = EndedRun {
                command: &self.command,
                started,
                summary,
                error: error.map(|error| error as _),
                interrupted: self.shutdown.is_requested(),
            };
            RunsTable::open(&self.lake).await?.record(&run, context).await?;
        }
        Ok(())
    }

    /// Records what was learned about series, from the listing and from the archives that were
    /// fetched; of a lake whose table of series has no rows, first all that its ledger knows.
    async fn record_series(
        &self,
        plan: &Plan,
        outcomes: &SeriesLooks,
        listed_at: DateTime<Utc>,
        context: &CommitContext,
    ) -> Result<(), IngestError> {
        if self.depth == Depth::Bronze {
            return Ok(());
        }
        let mut known = SeriesLooks::default();
        if SeriesTable::is_missing(&self.lake).await? {
            let Some(ledger) = self.ledger().await? else { return Ok(()) };
            known = recorded_series(&ledger)?;
            // A lake that has met nothing is left alone.
            if known.is_empty() {
                return Ok(());
            }
        }
        let looks: [&SeriesLooks; 3] = [&known, &plan.looks, outcomes];
        if looks.iter().all(|looks| looks.is_empty()) {
            return Ok(());
        }
        self.lake.prepare_write().await?;
        let mut table = SeriesTable::open(&self.lake, Arc::clone(&self.matrix)).await?;
        let (listed_at, records_looks) = (Some(listed_at), plan.is_scheduled);
        Ok(table.record(Learned { looks: &looks, listed_at, records_looks }, context).await?)
    }

    async fn work(
        &self,
        plan: &Plan,
        reporter: &Arc<Counting>,
        context: &CommitContext,
        outcomes: &mut SeriesLooks,
    ) -> Result<(), IngestError> {
        self.lake.prepare_write().await?;
        let listener: Arc<dyn Reporter> = Arc::clone(reporter) as _;
        let bronze = self.lake.bronze()?;
        let fetcher = Fetcher::new(
            Arc::clone(&self.source),
            &bronze,
            self.fetch.clone(),
            Arc::clone(&listener),
        )?;
        fetcher.check_free_space(plan.fetch.sizes().collect(), self.bronze)?;
        // Kept until the last batch was taken: the local copies of a remote bronze go with it.
        let fetcher = Arc::new(fetcher);
        // A lake that cannot be written shows here, before anything is downloaded.
        let mut store = BatchStore::open(self, listener, context, outcomes).await?;
        let (sender, mut batches) = mpsc::channel(1);
        let planned = plan.batches(self.batch);
        let mut left = plan.fetch.len();
        // Ends with this function; what is half-downloaded then is resumed another time.
        let _fetching = BackgroundTask::start(fetch_batches(Arc::clone(&fetcher), planned, sender));
        while let Some((table, fetched)) = self.next_batch(&mut batches).await {
            left -= fetched.len().min(left);
            store.add(&table, fetched).await?;
        }
        if self.shutdown.is_requested() {
            return Ok(());
        }
        store.finish().await;
        if left > 0 { Err(IngestError::Died) } else { Ok(()) }
    }

    /// Waits for the next batch; nothing when there is none, or when the run is to stop.
    async fn next_batch<T>(&self, batches: &mut mpsc::Receiver<T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.shutdown.requested() => None,
            batch = batches.recv() => batch,
        }
    }

    /// Reports what was not listed, and returns the keys that are no archives; a source of which
    /// nothing is known is an error.
    fn report_unlisted(
        &self,
        listed: ListingEnd,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<Vec<String>, IngestError> {
        let ListingEnd { archives, unknown, mut unavailable } = listed;
        if archives == 0 && !unavailable.is_empty() {
            let location = self.source.location().to_owned();
            return Err(IngestError::Unreachable {
                location,
                source: unavailable.swap_remove(0).reason,
            });
        }
        report_unavailable(unavailable, reporter);
        Ok(unknown)
    }

    /// Opens what the lake knows already; a lake that is not there yet knows nothing.
    async fn ledger(&self) -> Result<Option<LedgerReader>, IngestError> {
        // Read again at every plan: a refresh that repeats runs for months, and the lake may have
        // been upgraded meanwhile.
        self.lake.format_version().await?;
        Ok(LedgerReader::open_checked(&self.lake, Arc::clone(&self.matrix)).await?)
    }
}

fn report_unavailable(unavailable: Vec<Unavailable>, reporter: &Arc<dyn Reporter>) {
    for Unavailable { prefix, reason } in unavailable {
        reporter.report(Event::Unlisted { prefix, reason: reason.to_string() });
    }
}

/// Symbols up to which a selection reads few series of the ledger: each is looked up by itself.
const FEW_SYMBOLS: usize = 100;

/// Returns whether targets want so many series that the ledger is better read from end to end.
fn reads_most(targets: &Targets) -> bool {
    targets.targets.iter().any(|target| match &target.symbols {
        SymbolQuery::Literal(symbols) => symbols.len() > FEW_SYMBOLS,
        SymbolQuery::Glob(_) => true,
    })
}

/// What the ledger has of the series that are planned.
struct HeldSeries<'a> {
    rows: Option<SeriesRows<'a>>,
    matrix: &'a Matrix,
}

impl<'a> HeldSeries<'a> {
    fn new(ledger: Option<&'a LedgerReader>, matrix: &'a Matrix, most: bool) -> Self {
        Self { rows: ledger.map(|ledger| ledger.series(most)), matrix }
    }

    /// Returns the rows of the series of these archives.
    fn of(&mut self, archives: &[Published]) -> Result<Ledger, IngestError> {
        let series = archives.first().map(|published| published.key.series());
        let row = series.and_then(|series| self.matrix.get(series.market, &series.data_type));
        match (&mut self.rows, series.zip(row)) {
            (Some(rows), Some((series, row))) => Ok(rows.of(row, series)?),
            _ => Ok(Ledger::default()),
        }
    }
}

/// Compares names of which nothing is published with those that the source has.
async fn find_misspelled(plan: &mut Plan, targets: &Targets, lister: &Lister, matrix: &Matrix) {
    if !plan.absent.is_empty() {
        plan.misspelled = misspelled(&plan.absent, &lister.symbols(targets, matrix).await);
    }
}

/// Reports the size of a plan, and what users should know about it.
fn announce(plan: &Plan, reporter: &Arc<dyn Reporter>) {
    plan.notes.iter().for_each(|note| reporter.report(Event::Note(note.to_string())));
    reporter.report(Event::Skipped { archives: plan.skipped.len() });
    reporter.report(Event::Planned { archives: plan.fetch.len() as u64, bytes: plan.bytes() });
}

/// Fetches batch after batch. The next one begins while the last downloads of one are under way, so
/// that the link is never idle; at most four lie between the source and silver.
async fn fetch_batches(
    fetcher: Arc<Fetcher>,
    batches: Batches,
    sender: mpsc::Sender<(Arc<str>, Vec<Fetched>)>,
) {
    let batches = stream::iter(batches).map(|Batch { table, archives }| {
        let archives = archives.into_iter().map(|planned| planned.published).collect();
        let fetched = BackgroundTask::start(fetcher.fetch_all(archives).collect::<Vec<_>>());
        async move { Some((table, fetched.done().await?)) }
    });
    let mut batches = pin!(batches.buffered(BATCHES_FETCHED));
    while let Some(Some(batch)) = batches.next().await {
        if sender.send(batch).await.is_err() {
            return;
        }
    }
}
