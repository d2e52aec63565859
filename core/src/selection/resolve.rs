//! From wishes to targets, one combination at a time.
//!
//! Every rule here answers one difference between what users ask for and what the matrix has: with
//! a note where something is left out, with an error where nothing is left.

use std::collections::BTreeSet;

use super::{
    FrequencyPolicy, IntervalFilter, Notes, Selection, SelectionError, SymbolFilter, SymbolList,
    SymbolQuery, Target, Targets, join, known_intervals, parse_known,
};
use crate::matrix::{Combination, Matrix, Status};
use crate::names::market::{DataType, Frequency, Interval, Market};

impl Selection {
    /// Finds the combinations that the selection is about.
    ///
    /// # Errors
    ///
    /// An interval that no market has of the data type, and a selection of which no combination is
    /// left.
    pub fn targets(&self, matrix: &Matrix) -> Result<Targets, SelectionError> {
        self.check_intervals(matrix)?;
        let mut resolver =
            Resolver { selection: self, matrix, notes: Notes::default(), ended: false };
        let targets = resolver.targets();
        if targets.is_empty() && !resolver.ended {
            return Err(SelectionError::NothingMatches(resolver.notes.summary()));
        }
        let notes = resolver.notes.into_vec();
        Ok(Targets { targets, notes, dates: self.dates, frequency: self.frequency })
    }

    /// Refuses intervals that no selected data type has, in any market.
    fn check_intervals(&self, matrix: &Matrix) -> Result<(), SelectionError> {
        let data_types = self.data_types_in(matrix);
        let known: Vec<_> =
            data_types.iter().map(|name| (name, known_intervals(matrix, name))).collect();
        let layered: Vec<_> = known.iter().filter(|(_, known)| !known.is_empty()).collect();
        match &self.intervals {
            IntervalFilter::PerDataType(_) => {
                for (data_type, known) in layered {
                    check(data_type, self.intervals.requested(data_type), known)?;
                }
            }
            IntervalFilter::Everywhere(spellings) => {
                let union: BTreeSet<Interval> =
                    layered.iter().flat_map(|(_, known)| known).copied().collect();
                if let Some((data_type, _)) = layered.first() {
                    check(data_type, spellings, &union)?;
                }
            }
        }
        Ok(())
    }

    /// Returns the requested data types, in the order of the matrix, or all of them.
    fn data_types_in(&self, matrix: &Matrix) -> Vec<DataType> {
        let mut names: Vec<DataType> = Vec::new();
        for row in matrix.combinations() {
            let wanted = self.data_types.is_empty() || self.data_types.contains(&row.data_type);
            if wanted && !names.contains(&row.data_type) {
                names.push(row.data_type.clone());
            }
        }
        names
    }
}

fn check(
    data_type: &DataType,
    requested: &[String],
    known: &BTreeSet<Interval>,
) -> Result<(), SelectionError> {
    for text in requested {
        let parsed = parse_known(text, known);
        parsed
            .map_err(|source| SelectionError::Interval { data_type: data_type.clone(), source })?;
    }
    Ok(())
}

struct Resolver<'a> {
    selection: &'a Selection,
    matrix: &'a Matrix,
    notes: Notes,
    /// Something that was requested is over, and would otherwise have been a target.
    ended: bool,
}

