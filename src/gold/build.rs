//! One build of one gold table: what is stale is computed, and takes the place of what was there in
//! one commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use deltalake::kernel::Metadata;
use lakehouse_core::gold::{Model, Recompute};
use lakehouse_core::names::partition::Partition;

use super::compute::compute;
use super::error::Failure;
use super::history::{file_partition, newest_build};
use super::state::State;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext, Committed, commit};
use crate::delta::file::{ActiveFile, NewFile};
use crate::delta::table::WritableTable;
use crate::failpoint::step;
use crate::parquet::writer::FileTarget;
use crate::query::Engine;
use crate::storage::lake::Lake;

/// What a build came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Built {
    pub(super) version: i64,
    pub(super) rows: u64,
}

/// Computes what is stale and commits it; [`Failure::Overtaken`] if another build landed meanwhile.
pub(super) async fn build(
    lake: &Lake,
    model: &Model,
    engine: &Engine,
    state: &State,
    context: &CommitContext,
) -> Result<Built, Failure> {
    let storage = lake.storage().join(&format!(
        "{}/{}",
        state.spec.name.layer.as_str(),
        state.spec.name.name
    ))?;
    let target = Arc::new(FileTarget::of(&state.spec, storage));
    let files = compute(model, engine, state, &target).await?;
    step("files written", &state.spec.name);
    // The table is made only now, so that a model that cannot be computed leaves none behind.
    let mut table = WritableTable::open_or_create(lake, state.spec.clone()).await?;
    let rows = files.iter().map(|file| file.rows).sum();
    match land(&mut table, model, state, &files, context).await {
        Ok(version) => Ok(Built { version, rows }),
        Err(failure) => {
            // After any other error the files may be part of the table, as far as anybody knows.
            if matches!(failure, Failure::Overtaken) {
                target.discard(&files).await;
            }
            Err(failure)
        }
    }
}

async fn land(
    table: &mut WritableTable,
    model: &Model,
    state: &State,
    files: &[NewFile],
    context: &CommitContext,
) -> Result<i64, Failure> {
    let landed = commit(table, context, async |table: &WritableTable| {
        if newest_build(table).await?.map(|build| build.version) != state.base {
            return Err(Failure::Overtaken);
        }
        let mut removes = table.active_files()?;
        removes.retain(|file| is_replaced(file, state));
        Ok(Some(Change {
            adds: files.to_vec(),
            removes,
            built: Some(state.record(model)),
            metadata: metadata(table, state)?,
            ..Change::default()
        }))
    });
    match landed.await? {
        Committed::At(version) => Ok(version),
        // A build is never found to be unneeded.
        Committed::Unneeded => Err(Failure::Overtaken),
    }
}

/// Returns the metadata that comes with the build. Descriptions alone do not change an existing
/// table, unless all of its rows are replaced anyway: see [`crate::delta::descriptions`].
fn metadata(table: &WritableTable, state: &State) -> Result<Option<Metadata>, TableError> {
    match table.changed_metadata()? {
        None if state.replaces_all => table.missing_descriptions(),
        changed => Ok(changed),
    }
}

/// Returns whether a file's rows have been computed again.
fn is_replaced(file: &ActiveFile, state: &State) -> bool {
    let of = |stale: &BTreeSet<Partition>| {
        file_partition(file).is_some_and(|partition| stale.contains(&partition))
    };
    match &state.recompute {
        _ if state.replaces_all => true,
        Recompute::Nothing => false,
        Recompute::Whole => true,
        Recompute::Partitions(stale) => of(stale),
    }
}
