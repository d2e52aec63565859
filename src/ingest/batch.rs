//! A fetched batch: its archives land in silver and in the ledger, or in the ledger with the reason
//! why not.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use lakehouse_core::ledger::{ArchiveStatus, BronzePolicy, ChecksumState, LedgerEntry};
use lakehouse_core::names::archive::{ArchiveKey, Series};
use lakehouse_core::names::market::Frequency;
use lakehouse_core::names::period::Period;
use lakehouse_core::series::{ArchiveState, SeriesLooks};

use super::{Depth, Ingest, IngestError};
use crate::bronze::{ArchiveDropper, BronzeArchive, FetchError, FetchOutcome, Fetched, Mismatch};
use crate::delta::TableError;
use crate::delta::checkpoint::BackgroundCheckpoints;
use crate::delta::commit::CommitContext;
use crate::delta::log::LogEntry;
use crate::error_chain::one_line;
use crate::events::{Event, Reporter, archive_span};
use crate::meta::archives::LedgerTable;
use crate::meta::changes::ChangesTable;
use crate::meta::rejects::RejectsTable;
use crate::silver::{BatchResult, DecodedArchive, Fault, SilverTable};
use crate::storage::lake::{Layer, TableName};

/// The tables that batches end in; each is opened when the first batch needs it.
pub(super) struct BatchStore<'a> {
    ingest: &'a Ingest,
    reporter: Arc<dyn Reporter>,
    context: &'a CommitContext,
    /// How the archives stand that batches dealt with.
    outcomes: &'a mut SeriesLooks,
    tables: Option<MetaTables>,
    silver: HashMap<Arc<str>, SilverTable>,
    /// Nothing where bronze keeps all archives.
    dropper: Option<ArchiveDropper>,
    checkpoints: BackgroundCheckpoints,
}

struct MetaTables {
    changes: ChangesTable,
    ledger: LedgerTable,
    rejects: RejectsTable,
}

impl<'a> BatchStore<'a> {
    pub(super) async fn open(
        ingest: &'a Ingest,
        reporter: Arc<dyn Reporter>,
        context: &'a CommitContext,
        outcomes: &'a mut SeriesLooks,
    ) -> Result<Self, IngestError> {
        let tables = match ingest.depth {
            Depth::Bronze => None,
            Depth::Silver => Some(MetaTables {
                changes: ChangesTable::open(&ingest.lake).await?,
                ledger: open_ledger(ingest, &reporter, context).await?,
                rejects: RejectsTable::open(&ingest.lake).await?,
            }),
        };
        let checkpoints = BackgroundCheckpoints::default();
        let silver = HashMap::new();
        let drops = ingest.bronze == BronzePolicy::Checksums && ingest.depth == Depth::Silver;
        let dropper = drops.then(|| ArchiveDropper::new(&ingest.lake)).transpose()?;
        Ok(Self { ingest, reporter, context, outcomes, tables, silver, dropper, checkpoints })
    }

    /// Lands one batch.
    pub(super) async fn add(
        &mut self,
        table: &Arc<str>,
        fetched: Vec<Fetched>,
    ) -> Result<(), IngestError> {
        let mut stored = Vec::new();
        let mut entries = Vec::new();
        for archive in fetched {
            match archive.outcome {
                FetchOutcome::Stored(bronze) => stored.push(bronze),
                other => entries.push(self.unfetched(archive.key, &other)),
            }
        }
        let Some(mut tables) = self.tables.take() else { return Ok(()) };
        stored.sort_by(|a, b| {
            (a.key.series(), a.key.period()).cmp(&(b.key.series(), b.key.period()))
        });
        for stored in split_overlapping(stored) {
            self.land(table, stored, &mut tables).await?;
        }
        self.outcomes.set_recorded(&entries);
        tables.ledger.record(entries, self.context).await?;
        self.begin_checkpoint(table, &tables);
        self.tables = Some(tables);
        Ok(())
    }

    /// Begins a checkpoint where many batches have landed, which goes on beside the next one.
    fn begin_checkpoint(&mut self, table: &Arc<str>, tables: &MetaTables) {
        let silver = self.silver.get(table).map(SilverTable::table);
        let meta = [tables.ledger.table(), tables.rejects.table(), tables.changes.table()];
        for table in silver.into_iter().chain(meta) {
            self.checkpoints.begin_if_due(table);
        }
    }

