//! Columns as clients see them, and rows on their way.
//!
//! A client gets the columns of a statement before its rows, and refuses rows of other columns.
//! What is said before comes from the plan, whose columns may differ from those of the rows in
//! whether they can be NULL, and in encodings that stand for the same type. So both are brought to
//! one form, which also leaves out the encodings that JDBC cannot read:
//! <https://github.com/apache/arrow-java/issues/807>.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use tonic::Status;

use super::running::Listed;
use super::status::{failed, not_sendable};
use crate::serve::statement::Answer;

/// Rows on their way.
pub(super) type Sent = BoxStream<'static, Result<FlightData, Status>>;

/// Returns the columns of a statement's rows.
pub(super) fn of_rows(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let data_type = plain(field.data_type());
        Field::new(field.name(), data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Returns the type that all clients read.
pub(super) fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) => DataType::List(plain_part(item)),
        DataType::LargeList(item) => DataType::LargeList(plain_part(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(plain_part(item), *size),
        DataType::Struct(parts) => DataType::Struct(parts.iter().map(plain_part).collect()),
        data_type => data_type.clone(),
    }
}

fn plain_part(part: &FieldRef) -> FieldRef {
    Arc::new(Field::new(part.name(), plain(part.data_type()), true))
}

/// Brings rows to the form of the columns.
fn in_form(batch: &RecordBatch, columns: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let mut arrays = Vec::with_capacity(batch.num_columns());
    for (array, field) in batch.columns().iter().zip(columns.fields()) {
        arrays.push(cast(array, field.data_type())?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(columns), arrays, &options)
}

/// Sends the rows of a statement as the client takes them; `listed` lasts as long.
pub(super) fn send(answer: Answer, listed: Option<Listed>) -> Sent {
    let columns = of_rows(answer.schema());
    let begun = (answer, Arc::clone(&columns), listed);
    let batches = stream::try_unfold(begun, async |(mut answer, columns, listed)| {
        let next = answer.next().await.map_err(|error| failed(&error))?;
        let Some(batch) = next else { return Ok(None) };
        let batch = in_form(&batch, &columns).map_err(not_sendable)?;
        Ok(Some((batch, (answer, columns, listed))))
    });
    encoded(columns, batches.map_err(|status: Status| status.into()))
}

/// Sends rows that are known.
pub(super) fn send_batch(batch: RecordBatch) -> Sent {
    encoded(batch.schema(), stream::iter([Ok(batch)]))
}

fn encoded(
    columns: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch, FlightError>> + Send + 'static,
) -> Sent {
    let encoder = FlightDataEncoderBuilder::new().with_schema(columns);
    encoder.build(batches).map_err(Status::from).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_nullable_and_without_encodings_of_the_same_type() {
        let text = DataType::Dictionary(DataType::UInt16.into(), DataType::Utf8View.into());
        let list = DataType::new_list(DataType::Utf8View, false);
        let schema = Schema::new(vec![
            Field::new("a", text, false),
            Field::new("b", list, false),
            Field::new("c", DataType::Decimal128(38, 16), false),
        ]);
        let expected = Schema::new(vec![
            Field::new("a", DataType::Utf8, true),
            Field::new("b", DataType::new_list(DataType::Utf8, true), true),
            Field::new("c", DataType::Decimal128(38, 16), true),
        ]);
        let columns = of_rows(&schema);
        assert_eq!(*columns, expected);
        let empty = RecordBatch::new_empty(Arc::new(schema));
        assert_eq!(in_form(&empty, &columns).unwrap().schema(), columns);
    }
}
