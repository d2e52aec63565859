//! Requests expected archives one by one, where the listing cannot be had or cannot be believed.
//!
//! The public listing was once reported to be months behind its bucket, and some mirrors have none.
//! A request per archive is expensive, so a listing is doubted only where it ends before the wanted
//! days do, and only three archives are requested unless one of them exists.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use lakehouse_core::listing::{Published, expected};
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::market::Frequency;
use lakehouse_core::names::period::{DateRange, Period};
use lakehouse_core::selection::SymbolQuery;

use super::SourceError;
use super::lister::{Lister, Unavailable};
use super::series::{ListedSeries, WantedSeries};
use crate::events::Event;

/// How many series of a glob are tried before its listing is believed.
const SAMPLE: usize = 3;

impl Lister {
    /// Requests every expected archive of series that could not be listed.
    pub(super) async fn probe_unlisted(
        &self,
        unlisted: Vec<(WantedSeries<'_>, SourceError)>,
        dates: DateRange,
        unavailable: &mut Vec<Unavailable>,
    ) -> Vec<Published> {
        let Some((_, first)) = unlisted.first() else { return Vec::new() };
        let why = first.to_string();
        let (count, mut tails) = (unlisted.len(), Vec::new());
        let today = DateRange { start: None, end: Some(self.today) };
        for (series, listing_error) in unlisted {
            let tail = Tail { series, last: None, days: Some(dates.intersect(today)) };
            if tail.is_empty() {
                unavailable
                    .push(Unavailable { prefix: tail.series.prefix(), reason: listing_error });
            } else {
                tails.push(tail);
            }
        }
        let requested: usize = tails.iter().map(|tail| tail.keys().count()).sum();
        let found = self.probe_all(tails.iter(), unavailable).await;
        let exist = found.len();
        if self.is_unreachable() {
            return found;
        }
        self.reporter.report(Event::Note(format!(
            "{count} series could not be listed ({why}); of {requested} archives that were \
             requested one by one, {exist} exist"
        )));
        found
    }

    /// Looks for more than the listing has, of series that it ends early.
    pub(super) async fn probe_beyond(
        &self,
        listed: Vec<ListedSeries<'_>>,
        dates: DateRange,
        unavailable: &mut Vec<Unavailable>,
    ) -> Vec<Published> {
        if self.source.lists_exactly() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for group in &self.doubtful(listed, dates) {
            let few = group.iter().take(if group.is_glob() { SAMPLE } else { usize::MAX });
            let answers = self.in_parallel(few.map(|tail| self.probe(tail.ends())).collect()).await;
            let exists: Vec<bool> = answers
                .iter()
                .map(|answer| answer.as_ref().is_ok_and(|it| !it.is_empty()))
                .collect();
            let any = exists.contains(&true);
            let doubted = group.iter().enumerate().filter(|(at, _)| match group {
                Group::Glob(_) => any,
                Group::Named(_) => exists.get(*at).copied().unwrap_or_default(),
            });
            found.extend(self.probe_all(doubted.map(|(_, tail)| tail), unavailable).await);
        }
        if let Some(first) = found.first() {
            self.reporter.report(Event::Warning(format!(
                "the listing disagrees with what exists: it lacks {} archives, \
                 the first of them {}",
                found.len(),
                first.key
            )));
        }
        found
    }

    /// Returns the series whose listing ends before the wanted days do, and what should follow.
    ///
    /// Symbols that were named are each doubted. Of a glob's symbols most are delisted, so that an
    /// early end means nothing: they are doubted together, and only if not one of them is listed to
    /// the end.
    fn doubtful<'a>(&self, listed: Vec<ListedSeries<'a>>, dates: DateRange) -> Vec<Group<'a>> {
        let mut globs: BTreeMap<String, (bool, Vec<Tail<'a>>)> = BTreeMap::new();
        let mut named = Vec::new();
        for ListedSeries { series, last } in listed {
            let start = last.map(|last| last.next().start()).max(dates.start);
            let settled = self.settled(series.frequency);
            let end = dates.end.map_or(settled, |end| end.min(settled));
            let days = start.is_some().then_some(DateRange { start, end: Some(end) });
            let tail = Tail { series, last: last.map(Period::start), days };
            match &tail.series.target.symbols {
                SymbolQuery::Literal(_) if tail.is_empty() => {}
                SymbolQuery::Literal(_) => named.push(tail),
                SymbolQuery::Glob(_) => {
                    let folder =
                        tail.series.target.combination.symbols_prefix(tail.series.frequency);
                    let (complete, tails) = globs.entry(folder).or_default();
                    if tail.is_empty() {
                        *complete |= last.is_some();
                    } else {
                        tails.push(tail);
                    }
                }
            }
        }
        let mut groups = vec![Group::Named(named)];
        for (_, (complete, mut tails)) in globs {
            tails.sort_by_key(|tail| std::cmp::Reverse(tail.last));
            if !complete {
                groups.push(Group::Glob(tails));
            }
        }
        groups
    }

