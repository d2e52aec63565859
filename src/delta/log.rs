//! What the lake writes into its own commits: which run made them, and which archives they hold
//! or which inputs they were built from.
//!
//! This is the truth about what is in a table. The ledger is an index of it and can be rebuilt.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use deltalake::kernel::Action;
use deltalake::logstore::{LogStore, get_actions};
use lakehouse_core::names::days::DaySet;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::TableError;
use super::damage::commit_damage;
use super::log_files::check_commit;
use super::table::WritableTable;

/// The key of a commit's metadata under which the lake's own record stands.
pub(super) const RECORD_KEY: &str = "lakehouse";

/// The lake's own part of a commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CommitRecord {
    /// Distinguishes a commit from others of the same run when its response was lost.
    pub(crate) id: Uuid,
    pub(crate) run: String,
    /// When it was made; commits of older programs do not say it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<DateTime<Utc>>,
    /// The archives whose rows this commit adds or replaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) archives: Vec<ArchiveRecord>,
    /// Archives that were in the table before, and whose days were compared with those of the
    /// archives above.
    #[serde(rename = "holders", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) compared: Vec<ComparedRecord>,
    /// Those of the archives above whose rows took the place of another version's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) corrections: Vec<CorrectionRecord>,
    /// What a gold table was built from, where this commit built it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) built: Option<BuildRecord>,
    /// What a gold table is being built from, where this commit built a part of it. Programs that
    /// do not know this find no build, and build all of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) partly_built: Option<PartRecord>,
    /// What every check was audited on so far, where the table holds what audits found.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) audited: BTreeMap<String, BuildRecord>,
    /// Up to which versions the commits of silver tables are recorded, by the ids of these tables,
    /// where the table is the ledger.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) recorded: BTreeMap<String, i64>,
}

/// The model and the inputs from which a gold table was built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BuildRecord {
    /// The model's fingerprint.
    pub(crate) model: String,
    /// The versions of its inputs that were read, by their names in SQL.
    pub(crate) inputs: BTreeMap<String, BuiltOn>,
}

/// A part of a gold table that was built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartRecord {
    /// What the whole is built from.
    pub(crate) build: BuildRecord,
    /// The last partition that was built; all before it were, too.
    pub(crate) market: String,
    pub(crate) date: NaiveDate,
}

/// The version of an input that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BuiltOn {
    /// The table's own identity, which another table in its place does not have.
    pub(crate) id: String,
    pub(crate) version: u64,
}

/// One version of an archive, and what of it came into the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArchiveRecord {
    pub(crate) archive: String,
    pub(crate) sha256: String,
    pub(crate) size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_modified: Option<DateTime<Utc>>,
    pub(crate) checksum: String,
    pub(crate) rows: u64,
    pub(crate) rejected_rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_time: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_time: Option<DateTime<Utc>>,
    /// The days that it owns, where these are not all days of its period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) days: Option<DaySet>,
    /// The version of the month's archive that a daily archive was compared with.
    #[serde(rename = "rival", default, skip_serializing_if = "Option::is_none")]
    pub(crate) competing_version: Option<String>,
    /// Whether other copies are more complete on every day that it has rows of, so that none of
    /// them is in the table.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) yielded: bool,
    /// The days outside its period of which it has rows; commits of older programs do not say, nor
    /// those of archives whose first and last time are inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outside: Option<Vec<NaiveDate>>,
    /// How its days were decided, where another copy held them, and which rows it left to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What an archive still holds after its days were compared with another copy's, or after rows
/// outside its period were left to the owner of their day; its version is as before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ComparedRecord {
    pub(crate) archive: String,
    pub(crate) sha256: String,
    /// Rows that it has in the table from now on.
    pub(crate) rows: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) days: Option<DaySet>,
    #[serde(rename = "rival", default, skip_serializing_if = "Option::is_none")]
    pub(crate) competing_version: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) yielded: bool,
    /// Whether it was taken out on request, and counts as one that the table never held.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) removed: bool,
    /// The days outside its period of which it still has rows; nothing where that has not changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outside: Option<Vec<NaiveDate>>,
    pub(crate) reason: String,
}

/// What an archive's new version changed in the table; the counts are of rows that are in the
/// table, which are fewer than the archive's where other copies own some of its days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CorrectionRecord {
    pub(crate) archive: String,
    pub(crate) old_sha256: String,
    pub(crate) sha256: String,
    pub(crate) rows_added: u64,
    pub(crate) rows_removed: u64,
    pub(crate) rows_changed: u64,
}

/// A correction, and the commit that made it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LoggedCorrection {
    pub(crate) version: i64,
    pub(crate) committed_at: DateTime<Utc>,
    pub(crate) run: String,
    pub(crate) correction: CorrectionRecord,
}

/// What a commit to a silver table records about one archive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum LogEntry {
    /// A version of it came into the table, or was found to be less complete than what is there.
    Landed(Box<ArchiveRecord>),
    /// It was in the table, and its days were compared with another copy.
    Compared(ComparedRecord),
}

