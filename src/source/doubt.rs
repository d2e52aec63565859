//! Listings that cannot be believed, and series that are held back until more is known of them.
//!
//! The public listing was once reported to be months behind its bucket, and some mirrors have none.
//! A listing is doubted only where it ends before the wanted days do. Symbols that were named are
//! each doubted at once. Of a glob's symbols most are delisted, so that an early end means nothing:
//! they are held back until one of their folder is listed to its end, and only requested one by one
//! if there is none.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use lakehouse_core::listing::{Published, SeriesListing};
use lakehouse_core::names::archive::{ArchiveKey, Series};
use lakehouse_core::names::market::Frequency;
use lakehouse_core::names::period::{DateRange, Period};
use lakehouse_core::selection::SymbolQuery;

use super::SourceError;
use super::lister::{Lister, Unavailable};
use super::listing::ListedSeries;
use super::probe::Tail;
use super::series::WantedSeries;
use crate::events::Event;

/// How many series of a folder are tried before its listing is believed.
const SAMPLE: usize = 3;

/// How many series are held back before some are tried without waiting for the others.
const MANY: usize = 500;

/// The series that are not passed on yet.
#[derive(Debug, Default)]
pub(super) struct Doubts<'a> {
    held_back: Vec<HeldBack<'a>>,
    /// The folders of symbols of which a series is listed to its end, or whose listing was found to
    /// be right: no other one is doubted.
    complete: BTreeSet<String>,
    unlisted: Vec<(WantedSeries<'a>, SourceError)>,
    unavailable: Vec<Unavailable>,
    /// Archives that exist and are not listed.
    beyond: Vec<ArchiveKey>,
}

/// A series that waits for the end of the listing, or for another one of its folder.
#[derive(Debug)]
struct HeldBack<'a> {
    listing: SeriesListing,
    is_unlisted: bool,
    tails: Vec<Tail<'a>>,
}

impl<'a> Doubts<'a> {
    /// Takes a series in; returns each series that is certain now.
    pub(super) fn admit(&mut self, listed: ListedSeries<'a>) -> Vec<SeriesListing> {
        let known = self.complete.len();
        self.complete.extend(listed.complete);
        let mut certain = if self.complete.len() > known { self.release() } else { Vec::new() };
        self.unavailable.extend(listed.unavailable);
        self.beyond.extend(listed.beyond.iter().map(|published| published.key.clone()));
        let mut archives = listed.archives;
        archives.extend(listed.beyond);
        let is_unlisted = !listed.unlisted.is_empty();
        self.unlisted.extend(listed.unlisted);
        let listing = SeriesListing { series: listed.name, listed: listed.listed, archives };
        let held = HeldBack { listing, is_unlisted, tails: listed.tails };
        if self.is_certain(&held) {
            certain.push(held.listing);
        } else {
            self.held_back.push(held);
        }
        certain
    }

    fn is_certain(&self, held: &HeldBack<'_>) -> bool {
        !held.is_unlisted && held.tails.iter().all(|tail| self.complete.contains(&tail.folder()))
    }

    /// Returns the series that waited for a folder which is complete now.
    fn release(&mut self) -> Vec<SeriesListing> {
        let mut certain = Vec::new();
        for held in std::mem::take(&mut self.held_back) {
            if self.is_certain(&held) {
                certain.push(held.listing);
            } else {
                self.held_back.push(held);
            }
        }
        certain
    }

    /// Returns whether so many series are held back that memory would grow with the archive.
    pub(super) fn are_many(&self) -> bool {
        let waiting = self.held_back.iter().filter(|held| !held.is_unlisted);
        waiting.count() >= MANY
    }

    /// Requests what the listing should have had of the series that are held back, and returns
    /// those that are certain then.
    pub(super) async fn look_beyond(&mut self, lister: &Lister) -> Vec<SeriesListing> {
        let found = self.probe_folders(lister).await;
        self.beyond.extend(found.iter().map(|published| published.key.clone()));
        let mut by_series: BTreeMap<Series, Vec<Published>> = BTreeMap::new();
        for published in found {
            by_series.entry(published.key.series().clone()).or_default().push(published);
        }
        let mut certain = Vec::new();
        for mut held in std::mem::take(&mut self.held_back) {
            held.listing
                .archives
                .extend(by_series.remove(&held.listing.series).unwrap_or_default());
            held.tails.clear();
            if held.is_unlisted {
                self.held_back.push(held);
            } else {
                certain.push(held.listing);
            }
        }
        certain
    }

