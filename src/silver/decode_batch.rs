//! A unit of work: archives of one table become data files, and nothing is committed.
//!
//! A unit may run more than once, anywhere: its files have names of their own, and what it reports
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
use lakehouse_core::overlap::{ClaimResolution, DayDecision, DayMeter, decide_day};
use lakehouse_core::schema::TableSchema;
use tracing::Span;

use super::decode_archive::{DecodeMessage, decode_archive};
use super::evidence::meter_rows;
use super::overlap::{Overlap, Overlaps};
use super::partition::PartitionSet;
use super::rows::{ArchiveColumns, by_day, event_times};
use crate::bronze::BronzeArchive;
use crate::delta::TableError;
use crate::parquet::writer::{FileTarget, WrittenFile};

/// Pieces that a decoding thread may be ahead of the writer: as many as are written at once.
const MESSAGES_AHEAD: usize = 8;
/// Bytes of CSV up to which an archive shares files with others; a larger one gets files of its
/// own, which are given up as a whole when its end turns out to be damaged.
const SHARED_BYTES: u64 = 32 << 20;
/// Rejected rows that an archive may have; one with more is not what its schema says.
const REJECTED_ROWS: usize = 100_000;
/// Rejected rows that are kept of an archive that has too many.
const REJECTS_KEPT: usize = 100;

/// What a unit needs besides its archives.
#[derive(Debug)]
pub(super) struct BatchContext {
    pub(super) schema: Arc<TableSchema>,
    pub(super) target: Arc<FileTarget>,
    /// What each archive can claim, and what holds the days in question.
    pub(super) overlaps: Arc<Overlaps>,
    pub(super) threads: usize,
}

/// What a unit made.
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
    pub(crate) rejected_rows: u64,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) min_time: Option<DateTime<Utc>>,
    pub(crate) max_time: Option<DateTime<Utc>>,
    /// Bytes of CSV.
    pub(crate) bytes: u64,
    /// Why none of its rows are in the unit's files.
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
    let (mut files, mut decoded) = (Vec::new(), Vec::with_capacity(archives.len()));
    let (senders, receivers): (VecDeque<_>, Vec<_>) =
        archives.iter().map(|_| sync_channel(MESSAGES_AHEAD)).unzip();
    let queue = Mutex::new(archives.iter().zip(senders).collect::<VecDeque<_>>());
    let run = Span::current();
    std::thread::scope(|scope| {
        for _ in 0..context.threads.clamp(1, archives.len().max(1)) {
            scope.spawn(|| run.in_scope(|| decode_next(&queue, &context.schema)));
        }
        for (bronze, messages) in archives.iter().zip(receivers) {
            let mut collector = ArchiveCollector::new(bronze, context, &sort_columns);
            collector.drain(&messages)?;
            decoded.push(collector.finish(&mut shared, &mut files)?);
        }
        Ok::<(), TableError>(())
    })?;
    files.extend(shared.finish()?);
    Ok(DecodedBatch { files, archives: decoded })
}

/// An archive that waits for a thread, and where its messages go. A thread owns the sender of its
/// archive, so that the writer notices when the thread dies.
type WorkItem<'a> = (&'a BronzeArchive, SyncSender<DecodeMessage>);

fn decode_next(queue: &Mutex<VecDeque<WorkItem<'_>>>, schema: &TableSchema) {
    loop {
        let item = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some((archive, sender)) = item else { return };
        decode_archive(archive, schema, &sender);
    }
}