impl CommitRecord {
    /// Returns the corrections in this record, which is that of a version.
    pub(crate) fn logged_corrections(
        &self,
        version: i64,
    ) -> impl Iterator<Item = LoggedCorrection> + '_ {
        let committed_at = self.at.unwrap_or_default();
        self.corrections.iter().map(move |correction| LoggedCorrection {
            version,
            committed_at,
            run: self.run.clone(),
            correction: correction.clone(),
        })
    }

    /// Returns the entries of this record, in the order in which they take effect.
    pub(crate) fn into_log_entries(self) -> impl Iterator<Item = LogEntry> {
        let landed = self.archives.into_iter().map(|record| LogEntry::Landed(Box::new(record)));
        landed.chain(self.compared.into_iter().map(LogEntry::Compared))
    }
}

/// Reads the lake's record of one version; commits of other writers have none.
///
/// # Errors
/// When the commit is not whole, or its record cannot be understood: to take it for the commit of
/// another writer would be to add the rows of its archives again.
pub(crate) async fn read_record(
    table: &WritableTable,
    version: i64,
) -> Result<Option<CommitRecord>, TableError> {
    let Ok(version) = u64::try_from(version) else { return Ok(None) };
    let Some(commit) = read_whole(table, version).await? else { return Ok(None) };
    record_in(&commit).map_err(TableError::record(&table.spec.name, version))
}

/// Reads the commit of a version; nothing if it is not in the log any more.
async fn read_whole(table: &WritableTable, version: u64) -> Result<Option<Bytes>, TableError> {
    let log = table.delta.log_store();
    let name = &table.spec.name;
    let entry = log.read_commit_entry(version).await.map_err(TableError::delta(name))?;
    if entry.as_ref().is_some_and(|commit| commit_damage(commit).is_some()) {
        // Read again for the time at which it was written, which the message names.
        let store = table.store();
        check_commit(&store, version).await.map_err(TableError::log(name))?;
    }
    Ok(entry)
}

/// Returns whether a version's commit is still in the log.
pub(crate) async fn has_commit(table: &WritableTable, version: i64) -> Result<bool, TableError> {
    let Ok(version) = u64::try_from(version) else { return Ok(false) };
    let entry = table.delta.log_store().read_commit_entry(version).await;
    Ok(entry.map_err(TableError::delta(&table.spec.name))?.is_some())
}

/// Reads what one version did; nothing if its commit is not in the log any more.
///
/// # Errors
/// When the commit is not whole or cannot be read.
pub(crate) async fn read_actions(
    table: &WritableTable,
    version: i64,
) -> Result<Option<Vec<Action>>, TableError> {
    let Ok(version) = u64::try_from(version) else { return Ok(None) };
    let Some(commit) = read_whole(table, version).await? else { return Ok(None) };
    let actions = get_actions(version, &commit).map_err(TableError::delta(&table.spec.name))?;
    Ok(Some(actions))
}

/// The file that an action adds or removes: where it is, and whether its rows are changed by that.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileChange {
    pub(crate) data_change: bool,
    /// A writer may leave those of a removed file out.
    #[serde(default)]
    pub(crate) partition_values: Option<HashMap<String, Option<String>>>,
}

/// The line of a commit that may add or remove a file.
#[derive(Deserialize)]
struct FileLine {
    add: Option<FileChange>,
    remove: Option<FileChange>,
}

/// Reads which files one version added and removed, and nothing else of it, such as which archives
/// it holds; nothing if its commit is not in the log any more.
///
/// # Errors
/// When the commit is not whole or cannot be read.
pub(crate) async fn read_file_changes(
    table: &WritableTable,
    version: i64,
) -> Result<Option<Vec<FileChange>>, TableError> {
    let Ok(version) = u64::try_from(version) else { return Ok(None) };
    let Some(commit) = read_whole(table, version).await? else { return Ok(None) };
    let mut changes = Vec::new();
    for line in commit.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line: serde_json::Result<FileLine> = serde_json::from_slice(line);
        let line = line.map_err(TableError::record(&table.spec.name, version))?;
        changes.extend(line.add.into_iter().chain(line.remove));
    }
    Ok(Some(changes))
}

/// The line of a commit that has the lake's record.
#[derive(Deserialize)]
struct CommitInfoLine<'a> {
    #[serde(rename = "commitInfo", borrow)]
    info: CommitInfo<'a>,
}

#[derive(Deserialize)]
struct CommitInfo<'a> {
    #[serde(borrow)]
    lakehouse: &'a RawValue,
}

/// Finds the lake's record in the lines of a commit.
///
/// A record that cannot be understood is an error: to take it for that of another writer would be
/// to forget which archives the commit holds, and to add their rows again.
pub(crate) fn record_in(commit: &[u8]) -> serde_json::Result<Option<CommitRecord>> {
    for line in commit.split(|byte| *byte == b'\n') {
        // Other lines are other actions, which have no commit information.
        if let Ok(line) = serde_json::from_slice::<CommitInfoLine<'_>>(line) {
            return serde_json::from_str(line.info.lakehouse.get()).map(Some);
        }
    }
    Ok(None)
}
