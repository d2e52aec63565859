//! A batch of archives of one table becomes data files, and nothing is committed.
//!
//! This may happen more than once: files get names that nothing else uses, and what is reported
//! decides nothing. Decoding runs on several threads, writing on the caller's, in the order of the
//! archives; each thread is a bounded number of messages ahead, so memory does not depend on how
//! large or how many the archives are.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use chrono::{DateTime, NaiveDate, Utc};
use lakehouse_core::decode::Reject;
use lakehouse_core::names::partition::Partition;
use lakehouse_core::overlap::outside::LeftRows;
use lakehouse_core::overlap::{ClaimResolution, DayDecision, DayMeter, decide_day};
use lakehouse_core::schema::TableSchema;
use tracing::Span;

use super::decode_archive::{DecodeMessage, decode_archive};
use super::evidence::meter_rows;
use super::outside::LandedOutside;
use super::overlap::{Overlap, Overlaps};
use super::partition::PartitionSet;
use super::rows::{ArchiveColumns, by_day, event_times};
use crate::bronze::BronzeArchive;
use crate::delta::TableError;
use crate::parquet::writer::{FileTarget, WrittenFile};

/// Messages that a decoding thread may be ahead of the writer: as many as are written at once.
const MESSAGES_AHEAD: usize = 8;
/// Bytes of CSV up to which an archive shares files with others; a larger one gets separate files,
/// which are deleted as a whole when its end turns out to be damaged.
const SHARED_BYTES: u64 = 32 << 20;
/// Rejected rows that an archive may have; one with more is not what its schema says.
const REJECTED_ROWS: usize = 100_000;
/// Rejected rows that are kept of an archive that has too many.
const REJECTS_KEPT: usize = 100;

/// What decoding a batch needs besides its archives.
#[derive(Debug)]
pub(super) struct BatchContext {
    pub(super) schema: Arc<TableSchema>,
    pub(super) target: Arc<FileTarget>,
    /// What each archive can claim, and what holds its overlapping days.
    pub(super) overlaps: Arc<Overlaps>,
    pub(super) threads: usize,
}

/// The result of decoding a batch.
#[derive(Debug)]
pub(super) struct DecodedBatch {
    pub(super) files: Vec<WrittenFile>,
    pub(super) archives: Vec<DecodedArchive>,
}

/// What was found in one archive.
#[derive(Debug)]
pub(crate) struct DecodedArchive {
    pub(crate) bronze: BronzeArchive,
    /// Rows that were read; those of them that land, once the archive is settled.
    pub(crate) rows: u64,
    /// Which of its days land, and why.
    pub(crate) resolution: Option<ClaimResolution>,
    pub(crate) decisions: Vec<DayDecision>,
    /// Rows outside its period that it leaves to other archives.
    pub(crate) left: Vec<LeftRows>,
    /// The days outside its period of which rows land.
    pub(crate) outside: Vec<NaiveDate>,
    pub(crate) rejected_rows: u64,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) min_time: Option<DateTime<Utc>>,
    pub(crate) max_time: Option<DateTime<Utc>>,
    /// Bytes of CSV.
    pub(crate) bytes: u64,
    /// Why none of its rows are in the batch's files.
    pub(crate) fault: Option<Fault>,
}

/// Why an archive cannot land.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Its bytes are no archive of its kind.
    Rejected(String),
    /// It could not be read this time.
    Failed(String),
}

/// Decodes archives into data files of the context's table.
///
/// # Errors
/// When files cannot be written; what is wrong with a single archive is in its result.
pub(super) fn decode_batch(
    archives: &[BronzeArchive],
    context: &BatchContext,
) -> Result<DecodedBatch, TableError> {
    let sort_columns: Arc<[String]> = context.schema.sort_columns().into();
    let mut shared = PartitionSet::new(Arc::clone(&context.target), Arc::clone(&sort_columns));
    let mut files = Vec::new();
    let mut landed_outside = LandedOutside::new();
    let mut decoded = Vec::with_capacity(archives.len());
    // A channel for each archive, so that the writer can take them in order whichever thread is
    // done first. Each is bounded, so a thread that is ahead waits for the writer.
    let (senders, receivers): (VecDeque<_>, Vec<_>) =
        archives.iter().map(|_| sync_channel(MESSAGES_AHEAD)).unzip();
    let work = Mutex::new(archives.iter().zip(senders).collect::<VecDeque<_>>());
    let run = Span::current();
    std::thread::scope(|scope| {
        for _ in 0..context.threads.clamp(1, archives.len().max(1)) {
            scope.spawn(|| run.in_scope(|| decode_next(&work, &context.schema)));
        }
        // Archives are taken by threads in the same order, so the one that the writer waits for is
        // always being decoded, and full channels of later ones cannot block it.
        for (bronze, messages) in archives.iter().zip(receivers) {
            let mut collector = ArchiveCollector::new(bronze, context, &sort_columns);
            collector.collect(&messages)?;
            decoded.push(collector.finish(&mut shared, &mut files, &mut landed_outside)?);
        }
        Ok::<(), TableError>(())
    })?;
    files.extend(shared.finish()?);
    Ok(DecodedBatch { files, archives: decoded })
}

