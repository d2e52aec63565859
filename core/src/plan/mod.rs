//! What to do about every published archive, and why.
//!
//! [`plan`] is a pure function of what is wanted, what is published and what is held. Nothing here
//! downloads or lists; nothing downstream decides again whether an archive is to be fetched.

pub mod refresh_window;
pub mod schedule;

mod decide;
mod fetch_list;
mod found;
mod lacks;
mod missing;
mod ownership;
mod planner;
mod reason;
mod removed;
mod report;
mod skipped;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;

pub use self::fetch_list::{Batches, FetchList};
pub use self::missing::Missing;
pub use self::ownership::{MonthOwnership, Ownership};
pub use self::planner::Planner;
use self::reason::Decision;
pub use self::reason::{FetchReason, SkipReason};
pub use self::report::SummaryRow;
pub use self::skipped::{SkipCounts, Skipped};
use crate::ledger::Ledger;
use crate::listing::{Inventory, Published};
use crate::names::archive::Series;
use crate::names::period::Period;
use crate::names::shard::Shard;
use crate::selection::near::Misspelled;
use crate::selection::{Note, Targets};
use crate::series::SeriesLooks;

/// What a plan depends on besides wishes, listing and ledger.
#[derive(Clone, Copy, Debug)]
pub struct PlanOptions {
    /// Fetch again what is held.
    pub force: bool,
    /// The current day, UTC: months that it lies in are not closed.
    pub today: NaiveDate,
    /// Fetch also what was removed from the lake.
    pub restore: bool,
    /// Which series are decided about; others are passed over.
    pub shard: Shard,
}

/// One decision for every published archive that a selection is about.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub fetch: Arc<FetchList>,
    pub skipped: SkipCounts,
    /// Where the archive differs from the selection, and names that it does not have.
    pub notes: Vec<Note>,
    /// Published keys that are no archive of a known kind.
    pub unknown: Vec<String>,
    /// What bounded dates made expect, and the listing does not have.
    pub missing: Vec<Missing>,
    /// Names and globs of symbols of which nothing is published in any market or data type.
    pub absent: Vec<String>,
    /// Those of them that are like the name of another symbol, once the symbols of the source are
    /// known.
    pub misspelled: Vec<Misspelled>,
    /// What was learned about the series that were listed.
    pub looks: Arc<SeriesLooks>,
    /// Whether the next refresh depends on when series were listed.
    pub is_scheduled: bool,
}

/// An archive to fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    pub published: Published,
    /// The silver table that its rows belong to.
    pub table: Arc<str>,
    pub reason: FetchReason,
}

/// Archives of one table with near dates, to be fetched, decoded and committed together.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub table: Arc<str>,
    pub archives: Vec<Planned>,
}

/// How much a batch may hold.
///
/// By default, that is what makes files of a good size and is done again soon after a kill, however
/// large the archives are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    pub archives: usize,
    /// Bytes of zips, as they are listed; a larger archive is a batch by itself.
    pub bytes: u64,
}

impl BatchLimits {
    /// Limits a batch to so many archives, of whatever size.
    #[must_use]
    pub const fn of_archives(archives: usize) -> Self {
        Self { archives, bytes: u64::MAX }
    }
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { archives: 2_000, bytes: 256 << 20 }
    }
}

/// Decides about every archive of a whole inventory that belongs to a target; others are passed
/// over. See [`Planner`] for a listing that is not in memory.
#[must_use]
pub fn plan(
    targets: &Targets,
    inventory: Inventory,
    ledger: &Ledger,
    options: PlanOptions,
) -> Plan {
    let mut planner = Planner::new(targets, options);
    let ownership = Ownership::of(ledger);
    for archives in by_series(inventory.archives) {
        planner.add_owned(&archives, ledger, &ownership);
    }
    planner.finish(inventory.unknown)
}

impl Plan {
    /// Cuts the archives to fetch into batches within limits, each of one table.
    #[must_use]
    pub fn batches(&self, limits: BatchLimits) -> Batches {
        Batches::new(Arc::clone(&self.fetch), limits)
    }

    /// Returns whether there is nothing to fetch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fetch.is_empty()
    }

    /// Returns the bytes to fetch, of the archives whose size is published.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.fetch.sizes().sum()
    }

    /// Adds what another plan decided about other series.
    pub fn append(&mut self, other: Self) {
        let fetch = Arc::make_mut(&mut self.fetch);
        fetch.append(Arc::unwrap_or_clone(other.fetch));
        fetch.sort();
        self.skipped.append(&other.skipped);
        self.notes.extend(other.notes);
        self.unknown.extend(other.unknown);
        self.missing.extend(other.missing);
        self.absent.extend(other.absent);
        self.misspelled.extend(other.misspelled);
        self.is_scheduled |= other.is_scheduled;
        Arc::make_mut(&mut self.looks).append(Arc::unwrap_or_clone(other.looks));
    }
}

/// One published archive of the series that is decided about.
#[derive(Clone, Copy, Debug)]
struct SeriesArchive<'a> {
    /// The period of the archive's key, at hand.
    period: Period,
    published: &'a Published,
}

impl<'a> SeriesArchive<'a> {
    const fn of(published: &'a Published) -> Self {
        Self { period: published.key.period(), published }
    }
}

/// Groups archives by series, in the order of series; listings come in runs of one series, so most
/// archives cost a comparison.
fn by_series(archives: Vec<Published>) -> Vec<Vec<Published>> {
    let mut groups: Vec<Vec<Published>> = Vec::new();
    let mut places: HashMap<Series, usize> = HashMap::new();
    let mut last = 0;
    for published in archives {
        let series = published.key.series();
        let is_same =
            |group: &Vec<Published>| group.first().is_some_and(|it| it.key.series() == series);
        if !groups.get(last).is_some_and(is_same) {
            last = *places.entry(series.clone()).or_insert(groups.len());
        }
        match groups.get_mut(last) {
            Some(group) => group.push(published),
            None => groups.push(vec![published]),
        }
    }
    groups.sort_by(|a, b| series_of(a).cmp(&series_of(b)));
    groups
}

fn series_of(group: &[Published]) -> Option<&Series> {
    group.first().map(|published| published.key.series())
}

#[cfg(test)]
mod tests;
