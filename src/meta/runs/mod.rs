//! `meta.runs`: one row for every ingest, refresh or fill that had something to do.

mod rows;

use chrono::{DateTime, Utc};

pub(super) use self::rows::SCHEMA;
use self::rows::to_batch;
use super::table::MetaTable;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext};
use crate::events::summary::Summary;
use crate::storage::lake::Lake;

/// A run that has ended, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndedRun<'a> {
    pub(crate) command: &'a str,
    pub(crate) started: DateTime<Utc>,
    pub(crate) summary: &'a Summary,
    /// What stopped it, if anything did.
    pub(crate) error: Option<&'a (dyn std::error::Error + 'static)>,
    /// Whether the user stopped it.
    pub(crate) interrupted: bool,
}

/// The table of runs.
#[derive(Debug)]
pub(crate) struct RunsTable(MetaTable);

impl RunsTable {
    /// Opens the table, and creates it when it is missing.
    pub(crate) async fn open(lake: &Lake) -> Result<Self, TableError> {
        MetaTable::open_or_create(lake, &SCHEMA).await.map(Self)
    }

    /// Adds a row for a run that has ended.
    pub(crate) async fn record(
        &mut self,
        run: &EndedRun<'_>,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let row = to_batch(run, context).map_err(TableError::arrow(&self.0.delta().spec.name))?;
        let file = self.0.write(&[row]).await?;
        self.0
            .commit(context, async |_, _| {
                Ok(Some(Change { adds: vec![file.clone()], ..Change::default() }))
            })
            .await
    }
}