/// An archive that waits for a thread, and where its messages go. A thread owns the sender of its
/// archive, so that the writer notices when the thread dies.
type WorkItem<'a> = (&'a BronzeArchive, SyncSender<DecodeMessage>);

/// Decodes archives until none is left.
fn decode_next(work: &Mutex<VecDeque<WorkItem<'_>>>, schema: &TableSchema) {
    loop {
        let item = work.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some((archive, sender)) = item else { return };
        decode_archive(archive, schema, &sender);
    }
}

/// Collects the rows of one archive; they wait in memory, or in separate files, until its end is
/// seen, because an archive lands whole or not at all.
#[derive(Debug)]
struct ArchiveCollector<'a> {
    context: &'a BatchContext,
    decoded: DecodedArchive,
    columns: ArchiveColumns,
    /// `archive sha256`, as files list it in their footers.
    source: Arc<str>,
    /// Rows of a small archive.
    waiting: Vec<(Partition, RecordBatch)>,
    /// Files of a large archive.
    separate: Option<PartitionSet>,
    sort_columns: &'a Arc<[String]>,
    overlap: Option<&'a Overlap>,
    rows_of_days: BTreeMap<NaiveDate, u64>,
    /// One for each overlapping day.
    meters: BTreeMap<NaiveDate, DayMeter>,
}

impl<'a> ArchiveCollector<'a> {
    fn new(
        bronze: &BronzeArchive,
        context: &'a BatchContext,
        sort_columns: &'a Arc<[String]>,
    ) -> Self {
        let overlap = context.overlaps.get(bronze.key.path());
        Self {
            overlap,
            rows_of_days: BTreeMap::new(),
            meters: overlap.map(Overlap::meters).unwrap_or_default(),
            context,
            columns: ArchiveColumns::new(context.target.schema(), &bronze.key),
            source: format!("{} {}", bronze.key, bronze.sha256).into(),
            decoded: DecodedArchive::of(bronze),
            waiting: Vec::new(),
            separate: None,
            sort_columns,
        }
    }