    /// Waits for what goes on beside the batches.
    pub(super) async fn finish(self) {
        self.checkpoints.finish().await;
    }

    async fn land(
        &mut self,
        table: &Arc<str>,
        stored: Vec<BronzeArchive>,
        tables: &mut MetaTables,
    ) -> Result<(), IngestError> {
        let mut silver = match self.silver.remove(table) {
            Some(silver) => silver,
            None => self.open_silver(table, &mut tables.ledger).await?,
        };
        let name = TableName::new(Layer::Silver, table);
        let corrections = silver.index().take_corrections();
        tables.changes.record(&self.ingest.matrix, &name, corrections, self.context).await?;
        tables.ledger.reconcile(silver.index(), self.context).await?;
        let keys = stored.iter().map(|archive| &archive.key);
        silver.look_up(keys, &mut tables.ledger).await?;
        let before: BTreeSet<String> = stored
            .iter()
            .filter(|archive| silver.index().holds(archive.key.path()))
            .map(|archive| archive.key.path().to_owned())
            .collect();
        let result = silver.ingest(stored.clone(), &mut tables.rejects, self.context).await?;
        self.report(table, &result, &before);
        // Before the ledger knows the version: commits up to that version are never read again,
        // and a correction that is not in `meta.changes` by then would be missing there.
        let corrections = silver.index().take_corrections();
        tables.changes.record(&self.ingest.matrix, &name, corrections, self.context).await?;
        // Commits are recorded in their order: first those of others before this one's, such as
        // what a run that died had landed. The next run reads the log from the newest version in
        // the ledger on, and would load again what is missing below it. Commits of others after
        // this one's come last, because they may have changed what its archives hold.
        let entries = result.archives.iter().map(|archive| self.decoded(archive, &result));
        let entries: Vec<LedgerEntry> = entries.collect();
        let landed = result.archives.iter().filter(|archive| archive.found.fault.is_none());
        let landed: BTreeSet<&str> = landed.map(|archive| archive.bronze.key.path()).collect();
        let mut compared = Vec::new();
        if let Some(version) = result.version {
            silver.index().forget_unrecorded(version, &landed);
            tables.ledger.reconcile_before(version, silver.index(), self.context).await?;
            // Those of the same commit go into the same commit of the ledger: with the landed ones
            // alone, the ledger would name this version, and nobody would read it again.
            compared = silver.index().take_unrecorded_before(version + 1);
        }
        self.outcomes.set_recorded(&entries);
        self.set_compared(&compared);
        tables.ledger.record_landed(entries, compared, result.version, self.context).await?;
        tables.ledger.reconcile(silver.index(), self.context).await?;
        self.drop_archives(&result.archives).await?;
        // Only now the ledger knows what a run that died, or another one, had landed of these.
        let overtaken = stored.iter();
        let overtaken = overtaken.filter(|stored| result.overtaken.contains(stored.key.path()));
        let overtaken: Vec<&BronzeArchive> = overtaken.collect();
        let confirmed = tables.ledger.confirm(&overtaken, self.context).await?;
        self.outcomes.set_recorded(&confirmed);
        self.silver.insert(Arc::clone(table), silver);
        Ok(())
    }

    /// Drops archives whose rows are in silver and in the ledger, where bronze does not keep them;
    /// one that cannot be dropped stays.
    async fn drop_archives(&self, decoded: &[DecodedArchive]) -> Result<(), IngestError> {
        let Some(dropper) = &self.dropper else { return Ok(()) };
        let landed = decoded.iter().filter(|archive| archive.found.fault.is_none());
        let landed = landed.map(|archive| &archive.bronze);
        for archive in landed.filter(|archive| archive.checksum == ChecksumState::Match) {
            match dropper.drop_archive(&archive.key, &archive.sha256).await {
                Ok(_) => {}
                Err(error @ FetchError::Note(_)) => return Err(error.into()),
                Err(error) => {
                    let path = archive.key.path();
                    let text = format!("bronze keeps {path}: {}", one_line(&error));
                    self.reporter.report(Event::Warning(text));
                }
            }
        }
        Ok(())
    }

