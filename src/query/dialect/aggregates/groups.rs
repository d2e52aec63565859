//! A statistic of every group of a GROUP BY at once.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, FixedSizeBinaryBuilder, Float64Array, UInt64Array,
};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::accumulator::{Rows, Task, states, width};
use super::moments::Moments;
use super::statistic::{Statistic, Summary};

/// One entry per group.
#[derive(Debug)]
pub(super) struct StatisticGroups<M, const N: usize> {
    task: Task,
    groups: Vec<M>,
}

impl<M: Moments<N>, const N: usize> StatisticGroups<M, N> {
    pub(super) const fn new(task: Task) -> Self {
        Self { task, groups: Vec::new() }
    }

    fn written(&self, groups: &[M]) -> Result<Vec<ArrayRef>> {
        let width = width::<M, N>()?;
        let mut states = FixedSizeBinaryBuilder::with_capacity(groups.len(), width);
        let mut bytes = Vec::with_capacity(M::WIDTH);
        for moments in groups {
            bytes.clear();
            moments.write(&mut bytes);
            states.append_value(&bytes)?;
        }
        Ok(vec![Arc::new(states.finish())])
    }
}

impl<M: Moments<N>, const N: usize> GroupsAccumulator for StatisticGroups<M, N> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize_with(total_num_groups, M::default);
        let rows = Rows::<M::Column, N>::of(values)?;
        for (row, group) in group_indices.iter().enumerate() {
            if passes(filter, row)
                && let Some(values) = rows.get(row)
            {
                self.groups[*group].add(values);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        let summaries = groups.iter().map(|moments| moments.summary(self.task.scales));
        let summaries = summaries.collect::<Result<Vec<Summary>>>()?;
        Ok(match self.task.statistic {
            Statistic::Count => {
                Arc::new(summaries.iter().map(|of| Some(of.count)).collect::<UInt64Array>())
            }
            statistic => {
                Arc::new(summaries.iter().map(|of| statistic.value(of)).collect::<Float64Array>())
            }
        })
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = emit_to.take_needed(&mut self.groups);
        self.written(&groups)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize_with(total_num_groups, M::default);
        for (state, group) in states::<M, N>(values)?.zip(group_indices) {
            self.groups[*group].merge(&state?);
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = Rows::<M::Column, N>::of(values)?;
        let mut groups = vec![M::default(); rows.len()];
        for (row, moments) in groups.iter_mut().enumerate() {
            if passes(filter, row)
                && let Some(values) = rows.get(row)
            {
                moments.add(values);
            }
        }
        self.written(&groups)
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<M>()
    }
}

fn passes(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}
