//! Which of the symbols that were named turned out to be published.
//!
//! A name that the archive does not have is most often a slip or the name of another market, so it
//! is reported; the run goes on with the rest.

use std::collections::{BTreeSet, HashSet};

use chrono::NaiveDate;

use super::missing::{self, Missing};
use crate::matrix::Status;
use crate::names::archive::Series;
use crate::names::market::{Interval, Symbol};
use crate::names::period::DateRange;
use crate::names::shard::Shard;
use crate::selection::{Note, Notes, SymbolQuery, Target, Targets};

pub(super) struct PublishedNames<'a> {
    targets: &'a Targets,
    /// What is published of other shards is not known.
    shard: Shard,
    /// The series that have an archive, of targets whose symbols are named.
    series: HashSet<(usize, &'a Symbol, Option<Interval>)>,
    symbols: HashSet<(usize, &'a Symbol)>,
    /// The symbols that have an archive, of targets with globs.
    matched: Vec<BTreeSet<Symbol>>,
}

impl<'a> PublishedNames<'a> {
    pub(super) fn new(targets: &'a Targets, shard: Shard) -> Self {
        let matched = vec![BTreeSet::new(); targets.targets.len()];
        Self { targets, shard, series: HashSet::new(), symbols: HashSet::new(), matched }
    }

    pub(super) fn add(&mut self, at: usize, series: &Series) {
        let target = self.targets.targets.get(at);
        let Some(SymbolQuery::Literal(names)) = target.map(|target| &target.symbols) else {
            if let Some(matched) = self.matched.get_mut(at) {
                matched.insert(series.symbol.clone());
            }
            return;
        };
        if let Some(name) =
            names.binary_search(&series.symbol).ok().and_then(|place| names.get(place))
        {
            self.series.insert((at, name, series.interval));
            self.symbols.insert((at, name));
        }
    }

    /// Returns the requested intervals of a symbol that is published with others only.
    pub(super) fn absent_series(&self, today: NaiveDate) -> Vec<Missing> {
        let mut absent = Vec::new();
        for (at, target, name) in self.named() {
            if !self.symbols.contains(&(at, name)) {
                continue;
            }
            for interval in target.intervals.iter().flatten() {
                if !self.series.contains(&(at, name, Some(*interval))) {
                    let series = series_of(target, name, *interval);
                    if !self.shard.has(&series) {
                        continue;
                    }
                    absent.extend(missing::of_absent_series(self.targets, target, &series, today));
                }
            }
        }
        absent
    }

    /// Reports the names of which nothing is published.
    pub(super) fn notes(&self) -> Vec<Note> {
        if !self.shard.is_whole() {
            return Vec::new();
        }
        let mut notes = Notes::default();
        for (at, target, name) in self.named() {
            let row = &target.combination;
            let has_note = matches!(row.status, Status::Never | Status::Withdrawn);
            if has_note || self.symbols.contains(&(at, name)) {
                continue;
            }
            let dates = self.targets.dates;
            let within =
                if dates == DateRange::default() { String::new() } else { format!(" ({dates})") };
            notes.on_market(
                row.market,
                Some(&row.data_type),
                format!("no archive is published for {name}{within}"),
            );
        }
        notes.into_vec()
    }

    /// Returns the names and globs of which nothing is published in any market or data type.
    pub(super) fn absent(&self) -> Vec<String> {
        if !self.shard.is_whole() {
            return Vec::new();
        }
        let mut absent = BTreeSet::new();
        let mut present = BTreeSet::new();
        for (at, _, name) in self.named() {
            let is_present = self.symbols.contains(&(at, name));
            let names = if is_present { &mut present } else { &mut absent };
            names.insert(name.to_string());
        }
        for (target, matched) in self.targets.targets.iter().zip(&self.matched) {
            let SymbolQuery::Glob(list) = &target.symbols else { continue };
            let unmatched: BTreeSet<String> = list.unmatched(matched).into_iter().collect();
            let patterns = list.included().map(str::to_owned);
            present.extend(patterns.filter(|pattern| !unmatched.contains(pattern)));
            absent.extend(unmatched);
        }
        absent.difference(&present).cloned().collect()
    }

    fn named(&self) -> impl Iterator<Item = (usize, &'a Target, &'a Symbol)> {
        let targets = self.targets.targets.iter().enumerate();
        targets.flat_map(|(at, target)| match &target.symbols {
            SymbolQuery::Literal(names) => {
                names.iter().map(|name| (at, target, name)).collect::<Vec<_>>()
            }
            SymbolQuery::Glob(_) => Vec::new(),
        })
    }
}

fn series_of(target: &Target, name: &Symbol, interval: Interval) -> Series {
    let row = &target.combination;
    Series {
        market: row.market,
        data_type: row.data_type.clone(),
        symbol: name.clone(),
        interval: Some(interval),
    }
}
