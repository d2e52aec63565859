//! How complete one copy of a day is: counted row by row, in any order of rows, in bounded memory.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::names::market::Interval;
use crate::schema::{ColumnType, TableSchema};

const SECONDS_OF_A_DAY: i64 = 86_400;
const MICROSECONDS: i64 = 1_000_000;
/// Runs of consecutive ids that are distinguished on one day; ids in more runs than this are
/// never consecutive, and their gaps mean nothing.
const RUNS: usize = 1 << 16;

/// By what the continuity of a table's rows is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Continuity {
    /// By bars of so many seconds that a day lacks.
    Bars(i64),
    /// By gaps between ids.
    Ids,
    /// By the time from the first row to the last.
    Span,
}

impl Continuity {
    /// Returns the measure for archives of a table with bars of this length.
    #[must_use]
    pub fn of(schema: &TableSchema, interval: Option<Interval>) -> Self {
        let bars =
            interval.and_then(Interval::seconds).filter(|seconds| SECONDS_OF_A_DAY % seconds == 0);
        match bars {
            Some(seconds) if schema.has_interval() => Self::Bars(seconds),
            _ if Self::id_column(schema).is_some() => Self::Ids,
            _ => Self::Span,
        }
    }

    /// Returns the column of ids that a table has, if an id alone identifies its rows.
    #[must_use]
    pub fn id_column(schema: &TableSchema) -> Option<&str> {
        let [key] = schema.key() else { return None };
        let column = schema.columns().iter().find(|column| column.name == *key)?;
        (column.kind == ColumnType::BigInt).then_some(key.as_str())
    }
}

/// What was measured of one copy of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayEvidence {
    pub rows: u64,
    /// Rows that say again what another one says: of the same bar or id.
    pub repeated: u64,
    /// Bars that are not there, or places where ids do not follow each other; nothing where neither
    /// is known.
    pub gaps: Option<u64>,
    pub first: Option<DateTime<Utc>>,
    pub last: Option<DateTime<Utc>>,
    pub content: Content,
}

/// The number of sums that the content of a copy is reduced to.
const SUMS: usize = 32;

/// What the rows of a copy hold, as sums of hashes: rows of the same time, or id, add to the same
/// sum, so that copies differ in about as many sums as rows, while these are few.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content([u32; SUMS]);

impl Content {
    /// Adds a row: its id or its time, and a hash of its values.
    fn push(&mut self, place: i64, hash: u64) {
        /// Spreads neighbouring times and ids over all sums.
        const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
        let slot = place.cast_unsigned().wrapping_mul(SPREAD) >> (u64::BITS - SUMS.ilog2());
        if let Some(sum) = usize::try_from(slot).ok().and_then(|slot| self.0.get_mut(slot)) {
            *sum = sum.wrapping_add((hash >> 32) as u32);
        }
    }

    /// Returns how many rows at least have other values in the other copy.
    #[must_use]
    pub fn differing(&self, other: &Self) -> u64 {
        self.0.iter().zip(&other.0).filter(|(one, other)| one != other).count() as u64
    }
}

impl DayEvidence {
    /// Returns the rows without repetitions.
    #[must_use]
    pub const fn distinct(self) -> u64 {
        self.rows.saturating_sub(self.repeated)
    }

    /// Returns the time from the first row to the last.
    #[must_use]
    pub fn span(self) -> TimeDelta {
        self.first.zip(self.last).map_or_else(TimeDelta::zero, |(first, last)| last - first)
    }
}

/// Measures one copy of a day.
#[derive(Debug)]
pub struct DayMeter {
    rows: u64,
    times: Option<(i64, i64)>,
    continuity: ContinuityMeter,
    content: Content,
}

#[derive(Debug)]
enum ContinuityMeter {
    /// One bit for each bar of the day, and the length of a bar.
    Bars {
        seen: Vec<u64>,
        seconds: i64,
    },
    Ids(IdRuns),
    Span,
}

