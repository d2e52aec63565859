//! Listing a selection, one series after the other.
//!
//! Folders of symbols and intervals are listed only where the selection does not name them, and a
//! series is listed from its first wanted day to its last. A series is passed on as soon as it and
//! all before it are listed, so that a listing of everything never has to be in memory; one that
//! could not be listed, or whose listing seems to end early, is held back until more is known (see
//! `doubt`). How a request is made is the lister's business.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use lakehouse_core::foreign::shown;
use lakehouse_core::listing::{Inventory, ListingPage, Published, SeriesListing, inventory};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::market::{Frequency, Interval, Symbol};
use lakehouse_core::names::period::DateRange;
use lakehouse_core::selection::{SymbolQuery, Target, Targets};

use super::SourceError;
use super::doubt::Doubts;
use super::lister::{Lister, Listing, Unavailable};
use super::probe::Tail;
use super::series::{SeriesFolders, SymbolFolders, WantedSeries, last_period};

/// Which days of a series are listed at a frequency; nothing if it is not to be listed.
pub type Windows<'a> = dyn Fn(&Series, Frequency) -> Option<DateRange> + Sync + 'a;

/// What a listing found besides archives.
#[derive(Clone, Debug, Default)]
pub struct ListingEnd {
    /// Archives that were passed on.
    pub archives: u64,
    /// Keys that fit no pattern, and checksum files without their archive, sorted.
    pub unknown: Vec<String>,
    /// What could neither be listed nor requested: the run knows nothing of it.
    pub unavailable: Vec<Unavailable>,
}

impl Lister {
    /// Lists what the targets are about, all at once. Failures are part of the answer: the rest of
    /// a run goes on.
    pub async fn list(&self, targets: &Targets, matrix: &Matrix) -> Listing {
        let mut archives = Vec::new();
        let take = |series: SeriesListing| {
            archives.extend(series.archives);
            Ok::<(), std::convert::Infallible>(())
        };
        let windows = |_: &Series, _| Some(targets.dates);
        let Ok(end) = self.list_series(targets, &windows, matrix, take).await;
        let ListingEnd { unknown, unavailable, .. } = end;
        Listing { inventory: Inventory { archives, unknown }, unavailable }
    }

    /// Lists what the targets are about, and passes on what is found of each series, daily and
    /// monthly, in the order of targets, symbols and intervals; a series that had to be doubted
    /// comes later. `windows` says which days of each are listed, if any.
    ///
    /// # Errors
    /// Those of `take`.
    pub async fn list_series<E>(
        &self,
        targets: &Targets,
        windows: &Windows<'_>,
        matrix: &Matrix,
        mut take: impl FnMut(SeriesListing) -> Result<(), E>,
    ) -> Result<ListingEnd, E> {
        let mut end = ListingEnd::default();
        let mut doubts = Doubts::default();
        let folders = self.symbol_folders(targets, matrix, &mut end).await;
        let mut listed = self.listed_series(&folders, windows, matrix);
        while let Some(listed) = listed.next().await {
            end.unknown.extend(listed.unknown);
            let Some(series) = listed.series else { continue };
            let mut certain = doubts.admit(series);
            if doubts.are_many() {
                certain.extend(doubts.look_beyond(self).await);
            }
            for series in certain {
                end.archives += series.archives.len() as u64;
                take(series)?;
            }
        }
        for series in doubts.resolve(self, &mut end.unavailable).await {
            end.archives += series.archives.len() as u64;
            take(series)?;
        }
        end.unknown.sort_unstable();
        Ok(end)
    }

    /// Returns the symbols that have a folder in any market and data type of the targets, wanted or
    /// not, as far as they can be listed.
    pub async fn symbols(&self, targets: &Targets, matrix: &Matrix) -> BTreeSet<Symbol> {
        let mut prefixes = BTreeSet::new();
        for target in &targets.targets {
            let folder = |frequency: &Frequency| target.combination.symbols_prefix(*frequency);
            prefixes.extend(target.frequencies.iter().map(folder));
        }
        let listed = prefixes.iter().map(|prefix| self.children(prefix.clone())).collect();
        let mut symbols = BTreeSet::new();
        for (prefix, children) in prefixes.iter().zip(self.in_parallel(listed).await) {
            if let Ok(children) = children {
                symbols.extend(names::<Symbol>(prefix, children, matrix, &mut Vec::new()));
            }
        }
        symbols
    }

