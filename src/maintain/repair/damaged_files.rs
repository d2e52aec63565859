//! Files of a log that are damaged: found, and moved to a folder next to the log.
//!
//! A commit that is not whole cannot be mended, and no commit after it can be read. So it goes with
//! all that follow, and with the checkpoints that stand for it. What they held is found out by
//! comparing the table with the ledger and with bronze.

use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::super::MaintainError;
use super::Repair;
use crate::delta::damage::commit_damage;
use crate::delta::log_files::{LogFiles, is_damaged_checkpoint, read};
use crate::delta::{TableError, Verb};
use crate::failpoint::step;
use crate::query::{At, LakeCatalog};
use crate::storage::lake::{Lake, TableName};

/// The folder in a table's folder that damaged files move to; readers of Delta pass over it.
const FOLDER: &str = "_damaged";

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
    name: Option<TableName>,
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
            damaged.extend(damaged_in(&self.lake, table).await?);
        }
        Ok(damaged)
    }
}

async fn damaged_in(lake: &Lake, table: &TableName) -> Result<Vec<SetAside>, TableError> {
    let storage = lake.storage().join(&format!("{}/{}", table.layer.as_str(), table.name))?;
    let store = storage.store();
    let failed = TableError::cannot(Verb::Read, table, "its log");
    let files = LogFiles::list(&store).await.map_err(failed)?;
    let mut damaged = Vec::new();
    let torn = first_torn(&store, &files).await.map_err(failed)?;
    for (version, parts) in files.checkpoints.iter().rev() {
        let stands_for_torn = torn.as_ref().is_some_and(|(first, _)| version >= first);
        for part in parts {
            if stands_for_torn {
                damaged.push(file(table, part, "it stands for a damaged commit", true));
            } else if is_damaged_checkpoint(&store, part).await.map_err(failed)? {
                damaged.push(file(table, part, "the checkpoint cannot be read", false));
            }
        }
    }
    if files.has_wrong_hint(&store).await.map_err(failed)? || !damaged.is_empty() {
        let reason = "it names a checkpoint that is of no use";
        damaged.extend(files.hint.as_ref().map(|hint| file(table, hint, reason, false)));
    }
    if let Some((first, reason)) = torn {
        for (version, commit) in files.commits.range(first..).rev() {
            let follows = "it follows a damaged commit";
            let reason = if *version == first { reason.as_str() } else { follows };
            damaged.push(file(table, commit, reason, true));
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
        name: Some(table.clone()),
    }
}

/// Moves a file out of its log.
///
/// The copy is named after its content, so a repair that was killed half-way makes no second one.
pub(super) async fn set_aside(lake: &Lake, file: &SetAside) -> Result<(), TableError> {
    let Some(table) = &file.name else { return Ok(()) };
    let storage = lake.storage().join(&format!("{}/{}", table.layer.as_str(), table.name))?;
    let store = storage.store();
    let failed = TableError::cannot(Verb::Write, table, &file.path);
    let path = Path::from(file.path.as_str());
    let content = match read(&store, &path).await {
        // Another repair has moved it.
        Err(Error::NotFound { .. }) => return Ok(()),
        content => content.map_err(failed)?,
    };
    let digest = Sha256::digest(&content);
    let digest: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let name = path.filename().unwrap_or_default();
    let copy = Path::from(format!("{FOLDER}/{name}.{digest}"));
    store.put(&copy, content.into()).await.map_err(failed)?;
    step("damaged file copied", table);
    match store.delete(&path).await {
        Ok(()) | Err(Error::NotFound { .. }) => {}
        Err(error) => return Err(failed(error)),
    }
    step("damaged file set aside", table);
    Ok(())
}
