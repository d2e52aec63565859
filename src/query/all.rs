//! The schema `all`: each table of silver, with the provisional rows that no archive has.
//!
//! A provisional row is left out as soon as silver has a row of the same key, whether or not it was
//! taken out of `recent` by then. So the order of the two commits does not matter to readers. The
//! order of the two looks does: `recent` is opened first. What leaves it afterwards was in silver
//! before, and the look at silver comes later still.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, JoinType, Result, ScalarValue};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::functions::expr_fn::date_trunc;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableType, ident, lit};

use super::catalog::LayerTables;
use super::provider::TableScan;
use super::snapshot::TableSnapshot;

/// The column that only tables of bars have.
const INTERVAL: &str = "bar_interval";

/// Silver's tables, each with what is provisional.
pub(super) struct AllTables {
    pub(super) silver: Arc<LayerTables>,
    pub(super) recent: Arc<LayerTables>,
}

impl fmt::Debug for AllTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllTables").finish_non_exhaustive()
    }
}

impl AllTables {
    async fn open(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let failed = |error| DataFusionError::External(Box::new(error));
        let recent = self.recent.open(name).await.map_err(failed)?;
        // Where others accept an older version of silver, it may lack what has left `recent` since.
        let silver = self.silver.open_within(name, Duration::ZERO).await.map_err(failed)?;
        with_provisional(silver, recent)
    }
}

#[async_trait]
impl SchemaProvider for AllTables {
    fn table_names(&self) -> Vec<String> {
        self.recent.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.open(name).await
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::View))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.silver.table_exist(name) || self.recent.table_exist(name)
    }
}

/// Returns a table of silver with the rows of recent whose keys silver does not have; nothing if
/// there is neither.
///
/// # Errors
/// When a column by which rows are compared is missing.
pub(crate) fn with_provisional(
    silver: Option<TableScan>,
    recent: Option<TableScan>,
) -> Result<Option<Arc<dyn TableProvider>>> {
    let (silver, recent) = match (silver, recent) {
        (Some(silver), Some(recent)) => (silver, recent),
        (Some(only), None) | (None, Some(only)) => return Ok(Some(Arc::new(only))),
        (None, None) => return Ok(None),
    };
    if recent.is_empty() {
        return Ok(Some(Arc::new(silver)));
    }
    Ok(Some(Arc::new(ViewTable::new(joined(silver, recent)?, None))))
}

/// Plans the rows of silver, and those of recent whose keys silver does not have.
fn joined(silver: TableScan, recent: TableScan) -> Result<LogicalPlan> {
    let keys = keys(recent.snapshot());
    // Only files of the same days can have a row of the same key.
    let partitions = partitions(recent.snapshot())?;
    let of_partition = |partition: Result<_>| partition.is_ok_and(|one| partitions.contains(&one));
    let same_days = silver.clone().cut(|file| of_partition(file.partition_values()));
    let columns: Vec<Expr> =
        silver.snapshot().schema().fields().iter().map(|field| ident(field.name())).collect();
    let provisional = column_or_null(silver.snapshot(), recent.snapshot());
    let published = scan("published", same_days)?.build()?;
    let recent = scan("provisional", recent)?
        .join_with_expr_keys(published, JoinType::LeftAnti, (keys.clone(), keys), None)?
        .project(provisional)?
        .build()?;
    scan("silver", silver)?.project(columns)?.union(recent)?.build()
}

fn scan(name: &str, table: TableScan) -> Result<LogicalPlanBuilder> {
    LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(table)), None)
}

/// Returns what identifies a row: the partition, and the columns by which its files are sorted.
fn keys(recent: &TableSnapshot) -> Vec<Expr> {
    let is_bars = recent.schema().column_with_name(INTERVAL).is_some();
    let mut keys: Vec<Expr> = recent.partition_columns().iter().map(ident).collect();
    for KeyColumn { name, by_minute } in key_columns(recent.sort_columns(), is_bars) {
        keys.push(if by_minute { date_trunc(lit("minute"), ident(name)) } else { ident(name) });
    }
    keys
}

/// A column of what identifies a row within its partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyColumn<'a> {
    pub(crate) name: &'a str,
    /// Whether it is a time of which the minute counts.
    pub(crate) by_minute: bool,
}

/// Returns what identifies a row among the columns by which files are sorted: all of them, the time
/// last. The time of what is no bar differs by milliseconds between API and archive.
pub(crate) fn key_columns(
    sort_columns: &[String],
    is_bars: bool,
) -> impl Iterator<Item = KeyColumn<'_>> {
    let last = sort_columns.len();
    (1..)
        .zip(sort_columns)
        .map(move |(position, name)| KeyColumn { name, by_minute: position == last && !is_bars })
}

fn partitions(recent: &TableSnapshot) -> Result<HashSet<Vec<ScalarValue>>> {
    recent.files().iter().map(|file| file.partition_values()).collect()
}

/// Returns silver's columns as recent has them; one that it does not have yet is NULL.
fn column_or_null(silver: &TableSnapshot, recent: &TableSnapshot) -> Vec<Expr> {
    let column = |name: &String| match recent.schema().column_with_name(name) {
        Some(_) => ident(name),
        None => lit(ScalarValue::Null).alias(name),
    };
    silver.schema().fields().iter().map(|field| column(field.name())).collect()
}
