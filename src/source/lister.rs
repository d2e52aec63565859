//! Finds out which archives of a selection are published, with as few requests as the selection
//! allows.
//!
//! Folders of symbols and intervals are listed only where the selection does not name them, and a
//! series is listed from its first wanted day to its last. Where the listing fails or seems to end
//! early, the archives that should exist are requested one by one (see `probe`).
//! What to do about the archives is the business of the plan.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use chrono::NaiveDate;
use futures::StreamExt;
use lakehouse_core::foreign::shown;
use lakehouse_core::listing::{Inventory, Listed, ListingPage, SeriesWindow, inventory};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::market::{Frequency, Interval, Symbol};
use lakehouse_core::selection::{SymbolQuery, Targets};
use tokio::sync::Semaphore;

use super::progress::Progress;
use super::retry::{Retries, RetryPolicy};
use super::series::{ListedSeries, SymbolFolder, WantedSeries, last_period};
use super::{ObjectHead, Source, SourceError};
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
    parallel: usize,
    pub(super) today: NaiveDate,
    pub(super) reporter: Arc<dyn Reporter>,
    permits: Semaphore,
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
        let permits = Semaphore::new(parallel);
        let retries = Retries::new(retry, Arc::clone(&reporter));
        let down = AtomicBool::new(false);
        let unreachable = OnceLock::new();
        Self { source, retries, parallel, today, reporter, permits, down, unreachable }
    }

    /// Lists what the targets are about. Failures are part of the answer: the rest of a run goes
    /// on.
    pub async fn list(&self, targets: &Targets, matrix: &Matrix) -> Listing {
        let mut found = FoundObjects::default();
        let folders = self.symbol_folders(targets, &mut found).await;
        let series = self.series(folders, &mut found).await;
        let pages = series.iter().map(|series| self.pages(series.window(targets.dates))).collect();
        let answers = self.in_parallel(pages).await;
        let mut listed = Vec::new();
        let mut unlisted = Vec::new();
        for (series, answer) in series.into_iter().zip(answers) {
            match answer {
                Ok(objects) => {
                    let last = last_period(&objects, matrix);
                    found.objects.extend(objects);
                    listed.push(ListedSeries { series, last });
                }
                Err(error) => unlisted.push((series, error)),
            }
        }
        let mut probed = self.probe_unlisted(unlisted, targets.dates, &mut found.unavailable).await;
        probed.extend(self.probe_beyond(listed, targets.dates, &mut found.unavailable).await);
        let mut inventory = inventory(found.objects, matrix);
        inventory.archives.extend(probed);
        inventory.unknown.append(&mut found.unknown);
        inventory.unknown.sort_unstable();
        Listing { inventory, unavailable: found.unavailable }
    }

    /// Returns the symbols that have a folder in any market and data type of the targets, wanted or
    /// not, as far as they can be listed.
    pub async fn symbols(&self, targets: &Targets) -> BTreeSet<Symbol> {
        let mut prefixes = BTreeSet::new();
        for target in &targets.targets {
            let folder = |frequency: &Frequency| target.combination.symbols_prefix(*frequency);
            prefixes.extend(target.frequencies.iter().map(folder));
        }
        let listed = prefixes.iter().map(|prefix| self.children(prefix.clone())).collect();
        let mut found = FoundObjects::default();
        let mut symbols = BTreeSet::new();
        for (prefix, children) in prefixes.iter().zip(self.in_parallel(listed).await) {
            if let Ok(children) = children {
                symbols.extend(found.names::<Symbol>(prefix, children));
            }
        }
        symbols
    }

    /// Returns the folder of every wanted symbol, at every wanted frequency.
    async fn symbol_folders<'a>(
        &self,
        targets: &'a Targets,
        found: &mut FoundObjects,
    ) -> Vec<SymbolFolder<'a>> {
        let mut folders = Vec::new();
        let mut globs = Vec::new();
        for (target, frequency) in
            targets.targets.iter().flat_map(|it| it.frequencies.iter().map(move |at| (it, *at)))
        {
            match &target.symbols {
                SymbolQuery::Literal(symbols) => folders.extend(symbols.iter().map(|symbol| {
                    let symbol = symbol.clone();
                    SymbolFolder { target, frequency, symbol }
                })),
                SymbolQuery::Glob(_) => globs.push((target, frequency)),
            }
        }
        let prefixes =
            globs.iter().map(|(target, frequency)| target.combination.symbols_prefix(*frequency));
        let answers =
            self.in_parallel(prefixes.clone().map(|prefix| self.children(prefix)).collect()).await;
        for (((target, frequency), prefix), answer) in globs.iter().zip(prefixes).zip(answers) {
            match answer {
                Ok(children) => {
                    for symbol in found
                        .names(&prefix, children)
                        .into_iter()
                        .filter(|it| target.symbols.matches(it))
                    {
                        folders.push(SymbolFolder { target, frequency: *frequency, symbol });
                    }
                }
                Err(reason) => found.unavailable.push(Unavailable { prefix, reason }),
            }
        }
        folders
    }

    /// Returns every wanted series: the intervals are listed where the selection does not name
    /// them.
    async fn series<'a>(
        &self,
        folders: Vec<SymbolFolder<'a>>,
        found: &mut FoundObjects,
    ) -> Vec<WantedSeries<'a>> {
        let (open, named): (Vec<_>, Vec<_>) =
            folders.into_iter().partition(SymbolFolder::has_open_intervals);
        let mut series: Vec<_> =
            named.into_iter().flat_map(SymbolFolder::expected_series).collect();
        let answers = self
            .in_parallel(open.iter().map(|folder| self.children(folder.prefix())).collect())
            .await;
        for (folder, answer) in open.into_iter().zip(answers) {
            match answer {
                Ok(children) => {
                    for interval in found.names::<Interval>(&folder.prefix(), children) {
                        series.push(folder.series(Some(interval)));
                    }
                }
                Err(_) => series.extend(folder.expected_series()),
            }
        }
        series
    }

    /// Lists a window page by page, and stops after its end.
    async fn pages(&self, window: SeriesWindow) -> Result<Vec<Listed>, SourceError> {
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
    async fn children(&self, prefix: String) -> Result<ListingPage, SourceError> {
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
            let answer = {
                let _permit = self.permits.acquire().await;
                self.reporter.report(Event::Requested { what: prefix.into() });
                self.source.list(prefix, delimiter, marker).await
            };
            let waited = match answer {
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
            let answer = {
                let _permit = self.permits.acquire().await;
                self.reporter.report(Event::Requested { what: key.into() });
                self.source.head(key).await
            };
            match answer {
                Ok(found) => return Ok(found),
                Err(error) if is_hopeless(&error, &mut refused) => {
                    return Err(self.unreachable.get_or_init(|| error).clone());
                }
                Err(error) => retry_budget.wait(error).await?,
            }
        }
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

/// What was read, and what could not be.
#[derive(Debug, Default)]
struct FoundObjects {
    objects: Vec<Listed>,
    unknown: Vec<String>,
    unavailable: Vec<Unavailable>,
}

impl FoundObjects {
    /// Reads the names of the folders right below `prefix`; whatever else is there is kept to be
    /// reported.
    fn names<T: std::str::FromStr>(&mut self, prefix: &str, children: ListingPage) -> Vec<T> {
        self.objects.extend(children.objects);
        let mut names = Vec::new();
        for folder in children.prefixes {
            let name = folder.strip_prefix(prefix).map(|name| name.trim_end_matches('/'));
            match name.and_then(|name| name.parse().ok()) {
                Some(name) => names.push(name),
                None => self.unknown.push(shown(&folder)),
            }
        }
        names
    }
}
