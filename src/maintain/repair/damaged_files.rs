//! Which files of a log are damaged, and which files go with them.
//!
//! A commit that is not whole cannot be mended, and no commit after it can be read. So it goes with
//! all that follow, and with the checkpoints that stand for it. What they held is found out by
//! comparing the table with the ledger and with bronze. How they go is in
//! [`set_aside`](super::set_aside).

use object_store::{Error, ObjectMeta, ObjectStore};
use serde::Serialize;

use super::super::MaintainError;
use super::Repair;
use crate::delta::damage::commit_damage;
use crate::delta::log_files::{LogFiles, is_damaged_checkpoint, read};
use crate::delta::replacement::is_empty_commit;
use crate::delta::{TableError, Verb};
use crate::query::{At, LakeCatalog};
use crate::storage::lake::TableName;

/// A file of a log that is moved out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// Such as `silver.klines`.
    pub table: String,
    /// Below the table's folder.
    pub path: String,
    pub reason: String,
    /// Whether the table loses a version with it, and not only a copy of what the commits say.
    pub torn: bool,
    #[serde(skip)]
    pub(super) name: TableName,
    #[serde(skip)]
    pub(super) way: Way,
}

/// What comes in the place of a file that is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Nothing.
    Delete,
    /// A commit that does nothing.
    Empty,
    /// The commit that creates the table.
    Create,
}

impl Repair {
    /// Finds the damaged files of all chosen tables, in the order in which they may go: a log has
    /// no gap at any moment.
    pub(super) async fn damaged_files(&self) -> Result<Vec<SetAside>, MaintainError> {
        let tables = LakeCatalog::new(&self.lake, At::Newest).list().await?;
        let known = |name: &String| {
            let silver = self.schemas.iter().map(|schema| Self::silver_name(schema.table()));
            tables.iter().cloned().chain(silver).any(|table| table.to_string() == *name)
        };
        if let Some(unknown) = self.tables.iter().find(|name| !known(name)) {
            let tables = tables.iter().map(ToString::to_string).collect();
            return Err(MaintainError::UnknownTable { name: unknown.clone(), tables });
        }
        let mut damaged = Vec::new();
        for table in tables.iter().filter(|table| self.is_chosen(table)) {
            damaged.extend(self.damaged_in(table).await?);
        }
        Ok(damaged)
    }

    async fn damaged_in(&self, table: &TableName) -> Result<Vec<SetAside>, TableError> {
        let store = self.store_of(table)?;
        let failed = TableError::cannot(Verb::Read, table, "its log");
        // Listed before any commit is read: see `set_aside`.
        let files = LogFiles::list(&store).await.map_err(failed)?;
        let torn = first_torn(&store, &files).await.map_err(failed)?;
        let first = torn.as_ref().map(|(first, _)| *first);
        let mut damaged =
            damaged_checkpoints(table, &store, &files, first).await.map_err(failed)?;
        if files.has_wrong_hint(&store).await.map_err(failed)? || !damaged.is_empty() {
            let reason = "it names a checkpoint that is of no use";
            damaged.extend(files.hint.as_ref().map(|hint| file(table, hint, reason, false)));
        }
        let Some((first, reason)) = torn else { return Ok(damaged) };
        let can_create = self.spec_of(table).is_some();
        for (version, commit) in files.commits.range(first..).rev() {
            let follows = *version > first;
            if follows && is_empty_commit(&read(&store, &commit.location).await.map_err(failed)?) {
                continue;
            }
            let reason = if follows { "it follows a damaged commit" } else { reason.as_str() };
            let way = way_of(*version, first, can_create);
            damaged.push(SetAside { way, ..file(table, commit, reason, true) });
        }
        Ok(damaged)
    }
}

/// Returns what comes in the place of a commit: the first that is damaged, or one that follows it.
const fn way_of(version: u64, first: u64, can_create: bool) -> Way {
    match (version, first) {
        (_, 0) if !can_create => Way::Delete,
        (0, _) => Way::Create,
        _ => Way::Empty,
    }
}

/// Finds the checkpoints that cannot be read, and those that stand for the commit `torn`.
async fn damaged_checkpoints(
    table: &TableName,
    store: &dyn ObjectStore,
    files: &LogFiles,
    torn: Option<u64>,
) -> Result<Vec<SetAside>, Error> {
    let mut damaged = Vec::new();
    for (version, parts) in files.checkpoints.iter().rev() {
        let stands_for_torn = torn.is_some_and(|first| *version >= first);
        for part in parts {
            if stands_for_torn {
                damaged.push(file(table, part, "it stands for a damaged commit", true));
            } else if is_damaged_checkpoint(store, part).await? {
                damaged.push(file(table, part, "the checkpoint cannot be read", false));
            }
        }
    }
    Ok(damaged)
}

/// Finds the first commit that is not whole, and says what is wrong with it.
async fn first_torn(
    store: &dyn ObjectStore,
    files: &LogFiles,
) -> Result<Option<(u64, String)>, Error> {
    for (version, commit) in &files.commits {
        if let Some(damage) = commit_damage(&read(store, &commit.location).await?) {
            return Ok(Some((*version, format!("the commit {damage}"))));
        }
    }
    Ok(None)
}

fn file(table: &TableName, found: &ObjectMeta, reason: &str, torn: bool) -> SetAside {
    SetAside {
        table: table.to_string(),
        path: found.location.to_string(),
        reason: reason.to_owned(),
        torn,
        name: table.clone(),
        way: Way::Delete,
    }
}