    /// Notes how archives stand that others were compared with.
    fn set_compared(&mut self, compared: &[(i64, LogEntry)]) {
        for (_, entry) in compared {
            let LogEntry::Compared(record) = entry else { continue };
            let Ok(key) = self.ingest.matrix.identify(&record.archive) else { continue };
            let state = match (record.removed, record.yielded) {
                (true, _) => ArchiveState::Removed,
                (false, true) => ArchiveState::Yielded,
                (false, false) => ArchiveState::Held,
            };
            self.outcomes.set(&key, state);
        }
    }

    async fn open_silver(
        &self,
        table: &Arc<str>,
        ledger: &mut LedgerTable,
    ) -> Result<SilverTable, IngestError> {
        let missing = || IngestError::Schema { schema: table.to_string() };
        let schema = self.ingest.schemas.get(table).cloned().ok_or_else(missing)?;
        let lake = &self.ingest.lake;
        let matrix = Arc::clone(&self.ingest.matrix);
        let threads = self.ingest.threads;
        let memory = self.ingest.memory.clone();
        let silver = SilverTable::open(lake, Arc::new(schema), matrix, threads, memory);
        let silver = silver.await?.restoring(self.ingest.restore);
        Ok(silver.indexed_by(ledger, self.context).await?)
    }

    /// Reports what was decoded and committed; `before` are the archives that silver had rows of.
    fn report(&self, table: &Arc<str>, result: &BatchResult, before: &BTreeSet<String>) {
        let mut landed = 0;
        let mut rows = 0;
        let mut corrected = 0;
        for archive in &result.archives {
            let _span = archive_span(&archive.bronze.key).entered();
            let path = archive.bronze.key.shared_path();
            self.reporter.report(Event::Decoded {
                archive: Arc::clone(&path),
                rows: archive.found.rows,
                rejected: archive.found.rejected_rows,
                bytes: archive.found.bytes,
            });
            if let Some(fault) = &archive.found.fault {
                let (status, reason) = status_of(fault);
                self.reporter.report(Event::Failed {
                    archive: path,
                    status: status.as_str(),
                    reason,
                });
                continue;
            }
            if archive.found.resolution.is_some_and(|resolution| resolution.yielded) {
                self.reporter.report(Event::Skipped { archives: 1 });
                continue;
            }
            for left in &archive.found.left {
                self.reporter.report(Event::Left {
                    archive: Arc::clone(&path),
                    rows: left.rows,
                    reason: left.to_string(),
                });
            }
            landed += 1;
            rows += archive.found.rows;
            corrected += u64::from(before.contains(archive.bronze.key.path()));
        }
        if let Some(version) = result.version {
            let table = TableName::new(Layer::Silver, table);
            self.reporter.report(Event::Committed { table, version, archives: landed, rows });
        }
        if corrected > 0 {
            self.reporter.report(Event::Corrected { archives: corrected });
        }
        if !result.overtaken.is_empty() {
            self.reporter.report(Event::Skipped { archives: result.overtaken.len() as u64 });
        }
    }

    fn decoded(&self, archive: &DecodedArchive, result: &BatchResult) -> LedgerEntry {
        let bronze = &archive.bronze;
        let record = result.records.get(bronze.key.path());
        let yielded = record.is_some_and(|record| record.yielded);
        let settled = if yielded { ArchiveStatus::Yielded } else { ArchiveStatus::Ingested };
        let decision = record.and_then(|record| record.reason.clone());
        let (status, reason) = archive.found.fault.as_ref().map_or((settled, decision), |fault| {
            let (status, reason) = status_of(fault);
            (status, Some(reason))
        });
        LedgerEntry {
            size: Some(bronze.size),
            etag: bronze.etag.clone(),
            last_modified: bronze.last_modified,
            sha256: Some(bronze.sha256.to_string().into()),
            rows: record.map_or(archive.found.rows, |record| record.rows),
            days: record.and_then(|record| record.days),
            competing_version: record
                .and_then(|record| record.competing_version.as_deref())
                .map(Into::into),
            rejected_rows: archive.found.rejected_rows,
            min_time: archive.found.min_time,
            max_time: archive.found.max_time,
            silver_version: result.version.filter(|_| status == ArchiveStatus::Ingested),
            reason,
            ..self.entry(bronze.key.clone(), status, bronze.checksum)
        }
    }

