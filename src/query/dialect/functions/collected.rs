//! Aggregates that need all values of a group at once.
//!
//! The values are kept as the arrays that they came in. A window that moves takes them out at the
//! front again, in the order in which they came.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::function::StateFieldsArgs;
use datafusion::logical_expr::utils::format_state_name;

/// What is computed of all values of a group.
pub(super) trait OfAll: Debug + Send + Sync + 'static {
    /// Computes the answer of a group; its columns, one for each argument, may have no rows.
    fn answer(&self, columns: &[ArrayRef]) -> Result<ScalarValue>;
}

/// The values of a group.
#[derive(Debug)]
pub(super) struct Collected<F> {
    of_all: F,
    types: Vec<DataType>,
    batches: VecDeque<Vec<ArrayRef>>,
    /// Bytes of the values, counted as they come since there may be many batches.
    bytes: usize,
}

impl<F: OfAll> Collected<F> {
    /// Begins a group with columns of these types.
    pub(super) fn new(of_all: F, types: Vec<DataType>) -> Self {
        Self { of_all, types, batches: VecDeque::new(), bytes: 0 }
    }

    fn push(&mut self, columns: Vec<ArrayRef>) {
        if columns.first().is_some_and(|column| !column.is_empty()) {
            self.bytes += bytes_of(&columns);
            self.batches.push_back(columns);
        }
    }

    fn columns(&self) -> Result<Vec<ArrayRef>> {
        let mut columns = Vec::with_capacity(self.types.len());
        for (index, data_type) in self.types.iter().enumerate() {
            let parts: Vec<&dyn Array> =
                self.batches.iter().map(|columns| columns[index].as_ref()).collect();
            columns.push(match parts.is_empty() {
                true => datafusion::arrow::array::new_empty_array(data_type),
                false => concat(&parts)?,
            });
        }
        Ok(columns)
    }
}

/// Returns the fields of the state of an aggregate of these columns: a list of values for each.
pub(super) fn state_fields(args: &StateFieldsArgs<'_>, columns: usize) -> Vec<FieldRef> {
    let field = |(index, input): (usize, &FieldRef)| {
        let name = format_state_name(args.name, &format!("values{index}"));
        let item = Field::new_list_field(input.data_type().clone(), true);
        Arc::new(Field::new_list(name, item, true))
    };
    args.input_fields.iter().take(columns).enumerate().map(field).collect()
}

impl<F: OfAll> Accumulator for Collected<F> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.push(values[..self.types.len()].to_vec());
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let mut left = values[0].len();
        while left > 0 {
            let Some(columns) = self.batches.pop_front() else { break };
            self.bytes -= bytes_of(&columns);
            let rows = columns[0].len();
            if rows > left {
                let kept: Vec<_> =
                    columns.iter().map(|column| column.slice(left, rows - left)).collect();
                self.bytes += bytes_of(&kept);
                self.batches.push_front(kept);
            }
            left -= left.min(rows);
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.of_all.answer(&self.columns()?)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let columns = self.columns()?;
        let list = |column| SingleRowListArrayBuilder::new(column).build_list_scalar();
        Ok(columns.into_iter().map(list).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for row in 0..states[0].len() {
            let values = |state: &ArrayRef| state.as_list::<i32>().value(row);
            self.push(states.iter().map(values).collect());
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.bytes
    }
}

/// Returns about how many bytes columns have; a part of an array counts as such.
fn bytes_of(columns: &[ArrayRef]) -> usize {
    let bytes = |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or_default();
    columns.iter().map(bytes).sum::<usize>() + size_of::<Vec<ArrayRef>>()
}
