//! A statistic of the distinct values of a column.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::mem::size_of_val;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::Accumulator;

use super::accumulator::{Rows, Task};
use super::moments::Moments;

/// Values are kept sorted, so that doubles are summed in one order however they came.
#[derive(Debug)]
pub(super) struct DistinctAccumulator<M> {
    task: Task,
    keys: BTreeSet<i128>,
    moments: PhantomData<M>,
}

impl<M: Moments<1>> DistinctAccumulator<M> {
    pub(super) const fn new(task: Task) -> Self {
        Self { task, keys: BTreeSet::new(), moments: PhantomData }
    }
}

impl<M: Moments<1>> Accumulator for DistinctAccumulator<M> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = Rows::<M::Column, 1>::of(values)?;
        self.keys.extend(rows.iter().map(|[value]| M::key(value)));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut moments = M::default();
        self.keys.iter().for_each(|key| moments.add([M::of_key(*key)]));
        self.task.value(&moments.summary(self.task.scales)?)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.keys.len() * 2 * size_of::<i128>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let bytes = self.keys.iter().flat_map(|key| key.to_le_bytes()).collect();
        Ok(vec![ScalarValue::LargeBinary(Some(bytes))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let states = states.first().and_then(|array| array.as_binary_opt::<i64>());
        let Some(states) = states else {
            return exec_err!("the states of a statistic are of another type");
        };
        for bytes in states.iter().flatten() {
            let (keys, _) = bytes.as_chunks::<{ size_of::<i128>() }>();
            self.keys.extend(keys.iter().copied().map(i128::from_le_bytes));
        }
        Ok(())
    }
}