    /// Records and reports an archive that did not come into bronze.
    fn unfetched(&self, key: ArchiveKey, outcome: &FetchOutcome) -> LedgerEntry {
        let entry = match outcome {
            FetchOutcome::NotPublished => {
                let reason = Some("the source answered that there is no such archive".to_owned());
                LedgerEntry {
                    reason,
                    ..self.entry(key, ArchiveStatus::NotPublished, ChecksumState::Unchecked)
                }
            }
            FetchOutcome::Mismatch(mismatch) => self.quarantined(key, mismatch),
            FetchOutcome::Failed { error } => {
                let reason = Some(one_line(error));
                LedgerEntry {
                    reason,
                    ..self.entry(key, ArchiveStatus::Failed, ChecksumState::Unchecked)
                }
            }
            FetchOutcome::Stored(_) => {
                self.entry(key, ArchiveStatus::Failed, ChecksumState::Unchecked)
            }
        };
        self.reporter.report(Event::Failed {
            archive: entry.key.shared_path(),
            status: entry.status.as_str(),
            reason: entry.reason.clone().unwrap_or_default(),
        });
        entry
    }

    fn quarantined(&self, key: ArchiveKey, mismatch: &Mismatch) -> LedgerEntry {
        let Mismatch { wanted, expected, actual, size, kept_as } = mismatch;
        LedgerEntry {
            size: Some(*size),
            etag: wanted.etag.clone(),
            last_modified: wanted.last_modified,
            checksum_tag: wanted.checksum_tag.clone(),
            sha256: Some(actual.to_string().into()),
            reason: Some(format!(
                "the bytes have the SHA-256 {actual}, the published checksum says {expected}; \
                 they are kept as bronze/{kept_as}"
            )),
            ..self.entry(key, ArchiveStatus::Quarantined, ChecksumState::Mismatch)
        }
    }

    fn entry(
        &self,
        key: ArchiveKey,
        status: ArchiveStatus,
        checksum: ChecksumState,
    ) -> LedgerEntry {
        LedgerEntry {
            key,
            status,
            checksum,
            size: None,
            etag: None,
            last_modified: None,
            checksum_tag: None,
            sha256: None,
            rows: 0,
            rejected_rows: 0,
            min_time: None,
            max_time: None,
            silver_version: None,
            days: None,
            competing_version: None,
            run: Arc::clone(&self.context.run),
            recorded_at: self.context.clock.now(),
            reason: None,
        }
    }
}

/// Opens the ledger, and divides its files once where an earlier version made them too large.
async fn open_ledger(
    ingest: &Ingest,
    reporter: &Arc<dyn Reporter>,
    context: &CommitContext,
) -> Result<LedgerTable, TableError> {
    let mut ledger = LedgerTable::open(&ingest.lake, Arc::clone(&ingest.matrix)).await?;
    if ledger.upgrade(context).await? {
        let text = "divided the files of meta.archives so that few of its rows can be read";
        reporter.report(Event::Note(text.to_owned()));
    }
    Ok(ledger)
}

/// Splits archives so that no group holds a month and days of it, because no commit may hold two
/// copies of a day. The days come first: the month is then compared with what they made of silver.
fn split_overlapping(stored: Vec<BronzeArchive>) -> Vec<Vec<BronzeArchive>> {
    let mut months_with_days: BTreeSet<(Series, Period)> = BTreeSet::new();
    for archive in &stored {
        if archive.key.period().frequency() == Frequency::Daily {
            let month = archive.key.period().month();
            months_with_days.insert((archive.key.series().clone(), month));
        }
    }
    let (months, others): (Vec<_>, Vec<_>) = stored.into_iter().partition(|archive| {
        months_with_days.contains(&(archive.key.series().clone(), archive.key.period()))
    });
    [others, months].into_iter().filter(|group| !group.is_empty()).collect()
}

fn status_of(fault: &Fault) -> (ArchiveStatus, String) {
    match fault {
        Fault::Rejected(reason) => (ArchiveStatus::Rejected, reason.clone()),
        Fault::Failed(reason) => (ArchiveStatus::Failed, reason.clone()),
    }
}
