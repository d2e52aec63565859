//! Refresh: the plan that brings everything a lake tracks up to date.
//!
//! Only the listing differs from an ingest: what is listed is what the lake has met before, in a
//! trailing window of days and in all months, and what a selection's globs match for the first
//! time. What is done about it is the same plan, carried out in the same way.

use std::sync::Arc;

use chrono::{DateTime, Days, NaiveDate, Utc};
use lakehouse_core::ledger::Ledger;
use lakehouse_core::listing::{Published, SeriesListing};
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::market::Frequency;
use lakehouse_core::names::period::DateRange;
use lakehouse_core::plan::refresh_window::{Tracked, untracked, window};
use lakehouse_core::plan::schedule::{Schedule, folders};
use lakehouse_core::plan::{Missing, Plan, PlanOptions, Planner};
use lakehouse_core::selection::Targets;
use lakehouse_core::selection::near::unmatched;

use super::{
    HeldSeries, Ingest, IngestError, announce, find_misspelled, reads_most, report_unavailable,
};
use crate::events::Reporter;
use crate::meta::archives::reader::LedgerReader;
use crate::meta::series::SeriesTable;

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

/// What a refresh looks at.
struct RefreshScope {
    today: NaiveDate,
    days: DateRange,
    schedule: Schedule,
}

impl Ingest {
    /// Lists what the lake tracks, and symbols that the targets match for the first time, and
    /// decides what is to be done; `full` looks at all series, and at all days instead of the
    /// trailing window. Writes nothing.
    ///
    /// # Errors
    /// When the source cannot be listed at all, or the lake not be read.
    pub async fn plan_refresh(
        &self,
        now: DateTime<Utc>,
        full: bool,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<RefreshPlan, IngestError> {
        let today = now.date_naive();
        let ledger = self.ledger().await?;
        let mut tracked = Tracked::default();
        if let Some(ledger) = &ledger {
            ledger.for_each_newest_key(|key| tracked.add(key))?;
        }
        let is_scheduled = folders(tracked.series(), &self.matrix) > self.listed_each_time;
        let mut schedule = Schedule::new(now);
        if is_scheduled && !full {
            schedule = SeriesTable::schedule(&self.lake, &self.matrix, now).await?;
        }
        let scope = RefreshScope { today, days: window(today, full), schedule };
        let listed = self.plan_tracked(&scope, ledger.as_ref(), &tracked, reporter);
        let mut refresh = Box::pin(listed).await?;
        refresh.plan.is_scheduled = is_scheduled;
        let untracked = untracked(&self.targets, &tracked);
        let new = self.plan_untracked(today, &untracked, ledger.as_ref(), reporter);
        let mut first_seen = Box::pin(new).await?;
        // A glob whose symbols are all tracked finds no new one.
        first_seen.absent = unmatched(&first_seen.absent, &tracked.all_symbols());
        let lister = self.lister(today, reporter);
        find_misspelled(&mut first_seen, &untracked, &lister, &self.matrix).await;
        // That nothing is published any more of a symbol that is held is delisting, and no slip in
        // a name.
        refresh.plan.notes.clear();
        refresh.plan.missing.clear();
        refresh.plan.misspelled = std::mem::take(&mut first_seen.misspelled);
        refresh.plan.append(Plan { notes: Vec::new(), missing: Vec::new(), ..first_seen });
        announce(&refresh.plan, reporter);
        Ok(refresh)
    }

    /// Plans what the lake tracks, each series in its own days.
    async fn plan_tracked(
        &self,
        scope: &RefreshScope,
        ledger: Option<&LedgerReader>,
        tracked: &Tracked,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<RefreshPlan, IngestError> {
        let RefreshScope { today, days, schedule } = scope;
        let (today, days) = (*today, *days);
        let targets = tracked.targets(&self.matrix);
        let mut planner = Planner::new(&targets, self.plan_options(today));
        let settled = settled_days(&targets, days, today);
        let mut missing = MissingDays::new(days, &settled, self.plan_options(today));
        let mut held = HeldSeries::new(ledger, &self.matrix, reads_most(&targets));
        let take = |listing: SeriesListing| {
            let rows = held.of(&listing.archives)?;
            // What one frequency lacks may be there at the other.
            if schedule.is_due(&listing.series, Frequency::Monthly) {
                missing.add(&listing.archives, &rows);
            }
            planner.add_listing(&listing, &rows);
            Ok::<(), IngestError>(())
        };
        let windows = |series: &Series, frequency| {
            let listed = self.shard.has(series) && schedule.is_due(series, frequency);
            tracked.days_to_list(series, frequency, days).filter(|_| listed)
        };
        // Most symbols of a lake may have ended.
        let lister = self.lister(today, reporter).doubting_folders();
        let listed = lister.list_series(&targets, &windows, &self.matrix, take).await?;
        let missing = missing.found;
        let unknown = self.report_unlisted(listed, reporter)?;
        let plan = planner.finish(unknown);
        Ok(RefreshPlan { late: tracked.late(&plan.fetch), missing, plan })
    }

    /// Plans what the lake has never met.
    async fn plan_untracked(
        &self,
        today: NaiveDate,
        targets: &Targets,
        ledger: Option<&LedgerReader>,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<Plan, IngestError> {
        let mut planner = Planner::new(targets, self.plan_options(today));
        if targets.targets.is_empty() {
            return Ok(Plan::default());
        }
        let lister = self.lister(today, reporter);
        let listed = self.decide(targets, &mut planner, ledger, &lister).await?;
        report_unavailable(listed.unavailable, reporter);
        Ok(planner.finish(listed.unknown))
    }
}

/// The days of the window that ought to be published and are not, of series that still are: none
/// before a series began, and none that may only be late.
struct MissingDays<'a> {
    days: DateRange,
    /// Expects the days that are certainly published.
    planner: Planner<'a>,
    found: Vec<Missing>,
}

impl<'a> MissingDays<'a> {
    fn new(days: DateRange, settled: &'a Targets, options: PlanOptions) -> Self {
        Self { days, planner: Planner::new(settled, options), found: Vec::new() }
    }

    /// Looks for what one series lacks.
    fn add(&mut self, archives: &[Published], held: &Ledger) {
        // A series of which the window has nothing at all has ended, and misses nothing.
        if !archives.iter().any(|published| self.days.overlaps(published.key.period())) {
            return;
        }
        let known = held.entries().map(|entry| &entry.key);
        let keys = archives.iter().map(|published| &published.key).chain(known);
        let began = keys.map(|key| key.period().start()).min();
        let missing = self.planner.missing_of(archives);
        self.found.extend(missing.and_then(|missing| since(began, missing)));
    }
}

/// Returns the targets on those days of the window that are certainly published.
fn settled_days(targets: &Targets, days: DateRange, today: NaiveDate) -> Targets {
    let end = today.checked_sub_days(Days::new(SETTLED_AFTER_DAYS));
    Targets { dates: days.intersect(DateRange { start: None, end }), ..targets.clone() }
}

/// Leaves out what is missing before a day.
fn since(start: Option<NaiveDate>, missing: Missing) -> Option<Missing> {
    let ranges = missing.ranges.iter().map(|range| range.intersect(DateRange { start, end: None }));
    let ranges: Vec<DateRange> = ranges.filter(|range| range.start <= range.end).collect();
    let archives = ranges.iter().map(|range| range.periods(missing.frequency).count()).sum();
    (archives > 0).then_some(Missing { ranges, archives, ..missing })
}
