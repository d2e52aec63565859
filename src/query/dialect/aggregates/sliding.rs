//! A statistic of doubles over a window that moves, without ever subtracting.
//!
//! Taking a row out of a sum of doubles leaves its rounding errors there for good. A window is a
//! queue, so it is kept as two parts. Of the older rows, the moments from each of them to the last
//! of them are kept, so that the oldest row leaves by dropping its entry; of the newer rows, the
//! rows and their moments. When the older part is used up, the newer becomes the older. Each row is
//! thus added twice in all, and the moments of the window are those of the two parts merged.

use std::mem::size_of_val;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::Float64Type;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::accumulator::{Rows, Task, state, states};
use super::moments::{FloatMoments, Moments};

#[derive(Debug)]
pub(super) struct FloatSlidingAccumulator<const N: usize> {
    task: Task,
    /// The moments of the older rows from each of them on; the oldest row's are last.
    older: Vec<FloatMoments<N>>,
    newer: Vec<[f64; N]>,
    newer_moments: FloatMoments<N>,
}

impl<const N: usize> FloatSlidingAccumulator<N> {
    pub(super) fn new(task: Task) -> Self {
        let newer_moments = FloatMoments::default();
        Self { task, older: Vec::new(), newer: Vec::new(), newer_moments }
    }

    fn remove_oldest(&mut self) {
        if self.older.is_empty() {
            let mut from_here_on = FloatMoments::default();
            for row in self.newer.drain(..).rev() {
                from_here_on.add(row);
                self.older.push(from_here_on.clone());
            }
            self.newer_moments = FloatMoments::default();
        }
        self.older.pop();
    }

    fn moments(&self) -> FloatMoments<N> {
        let mut moments = self.older.last().cloned().unwrap_or_default();
        moments.merge(&self.newer_moments);
        moments
    }
}

impl<const N: usize> Accumulator for FloatSlidingAccumulator<N> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for row in Rows::<Float64Type, N>::of(values)?.iter() {
            self.newer.push(row);
            self.newer_moments.add(row);
        }
        Ok(())
    }

    /// Rows leave a window in the order in which they came.
    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let leaving = Rows::<Float64Type, N>::of(values)?.iter().count();
        (0..leaving).for_each(|_| self.remove_oldest());
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.task.value(&self.moments().summary(self.task.scales)?)
    }

    fn size(&self) -> usize {
        let older = self.older.capacity() * size_of::<FloatMoments<N>>();
        size_of_val(self) + older + self.newer.capacity() * size_of::<[f64; N]>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![state::<FloatMoments<N>, N>(&self.moments())?])
    }

    fn merge_batch(&mut self, arrays: &[ArrayRef]) -> Result<()> {
        for state in states::<FloatMoments<N>, N>(arrays)? {
            self.newer_moments.merge(&state?);
        }
        Ok(())
    }
}