    /// Returns the folders of every wanted symbol, in the order of targets and of keys.
    async fn symbol_folders<'a>(
        &self,
        targets: &'a Targets,
        matrix: &Matrix,
        end: &mut ListingEnd,
    ) -> Vec<SymbolFolders<'a>> {
        let mut requests = Vec::new();
        for target in targets.targets.iter().filter(|target| has_glob(target)) {
            for frequency in &target.frequencies {
                requests.push(self.children(target.combination.symbols_prefix(*frequency)));
            }
        }
        let mut answers = self.in_parallel(requests).await.into_iter();
        let mut folders = Vec::new();
        for target in &targets.targets {
            let mut frequencies: BTreeMap<String, (Symbol, Vec<Frequency>)> = BTreeMap::new();
            for frequency in &target.frequencies {
                let symbols = match &target.symbols {
                    SymbolQuery::Literal(symbols) => symbols.clone(),
                    SymbolQuery::Glob(_) => {
                        let answer = answers.next().unwrap_or_else(|| Ok(ListingPage::default()));
                        listed_symbols(target, *frequency, answer, matrix, end)
                    }
                };
                for symbol in symbols {
                    // Keys sort by the folder with its slash, which comes before most characters.
                    let (_, found) =
                        frequencies.entry(format!("{symbol}/")).or_insert((symbol, Vec::new()));
                    found.push(*frequency);
                }
            }
            folders.extend(frequencies.into_values().map(|(symbol, frequencies)| SymbolFolders {
                target,
                symbol,
                frequencies,
            }));
        }
        folders
    }

    /// Lists every series of these symbols; as many at a time as requests may run.
    fn listed_series<'s>(
        &'s self,
        folders: &'s [SymbolFolders<'s>],
        windows: &'s Windows<'s>,
        matrix: &'s Matrix,
    ) -> BoxStream<'s, Found<'s>> {
        let symbols =
            stream::iter(folders).map(move |folders| self.symbol_series(folders, matrix).boxed());
        let series = symbols.buffered(self.parallel).flat_map(|FoundSeries { series, unknown }| {
            let unknown = Found { series: None, unknown };
            stream::iter(series.into_iter().map(Ok).chain([Err(unknown)]))
        });
        let listed = series.map(move |series| match series {
            // Boxed, so that a listing may move to another thread whatever it borrows.
            Ok(series) => self.list_one(series, windows, matrix).boxed(),
            Err(unknown) => ready(unknown).boxed(),
        });
        listed.buffered(self.parallel).boxed()
    }

    /// Returns the series of a symbol, in the order of keys: its intervals are listed where the
    /// selection does not name them.
    async fn symbol_series<'a>(
        &self,
        folders: &SymbolFolders<'a>,
        matrix: &Matrix,
    ) -> FoundSeries<'a> {
        let mut found = FoundSeries { series: Vec::new(), unknown: Vec::new() };
        let mut intervals: BTreeMap<Option<String>, (Option<Interval>, Vec<Frequency>)> =
            BTreeMap::new();
        for frequency in &folders.frequencies {
            let expected = || folders.target.intervals_at(*frequency);
            let wanted = if folders.has_open_intervals() {
                let prefix = folders.prefix(*frequency);
                match self.children(prefix.clone()).await {
                    Ok(children) => {
                        names::<Interval>(&prefix, children, matrix, &mut found.unknown)
                            .into_iter()
                            .map(Some)
                            .collect()
                    }
                    Err(_) => expected(),
                }
            } else {
                expected()
            };
            for interval in wanted {
                let folder = interval.map(|interval| format!("{interval}/"));
                intervals.entry(folder).or_insert((interval, Vec::new())).1.push(*frequency);
            }
        }
        let of_symbol = intervals.into_values();
        found.series.extend(of_symbol.map(|(interval, at)| folders.series(interval, at)));
        found
    }

    /// Lists one series at its frequencies.
    async fn list_one<'a>(
        &self,
        folders: SeriesFolders<'a>,
        windows: &Windows<'_>,
        matrix: &Matrix,
    ) -> Found<'a> {
        let mut series = ListedSeries::of(folders.name());
        let mut objects = Vec::new();
        for frequency in &folders.frequencies {
            let Some(dates) = windows(&series.name, *frequency) else { continue };
            let wanted = folders.at(*frequency, dates);
            match self.pages(wanted.window()).await {
                Ok(listed) => {
                    let last = last_period(&listed, matrix);
                    objects.extend(listed);
                    series.listed.push((*frequency, dates));
                    if !self.source.lists_exactly() {
                        self.doubt(self.tail(wanted, last), &mut series).await;
                    }
                }
                Err(error) => series.unlisted.push((wanted, error)),
            }
        }
        let Inventory { archives, unknown } = inventory(objects, matrix);
        series.archives = archives;
        Found { series: Some(series), unknown }
    }
}

