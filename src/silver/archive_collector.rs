//! Collecting one archive of a batch: its rows are held until its end, and land whole or not at
//! all.
//!
//! Which days land is known only when all rows were measured, so they wait in memory or in separate
//! files. Decoding is done elsewhere and arrives as messages.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate};
use lakehouse_core::decode::Reject;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::partition::Partition;
use lakehouse_core::overlap::{DayDecision, DayMeter, decide_day};

use super::batch_files::{BatchContext, BatchFiles};
use super::decode_archive::DecodeMessage;
use super::decode_request::{ArchiveRequest, ArchiveResult, Fault, LandingRules};
use super::evidence::meter_rows;
use super::outside::LandedOutside;
use super::partition::PartitionSet;
use super::rows::{ArchiveColumns, by_day, event_times};
use crate::delta::TableError;
use crate::memory::{Held, Reservation};
use crate::meta::rejects::ArchiveRejects;

/// Bytes of CSV up to which an archive shares files with others; a larger one gets separate files,
/// which are deleted as a whole when its end turns out to be damaged.
const SHARED_BYTES: u64 = 32 << 20;

/// Collects the rows of one archive; they wait in memory, or in separate files, until its end is
/// seen, because an archive lands whole or not at all.
#[derive(Debug)]
pub(super) struct ArchiveCollector<'a> {
    context: &'a BatchContext,
    key: &'a ArchiveKey,
    rules: &'a LandingRules,
    found: ArchiveResult,
    columns: ArchiveColumns,
    /// `archive sha256`, as files list it in their footers.
    source: Arc<str>,
    /// Rows of a small archive.
    waiting: VecDeque<(Partition, RecordBatch)>,
    waiting_bytes: usize,
    /// As many bytes of the budget.
    waiting_memory: Reservation,
    rejects: ArchiveRejects,
    /// Files of a large archive.
    separate: Option<PartitionSet>,
    sort_columns: &'a Arc<[String]>,
    rows_of_days: BTreeMap<NaiveDate, u64>,
    /// One for each overlapping day.
    meters: BTreeMap<NaiveDate, DayMeter>,
}

