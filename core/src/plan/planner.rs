//! Planning series by series: what is known of one series is enough to decide about its archives.
//!
//! A listing of everything does not fit in memory, so archives come one series at a time, together
//! with the ledger's rows of that series; what remains of them is what is to be fetched and a count
//! of the rest.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::decide::Decider;
use super::fetch_list::{FetchList, FetchedSeries};
use super::found::PublishedNames;
use super::missing::{self, Missing};
use super::ownership::Ownership;
use super::reason::Decision;
use super::removed::RemovedArchives;
use super::skipped::SkipCounts;
use super::{Plan, PlanOptions, SeriesArchive, Skipped};
use crate::ledger::Ledger;
use crate::listing::{Published, SeriesListing};
use crate::names::archive::Series;
use crate::names::market::{DataType, Frequency, Market};
use crate::names::pattern::KeyPattern;
use crate::selection::{Target, Targets};
use crate::series::{SeriesLook, SeriesLooks, Stretches};

/// Decides about one series after the other.
pub struct Planner<'a> {
    targets: &'a Targets,
    options: PlanOptions,
    index: TargetIndex<'a>,
    published: PublishedNames<'a>,
    fetch: FetchList,
    skipped: SkipCounts,
    missing: Vec<Missing>,
    looks: SeriesLooks,
    on_skip: Option<SkipListener<'a>>,
}

/// How the archives of a series stand, by frequency.
type ArchiveStates = [Stretches; Frequency::ALL.len()];

/// Receives every archive that is left alone.
type SkipListener<'a> = Box<dyn FnMut(Skipped<'_>) + Send + 'a>;

impl fmt::Debug for Planner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planner").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<'a> Planner<'a> {
    /// Begins a plan for what is wanted.
    #[must_use]
    pub fn new(targets: &'a Targets, options: PlanOptions) -> Self {
        Self {
            targets,
            options,
            index: TargetIndex::new(targets),
            published: PublishedNames::new(targets, options.shard),
            fetch: FetchList::default(),
            skipped: SkipCounts::default(),
            missing: Vec::new(),
            looks: SeriesLooks::default(),
            on_skip: None,
        }
    }

    /// Reports every archive that is left alone; a plan only counts them.
    #[must_use]
    pub fn on_skip(self, listener: impl FnMut(Skipped<'_>) + Send + 'a) -> Self {
        Self { on_skip: Some(Box::new(listener)), ..self }
    }

    /// Decides about all published archives of one series, daily and monthly, in any order; those
    /// that no target wants are passed over. `ledger` has at least the rows of the series.
    pub fn add(&mut self, archives: &[Published], ledger: &Ledger) {
        self.add_owned(archives, ledger, &Ownership::of(ledger));
    }

    /// Decides about the archives that a listing of one series has, and keeps what it shows of the
    /// series as a whole.
    pub fn add_listing(&mut self, listing: &SeriesListing, ledger: &Ledger) {
        let SeriesListing { series, listed, archives } = listing;
        let states = self.add_owned(archives, ledger, &Ownership::of(ledger));
        for (frequency, days) in listed {
            let archives = states.get(*frequency as usize).cloned().unwrap_or_default();
            let (series, listed) = (series.clone(), Some(*days));
            self.looks.push(SeriesLook { series, frequency: *frequency, listed, archives });
        }
    }

    /// Does the same as [`Self::add`] where the owners of days are known already; returns how the
    /// archives stand, by frequency.
    pub(super) fn add_owned(
        &mut self,
        archives: &[Published],
        ledger: &Ledger,
        ownership: &Ownership<'_>,
    ) -> ArchiveStates {
        let mut states = ArchiveStates::default();
        let Some(series) = archives.first().map(|it| it.key.series()) else { return states };
        let Some((at, target)) = self.index.find(series) else { return states };
        if !self.options.shard.has(series) {
            return states;
        }
        self.published.add(at, series);
        let members = members_of(archives);
        let Self { targets, options, .. } = *self;
        let removed = RemovedArchives::of(ledger);
        let decider = Decider { targets, target, series, ledger, ownership, removed, options };
        let mut fetched = Vec::new();
        decider.decide(&members, |member, decision| {
            let known = || ledger.get(member.published.key.path()).map(|entry| entry.status);
            if let Some(states) = states.get_mut(member.period.frequency() as usize) {
                states.set(member.period, decision.state(known));
            }
            match decision {
                Decision::Fetch(reason) => fetched.push((member.published, reason)),
                Decision::Skip(reason) => {
                    let skipped = Skipped { published: member.published, reason };
                    self.skipped.add(skipped);
                    if let Some(report) = &mut self.on_skip {
                        report(skipped);
                    }
                }
            }
        });
        if let Some(shared) = self.index.fetched_series(at, series) {
            self.fetch.add(shared, fetched);
        }
        self.missing.extend(missing::of_series(targets, target, series, &members, options.today));
        states
    }

    /// Returns what bounded dates make expect of the series of these archives, and is not among
    /// them.
    #[must_use]
    pub fn missing_of(&self, archives: &[Published]) -> Option<Missing> {
        let series = archives.first()?.key.series();
        let (_, target) = self.index.find(series)?;
        let members = members_of(archives);
        missing::of_series(self.targets, target, series, &members, self.options.today)
    }

    /// Returns the plan; `unknown` are published keys that are no archive of a known kind.
    #[must_use]
    pub fn finish(self, unknown: Vec<String>) -> Plan {
        let mut missing = self.missing;
        missing.extend(self.published.absent_series(self.options.today));
        missing.sort_by(|a, b| a.series.cmp(&b.series));
        let mut notes = self.targets.notes.clone();
        notes.extend(self.published.notes());
        let absent = self.published.absent();
        let mut fetch = self.fetch;
        fetch.sort();
        let fetch = Arc::new(fetch);
        let skipped = self.skipped;
        let misspelled = Vec::new();
        let looks = Arc::new(self.looks);
        let is_scheduled = false;
        Plan { fetch, skipped, notes, unknown, missing, absent, misspelled, looks, is_scheduled }
    }
}

