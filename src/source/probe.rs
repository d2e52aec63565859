//! Requests expected archives one by one, where the listing cannot be had or cannot be believed.
//!
//! A request per archive is expensive, so only three archives are requested beyond the end of a
//! listing unless one of them exists. Which listings are doubted is decided in `doubt`.

use chrono::NaiveDate;
use lakehouse_core::listing::{Published, expected};
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::period::DateRange;

use super::SourceError;
use super::lister::{Lister, Unavailable};
use super::series::WantedSeries;
use crate::events::Event;

impl Lister {
    /// Requests every expected archive of series that could not be listed.
    pub(super) async fn probe_unlisted(
        &self,
        unlisted: Vec<(WantedSeries<'_>, SourceError)>,
        unavailable: &mut Vec<Unavailable>,
    ) -> Vec<Published> {
        let Some((_, first)) = unlisted.first() else { return Vec::new() };
        let why = first.to_string();
        let (count, mut tails) = (unlisted.len(), Vec::new());
        let today = DateRange { start: None, end: Some(self.today) };
        for (series, listing_error) in unlisted {
            let days = Some(series.dates.intersect(today));
            let tail = Tail { series, last: None, days };
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

    /// Returns whether one of three archives exists that should follow on a listing's last.
    pub(super) async fn exists_beyond(&self, tail: &Tail<'_>) -> bool {
        self.probe(tail.ends()).await.is_ok_and(|found| !found.is_empty())
    }

    /// Requests all archives of some series.
    pub(super) async fn probe_all<'a, 't: 'a>(
        &self,
        tails: impl IntoIterator<Item = &'a Tail<'t>>,
        unavailable: &mut Vec<Unavailable>,
    ) -> Vec<Published> {
        let tails: Vec<&Tail<'_>> = tails.into_iter().collect();
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
                    size: head.size,
                    etag: head.etag,
                    last_modified: head.last_modified,
                    ..Published::unlisted(key)
                });
            }
        }
        Ok(found)
    }
}

/// What should follow on a series' last listed archive.
#[derive(Debug)]
pub(super) struct Tail<'a> {
    pub(super) series: WantedSeries<'a>,
    pub(super) last: Option<NaiveDate>,
    /// Nothing where there is no day to begin with.
    pub(super) days: Option<DateRange>,
}

impl Tail<'_> {
    fn keys(&self) -> impl Iterator<Item = ArchiveKey> {
        let WantedSeries { target, frequency, symbol, interval, .. } = &self.series;
        self.days
            .into_iter()
            .flat_map(|days| expected(&target.combination, *frequency, symbol, *interval, days))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys().next().is_none()
    }

    /// Returns the folder of symbols that the series is in.
    pub(super) fn folder(&self) -> String {
        self.series.target.combination.symbols_prefix(self.series.frequency)
    }

    /// Returns the first two and the last.
    fn ends(&self) -> Vec<ArchiveKey> {
        let mut keys = self.keys();
        let first: Vec<_> = keys.by_ref().take(2).collect();
        first.into_iter().chain(keys.last()).collect()
    }
}
