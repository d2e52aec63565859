//! What is published takes the place of what was provisional.
//!
//! A provisional row leaves its table once silver has a row of the same key. Rows of the day that
//! the archive lacks stay: they fill its gaps. What differs is counted first and recorded as a
//! finding; findings are their own identity, so that a process that dies in between records nothing
//! twice.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use lakehouse_core::audit::OutputTable;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::Series;
use lakehouse_core::schema::{Schemas, TableSchema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{RejectedAnswers, existing, table_name, table_spec};
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext, Committed, commit};
use crate::delta::file::ActiveFile;
use crate::delta::table::WritableTable;
use crate::gold::write::{WriteError, write_sorted};
use crate::meta::audit::{AuditRow, AuditTable, CheckResult, Finding, Found, Place, Replaced};
use crate::parquet::rewrite::file_date;
use crate::parquet::writer::FileTarget;
use crate::query::{KeyColumn, QueryError, Session, SessionOptions, key_columns, text_literal};
use crate::storage::lake::{Lake, Layer, TableName};

/// What findings of differences are recorded under.
pub(crate) const CHECK: &str = "provisional_values";

/// Columns that may differ although both are right: the API has milliseconds, archives may have
/// microseconds.
const NOT_COMPARED: [&str; 1] = ["close_time"];

/// Why provisional rows could not be replaced; those that were published are in silver.
#[derive(Debug, Error)]
pub(crate) enum SettleError {
    #[error("cannot compare provisional rows with published ones")]
    Query(#[from] QueryError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("cannot write the provisional rows that are left: {0}")]
    Write(String),
}

impl From<WriteError> for SettleError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Table(error) => Self::Table(error),
            other => Self::Write(other.to_string()),
        }
    }
}

/// Provisional rows of a table that published ones took the place of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Settled {
    pub(crate) table: String,
    pub(crate) version: i64,
    /// Rows that left.
    pub(crate) rows: u64,
    /// Those of them with another value than the published one.
    pub(crate) different: u64,
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, rows, different, .. } = self;
        write!(f, "{table}: {rows} provisional rows were published")?;
        if *different > 0 {
            write!(f, ", {different} of them with other values")?;
        }
        Ok(())
    }
}

/// Takes out of every table of provisional rows what silver has.
pub(crate) async fn settle(
    lake: &Lake,
    schemas: &Schemas,
    matrix: &Matrix,
    context: &CommitContext,
) -> Result<Vec<Settled>, SettleError> {
    let mut settled = Vec::new();
    for schema in existing(lake, schemas).await? {
        let Some(table) = WritableTable::open(lake, table_spec(schema)).await? else { continue };
        if table.each_file()?.next().is_none() {
            continue;
        }
        let session = Session::open(lake, SessionOptions::default())?;
        let work = Settling { schema, matrix, session };
        settled.extend(work.settle(lake, table, context).await?);
    }
    settle_rejects(lake, schemas, matrix, context).await?;
    Ok(settled)
}

/// Takes out of `meta.rejects` what the API had of time that silver has rows of.
async fn settle_rejects(
    lake: &Lake,
    schemas: &Schemas,
    matrix: &Matrix,
    context: &CommitContext,
) -> Result<(), SettleError> {
    let session = Session::open(lake, SessionOptions::default())?;
    let mut rejected = RejectedAnswers::read(&session).await?;
    let schema_of = |series: &Series| {
        let combination = matrix.get(series.market, &series.data_type)?;
        schemas.get(&combination.schema)
    };
    rejected.remove_published(lake, &session, schema_of, context).await
}

/// A partition with rows that were published.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Published {
    market: String,
    date: NaiveDate,
    rows: u64,
}

/// The differences of a series on a day.
#[derive(Clone, Debug, Deserialize)]
struct Difference {
    symbol: String,
    bar_interval: Option<String>,
    cases: i64,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    columns: String,
    archive: String,
}

