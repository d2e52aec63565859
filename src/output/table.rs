//! A table for people: aligned columns, the type under each name, and the number of rows that are
//! not shown.
//!
//! Only the rows that will be shown are kept, so that a long answer needs no memory.

use std::io::Write;

use arrow::array::Array;
use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{CellAlignment, Table};
use lakehouse_core::foreign::steers;

/// Gathers rows and draws them at the end.
pub(super) struct TableWriter<W> {
    out: W,
    schema: SchemaRef,
    max_rows: Option<usize>,
    kept: Vec<RecordBatch>,
    rows: usize,
}

impl<W: Write> TableWriter<W> {
    pub(super) fn new(out: W, schema: &SchemaRef, max_rows: Option<usize>) -> Self {
        Self { out, schema: SchemaRef::clone(schema), max_rows, kept: Vec::new(), rows: 0 }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) {
        let left = self.max_rows.map_or(batch.num_rows(), |most| most.saturating_sub(self.rows));
        if left > 0 {
            self.kept.push(batch.slice(0, left.min(batch.num_rows())));
        }
        self.rows += batch.num_rows();
    }

    pub(super) fn finish(mut self) -> Result<(), super::OutputError> {
        let shown = self.kept.iter().map(RecordBatch::num_rows).sum::<usize>();
        draw(&mut self.out, &self.schema, &self.kept)?;
        match self.rows - shown {
            0 => writeln!(self.out, "{}", count(self.rows))?,
            1 => writeln!(self.out, "… 1 more row")?,
            more => writeln!(self.out, "… {more} more rows")?,
        }
        Ok(())
    }
}

fn count(rows: usize) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

/// Box-drawing characters in the order of comfy-table's presets; rows have no lines between them.
const BORDERS: &str = "││──├─┼┤│    ┬┴┌┐└┘";

/// Draws names and types as a header, and below it the rows; numbers are aligned right.
fn draw<W: Write>(
    out: &mut W,
    schema: &Schema,
    batches: &[RecordBatch],
) -> Result<(), super::OutputError> {
    let mut table = Table::new();
    table.load_preset(BORDERS);
    let fields = schema.fields();
    table.set_header(
        fields.iter().map(|field| format!("{}\n{}", field.name(), type_name(field.data_type()))),
    );
    for batch in batches {
        add_rows(&mut table, batch)?;
    }
    for (column, field) in table.column_iter_mut().zip(fields) {
        if field.data_type().is_numeric() {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn add_rows(table: &mut Table, batch: &RecordBatch) -> Result<(), ArrowError> {
    let mut columns = Vec::with_capacity(batch.num_columns());
    for column in batch.columns() {
        columns.push(format_cells(column.as_ref())?);
    }
    for row in 0..batch.num_rows() {
        table.add_row(columns.iter().map(|cells| cells[row].as_str()));
    }
    Ok(())
}

fn format_cells(array: &dyn Array) -> Result<Vec<String>, ArrowError> {
    let options = FormatOptions::new().with_null("NULL");
    let formatter = ArrayFormatter::try_new(array, &options)?;
    (0..array.len())
        .map(|row| Ok(without_controls(&formatter.value(row).try_to_string()?)))
        .collect()
}

/// Replaces control characters, so that text from a file cannot control the terminal.
fn without_controls(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        let is_control = steers(letter) && letter != '\n';
        plain.push(if is_control { '\u{fffd}' } else { letter });
    }
    plain
}

/// Types as one would write them in SQL.
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "int".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::UInt64 => "bigint unsigned".to_owned(),
        DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            format!("decimal({precision},{scale})")
        }
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(unit, zone) => {
            let digits = match unit {
                TimeUnit::Second => 0,
                TimeUnit::Millisecond => 3,
                TimeUnit::Microsecond => 6,
                TimeUnit::Nanosecond => 9,
            };
            zone.as_ref().map_or_else(
                || format!("timestamp({digits})"),
                |zone| format!("timestamp({digits}) {zone}"),
            )
        }
        DataType::Dictionary(_, values) => type_name(values),
        other => other.to_string().to_lowercase(),
    }
}
