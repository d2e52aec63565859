//! A table for people: aligned columns, the type under each name, and a line on what is not shown.
//!
//! Keeps only the rows that will be shown, so that a long answer costs no memory.

use std::io::{self, Write};

use arrow::array::Array;
use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use lakehouse_core::foreign::steers;

/// Gathers rows and draws them at the end.
pub(super) struct TableWriter<'a, W> {
    out: &'a mut W,
    schema: SchemaRef,
    max_rows: Option<usize>,
    kept: Vec<RecordBatch>,
    rows: usize,
}

impl<'a, W: Write> TableWriter<'a, W> {
    pub(super) fn new(out: &'a mut W, schema: &SchemaRef, max_rows: Option<usize>) -> Self {
        Self { out, schema: SchemaRef::clone(schema), max_rows, kept: Vec::new(), rows: 0 }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) {
        let left = self.max_rows.map_or(batch.num_rows(), |most| most.saturating_sub(self.rows));
        if left > 0 {
            self.kept.push(batch.slice(0, left.min(batch.num_rows())));
        }
        self.rows += batch.num_rows();
    }

    pub(super) fn finish(self) -> Result<(), super::OutputError> {
        let shown = self.kept.iter().map(RecordBatch::num_rows).sum::<usize>();
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for index in 0..self.schema.fields().len() {
            columns.push(Column::read(&self.schema, index, &self.kept)?);
        }
        draw(self.out, &columns, shown)?;
        match self.rows - shown {
            0 => writeln!(self.out, "{}", count(self.rows))?,
            more => writeln!(self.out, "… {more} more {}", if more == 1 { "row" } else { "rows" })?,
        }
        Ok(())
    }
}

fn count(rows: usize) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

/// One column's cells; a cell of several lines takes several lines of its row.
struct Column {
    name: String,
    type_name: String,
    cells: Vec<String>,
    right: bool,
    width: usize,
}

impl Column {
    fn read(schema: &Schema, index: usize, batches: &[RecordBatch]) -> Result<Self, ArrowError> {
        let field = schema.field(index);
        let mut cells = Vec::new();
        for batch in batches {
            cells.extend(format_cells(batch.column(index).as_ref())?);
        }
        let (name, type_name) = (field.name().clone(), type_name(field.data_type()));
        let lines =
            cells.iter().flat_map(|cell| cell.lines()).chain([name.as_str(), type_name.as_str()]);
        let width = lines.map(screen_width).max().unwrap_or(0);
        Ok(Self { name, type_name, right: field.data_type().is_numeric(), cells, width })
    }

    fn pad(&self, text: &str) -> String {
        let space = " ".repeat(self.width.saturating_sub(screen_width(text)));
        if self.right { format!("{space}{text}") } else { format!("{text}{space}") }
    }
}

fn format_cells(array: &dyn Array) -> Result<Vec<String>, ArrowError> {
    let options = FormatOptions::new().with_null("NULL");
    let formatter = ArrayFormatter::try_new(array, &options)?;
    (0..array.len()).map(|row| Ok(harmless(&formatter.value(row).try_to_string()?))).collect()
}

/// Text from a file must not steer the terminal, so control characters become a sign that stands
/// for them.
fn harmless(text: &str) -> String {
    let harmful = |letter: char| steers(letter) && letter != '\n';
    text.chars().map(|letter| if harmful(letter) { '\u{fffd}' } else { letter }).collect()
}

/// Returns how many columns of a screen a text takes: Chinese, Japanese and Korean signs take two
/// each.
fn screen_width(text: &str) -> usize {
    let wide = |letter: char| {
        matches!(letter, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}'
            | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
    };
    text.chars().map(|letter| if wide(letter) { 2 } else { 1 }).sum()
}

fn draw<W: Write>(out: &mut W, columns: &[Column], rows: usize) -> io::Result<()> {
    rule(out, columns, ["┌", "┬", "┐"])?;
    line(out, columns, |column| &column.name)?;
    line(out, columns, |column| &column.type_name)?;
    rule(out, columns, ["├", "┼", "┤"])?;
    for row in 0..rows {
        let height = columns
            .iter()
            .map(|column| column.cells[row].lines().count())
            .max()
            .unwrap_or(1)
            .max(1);
        for part in 0..height {
            line(out, columns, |column| column.cells[row].lines().nth(part).unwrap_or(""))?;
        }
    }
    rule(out, columns, ["└", "┴", "┘"])
}

fn rule<W: Write>(
    out: &mut W,
    columns: &[Column],
    [left, middle, right]: [&str; 3],
) -> io::Result<()> {
    let bars: Vec<String> = columns.iter().map(|column| "─".repeat(column.width + 2)).collect();
    writeln!(out, "{left}{}{right}", bars.join(middle))
}

fn line<'c, W: Write>(
    out: &mut W,
    columns: &'c [Column],
    text: impl Fn(&'c Column) -> &'c str,
) -> io::Result<()> {
    let cells: Vec<String> =
        columns.iter().map(|column| format!(" {} ", column.pad(text(column)))).collect();
    writeln!(out, "│{}│", cells.join("│"))
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
