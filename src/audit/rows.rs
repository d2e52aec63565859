//! The columns that a check's statement has to give, and rows of the two tables made of them.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::DateTime;
use datafusion::common::{DFSchema, DataFusionError};
use datafusion::dataframe::DataFrame;
use datafusion::functions_aggregate::expr_fn::{count, first_value, max, min};
use datafusion::logical_expr::{Expr, cast as cast_to, lit};
use lakehouse_core::audit::{Check, OutputTable};
use lakehouse_core::gold::ModelError;

use crate::gold::chunks::column;
use crate::meta::audit::{AuditRow, Finding, Found, Gap, Place};

/// A column that a statement gives.
struct OutputColumn {
    name: &'static str,
    data_type: DataType,
    is_required: bool,
}

/// The columns of the rows that a check's statement gives.
#[derive(Debug)]
pub(super) struct Shape {
    output: OutputTable,
    columns: Vec<Expr>,
}

const fn needed(name: &'static str, data_type: DataType) -> OutputColumn {
    OutputColumn { name, data_type, is_required: true }
}

const fn optional(name: &'static str, data_type: DataType) -> OutputColumn {
    OutputColumn { name, data_type, is_required: false }
}

fn columns(output: OutputTable) -> Vec<OutputColumn> {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut columns = vec![
        needed("market", DataType::Utf8),
        needed("date", DataType::Date32),
        optional("data_type", DataType::Utf8),
        needed("symbol", DataType::Utf8),
        optional("bar_interval", DataType::Utf8),
        needed("from_time", time.clone()),
        optional("to_time", time),
    ];
    columns.extend(match output {
        OutputTable::Findings => vec![
            optional("kind", DataType::Utf8),
            optional("expected", DataType::Utf8),
            needed("found", DataType::Utf8),
            optional("evidence", DataType::Utf8),
            optional("archive", DataType::Utf8),
        ],
        OutputTable::Gaps => vec![
            needed("missing", DataType::Int64),
            needed("class", DataType::Utf8),
            needed("evidence", DataType::Utf8),
        ],
    });
    columns
}

impl Shape {
    /// Finds the columns that a check needs among those that its statement gives.
    pub(super) fn of(check: &Check, schema: &DFSchema) -> Result<Self, ModelError> {
        let statement = check.statement();
        let given: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let known = columns(check.output());
        if let Some(unknown) =
            given.iter().find(|name| known.iter().all(|column| column.name != **name))
        {
            let names: Vec<&str> = known.iter().map(|column| column.name).collect();
            let message = format!(
                "the statement gives a column `{unknown}`; expected some of {}",
                names.join(", ")
            );
            return Err(statement.select_error(None, message));
        }
        let mut columns = Vec::with_capacity(known.len());
        for OutputColumn { name, data_type, is_required } in known {
            let value = match given.contains(&name) {
                true => cast_to(column(name), data_type),
                false if is_required => {
                    let message = format!("the statement gives no column `{name}`");
                    return Err(statement.select_error(None, message));
                }
                false => cast_to(default_of(check, name), data_type),
            };
            columns.push(value.alias(name));
        }
        Ok(Self { output: check.output(), columns })
    }

    /// Sums up findings per symbol, day and kind; gaps stay as they are.
    pub(super) fn sum_up(&self, rows: DataFrame) -> Result<DataFrame, DataFusionError> {
        let rows = rows.select(self.columns.clone())?;
        if self.output == OutputTable::Gaps {
            return rows.distinct();
        }
        let place = ["market", "date", "data_type", "symbol", "bar_interval", "kind"];
        let order = || ["from_time", "found", "archive"].map(|name| column(name).sort(true, false));
        let first = |name: &str| first_value(column(name), order().to_vec()).alias(name);
        let sums = vec![
            min(column("from_time")).alias("first_time"),
            max(column("to_time")).alias("to_time"),
            count(lit(1_i64)).alias("cases"),
            first("expected"),
            first("found"),
            first("evidence"),
            first("archive"),
        ];
        rows.aggregate(place.map(column).to_vec(), sums)?
            .with_column_renamed("first_time", "from_time")
    }
}

/// Returns what stands in a column that a statement leaves out.
fn default_of(check: &Check, name: &str) -> Expr {
    match name {
        "data_type" => lit(check.data_type()),
        "to_time" => column("from_time"),
        "kind" => lit(check.kinds().first().map_or(check.name(), |kind| kind.name.as_str())),
        "expected" => lit(check.expected()),
        _ => lit(datafusion::common::ScalarValue::Utf8(None)),
    }
}

/// Reads the rows of a batch of summed-up findings, or of gaps.
pub(super) fn read_batch(check: &Check, batch: &RecordBatch) -> Result<Vec<AuditRow>, ArrowError> {
    let values = Values(batch);
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        rows.push(AuditRow {
            place: place(check, &values, row)?,
            found: found(check, &values, row)?,
        });
    }
    Ok(rows)
}

fn place(check: &Check, values: &Values<'_>, row: usize) -> Result<Place, ArrowError> {
    let date = values.number::<Date32Type>("date", &DataType::Date32, row)?;
    let date = Date32Type::to_naive_date_opt(date).ok_or_else(|| missing("date"))?;
    let time = |name: &str| {
        let kind = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let micros = values.number::<TimestampMicrosecondType>(name, &kind, row)?;
        DateTime::from_timestamp_micros(micros).ok_or_else(|| missing(name))
    };
    Ok(Place {
        check: check.name().to_owned(),
        market: values.text("market", row)?.ok_or_else(|| missing("market"))?,
        data_type: values.text("data_type", row)?.unwrap_or_default(),
        symbol: values.text("symbol", row)?.ok_or_else(|| missing("symbol"))?,
        interval: values.text("bar_interval", row)?,
        date,
        from: time("from_time")?,
        to: time("to_time")?,
    })
}

fn found(check: &Check, values: &Values<'_>, row: usize) -> Result<Found, ArrowError> {
    let text = |name: &str| Ok::<_, ArrowError>(values.text(name, row)?.unwrap_or_default());
    let number = |name: &str| values.number::<Int64Type>(name, &DataType::Int64, row);
    if check.output() == OutputTable::Gaps {
        return Ok(Found::Gap(Gap {
            missing: number("missing")?,
            class: text("class")?,
            evidence: text("evidence")?,
        }));
    }
    Ok(Found::Finding(Finding {
        kind: text("kind")?,
        severity: check.severity().to_string(),
        cases: number("cases")?,
        expected: text("expected")?,
        found: text("found")?,
        evidence: text("evidence")?,
        archive: values.text("archive", row)?,
    }))
}

/// The values of a batch by the names of their columns.
struct Values<'a>(&'a RecordBatch);

impl Values<'_> {
    fn text(&self, name: &str, row: usize) -> Result<Option<String>, ArrowError> {
        let value = self.0.column_by_name(name).ok_or_else(|| missing(name))?.slice(row, 1);
        let value = cast(&value, &DataType::Utf8)?;
        Ok(value.as_string::<i32>().iter().next().flatten().map(str::to_owned))
    }

    fn number<T: arrow::datatypes::ArrowPrimitiveType>(
        &self,
        name: &str,
        kind: &DataType,
        row: usize,
    ) -> Result<T::Native, ArrowError> {
        let value = self.0.column_by_name(name).ok_or_else(|| missing(name))?.slice(row, 1);
        let value = cast(&value, kind)?;
        let value = value.as_primitive_opt::<T>().and_then(|values| values.iter().next().flatten());
        value.ok_or_else(|| missing(name))
    }
}

fn missing(name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("`{name}` of a finding is NULL or of another type"))
}