/// A series that was listed, as far as it could be.
#[derive(Debug)]
pub(super) struct ListedSeries<'a> {
    pub(super) name: Series,
    /// The days that were listed at each frequency.
    pub(super) listed: Vec<(Frequency, DateRange)>,
    pub(super) archives: Vec<Published>,
    /// Archives that exist although the listing does not have them.
    pub(super) beyond: Vec<Published>,
    /// What should follow, where a glob's listing ends early.
    pub(super) tails: Vec<Tail<'a>>,
    /// The folders of symbols in which the series is listed to its end.
    pub(super) complete: Vec<String>,
    pub(super) unlisted: Vec<(WantedSeries<'a>, SourceError)>,
    pub(super) unavailable: Vec<Unavailable>,
}

impl ListedSeries<'_> {
    const fn of(name: Series) -> Self {
        Self {
            name,
            listed: Vec::new(),
            archives: Vec::new(),
            beyond: Vec::new(),
            tails: Vec::new(),
            complete: Vec::new(),
            unlisted: Vec::new(),
            unavailable: Vec::new(),
        }
    }
}

/// A listed series, and keys that belong to none.
#[derive(Debug)]
struct Found<'a> {
    series: Option<ListedSeries<'a>>,
    unknown: Vec<String>,
}

/// The series of one symbol that are still to be listed.
#[derive(Debug)]
struct FoundSeries<'a> {
    series: Vec<SeriesFolders<'a>>,
    unknown: Vec<String>,
}

const fn has_glob(target: &Target) -> bool {
    matches!(target.symbols, SymbolQuery::Glob(_))
}

/// Returns the wanted symbols among the folders below a target's own.
fn listed_symbols(
    target: &Target,
    frequency: Frequency,
    answer: Result<ListingPage, SourceError>,
    matrix: &Matrix,
    end: &mut ListingEnd,
) -> Vec<Symbol> {
    let prefix = target.combination.symbols_prefix(frequency);
    match answer {
        Ok(children) => {
            let mut symbols = names::<Symbol>(&prefix, children, matrix, &mut end.unknown);
            symbols.retain(|symbol| target.symbols.matches(symbol));
            symbols
        }
        Err(reason) => {
            end.unavailable.push(Unavailable { prefix, reason });
            Vec::new()
        }
    }
}

/// Reads the names of the folders right below `prefix`; whatever else is there is reported.
fn names<T: std::str::FromStr>(
    prefix: &str,
    children: ListingPage,
    matrix: &Matrix,
    unknown: &mut Vec<String>,
) -> Vec<T> {
    unknown.extend(inventory(children.objects, matrix).unknown);
    let mut names = Vec::new();
    for folder in children.prefixes {
        let name = folder.strip_prefix(prefix).map(|name| name.trim_end_matches('/'));
        match name.and_then(|name| name.parse().ok()) {
            Some(name) => names.push(name),
            None => unknown.push(shown(&folder)),
        }
    }
    names
}
