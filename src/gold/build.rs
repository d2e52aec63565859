//! One build of one gold table: what is stale is computed, and replaces what was there in one
//! commit, or in several where the table was never built before.

use std::collections::BTreeSet;
use std::sync::Arc;

use deltalake::kernel::Metadata;
use lakehouse_core::gold::Model;
use lakehouse_core::names::partition::Partition;

use super::compute::{Part, parts};
use super::error::BuildError;
use super::history::{file_partition, newest_build};
use super::state::BuildState;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext, Committed, commit};
use crate::delta::file::{ActiveFile, NewFile};
use crate::delta::log::PartRecord;
use crate::delta::table::WritableTable;
use crate::failpoint::step;
use crate::parquet::writer::FileTarget;
use crate::query::Engine;
use crate::storage::lake::Lake;

/// The result of a build.
#[derive(Clone, Copy, Debug)]
pub(super) struct Built {
    pub(super) version: i64,
    pub(super) rows: u64,
}

/// Computes what is stale and commits it; [`BuildError::Overtaken`] if another build landed
/// meanwhile.
pub(super) async fn build(
    lake: &Lake,
    model: &Model,
    engine: &Engine,
    state: &BuildState,
    context: &CommitContext,
) -> Result<Built, BuildError> {
    let storage = lake.table_storage(&state.spec.name)?;
    let target = Arc::new(FileTarget::of(&state.spec, storage));
    let (computation, parts) = parts(model, engine, state, &target).await?;
    let last = parts.len().saturating_sub(1);
    let mut landing = Landing { model, state, base: state.base, replaces_all: state.replaces_all };
    let mut built = Built { version: -1, rows: 0 };
    for (at, part) in parts.iter().enumerate() {
        let files = computation.compute(part).await?;
        step("files written", &state.spec.name);
        // The table is made only now, so that a model that cannot be computed leaves no empty one.
        let mut table = WritableTable::open_or_create(lake, state.spec.clone()).await?;
        built.rows += files.iter().map(|file| file.rows).sum::<u64>();
        match landing.land(&mut table, part, at == last, &files, context).await {
            Ok(version) => built.version = version,
            Err(failure) => {
                // After any other error the commit may have happened all the same, and the files
                // may be part of the table.
                if matches!(failure, BuildError::Overtaken) {
                    target.discard(&files).await;
                }
                return Err(failure);
            }
        }
    }
    Ok(built)
}

/// Commits the parts of a build, one after the other.
struct Landing<'a> {
    model: &'a Model,
    state: &'a BuildState,
    /// The version of the newest build, or of the last part.
    base: Option<i64>,
    /// Whether nothing stays of what the table holds; only the first part may do that.
    replaces_all: bool,
}

impl Landing<'_> {
    async fn land(
        &mut self,
        table: &mut WritableTable,
        part: &Part,
        is_last: bool,
        files: &[NewFile],
        context: &CommitContext,
    ) -> Result<i64, BuildError> {
        let landed = commit(table, context, async |table: &WritableTable| {
            // What is stale was decided against one build. If another one landed since, rows of
            // its inputs could be replaced by rows of older ones.
            if newest_build(table).await?.map(|build| build.version) != self.base {
                return Err(BuildError::Overtaken);
            }
            let mut removes = table.active_files()?;
            removes.retain(|file| self.is_replaced(file, part));
            let record = self.state.record(self.model);
            let until = part.targets.as_ref().and_then(|targets| targets.last());
            let unfinished = until.filter(|_| !is_last);
            let partly_built = unfinished.map(|until| PartRecord {
                build: record.clone(),
                market: until.market.to_string(),
                date: until.date,
            });
            Ok(Some(Change {
                adds: files.to_vec(),
                removes,
                built: partly_built.is_none().then_some(record),
                partly_built,
                metadata: metadata(table, self.replaces_all)?,
                ..Change::default()
            }))
        });
        match landed.await? {
            Committed::At(version) => {
                self.base = Some(version);
                self.replaces_all = false;
                Ok(version)
            }
            // A build is never found to be unneeded.
            Committed::Unneeded => Err(BuildError::Overtaken),
        }
    }

    /// Returns whether a file's rows have been computed again.
    fn is_replaced(&self, file: &ActiveFile, part: &Part) -> bool {
        let is_target = |targets: &BTreeSet<Partition>| {
            file_partition(file).is_some_and(|partition| targets.contains(&partition))
        };
        self.replaces_all || part.targets.as_ref().is_some_and(is_target)
    }
}

/// Returns the metadata that comes with the build. Descriptions alone do not change an existing
/// table, unless all of its rows are replaced anyway: see [`crate::delta::descriptions`].
fn metadata(table: &WritableTable, replaces_all: bool) -> Result<Option<Metadata>, TableError> {
    match table.changed_metadata()? {
        None if replaces_all => table.missing_descriptions(),
        changed => Ok(changed),
    }
}