/// Returns archives in the order of their periods.
fn members_of(archives: &[Published]) -> Vec<SeriesArchive<'_>> {
    let mut members: Vec<SeriesArchive<'_>> = archives.iter().map(SeriesArchive::of).collect();
    members.sort_by_key(|member| member.period);
    members
}

/// The targets by combination.
struct TargetIndex<'a> {
    targets: &'a [Target],
    places: HashMap<(Market, &'a DataType), usize>,
    /// What the archives of each target share.
    shared: Vec<(Arc<str>, Arc<KeyPattern>)>,
}

impl<'a> TargetIndex<'a> {
    fn new(targets: &'a Targets) -> Self {
        let rows = || targets.targets.iter().map(|target| &target.combination);
        let places =
            rows().enumerate().map(|(at, row)| ((row.market, &row.data_type), at)).collect();
        let shared = rows().map(|row| (row.schema.as_str().into(), Arc::new(row.pattern.clone())));
        Self { targets: &targets.targets, places, shared: shared.collect() }
    }

    /// Returns the target that a series belongs to.
    fn find(&self, series: &Series) -> Option<(usize, &'a Target)> {
        let at = *self.places.get(&(series.market, &series.data_type))?;
        let target = self.targets.get(at)?;
        (target.wants(series) && target.symbols.matches(&series.symbol)).then_some((at, target))
    }

    fn fetched_series(&self, at: usize, series: &Series) -> Option<FetchedSeries> {
        let (table, pattern) = self.shared.get(at)?;
        let (table, pattern) = (Arc::clone(table), Arc::clone(pattern));
        Some(FetchedSeries { series: series.clone(), table, pattern })
    }
}
