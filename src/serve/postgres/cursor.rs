//! Rows of a statement that are taken in portions.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use pgwire::error::PgWireResult;
use pgwire::messages::PgWireBackendMessage;

use super::rows::RowWriter;
use super::wire::Outlet;
use crate::serve::statement::{Answer, StatementError};

/// What is left of an answer.
#[derive(Debug)]
pub(super) struct Cursor {
    columns: SchemaRef,
    /// Rows that were found and not taken yet.
    left: Option<RecordBatch>,
    /// Nothing for rows that no statement finds.
    answer: Option<Answer>,
}

/// What was sent of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) rows: usize,
    /// Whether that is the number that was wanted, so that there may be more.
    pub(super) is_full: bool,
}

impl Cursor {
    pub(super) fn new(answer: Answer) -> Self {
        Self { columns: Arc::clone(answer.schema()), left: None, answer: Some(answer) }
    }

    /// Makes one row of one text.
    pub(super) fn text(column: &str, value: &str) -> Self {
        let columns = text_column(column);
        let values = StringArray::from(vec![value]);
        let left = RecordBatch::try_new(Arc::clone(&columns), vec![Arc::new(values)]).ok();
        Self { columns, left, answer: None }
    }

    pub(super) const fn columns(&self) -> &SchemaRef {
        &self.columns
    }

    /// Returns the next rows, up to a number; nothing at the end.
    pub(super) async fn next(
        &mut self,
        most: usize,
    ) -> Result<Option<RecordBatch>, StatementError> {
        let batch = match (self.left.take(), &mut self.answer) {
            (Some(batch), answer) => {
                if let Some(answer) = answer {
                    answer.touch();
                }
                batch
            }
            (None, Some(answer)) => match answer.next().await? {
                Some(batch) => batch,
                None => return Ok(None),
            },
            (None, None) => return Ok(None),
        };
        if batch.num_rows() <= most {
            return Ok(Some(batch));
        }
        self.left = Some(batch.slice(most, batch.num_rows() - most));
        Ok(Some(batch.slice(0, most)))
    }

    /// Sends rows, up to a number.
    pub(super) async fn send(
        &mut self,
        outlet: &mut dyn Outlet,
        writer: &mut RowWriter,
        most: Option<usize>,
    ) -> PgWireResult<Sent> {
        let mut rows = 0;
        loop {
            let wanted = most.map_or(usize::MAX, |most| most - rows);
            if wanted == 0 {
                return Ok(Sent { rows, is_full: true });
            }
            let Some(batch) = self.next(wanted).await? else {
                return Ok(Sent { rows, is_full: false });
            };
            rows += batch.num_rows();
            let messages = writer.rows(&batch)?.into_iter().map(PgWireBackendMessage::DataRow);
            outlet.put(messages.collect()).await?;
            if most.is_none() {
                outlet.flush().await?;
            }
        }
    }
}

/// Returns one column of texts.
pub(super) fn text_column(name: &str) -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(name, DataType::Utf8, false)]))
}
