//! A statistic over rows that only ever come in: all rows of a table, or a window that grows.

use std::fmt::Debug;
use std::mem::size_of_val;

use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::error::ArrowError;
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err};
use datafusion::logical_expr::Accumulator;

use super::moments::{ExactMoments, Moments, Row};
use super::statistic::{Statistic, Summary};

/// What an accumulator computes, from columns of which scales.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub(super) statistic: Statistic,
    pub(super) scales: [i8; 2],
}

impl Task {
    /// Returns the value of the statistic.
    ///
    /// # Errors
    /// When the value is beyond a double.
    pub(super) fn value(self, summary: &Summary) -> Result<ScalarValue> {
        if self.statistic == Statistic::Count {
            return Ok(ScalarValue::UInt64(Some(summary.count)));
        }
        Ok(ScalarValue::Float64(self.statistic.value(summary)))
    }
}

/// The rows of a batch in which no column is NULL.
pub(super) struct Rows<'a, T: ArrowPrimitiveType, const N: usize> {
    columns: [&'a PrimitiveArray<T>; N],
    nulls: Option<NullBuffer>,
}

impl<'a, T: ArrowPrimitiveType, const N: usize> Rows<'a, T, N> {
    /// Reads the columns of a batch.
    ///
    /// # Errors
    /// When there are not as many columns, of the type.
    pub(super) fn of(arrays: &'a [ArrayRef]) -> Result<Self> {
        let mut columns = Vec::with_capacity(N);
        let mut nulls = None;
        for array in arrays {
            let Some(column) = array.as_primitive_opt::<T>() else {
                return exec_err!("a statistic of values of type {}", array.data_type());
            };
            nulls = NullBuffer::union(nulls.as_ref(), column.nulls());
            columns.push(column);
        }
        let columns = columns
            .try_into()
            .map_err(|_| exec_datafusion_err!("a statistic of {} columns", arrays.len()))?;
        Ok(Self { columns, nulls })
    }

    pub(super) fn get(&self, row: usize) -> Option<[T::Native; N]> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        Some(self.columns.map(|column| column.value(row)))
    }

    pub(super) fn len(&self) -> usize {
        self.columns[0].len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = [T::Native; N]> {
        (0..self.len()).filter_map(|row| self.get(row))
    }
}

/// Reads the states of a batch, each written by [`Moments::write`].
pub(super) fn states<M: Moments<N>, const N: usize>(
    arrays: &[ArrayRef],
) -> Result<impl Iterator<Item = Result<M>>> {
    let states = arrays.first().and_then(|array| array.as_fixed_size_binary_opt());
    let Some(states) = states else {
        return exec_err!("the states of a statistic are of another type");
    };
    Ok(states.iter().flatten().map(M::read))
}

/// Returns one state as a value of a column of states.
///
/// # Errors
/// When the width of the state is beyond the format's.
pub(super) fn state<M: Moments<N>, const N: usize>(moments: &M) -> Result<ScalarValue> {
    let mut bytes = Vec::with_capacity(M::WIDTH);
    moments.write(&mut bytes);
    Ok(ScalarValue::FixedSizeBinary(width::<M, N>()?, Some(bytes)))
}

pub(super) fn width<M: Moments<N>, const N: usize>() -> Result<i32> {
    let width = i32::try_from(M::WIDTH);
    width.map_err(|error| ArrowError::from_external_error(Box::new(error)).into())
}

/// A statistic over all rows that have come.
#[derive(Debug)]
pub(super) struct WholeAccumulator<M, const N: usize> {
    pub(super) task: Task,
    pub(super) moments: M,
}

impl<M: Moments<N>, const N: usize> WholeAccumulator<M, N> {
    pub(super) fn new(task: Task) -> Self {
        Self { task, moments: M::default() }
    }

    fn add(&mut self, arrays: &[ArrayRef]) -> Result<()> {
        let rows = Rows::<M::Column, N>::of(arrays)?;
        rows.iter().for_each(|row: Row<M, N>| self.moments.add(row));
        Ok(())
    }

    fn merge(&mut self, arrays: &[ArrayRef]) -> Result<()> {
        for state in states::<M, N>(arrays)? {
            self.moments.merge(&state?);
        }
        Ok(())
    }

    fn value(&self) -> Result<ScalarValue> {
        self.task.value(&self.moments.summary(self.task.scales)?)
    }
}

impl<M: Moments<N>, const N: usize> Accumulator for WholeAccumulator<M, N> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.value()
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![state::<M, N>(&self.moments)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.merge(states)
    }
}

/// A statistic of decimals over a window that moves: rows that leave it are subtracted exactly.
#[derive(Debug)]
pub(super) struct ExactSlidingAccumulator<const N: usize>(WholeAccumulator<ExactMoments<N>, N>);

impl<const N: usize> ExactSlidingAccumulator<N> {
    pub(super) fn new(task: Task) -> Self {
        Self(WholeAccumulator::new(task))
    }
}

impl<const N: usize> Accumulator for ExactSlidingAccumulator<N> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.add(values)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = Rows::<<ExactMoments<N> as Moments<N>>::Column, N>::of(values)?;
        rows.iter().for_each(|row| self.0.moments.remove(row));
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.value()
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge(states)
    }
}
