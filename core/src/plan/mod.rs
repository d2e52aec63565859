//! What to do about every published archive, and why.
//!
//! [`plan`] is a pure function of what is wanted, what is published and what is held. Nothing here
//! downloads or lists; nothing downstream decides again whether an archive is to be fetched.

pub mod refresh_window;

mod decide;
mod found;
mod lacks;
mod missing;
mod ownership;
mod reason;
mod report;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;

use self::decide::Decider;
use self::found::PublishedNames;
pub use self::missing::Missing;
pub use self::ownership::{MonthOwnership, Ownership};
use self::reason::Decision;
pub use self::reason::{FetchReason, SkipReason};
pub use self::report::SummaryRow;
use crate::ledger::Ledger;
use crate::listing::{Inventory, Published};
use crate::names::archive::{ArchiveKey, Series};
use crate::names::market::{DataType, Frequency, Market};
use crate::names::period::Period;
use crate::selection::near::Misspelled;
use crate::selection::{Note, Target, Targets};

/// What a plan depends on besides wishes, listing and ledger.
#[derive(Clone, Copy, Debug)]
pub struct PlanOptions {
    /// Fetch again what is held.
    pub force: bool,
    /// The current day, UTC: months that it lies in are not closed.
    pub today: NaiveDate,
}

/// One decision for every published archive that a selection is about.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// By table, month, day, market, symbol and interval, so that neighbours share partitions.
    pub fetch: Vec<Planned>,
    /// In the order of the listing.
    pub skipped: Vec<Skipped>,
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
}

/// An archive to fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    pub published: Published,
    /// The silver table that its rows belong to.
    pub table: Arc<str>,
    pub reason: FetchReason,
}

/// An archive to leave alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Skipped {
    pub key: ArchiveKey,
    pub size: Option<u64>,
    pub reason: SkipReason,
}

/// Archives of one table with near dates, to be fetched, decoded and committed together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Batch<'a> {
    pub table: &'a str,
    pub archives: &'a [Planned],
}

/// Decides about every archive of the inventory that belongs to a target; others are passed over.
#[must_use]
pub fn plan(
    targets: &Targets,
    inventory: Inventory,
    ledger: &Ledger,
    options: PlanOptions,
) -> Plan {
    let index = TargetIndex::new(targets);
    let ownership = Ownership::of(ledger);
    let mut found = PublishedNames::new(targets);
    let mut missing = Vec::new();
    let mut decided: Vec<Option<Decided>> = vec![None; inventory.archives.len()];
    for (rank, (series, mut members)) in by_series(&inventory.archives).into_iter().enumerate() {
        let Some((at, target)) = index.find(series) else { continue };
        found.add(at, series);
        members.sort_unstable_by_key(|member| member.period);
        let decider = Decider { targets, target, series, ledger, ownership: &ownership, options };
        decider.decide(&members, |member, decision| {
            if let Some(slot) = decided.get_mut(member.at) {
                *slot = Some(Decided { target: at, series: rank, decision });
            }
        });
        missing.extend(missing::of_series(targets, target, series, &members, options.today));
    }
    missing.extend(found.absent_series(options.today));
    missing.sort_by(|a, b| a.series.cmp(&b.series));
    let mut notes = targets.notes.clone();
    notes.extend(found.notes());
    let absent = found.absent();
    let mut plan = Plan { notes, unknown: inventory.unknown, missing, absent, ..Plan::default() };
    plan.take(inventory.archives, &decided, &index.tables);
    plan
}

