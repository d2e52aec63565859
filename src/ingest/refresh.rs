//! Refresh: the plan that brings everything a lake tracks up to date.
//!
//! Only the listing differs from an ingest: what is listed is what the lake has met before, in a
//! trailing window of days and in all months, and what a selection's globs match for the first
//! time. What is done about it is the same plan, carried out in the same way.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use lakehouse_core::ledger::Ledger;
use lakehouse_core::listing::Inventory;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::market::Frequency;
use lakehouse_core::names::period::DateRange;
use lakehouse_core::plan::refresh_window::{Tracked, untracked, window};
use lakehouse_core::plan::{Missing, Plan, PlanOptions, plan};
use lakehouse_core::selection::Targets;
use lakehouse_core::selection::near::unmatched;

use super::{Ingest, IngestError, announce, find_misspelled};
use crate::events::Reporter;
use crate::source::lister::{Lister, Listing};

/// Days after which an archive that is not published is missing, and not only late: futures are
/// published until the next morning, and days later when the archive stalls.
const SETTLED_AFTER_DAYS: u64 = 2;

/// What a refresh is going to do.
#[derive(Clone, Debug)]
pub struct RefreshPlan {
    pub plan: Plan,
    /// Archives among those to fetch that are older than what was held of their series.
    pub late: usize,
    /// What the window made expect, and the source does not have.
    pub missing: Vec<Missing>,
}

impl Ingest {
    /// Lists what the lake tracks, and symbols that the targets match for the first time, and
    /// decides what is to be done; `full` looks at all days instead of the trailing window. Writes
    /// nothing.
    ///
    /// # Errors
    /// When the source cannot be listed at all, or the lake not be read.
    pub async fn plan_refresh(
        &self,
        today: NaiveDate,
        full: bool,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<RefreshPlan, IngestError> {
        let ledger = self.known().await?;
        let tracked = Tracked::of(&ledger);
        let lister = self.lister(today, reporter);
        let days = window(today, full);
        let mut held = Listing::default();
        let mut new = Listing::default();
        for frequency in Frequency::ALL {
            for targets in tracked.listings(&self.matrix, frequency, days) {
                self.list_into(&mut held, &lister, &targets).await;
            }
        }
        tracked.retain(&mut held.inventory);
        let untracked = untracked(&self.targets, &tracked);
        self.list_into(&mut new, &lister, &untracked).await;
        held.unavailable.append(&mut new.unavailable);
        let held = self.known_inventory(held, reporter)?;
        let options = self.plan_options(today);
        let targets = tracked.targets(&self.matrix);
        let missing = missing_days(&targets, &held, &ledger, days, options);
        let mut refresh = plan(&targets, held, &ledger, options);
        let mut first_seen = plan(&untracked, new.inventory, &ledger, options);
        // A glob whose symbols are all tracked finds no new one.
        first_seen.absent = unmatched(&first_seen.absent, &tracked.all_symbols());
        find_misspelled(&mut first_seen, &untracked, &lister).await;
        // That nothing is published any more of a symbol that is held is delisting, and no slip in
        // a name.
        refresh.notes.clear();
        refresh.fetch.extend(first_seen.fetch);
        refresh.skipped.extend(first_seen.skipped);
        refresh.unknown.extend(first_seen.unknown);
        refresh.misspelled = first_seen.misspelled;
        announce(&refresh, reporter);
        Ok(RefreshPlan { late: tracked.late(&refresh.fetch), missing, plan: refresh })
    }

    async fn list_into(&self, listing: &mut Listing, lister: &Lister, targets: &Targets) {
        if targets.targets.is_empty() {
            return;
        }
        let Listing { inventory, unavailable } = lister.list(targets, &self.matrix).await;
        listing.inventory.archives.extend(inventory.archives);
        listing.inventory.unknown.extend(inventory.unknown);
        listing.unavailable.extend(unavailable);
    }
}

/// Returns the days of the window that ought to be published and are not, of series that still are:
/// none before a series began, and none that may only be late.
fn missing_days(
    targets: &Targets,
    inventory: &Inventory,
    ledger: &Ledger,
    days: DateRange,
    options: PlanOptions,
) -> Vec<Missing> {
    // A series of which the window has nothing at all has ended, and misses nothing.
    let mut alive: HashSet<Series> = HashSet::new();
    for published in &inventory.archives {
        if days.overlaps(published.key.period()) {
            alive.insert(published.key.series().clone());
        }
    }
    let published = inventory.archives.iter().map(|published| &published.key);
    let mut began: HashMap<&Series, NaiveDate> = HashMap::new();
    for key in published.chain(ledger.entries().map(|entry| &entry.key)) {
        let start = key.period().start();
        began.entry(key.series()).and_modify(|first| *first = start.min(*first)).or_insert(start);
    }
    let settled = options.today.checked_sub_days(Days::new(SETTLED_AFTER_DAYS));
    let bounded = Targets {
        dates: days.intersect(DateRange { start: None, end: settled }),
        ..targets.clone()
    };
    let mut missing = plan(&bounded, inventory.clone(), ledger, options).missing;
    missing.retain(|missing| alive.contains(&missing.series));
    missing
        .into_iter()
        .filter_map(|missing| since(began.get(&missing.series).copied(), missing))
        .collect()
}

/// Leaves out what is missing before a day.
fn since(start: Option<NaiveDate>, missing: Missing) -> Option<Missing> {
    let ranges = missing.ranges.iter().map(|range| range.intersect(DateRange { start, end: None }));
    let ranges: Vec<DateRange> = ranges.filter(|range| range.start <= range.end).collect();
    let archives = ranges.iter().map(|range| range.periods(missing.frequency).count()).sum();
    (archives > 0).then_some(Missing { ranges, archives, ..missing })
}