struct Settling<'a> {
    schema: &'a TableSchema,
    matrix: &'a Matrix,
    session: Session,
}

impl Settling<'_> {
    async fn settle(
        &self,
        lake: &Lake,
        mut table: WritableTable,
        context: &CommitContext,
    ) -> Result<Option<Settled>, SettleError> {
        let published = self.published(&table).await?;
        if published.is_empty() {
            return Ok(None);
        }
        let different = self.record_differences(lake, &published, context).await?;
        let target = Arc::new(FileTarget::new(&table));
        let landed = commit(&mut table, context, async |table: &WritableTable| {
            self.change(table, &target, &published).await
        });
        let Committed::At(version) = landed.await? else { return Ok(None) };
        let rows = published.iter().map(|partition| partition.rows).sum();
        let table = table_name(self.schema).to_string();
        Ok(Some(Settled { table, version, rows, different }))
    }

    /// Finds the partitions with rows that silver has.
    async fn published(&self, table: &WritableTable) -> Result<Vec<Published>, SettleError> {
        let days: BTreeSet<NaiveDate> =
            table.each_file()?.filter_map(|file| file_date(&file)).collect();
        let days: Vec<String> = days.iter().map(|day| format!("DATE '{day}'")).collect();
        let name = self.schema.table();
        let sql = format!(
            "SELECT r.market, r.date, count(*) AS rows FROM recent.{name} AS r
             WHERE EXISTS (SELECT 1 FROM silver.{name} AS s WHERE s.date IN ({}) AND {})
             GROUP BY r.market, r.date ORDER BY r.market, r.date",
            days.join(", "),
            self.same_key(),
        );
        let silver = TableName::new(Layer::Silver, name);
        Ok(Box::pin(self.session.rows_if_any(&silver, &sql)).await?)
    }

    /// Returns the condition that a row `s` of silver has the key of a provisional row `r`.
    fn same_key(&self) -> String {
        let mut conditions = vec!["s.market = r.market".to_owned(), "s.date = r.date".to_owned()];
        let columns = self.schema.sort_columns();
        for KeyColumn { name, by_minute } in key_columns(&columns, self.schema.has_interval()) {
            conditions.push(if by_minute {
                format!("date_trunc('minute', s.{name}) = date_trunc('minute', r.{name})")
            } else {
                format!("s.{name} = r.{name}")
            });
        }
        conditions.join(" AND ")
    }

    /// Writes what is left of each partition, and removes the files that it had.
    async fn change(
        &self,
        table: &WritableTable,
        target: &Arc<FileTarget>,
        published: &[Published],
    ) -> Result<Option<Change>, SettleError> {
        let mut change = Change::default();
        for partition in published {
            let files: Vec<ActiveFile> =
                table.each_file()?.filter(|file| partition.has(file)).collect();
            if files.is_empty() {
                continue;
            }
            let rows = Box::pin(self.session.sql(&self.left(partition))).await?;
            change.adds.extend(write_sorted(target, &table.spec, rows).await?);
            change.removes.extend(files);
        }
        Ok((!change.removes.is_empty()).then_some(change))
    }

    /// Returns the statement of a partition's rows that silver does not have.
    fn left(&self, partition: &Published) -> String {
        let name = self.schema.table();
        let mut order = vec!["r.market".to_owned(), "r.date".to_owned()];
        order.extend(self.schema.sort_columns().iter().map(|column| format!("r.{column}")));
        format!(
            "SELECT r.* FROM recent.{name} AS r WHERE {} AND NOT EXISTS
               (SELECT 1 FROM silver.{name} AS s WHERE {} AND {})
             ORDER BY {}",
            partition.condition("r"),
            partition.condition("s"),
            self.same_key(),
            order.join(", "),
        )
    }

    /// Records what differs; returns how many rows do.
    async fn record_differences(
        &self,
        lake: &Lake,
        published: &[Published],
        context: &CommitContext,
    ) -> Result<u64, SettleError> {
        let mut rows = HashSet::new();
        let mut different = 0;
        for partition in published {
            let sql = self.differences(partition);
            let found: Vec<Difference> = Box::pin(self.session.rows(&sql)).await?;
            for difference in found {
                different += u64::try_from(difference.cases).unwrap_or_default();
                rows.insert(self.finding(partition, difference));
            }
        }
        if !rows.is_empty() {
            let result = CheckResult {
                check: CHECK.to_owned(),
                base: None,
                record: None,
                replaced: Replaced::Partitions(BTreeSet::new()),
                rows,
            };
            let mut findings = AuditTable::open(lake, OutputTable::Findings).await?;
            findings.land(&[result], None, |_| true, context).await?;
        }
        Ok(different)
    }

    /// Returns the statement that counts rows with other values than silver's, by series.
    fn differences(&self, partition: &Published) -> String {
        let name = self.schema.table();
        let time = self.schema.event_time();
        let interval = if self.schema.has_interval() { "r.bar_interval" } else { "NULL" };
        let differs = |column: &str| {
            // The API may lack a value that archives have.
            format!("(r.{column} IS NOT NULL AND r.{column} IS DISTINCT FROM s.{column})")
        };
        let compared = self.schema.columns().iter().map(|column| column.name.as_str());
        let compared = compared.filter(|name| *name != time && !NOT_COMPARED.contains(name));
        let compared: Vec<&str> = compared.collect();
        let any: Vec<String> = compared.iter().map(|column| differs(column)).collect();
        let named =
            |column: &&str| format!("CASE WHEN bool_or({}) THEN '{column}' END", differs(column));
        let named: Vec<String> = compared.iter().map(named).collect();
        format!(
            "SELECT r.symbol, {interval} AS bar_interval, count(*) AS cases, min(r.{time}) AS first,
                    max(r.{time}) AS last, concat_ws(', ', {}) AS columns, min(s.archive) AS archive
             FROM recent.{name} AS r JOIN silver.{name} AS s ON {}
             WHERE {} AND {} AND ({})
             GROUP BY r.symbol, {interval}",
            named.join(", "),
            self.same_key(),
            partition.condition("r"),
            partition.condition("s"),
            any.join(" OR "),
        )
    }

    /// Returns the data type whose rows of a market the table has.
    fn data_type(&self, market: &str) -> String {
        let table = self.schema.table();
        let mut rows = self.matrix.combinations().iter();
        let found = rows.find(|row| row.market.as_str() == market && row.schema == table);
        found.map_or_else(|| table.to_owned(), |row| row.data_type.to_string())
    }

    fn finding(&self, partition: &Published, difference: Difference) -> AuditRow {
        AuditRow {
            place: Place {
                check: CHECK.to_owned(),
                market: partition.market.clone(),
                data_type: self.data_type(&partition.market),
                symbol: difference.symbol,
                interval: difference.bar_interval,
                date: partition.date,
                from: difference.first,
                to: difference.last,
            },
            found: Found::Finding(Finding {
                kind: "provisional_differs".to_owned(),
                severity: "info".to_owned(),
                cases: difference.cases,
                expected: "the values that the API had".to_owned(),
                found: format!("others in {}", difference.columns),
                evidence: "the archive's values are in silver; the API's answer is in bronze/api"
                    .to_owned(),
                archive: Some(difference.archive),
            }),
        }
    }
}

impl Published {
    fn has(&self, file: &ActiveFile) -> bool {
        let market = file.partition_values.get("market").and_then(Option::as_ref);
        file_date(file) == Some(self.date) && market == Some(&self.market)
    }

    fn condition(&self, row: &str) -> String {
        let market = text_literal(&self.market);
        format!("{row}.market = {market} AND {row}.date = DATE '{}'", self.date)
    }
}
