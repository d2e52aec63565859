//! Rows on the wire: the columns' types, and every value as text or in its binary form.

use std::sync::Arc;

use arrow_pg::datatypes::field_into_pg_type;
use arrow_pg::encoder::{Encoder, encode_value};
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::data::DataRow;
use postgres_types::Type;

use super::numeric::Numeric;

/// The formats in which a client wants columns: none for text, one for all, or one for each.
#[derive(Clone, Debug, Default)]
pub(super) struct Formats(pub(super) Vec<i16>);

impl Formats {
    pub(super) fn binary() -> Self {
        Self(vec![1])
    }

    pub(super) fn of(&self, column: usize) -> FieldFormat {
        let code = match self.0.as_slice() {
            [one] => Some(one),
            all => all.get(column),
        };
        FieldFormat::from(code.copied().unwrap_or_default())
    }
}

/// Returns the type of a column of the wire, and as what it is sent.
pub(super) fn type_of(field: &Arc<Field>) -> (Type, DataType) {
    match field.data_type() {
        DataType::Null => (Type::TEXT, DataType::Utf8),
        DataType::Dictionary(_, values) => {
            type_of(&Arc::new(Field::new(field.name(), values.as_ref().clone(), true)))
        }
        data_type if Numeric::has(data_type) => (Type::NUMERIC, data_type.clone()),
        data_type => match field_into_pg_type(field) {
            Ok(wire) => (wire, data_type.clone()),
            // What PostgreSQL has no type for is sent as its text.
            Err(_) => (Type::TEXT, DataType::Utf8),
        },
    }
}

/// Describes columns.
pub(super) fn fields(schema: &Schema, formats: &Formats) -> Vec<FieldInfo> {
    let field = |(index, field): (usize, &Arc<Field>)| {
        let (wire, _) = type_of(field);
        let info = FieldInfo::new(field.name().clone(), None, None, wire, formats.of(index));
        match field.data_type() {
            DataType::Decimal128(precision, scale) if *scale >= 0 => {
                let digits = i32::from(*precision) << 16 | i32::from(*scale);
                info.with_type_modifier(digits + 4)
            }
            _ => info,
        }
    };
    schema.fields().iter().enumerate().map(field).collect()
}

/// Writes the rows of an answer.
pub(super) struct RowWriter {
    fields: Arc<Vec<FieldInfo>>,
    columns: SchemaRef,
    encoder: DataRowEncoder,
}

impl RowWriter {
    /// Makes a writer of rows that the client knows by these columns.
    pub(super) fn new(columns: SchemaRef, formats: &Formats) -> Self {
        let fields = Arc::new(fields(&columns, formats));
        let encoder = DataRowEncoder::new(Arc::clone(&fields));
        Self { fields, columns, encoder }
    }

    pub(super) fn fields(&self) -> &[FieldInfo] {
        &self.fields
    }

    /// Returns the rows of a batch.
    ///
    /// # Errors
    /// When a value has no form on the wire.
    pub(super) fn rows(&mut self, batch: &RecordBatch) -> PgWireResult<Vec<DataRow>> {
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (column, field) in batch.columns().iter().zip(self.columns.fields()) {
            let (_, data_type) = type_of(field);
            columns.push((sendable(column, &data_type)?, field.as_ref().clone()));
        }
        let columns: Vec<(ArrayRef, Field)> = columns
            .into_iter()
            .map(|(column, field)| {
                let data_type = column.data_type().clone();
                (column, field.with_data_type(data_type))
            })
            .collect();
        let fields = Arc::clone(&self.fields);
        let mut rows = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            for ((column, field), info) in columns.iter().zip(fields.iter()) {
                self.encode(column, field, info, row)?;
            }
            rows.push(self.encoder.take_row());
        }
        Ok(rows)
    }

    fn encode(
        &mut self,
        column: &ArrayRef,
        field: &Field,
        info: &FieldInfo,
        row: usize,
    ) -> PgWireResult<()> {
        if Numeric::has(column.data_type()) {
            let number = Numeric::of(column, row);
            return Encoder::encode_field(&mut self.encoder, &number, info);
        }
        encode_value(&mut self.encoder, column, row, field, info)
    }
}

/// Returns a column as the type that it is sent as. The columns were described to the client before
/// the statement's parameters had values, which may have changed their types.
fn sendable(column: &ArrayRef, data_type: &DataType) -> PgWireResult<ArrayRef> {
    if column.data_type() == data_type {
        return Ok(Arc::clone(column));
    }
    let is_other_number = Numeric::has(column.data_type()) && Numeric::has(data_type);
    if is_other_number {
        return Ok(Arc::clone(column));
    }
    cast(column, data_type).map_err(|error| PgWireError::ApiError(Box::new(error)))
}