impl Resolver<'_> {
    fn targets(&mut self) -> Vec<Target> {
        let data_types = self.selection.data_types_in(self.matrix);
        self.note_unused_wishes(&data_types);
        let mut targets = Vec::new();
        for market in self.markets() {
            let Some(symbols) = self.selection.symbols.for_market(market) else {
                self.notes.on_market(
                    market,
                    None,
                    "no symbols are given for this market, so nothing of it is planned",
                );
                continue;
            };
            for data_type in &data_types {
                match self.matrix.get(market, data_type) {
                    Some(row) => targets.extend(self.target(row, symbols)),
                    None => self.note_absent(market, data_type),
                }
            }
        }
        targets
    }

    fn markets(&self) -> Vec<Market> {
        match &self.selection.symbols {
            _ if !self.selection.markets.is_empty() => self.selection.markets.clone(),
            SymbolFilter::PerMarket(lists) => lists.keys().copied().collect(),
            SymbolFilter::Everywhere(_) => Market::ALL.to_vec(),
        }
    }

    fn target(&mut self, row: &Combination, symbols: &SymbolList) -> Option<Target> {
        if !self.is_alive(row) {
            return None;
        }
        let frequencies = self.frequencies(row)?;
        let intervals = self.intervals(row, &frequencies)?;
        let frequencies = match &intervals {
            None => frequencies,
            Some(wanted) => {
                frequencies.into_iter().filter(|at| has_any(row, *at, wanted)).collect()
            }
        };
        let symbols = self.symbols(row, symbols);
        Some(Target { combination: row.clone(), frequencies, symbols, intervals })
    }

    /// Notes the status of the combination; returns whether archives of it can lie in the dates.
    fn is_alive(&mut self, row: &Combination) -> bool {
        let text = match row.status {
            Status::Active => return true,
            Status::Ended(end) => format!("its last archive is of {end}"),
            Status::Withdrawn => {
                "was withdrawn from the public archive; a mirror may still have it".to_owned()
            }
            Status::Never => "was never published on the public archive".to_owned(),
        };
        self.notes.on_data_type(row.market, &row.data_type, text);
        let start = self.selection.dates.start;
        let over = match row.status {
            Status::Ended(end) => start.is_some_and(|start| end < start),
            Status::Active | Status::Withdrawn | Status::Never => false,
        };
        self.ended |= over;
        !over
    }

    fn frequencies(&mut self, row: &Combination) -> Option<Vec<Frequency>> {
        let published: Vec<_> =
            Frequency::ALL.into_iter().filter(|at| row.intervals(*at).is_some()).collect();
        let policy = self.selection.frequency;
        let allowed: Vec<_> = published.iter().copied().filter(|at| policy.allows(*at)).collect();
        let asked_for = !self.selection.data_types.is_empty();
        if allowed.is_empty() {
            let text = format!("has no {policy} archives; left out");
            self.notes.on_data_type(row.market, &row.data_type, text);
            return None;
        }
        if published == [Frequency::Monthly] && policy == FrequencyPolicy::Auto && asked_for {
            self.notes.on_data_type(
                row.market,
                &row.data_type,
                "exists per month only; whole months are planned",
            );
        }
        Some(allowed)
    }

    /// Returns the intervals to take, `Some(None)` for all of them, and nothing if none is left.
    fn intervals(
        &mut self,
        row: &Combination,
        frequencies: &[Frequency],
    ) -> Option<Option<Vec<Interval>>> {
        let requested = self.selection.intervals.requested(&row.data_type);
        if requested.is_empty() {
            return Some(None);
        }
        if !row.has_intervals() {
            let asked_for = !self.selection.data_types.is_empty();
            if asked_for {
                let text = format!("has no intervals; {} is ignored", join(requested));
                self.notes.on_data_type(row.market, &row.data_type, text);
            }
            return Some(None);
        }
        let mut wanted = BTreeSet::new();
        for interval in requested.iter().filter_map(|text| text.parse().ok()) {
            if frequencies.iter().any(|at| has_any(row, *at, &[interval])) {
                wanted.insert(interval);
            } else {
                self.note_no_interval(row, interval);
            }
        }
        let wanted: Vec<Interval> = wanted.into_iter().collect();
        (!wanted.is_empty()).then_some(Some(wanted))
    }

    fn symbols(&mut self, row: &Combination, symbols: &SymbolList) -> SymbolQuery {
        let (list, replaced) = symbols.with_aliases(&row.symbol_aliases);
        for (alias, symbol) in replaced {
            self.notes.on_data_type(
                row.market,
                &row.data_type,
                format!("{alias} stands for {symbol}"),
            );
        }
        list.literals().map_or(SymbolQuery::Glob(list), SymbolQuery::Literal)
    }

    fn note_no_interval(&mut self, row: &Combination, interval: Interval) {
        let elsewhere = Frequency::ALL.into_iter().find(|at| has_any(row, *at, &[interval]));
        let text = match elsewhere {
            Some(frequency) => {
                format!("{interval} is published as {frequency} archives only; left out")
            }
            None => format!("has no interval {interval}; left out"),
        };
        self.notes.on_data_type(row.market, &row.data_type, text);
    }

    /// Says where a data type is that a market lacks; only if it was requested by name.
    fn note_absent(&mut self, market: Market, data_type: &DataType) {
        if self.selection.data_types.is_empty() {
            return;
        }
        let rows = self.matrix.combinations().iter().filter(|row| row.data_type == *data_type);
        let text = format!("does not exist there, only in {}", join(rows.map(|row| row.market)));
        self.notes.on_data_type(market, data_type, text);
    }

    fn note_unused_wishes(&mut self, data_types: &[DataType]) {
        if let IntervalFilter::PerDataType(lists) = &self.selection.intervals {
            let unused: Vec<_> =
                lists.keys().filter(|name| !data_types.contains(name)).cloned().collect();
            if !unused.is_empty() {
                self.notes.on_data_types(
                    unused,
                    "intervals are given, but the data type is not selected",
                );
            }
        }
        if let SymbolFilter::PerMarket(lists) = &self.selection.symbols {
            let markets = self.markets();
            for market in lists.keys().filter(|market| !markets.contains(market)) {
                self.notes.on_market(
                    *market,
                    None,
                    "symbols are given, but the market is not selected",
                );
            }
        }
    }
}

fn has_any(row: &Combination, frequency: Frequency, wanted: &[Interval]) -> bool {
    row.intervals(frequency)
        .is_some_and(|published| published.iter().any(|interval| wanted.contains(interval)))
}