    /// Requests what could not be listed, and what the listing should have had; returns each series
    /// that was held back.
    pub(super) async fn resolve(
        mut self,
        lister: &Lister,
        unavailable: &mut Vec<Unavailable>,
    ) -> Vec<SeriesListing> {
        unavailable.append(&mut self.unavailable);
        let unlisted = std::mem::take(&mut self.unlisted);
        let probed = lister.probe_unlisted(unlisted, unavailable).await;
        let certain = self.look_beyond(lister).await;
        unavailable.append(&mut self.unavailable);
        self.warn(lister);
        let held_back = self.held_back.into_iter().map(|held| held.listing);
        let mut by_series: BTreeMap<Series, SeriesListing> = BTreeMap::new();
        for listing in held_back.chain(certain) {
            by_series.insert(listing.series.clone(), listing);
        }
        for published in probed {
            let series = published.key.series().clone();
            let new = || SeriesListing { series: series.clone(), listed: vec![], archives: vec![] };
            by_series.entry(series.clone()).or_insert_with(new).archives.push(published);
        }
        by_series.into_values().collect()
    }

    /// Doubts the folders of which not one series is listed to its end: a few are tried, and all
    /// requested if one of these exists.
    async fn probe_folders(&mut self, lister: &Lister) -> Vec<Published> {
        let mut folders: BTreeMap<String, Vec<&Tail<'a>>> = BTreeMap::new();
        for tail in self.held_back.iter().flat_map(|held| &held.tails) {
            let folder = tail.folder();
            if !self.complete.contains(&folder) {
                folders.entry(folder).or_default().push(tail);
            }
        }
        let mut found = Vec::new();
        for (folder, mut tails) in folders {
            tails.sort_by_key(|tail| Reverse(tail.last));
            let sample = tails.iter().take(SAMPLE).map(|tail| lister.exists_beyond(tail));
            if lister.in_parallel(sample.collect()).await.contains(&true) {
                found.extend(lister.probe_all(tails, &mut self.unavailable).await);
            } else {
                self.complete.insert(folder);
            }
        }
        found
    }

    fn warn(&self, lister: &Lister) {
        if let Some(first) = self.beyond.first() {
            lister.reporter.report(Event::Warning(format!(
                "the listing disagrees with what exists: it lacks {} archives, \
                 the first of them {first}",
                self.beyond.len(),
            )));
        }
    }
}

impl Lister {
    /// Decides what a listing that ends early means, and looks beyond its end where one symbol
    /// alone decides.
    pub(super) async fn doubt<'a>(&self, tail: Tail<'a>, listed: &mut ListedSeries<'a>) {
        let waits =
            self.doubts_folders || matches!(tail.series.target.symbols, SymbolQuery::Glob(_));
        if tail.is_empty() {
            // A folder is complete only if something is listed in it.
            listed.complete.extend(tail.last.filter(|_| waits).map(|_| tail.folder()));
        } else if waits {
            listed.tails.push(tail);
        } else if self.exists_beyond(&tail).await {
            let found = self.probe_all([&tail], &mut listed.unavailable).await;
            listed.beyond.extend(found);
        }
    }

    /// Returns what should follow on the last listed archive.
    pub(super) fn tail<'a>(&self, series: WantedSeries<'a>, last: Option<Period>) -> Tail<'a> {
        let dates = series.dates;
        let start = last.map(|last| last.next().start()).max(dates.start);
        let settled = self.settled(series.frequency);
        let end = dates.end.map_or(settled, |end| end.min(settled));
        let days = start.is_some().then_some(DateRange { start, end: Some(end) });
        Tail { series, last: last.map(Period::start), days }
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
}