impl<'a> ArchiveCollector<'a> {
    pub(super) fn new(
        key: &'a ArchiveKey,
        wanted: &'a ArchiveRequest,
        context: &'a BatchContext,
        sort_columns: &'a Arc<[String]>,
        rejects: ArchiveRejects,
    ) -> Self {
        let rules = &wanted.rules;
        Self {
            key,
            rules,
            rows_of_days: BTreeMap::new(),
            meters: rules.meters(),
            context,
            columns: ArchiveColumns::new(context.target.schema(), key),
            source: format!("{} {}", wanted.archive, wanted.sha256).into(),
            found: ArchiveResult::default(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            waiting_memory: context.memory.hold(),
            rejects,
            separate: None,
            sort_columns,
        }
    }

    /// Receives all messages of the archive.
    pub(super) fn collect(&mut self, messages: &Receiver<DecodeMessage>) -> Result<(), TableError> {
        // Replaced by how the archive ends. A thread that dies sends no end, and its channel
        // closes.
        self.found.fault =
            Some(Fault::Failed("decoding stopped before the archive's end".to_owned()));
        while let Ok(message) = messages.recv() {
            match message {
                DecodeMessage::Opened(bytes) => self.open(bytes),
                DecodeMessage::Rows(Held { value: rows, memory: _in_flight }) => {
                    if let Some(fault) = self.add(&rows)? {
                        self.found.fault = Some(fault);
                        break;
                    }
                }
                DecodeMessage::Rejects(Held { value: rejects, memory: _in_flight }) => {
                    self.rejects.add(rejects)?;
                }
                DecodeMessage::End(fault) => {
                    self.found.fault = fault;
                    break;
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, bytes: u64) {
        self.found.bytes = bytes;
        if bytes > SHARED_BYTES {
            self.separate = Some(self.separate_files());
        }
    }

    fn separate_files(&self) -> PartitionSet {
        let memory = &self.context.memory;
        let limit = memory.separate_files();
        let target = Arc::clone(&self.context.target);
        PartitionSet::new(target, Arc::clone(self.sort_columns), limit, memory.hold())
    }

    /// Adds rows; returns why the archive cannot have them.
    fn add(&mut self, rows: &RecordBatch) -> Result<Option<Fault>, TableError> {
        let days = match self.by_day(rows) {
            Ok(days) => days,
            // Other archives have other rows.
            Err(error) => return Ok(Some(Fault::Failed(error.to_string()))),
        };
        let market = self.key.market();
        for (date, rows) in days {
            // Overlapping days are written too. Whether they land is known only at the end, when
            // the whole day was measured.
            self.put(Partition { market, date }, rows)?;
        }
        Ok(None)
    }

    /// Completes rows, splits them by day, and takes note of what each day has.
    fn by_day(
        &mut self,
        rows: &RecordBatch,
    ) -> Result<BTreeMap<NaiveDate, RecordBatch>, ArrowError> {
        let event_time = self.context.schema.event_time();
        self.found.note_times(rows, event_time)?;
        let days = by_day(&self.columns.complete(rows)?, event_time)?;
        for (date, rows) in &days {
            *self.rows_of_days.entry(*date).or_default() += rows.num_rows() as u64;
            if let Some(meter) = self.meters.get_mut(date) {
                meter_rows(meter, rows, &self.context.schema)?;
            }
        }
        Ok(days)
    }

    fn put(&mut self, partition: Partition, rows: RecordBatch) -> Result<(), TableError> {
        if let Some(separate) = &mut self.separate {
            return separate.push(partition, rows, &self.source);
        }
        self.waiting_bytes += rows.get_array_memory_size();
        self.waiting_memory.resize(self.waiting_bytes);
        self.waiting.push_back((partition, rows));
        if self.waiting_bytes > self.context.memory.waiting_rows() {
            // Small as a CSV, and large as rows.
            let mut separate = self.separate_files();
            while let Some((partition, rows)) = self.next_waiting() {
                separate.push(partition, rows, &self.source)?;
            }
            self.separate = Some(separate);
        }
        Ok(())
    }

    /// Takes the first rows that wait; whoever has them now counts their bytes.
    fn next_waiting(&mut self) -> Option<(Partition, RecordBatch)> {
        let (partition, rows) = self.waiting.pop_front()?;
        self.waiting_bytes -= rows.get_array_memory_size();
        self.waiting_memory.resize(self.waiting_bytes);
        Some((partition, rows))
    }

    /// Passes on the rows that land if the archive is whole, and drops them if it is not.
    pub(super) fn finish(
        mut self,
        files: &mut BatchFiles,
        landed_outside: &mut LandedOutside,
    ) -> Result<ArchiveResult, TableError> {
        let is_rejected = self.check_rejects();
        let lands = self.resolve(landed_outside);
        match (self.separate.take(), &self.found.fault) {
            (Some(separate), Some(_)) => separate.discard(),
            (Some(mut separate), None) => {
                separate.retain(|date| lands.contains_key(&date));
                files.separate.extend(separate.finish()?);
            }
            (None, Some(_)) => {}
            (None, None) => {
                while let Some((partition, rows)) = self.next_waiting() {
                    if lands.contains_key(&partition.date) {
                        files.shared.push(partition, rows, &self.source)?;
                    }
                }
            }
        }
        if is_rejected {
            files.rejects.keep_first(self.rejects)?;
        } else {
            files.rejects.keep(self.rejects)?;
        }
        Ok(self.found)
    }
}

impl ArchiveCollector<'_> {
    /// Rejects an archive as a whole if none of its rows, or too few of them, can be read; returns
    /// whether it is.
    fn check_rejects(&mut self) -> bool {
        let rejected = self.rejects.rows();
        self.found.rejected_rows = rejected;
        // A single damaged line says nothing of what the archive is.
        let is_damaged = |first: &Reject| first.column.is_empty();
        let is_one_line = rejected == 1 && self.rejects.first().is_some_and(is_damaged);
        let all = self.found.rows == 0 && rejected > 0 && !is_one_line;
        let is_rejected = self.rejects.too_many() || (self.found.fault.is_none() && all);
        if is_rejected && self.found.fault.is_none() {
            self.found.fault = Some(Fault::Rejected(self.describe_rejects()));
        }
        if self.found.fault.is_some() {
            self.found.rows = 0;
        }
        is_rejected
    }

    fn describe_rejects(&self) -> String {
        let rejected = self.rejects.rows();
        let total = self.found.rows + rejected;
        let summary = format!("{rejected} of {total} rows cannot be read");
        match self.rejects.first() {
            Some(Reject { line, column, value, reason, .. }) => {
                format!("{summary}; first: line {line}, column {column}, `{value}`: {reason}")
            }
            None => summary,
        }
    }

    /// Decides the overlapping days; returns the days that land, with their rows.
    fn resolve(&mut self, landed_outside: &mut LandedOutside) -> BTreeMap<NaiveDate, u64> {
        if self.found.fault.is_some() {
            return BTreeMap::new();
        }
        let rules = self.rules;
        let mut decisions: Vec<DayDecision> = Vec::with_capacity(rules.held.len());
        for (day, held) in &rules.held {
            // A day without rows has evidence too: that there are none.
            let offered = self.meters.get(day).map(DayMeter::evidence).unwrap_or_default();
            decisions.push(decide_day(*day, rules.owner_frequency(), *held, offered));
        }
        let period = rules.claim.period.days();
        let mut lands = std::mem::take(&mut self.rows_of_days);
        let present = lands.keys().copied().filter(|day| period.contains(*day)).collect();
        let resolution = rules.claim.resolve(present, &decisions);
        // Rows outside the period land with the archive's other rows, unless another archive has
        // their day. Where the same version already has rows in silver, it has these too, or has
        // left them.
        let outside_lands = !resolution.yielded && rules.claim.kept_rows == 0;
        lands.retain(|day, _| {
            if period.contains(*day) { resolution.landed.contains(*day) } else { outside_lands }
        });
        self.found.left = rules.outside.leave(self.key, &mut lands, landed_outside);
        self.found.outside = lands.keys().copied().filter(|day| !period.contains(*day)).collect();
        self.found.rows = lands.values().sum();
        self.found.resolution = Some(resolution);
        self.found.decisions = decisions;
        lands
    }
}

impl ArchiveResult {
    fn note_times(&mut self, rows: &RecordBatch, event_time: &str) -> Result<(), ArrowError> {
        let times = event_times(rows, event_time)?;
        // Of all rows that were read, whether or not their day lands: this is what the archive has.
        let min = arrow::compute::min(times).and_then(DateTime::from_timestamp_micros);
        let max = arrow::compute::max(times).and_then(DateTime::from_timestamp_micros);
        self.min_time = self.min_time.into_iter().chain(min).min();
        self.max_time = self.max_time.max(max);
        self.rows += rows.num_rows() as u64;
        Ok(())
    }
}
