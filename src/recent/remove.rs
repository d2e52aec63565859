//! Provisional rows of series that are taken out of the lake go with them.

use std::collections::BTreeSet;
use std::sync::Arc;

use lakehouse_core::schema::Schemas;
use serde::Deserialize;

use super::{RejectedAnswers, SettleError, existing, series_of, table_name, table_spec};
use crate::delta::TableError;
use crate::delta::commit::{CommitContext, commit};
use crate::delta::table::WritableTable;
use crate::meta::scope::Scope;
use crate::parquet::rewrite::without_archives;
use crate::parquet::writer::FileTarget;
use crate::query::{Session, SessionOptions};
use crate::storage::lake::Lake;

#[derive(Deserialize)]
struct Source {
    archive: String,
}

/// Takes out the provisional rows of series in scope, and what was rejected of them. They follow
/// the last archive, so those of a scope that ends on a day stay.
///
/// # Errors
/// When a table cannot be read or written.
pub(crate) async fn remove(
    lake: &Lake,
    schemas: &Schemas,
    scope: &Scope,
    context: &CommitContext,
) -> Result<(), SettleError> {
    if scope.dates.end.is_some() {
        return Ok(());
    }
    let session = Session::open(lake, SessionOptions::default())?;
    let is_meant = |source: &str| series_of(source).is_some_and(|series| scope.has_series(&series));
    for schema in existing(lake, schemas).await? {
        let Some(mut table) = WritableTable::open(lake, table_spec(schema)).await? else {
            continue;
        };
        let sql = format!("SELECT DISTINCT archive FROM {}", table_name(schema));
        let sources: Vec<Source> = Box::pin(session.rows(&sql)).await?;
        let sources = sources.into_iter().map(|source| source.archive);
        let sources: BTreeSet<String> = sources.filter(|source| is_meant(source)).collect();
        let target = Arc::new(FileTarget::new(&table));
        let landed = commit(&mut table, context, async |table: &WritableTable| {
            let change = without_archives(table, &target, &sources).await?;
            Ok::<_, TableError>((!change.removes.is_empty()).then_some(change))
        });
        landed.await?;
    }
    let mut rejected = RejectedAnswers::read(&session).await?;
    Ok(rejected.remove(lake, is_meant, context).await?)
}