impl DayMeter {
    #[must_use]
    pub fn new(measure: Continuity) -> Self {
        let continuity = match measure {
            Continuity::Bars(seconds) => {
                let bars = usize::try_from(SECONDS_OF_A_DAY / seconds.max(1)).unwrap_or_default();
                ContinuityMeter::Bars { seen: vec![0; bars.div_ceil(64)], seconds: seconds.max(1) }
            }
            Continuity::Ids => ContinuityMeter::Ids(IdRuns::default()),
            Continuity::Span => ContinuityMeter::Span,
        };
        Self { rows: 0, times: None, continuity, content: Content::default() }
    }

    /// Adds a row: its event time in microseconds since 1970, and its id where it has one.
    pub fn push(&mut self, time: i64, id: Option<i64>) {
        self.rows += 1;
        let (first, last) = self.times.unwrap_or((time, time));
        self.times = Some((first.min(time), last.max(time)));
        match &mut self.continuity {
            ContinuityMeter::Bars { seen, seconds } => {
                let bar = time.div_euclid(MICROSECONDS).rem_euclid(SECONDS_OF_A_DAY) / *seconds;
                let bar = usize::try_from(bar).unwrap_or_default();
                if let Some(word) = seen.get_mut(bar / 64) {
                    *word |= 1 << (bar % 64);
                }
            }
            ContinuityMeter::Ids(runs) => {
                if let Some(id) = id {
                    runs.insert(id);
                }
            }
            ContinuityMeter::Span => {}
        }
    }

    /// Adds the values of a row, as a hash of them.
    pub fn push_values(&mut self, time: i64, id: Option<i64>, hash: u64) {
        self.content.push(id.unwrap_or(time), hash);
    }

    /// Returns what was measured.
    #[must_use]
    pub fn evidence(&self) -> DayEvidence {
        let time = |micros: i64| DateTime::from_timestamp_micros(micros);
        let (distinct, gaps) = match &self.continuity {
            ContinuityMeter::Bars { seen, seconds } => {
                let present: u64 = seen.iter().map(|word| u64::from(word.count_ones())).sum();
                let expected = u64::try_from(SECONDS_OF_A_DAY / seconds).unwrap_or_default();
                (present, Some(expected.saturating_sub(present)))
            }
            ContinuityMeter::Ids(IdRuns { overflowed: false, runs, distinct, .. }) => {
                (*distinct, Some((runs.len() as u64).saturating_sub(1)))
            }
            ContinuityMeter::Ids(_) | ContinuityMeter::Span => (self.rows, None),
        };
        DayEvidence {
            rows: self.rows,
            repeated: self.rows.saturating_sub(distinct),
            gaps,
            first: self.times.and_then(|(first, _)| time(first)),
            last: self.times.and_then(|(_, last)| time(last)),
            content: self.content,
        }
    }
}

/// Ids as runs of consecutive ones, in whatever order they come: two streams that are interleaved
/// line by line (binance-public-data issue 293) are two runs and not a gap at every line.
#[derive(Debug, Default)]
struct IdRuns {
    /// The last id of each run by its first.
    runs: BTreeMap<i64, i64>,
    distinct: u64,
    /// There were too many runs to distinguish.
    overflowed: bool,
}

impl IdRuns {
    fn insert(&mut self, id: i64) {
        if self.overflowed {
            return;
        }
        let before = self.runs.range_mut(..=id).next_back();
        let joined = match before {
            Some((_, last)) if *last >= id => return,
            Some((_, last)) if last.checked_add(1) == Some(id) => {
                *last = id;
                true
            }
            _ => false,
        };
        self.distinct += 1;
        let after = id.checked_add(1).and_then(|next| self.runs.remove(&next));
        match (joined, after) {
            (true, Some(end)) => {
                if let Some((_, last)) = self.runs.range_mut(..=id).next_back() {
                    *last = end;
                }
            }
            (true, None) => {}
            (false, end) => {
                self.runs.insert(id, end.unwrap_or(id));
            }
        }
        if self.runs.len() > RUNS {
            self.overflowed = true;
            self.runs.clear();
        }
    }
}