    /// Receives all messages of the archive.
    fn collect(&mut self, messages: &Receiver<DecodeMessage>) -> Result<(), TableError> {
        // Replaced by how the archive ends. A thread that dies sends no end, and its channel
        // closes.
        self.decoded.fault =
            Some(Fault::Failed("decoding stopped before the archive's end".to_owned()));
        while let Ok(message) = messages.recv() {
            match message {
                DecodeMessage::Opened(bytes) => self.open(bytes),
                DecodeMessage::Rows(rows) => self.add(&rows)?,
                DecodeMessage::Rejects(rejects) => self.decoded.reject(rejects),
                DecodeMessage::End(fault) => {
                    self.decoded.fault = fault;
                    break;
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, bytes: u64) {
        self.decoded.bytes = bytes;
        if bytes > SHARED_BYTES {
            let target = Arc::clone(&self.context.target);
            self.separate = Some(PartitionSet::new(target, Arc::clone(self.sort_columns)));
        }
    }

    fn add(&mut self, rows: &RecordBatch) -> Result<(), TableError> {
        let failed = TableError::arrow(self.context.target.table());
        let event_time = self.context.schema.event_time();
        self.decoded.note_times(rows, event_time).map_err(failed)?;
        let rows = self.columns.complete(rows).map_err(failed)?;
        let market = self.decoded.bronze.key.market();
        for (date, rows) in by_day(&rows, event_time).map_err(failed)? {
            *self.rows_of_days.entry(date).or_default() += rows.num_rows() as u64;
            if let Some(meter) = self.meters.get_mut(&date) {
                meter_rows(meter, &rows, &self.context.schema).map_err(failed)?;
            }
            let partition = Partition { market, date };
            // Overlapping days are written too. Whether they land is known only at the end, when
            // the whole day was measured.
            match &mut self.separate {
                Some(separate) => separate.push(partition, rows, &self.source)?,
                None => self.waiting.push((partition, rows)),
            }
        }
        Ok(())
    }

    /// Passes on the rows that land if the archive is whole, and drops them if it is not.
    fn finish(
        mut self,
        shared: &mut PartitionSet,
        files: &mut Vec<WrittenFile>,
        landed_outside: &mut LandedOutside,
    ) -> Result<DecodedArchive, TableError> {
        self.decoded.check_rejects();
        let lands = self.resolve(landed_outside);
        match (self.separate, &self.decoded.fault) {
            (Some(separate), Some(_)) => separate.discard(),
            (Some(mut separate), None) => {
                separate.retain(|date| lands.contains_key(&date));
                files.extend(separate.finish()?);
            }
            (None, Some(_)) => {}
            (None, None) => {
                for (partition, rows) in self.waiting {
                    if lands.contains_key(&partition.date) {
                        shared.push(partition, rows, &self.source)?;
                    }
                }
            }
        }
        Ok(self.decoded)
    }
}

impl ArchiveCollector<'_> {
    /// Decides the overlapping days; returns the days that land, with their rows.
    fn resolve(&mut self, landed_outside: &mut LandedOutside) -> BTreeMap<NaiveDate, u64> {
        let Some(overlap) = self.overlap.filter(|_| self.decoded.fault.is_none()) else {
            return std::mem::take(&mut self.rows_of_days);
        };
        let mut decisions: Vec<DayDecision> = Vec::with_capacity(overlap.held.len());
        for (day, held) in &overlap.held {
            // A day without rows has evidence too: that there are none.
            let offered = self.meters.get(day).map(DayMeter::evidence).unwrap_or_default();
            decisions.push(decide_day(*day, overlap.holder_frequency(), held.evidence, offered));
        }
        let period = overlap.claim.period.days();
        let mut lands = std::mem::take(&mut self.rows_of_days);
        let present = lands.keys().copied().filter(|day| period.contains(*day)).collect();
        let resolution = overlap.claim.resolve(present, &decisions);
        // Rows outside the period land with the archive's other rows, unless another archive has
        // their day. Where the same version already has rows in silver, it has these too, or has
        // left them.
        let outside_lands = !resolution.yielded && overlap.claim.kept_rows == 0;
        lands.retain(|day, _| {
            if period.contains(*day) { resolution.landed.contains(*day) } else { outside_lands }
        });
        let key = &self.decoded.bronze.key;
        self.decoded.left = overlap.outside.leave(key, &mut lands, landed_outside);
        self.decoded.outside = lands.keys().copied().filter(|day| !period.contains(*day)).collect();
        self.decoded.rows = lands.values().sum();
        self.decoded.resolution = Some(resolution);
        self.decoded.decisions = decisions;
        lands
    }
}

impl DecodedArchive {
    fn of(bronze: &BronzeArchive) -> Self {
        Self {
            bronze: bronze.clone(),
            rows: 0,
            resolution: None,
            decisions: Vec::new(),
            left: Vec::new(),
            outside: Vec::new(),
            rejected_rows: 0,
            rejects: Vec::new(),
            min_time: None,
            max_time: None,
            bytes: 0,
            fault: None,
        }
    }

    fn note_times(
        &mut self,
        rows: &RecordBatch,
        event_time: &str,
    ) -> Result<(), arrow::error::ArrowError> {
        let times = event_times(rows, event_time)?;
        // Of all rows that were read, whether or not their day lands: this is what the archive has.
        let min = arrow::compute::min(times).and_then(DateTime::from_timestamp_micros);
        let max = arrow::compute::max(times).and_then(DateTime::from_timestamp_micros);
        self.min_time = self.min_time.into_iter().chain(min).min();
        self.max_time = self.max_time.max(max);
        self.rows += rows.num_rows() as u64;
        Ok(())
    }

    fn reject(&mut self, rejects: Vec<Reject>) {
        self.rejected_rows += rejects.len() as u64;
        // All are counted, but a file of nothing but rejects must not fill the memory.
        let room = REJECTED_ROWS.saturating_sub(self.rejects.len());
        self.rejects.extend(rejects.into_iter().take(room));
    }

    /// Rejects an archive as a whole if none of its rows, or too few of them, can be read.
    fn check_rejects(&mut self) {
        let too_many = self.rejected_rows > REJECTED_ROWS as u64;
        // A single damaged line says nothing of what the archive is.
        let is_one_line = matches!(&self.rejects[..], [only] if only.column.is_empty());
        let all = self.rows == 0 && self.rejected_rows > 0 && !is_one_line;
        if self.fault.is_none() && (too_many || all) {
            self.fault = Some(Fault::Rejected(self.describe_rejects()));
            // They all say the same, that this is no archive of its kind.
            self.rejects.truncate(REJECTS_KEPT);
        }
        if self.fault.is_some() {
            self.rows = 0;
        }
    }

    fn describe_rejects(&self) -> String {
        let rejected = self.rejected_rows;
        let total = self.rows + rejected;
        let summary = format!("{rejected} of {total} rows cannot be read");
        match self.rejects.first() {
            Some(Reject { line, column, value, reason, .. }) => {
                format!("{summary}; first: line {line}, column {column}, `{value}`: {reason}")
            }
            None => summary,
        }
    }
}