impl Plan {
    /// Cuts the archives to fetch into batches of at most `size`, each of one table.
    #[must_use]
    pub fn batches(&self, size: usize) -> Vec<Batch<'_>> {
        let tables = self.fetch.chunk_by(|a, b| a.table == b.table);
        let chunks = tables.flat_map(|table| table.chunks(size.max(1)));
        chunks
            .filter_map(|archives| Some(Batch { table: &archives.first()?.table, archives }))
            .collect()
    }

    /// Returns whether there is nothing to fetch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fetch.is_empty()
    }

    /// Returns the bytes to fetch, of the archives whose size is published.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.fetch.iter().filter_map(|planned| planned.published.size).sum()
    }

    /// Sorts places instead of archives: a million of them must not be moved about.
    fn take(&mut self, archives: Vec<Published>, decided: &[Option<Decided>], tables: &[Arc<str>]) {
        let mut places = Vec::new();
        let mut remaining: Vec<Option<Published>> = archives.into_iter().map(Some).collect();
        for (at, (slot, decided)) in remaining.iter_mut().zip(decided).enumerate() {
            let Some((published, decided)) = slot.as_ref().zip(*decided) else { continue };
            match decided.decision {
                Decision::Fetch(reason) => {
                    let Some(table) = tables.get(decided.target) else { continue };
                    places.push((
                        Place::new(table, published.key.period(), decided.series),
                        at,
                        reason,
                    ));
                }
                Decision::Skip(reason) => {
                    let skipped = slot.take().map(|archive| Skipped {
                        size: archive.size,
                        key: archive.key,
                        reason,
                    });
                    self.skipped.extend(skipped);
                }
            }
        }
        places.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        self.fetch.reserve(places.len());
        for (place, at, reason) in places {
            let published = remaining.get_mut(at).and_then(Option::take);
            let planned = published.map(|published| Planned {
                published,
                table: Arc::clone(place.table),
                reason,
            });
            self.fetch.extend(planned);
        }
    }
}

/// Where an archive stands among those to fetch: neighbours touch the same partitions.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a> {
    table: &'a Arc<str>,
    month: NaiveDate,
    /// A month's own archives come before those of its days.
    frequency: Reverse<Frequency>,
    day: NaiveDate,
    /// The place of the series in the order of market, symbol and interval.
    series: usize,
}

impl<'a> Place<'a> {
    fn new(table: &'a Arc<str>, period: Period, series: usize) -> Self {
        let frequency = Reverse(period.frequency());
        Self { table, month: period.month().start(), frequency, day: period.start(), series }
    }
}

/// What was decided about an archive, and as part of what.
#[derive(Clone, Copy, Debug)]
struct Decided {
    target: usize,
    series: usize,
    decision: Decision,
}

/// One archive of the inventory, with its place there.
#[derive(Clone, Copy, Debug)]
struct SeriesArchive<'a> {
    at: usize,
    /// The period of the archive's key, at hand.
    period: Period,
    published: &'a Published,
}

/// Groups archives by series, in the order of series; listings come in runs of one series, so most
/// archives cost a comparison.
fn by_series(archives: &[Published]) -> Vec<(&Series, Vec<SeriesArchive<'_>>)> {
    let mut groups: Vec<(&Series, Vec<SeriesArchive<'_>>)> = Vec::new();
    let mut places: HashMap<&Series, usize> = HashMap::new();
    let mut last = 0;
    for (at, published) in archives.iter().enumerate() {
        let series = published.key.series();
        if groups.get(last).is_none_or(|(known, _)| *known != series) {
            last = *places.entry(series).or_insert(groups.len());
        }
        let member = SeriesArchive { at, period: published.key.period(), published };
        match groups.get_mut(last) {
            Some((_, members)) => members.push(member),
            None => groups.push((series, vec![member])),
        }
    }
    groups.sort_unstable_by_key(|(series, _)| *series);
    groups
}

/// The targets by combination.
struct TargetIndex<'a> {
    targets: &'a [Target],
    places: HashMap<(Market, &'a DataType), usize>,
    /// The table of each target, shared by its archives.
    tables: Vec<Arc<str>>,
}

impl<'a> TargetIndex<'a> {
    fn new(targets: &'a Targets) -> Self {
        let rows = targets.targets.iter().map(|target| &target.combination).enumerate();
        let places = rows.map(|(at, row)| ((row.market, &row.data_type), at)).collect();
        let tables = targets
            .targets
            .iter()
            .map(|target| Arc::from(target.combination.schema.as_str()))
            .collect();
        Self { targets: &targets.targets, places, tables }
    }

    /// Returns the target that a series belongs to.
    fn find(&self, series: &Series) -> Option<(usize, &'a Target)> {
        let at = *self.places.get(&(series.market, &series.data_type))?;
        let target = self.targets.get(at)?;
        (target.wants(series) && target.symbols.matches(&series.symbol)).then_some((at, target))
    }
}

#[cfg(test)]
mod tests;
