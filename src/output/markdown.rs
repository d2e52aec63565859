//! A table for documents: pipes between cells, numbers aligned right.

use std::io::Write;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::OutputError;

/// Writes rows as they come.
pub(super) struct MarkdownWriter<W> {
    out: W,
}

impl<W: Write> MarkdownWriter<W> {
    pub(super) fn new(out: W, schema: &SchemaRef) -> Result<Self, OutputError> {
        let mut writer = Self { out };
        writer.line(schema.fields().iter().map(|field| escape(field.name())))?;
        let align = |numeric: bool| if numeric { "---:" } else { "---" }.to_owned();
        writer.line(schema.fields().iter().map(|field| align(field.data_type().is_numeric())))?;
        Ok(writer)
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        let options = FormatOptions::new().with_null("");
        let columns =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|column| column.value(row).try_to_string());
            let cells = cells.collect::<Result<Vec<_>, _>>()?;
            self.line(cells.iter().map(|cell| escape(cell)))?;
        }
        Ok(())
    }

    fn line(&mut self, cells: impl Iterator<Item = String>) -> Result<(), OutputError> {
        writeln!(self.out, "| {} |", cells.collect::<Vec<_>>().join(" | "))?;
        Ok(())
    }
}

/// A pipe would end the cell and a line break the row.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace("\r\n", "<br>").replace('\n', "<br>")
}