    /// Returns the last day whose archive is certainly published: dailies come within two days,
    /// monthlies by the middle of the next month.
    fn settled(&self, frequency: Frequency) -> NaiveDate {
        let days = match frequency {
            Frequency::Daily => 2,
            Frequency::Monthly => 45,
        };
        self.today.checked_sub_days(Days::new(days)).unwrap_or(self.today)
    }

    /// Requests all archives of some series.
    async fn probe_all<'a>(
        &self,
        tails: impl Iterator<Item = &'a Tail<'a>>,
        unavailable: &mut Vec<Unavailable>,
    ) -> Vec<Published> {
        let tails: Vec<&Tail<'_>> = tails.collect();
        let answers = self
            .in_parallel(tails.iter().map(|tail| self.probe(tail.keys().collect())).collect())
            .await;
        let mut found = Vec::new();
        for (tail, answer) in tails.into_iter().zip(answers) {
            match answer {
                Ok(published) => found.extend(published),
                Err(reason) => {
                    unavailable.push(Unavailable { prefix: tail.series.prefix(), reason });
                }
            }
        }
        found
    }

    /// Returns those archives that exist.
    async fn probe(&self, keys: Vec<ArchiveKey>) -> Result<Vec<Published>, SourceError> {
        let answers =
            self.in_parallel(keys.iter().map(|key| self.head(key.path())).collect()).await;
        let mut found = Vec::new();
        for (key, answer) in keys.into_iter().zip(answers) {
            if let Some(head) = answer? {
                found.push(Published {
                    key,
                    size: head.size,
                    etag: head.etag,
                    last_modified: head.last_modified,
                    checksum_tag: None,
                    has_checksum: None,
                });
            }
        }
        Ok(found)
    }
}

/// What should follow on a series' last listed archive.
#[derive(Debug)]
struct Tail<'a> {
    series: WantedSeries<'a>,
    last: Option<NaiveDate>,
    /// Nothing where there is no day to begin with.
    days: Option<DateRange>,
}

impl Tail<'_> {
    fn keys(&self) -> impl Iterator<Item = ArchiveKey> {
        let WantedSeries { target, frequency, symbol, interval } = &self.series;
        self.days
            .into_iter()
            .flat_map(|days| expected(&target.combination, *frequency, symbol, *interval, days))
    }

    fn is_empty(&self) -> bool {
        self.keys().next().is_none()
    }

    /// Returns the first two and the last.
    fn ends(&self) -> Vec<ArchiveKey> {
        let mut keys = self.keys();
        let first: Vec<_> = keys.by_ref().take(2).collect();
        first.into_iter().chain(keys.last()).collect()
    }
}

/// Series that are doubted together or each.
#[derive(Debug)]
enum Group<'a> {
    Named(Vec<Tail<'a>>),
    Glob(Vec<Tail<'a>>),
}

impl<'a> Group<'a> {
    const fn is_glob(&self) -> bool {
        matches!(self, Self::Glob(_))
    }

    fn iter(&self) -> std::slice::Iter<'_, Tail<'a>> {
        match self {
            Self::Named(tails) | Self::Glob(tails) => tails.iter(),
        }
    }
}
