//! Damaged files of a log set aside: copied to another folder, and then replaced or deleted.
//!
//! The name of a commit is never free again. A damaged commit, and each that follows it, is
//! replaced where it is by one that does nothing, and new commits come after it. So several repairs
//! may run at the same time, next to runs that write:
//!
//! - Whoever commits puts a file only where there is none. Under the name of a damaged commit there
//!   is that commit, or what another repair has put there. To put the same there again does no
//!   harm, however late. If the name were free for a moment, a slow repair could take away what a
//!   writer has committed under it meanwhile.
//! - A repair lists a log before it reads it. A commit that it then finds damaged had not been
//!   replaced when the log was listed, so no commit that was made after a repair is on that list as
//!   one that follows.
//!
//! The first commit of a table cannot do nothing. It is replaced by one that creates the table,
//! with an identity that follows from the damaged bytes: two repairs write the same one. Only where
//! the program does not know the columns is the log deleted: gold tables, which are computed again,
//! and tables of newer programs, to which this one does not commit.
//!
//! Checkpoints and the hint at them only repeat what the commits say, so they are deleted. Two
//! repairs, or a repair and a run that writes a new checkpoint, may lose one, which slows readers
//! down until the next is written.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::Repair;
use super::damaged_files::{SetAside, Way};
use crate::clock::Clock;
use crate::delta::create::creation;
use crate::delta::damage::commit_damage;
use crate::delta::log_files::read;
use crate::delta::replacement::{empty_commit, is_empty_commit};
use crate::delta::table::TableSpec;
use crate::delta::{TableError, Verb};
use crate::failpoint::step;
use crate::meta;
use crate::storage::lake::{Layer, TableName};
use crate::{recent, silver};

/// The folder in a table's folder that damaged files are copied to; readers of Delta pass over it.
const FOLDER: &str = "_damaged";

impl Repair {
    /// Sets one file aside.
    ///
    /// The copy is named after its content, so a repair that was killed half-way makes no second
    /// one.
    pub(super) async fn set_file_aside(
        &self,
        file: &SetAside,
        clock: &Clock,
    ) -> Result<(), TableError> {
        let table = &file.name;
        let store = self.store_of(table)?;
        let failed = TableError::cannot(Verb::Write, table, &file.path);
        let path = Path::from(file.path.as_str());
        let content = match read(&store, &path).await {
            // Another repair has deleted it.
            Err(Error::NotFound { .. }) => return Ok(()),
            content => content.map_err(failed)?,
        };
        if is_replaced(file.way, &content) {
            return Ok(());
        }
        let digest = Sha256::digest(&content);
        let short: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let name = path.filename().unwrap_or_default();
        let copy = Path::from(format!("{FOLDER}/{name}.{short}"));
        store.put(&copy, content.clone().into()).await.map_err(failed)?;
        step("damaged file copied", table);
        let replacement = match file.way {
            Way::Delete => None,
            Way::Empty => Some(empty_commit(clock.now())),
            Way::Create => self.creation_of(table, &digest).await?,
        };
        match replacement {
            Some(commit) => store.put(&path, commit.into()).await.map(|_| ()),
            None => delete(&store, &path, &content).await,
        }
        .map_err(failed)?;
        step("damaged file set aside", table);
        Ok(())
    }

    /// Returns what a table is that this program may commit to in a repair; nothing for one whose
    /// columns it does not know.
    pub(super) fn spec_of(&self, table: &TableName) -> Option<TableSpec> {
        match table.layer {
            Layer::Silver => self.schemas.get(&table.name).map(silver::table_spec),
            Layer::Recent => self.schemas.get(&table.name).map(recent::table_spec),
            Layer::Meta => meta::table_spec(&table.name),
            Layer::Gold => None,
        }
    }

    async fn creation_of(
        &self,
        table: &TableName,
        damaged: &[u8],
    ) -> Result<Option<Bytes>, TableError> {
        let Some(spec) = self.spec_of(table) else { return Ok(None) };
        let mut id = [0; 16];
        id.iter_mut().zip(damaged).for_each(|(byte, digest)| *byte = *digest);
        let id = Builder::from_custom_bytes(id).into_uuid();
        let failed = TableError::cannot(Verb::Create, table, "the table");
        creation(&spec, id).await.map(Some).map_err(failed)
    }
}

/// Returns whether a commit is what another repair has put there.
fn is_replaced(way: Way, content: &[u8]) -> bool {
    match way {
        Way::Delete => false,
        Way::Empty => is_empty_commit(content),
        Way::Create => commit_damage(content).is_none(),
    }
}

/// Deletes a file, unless it has other content by now.
async fn delete(store: &dyn ObjectStore, path: &Path, content: &Bytes) -> Result<(), Error> {
    let found = match read(store, path).await {
        Err(Error::NotFound { .. }) => return Ok(()),
        found => found?,
    };
    if found != *content {
        return Ok(());
    }
    match store.delete(path).await {
        Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