/// Takes in one archive; its rows wait in memory, or in files of its own, until its end is seen.
#[derive(Debug)]
struct ArchiveCollector<'a> {
    context: &'a BatchContext,
    decoded: DecodedArchive,
    completer: ArchiveColumns,
    source: Arc<str>,
    held: Vec<(Partition, RecordBatch)>,
    own: Option<PartitionSet>,
    sort_columns: &'a Arc<[String]>,
    overlap: Option<&'a Overlap>,
    rows_of_days: BTreeMap<NaiveDate, u64>,
    /// One for each day that is in question.
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
            completer: ArchiveColumns::new(context.target.schema(), &bronze.key),
            source: format!("{} {}", bronze.key, bronze.sha256).into(),
            decoded: DecodedArchive::of(bronze),
            held: Vec::new(),
            own: None,
            sort_columns,
        }
    }

    fn drain(&mut self, messages: &Receiver<DecodeMessage>) -> Result<(), TableError> {
        // A thread that died without a last word is noticed by its channel.
        self.decoded.fault =
            Some(Fault::Failed("decoding stopped before the archive's end".to_owned()));
        while let Ok(message) = messages.recv() {
            match message {
                DecodeMessage::Opened(bytes) => self.open(bytes),
                DecodeMessage::Rows(rows) => self.take(&rows)?,
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
            self.own = Some(PartitionSet::new(target, Arc::clone(self.sort_columns)));
        }
    }

    fn take(&mut self, rows: &RecordBatch) -> Result<(), TableError> {
        let failed = TableError::arrow(self.context.target.table());
        let event_time = self.context.schema.event_time();
        self.decoded.note_times(rows, event_time).map_err(&failed)?;
        let rows = self.completer.complete(rows).map_err(&failed)?;
        let market = self.decoded.bronze.key.market();
        for (date, rows) in by_day(&rows, event_time).map_err(&failed)? {
            *self.rows_of_days.entry(date).or_default() += rows.num_rows() as u64;
            if let Some(meter) = self.meters.get_mut(&date) {
                meter_rows(meter, &rows, &self.context.schema).map_err(&failed)?;
            }
            let partition = Partition { market, date };
            match &mut self.own {
                Some(own) => own.push(partition, rows, &self.source)?,
                None => self.held.push((partition, rows)),
            }
        }
        Ok(())
    }

    /// Hands the rows on if the archive is whole, and gives them up if it is not.
    fn finish(
        mut self,
        shared: &mut PartitionSet,
        files: &mut Vec<WrittenFile>,
    ) -> Result<DecodedArchive, TableError> {
        self.decoded.decide_day();
        let lands = self.resolve();
        match (self.own, &self.decoded.fault) {
            (Some(own), Some(_)) => own.discard(),
            (Some(mut own), None) => {
                own.retain(|date| lands.contains_key(&date));
                files.extend(own.finish()?);
            }
            (None, Some(_)) => {}
            (None, None) => {
                for (partition, rows) in
                    self.held.into_iter().filter(|(at, _)| lands.contains_key(&at.date))
                {
                    shared.push(partition, rows, &self.source)?;
                }
            }
        }
        Ok(self.decoded)
    }
}

impl ArchiveCollector<'_> {
    /// Judges the days in question; returns the days that land, with their rows.
    ///
    /// Rows outside the archive's own period are nobody else's: they go where its other rows go.
    fn resolve(&mut self) -> BTreeMap<NaiveDate, u64> {
        let Some(overlap) = self.overlap.filter(|_| self.decoded.fault.is_none()) else {
            return std::mem::take(&mut self.rows_of_days);
        };
        let decision = |(day, held): (&NaiveDate, _)| {
            let offered = self.meters.get(day).map(DayMeter::evidence).unwrap_or_default();
            decide_day(*day, overlap.holder_frequency(), held, offered)
        };
        let decisions: Vec<DayDecision> =
            overlap.held.iter().map(|(day, held)| (day, held.evidence)).map(decision).collect();
        let days = overlap.claim.period.days();
        let present = self.rows_of_days.keys().copied().filter(|day| days.contains(*day)).collect();
        let resolution = overlap.claim.resolve(present, &decisions);
        let strays_land = !resolution.yielded && overlap.claim.kept_rows == 0;
        let mut lands = std::mem::take(&mut self.rows_of_days);
        lands.retain(|day, _| {
            if days.contains(*day) { resolution.landed.contains(*day) } else { strays_land }
        });
        self.decoded.rows = lands.values().sum();
        (self.decoded.resolution, self.decoded.decisions) = (Some(resolution), decisions);
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
        let min = arrow::compute::min(times).and_then(DateTime::from_timestamp_micros);
        let max = arrow::compute::max(times).and_then(DateTime::from_timestamp_micros);
        self.min_time = self.min_time.into_iter().chain(min).min();
        self.max_time = self.max_time.max(max);
        self.rows += rows.num_rows() as u64;
        Ok(())
    }

    fn reject(&mut self, rejects: Vec<Reject>) {
        self.rejected_rows += rejects.len() as u64;
        let room = REJECTED_ROWS.saturating_sub(self.rejects.len());
        self.rejects.extend(rejects.into_iter().take(room));
    }

    /// Finds an archive none of whose rows, or too few of them, can be read to be no archive of its
    /// kind.
    fn decide_day(&mut self) {
        let too_many = self.rejected_rows > REJECTED_ROWS as u64;
        if self.fault.is_none() && (too_many || (self.rows == 0 && self.rejected_rows > 0)) {
            let first = self.rejects.first();
            let first = first.map_or_else(String::new, |reject| {
                format!(
                    "; first: line {}, column {}, `{}`: {}",
                    reject.line, reject.column, reject.value, reject.reason
                )
            });
            let total = self.rows + self.rejected_rows;
            self.fault = Some(Fault::Rejected(format!(
                "{} of {total} rows cannot be read{first}",
                self.rejected_rows
            )));
            self.rejects.truncate(REJECTS_KEPT);
        }
        if self.fault.is_some() {
            self.rows = 0;
        }
    }
}
