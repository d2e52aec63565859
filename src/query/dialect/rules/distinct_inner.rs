//! The inner side of `IN`, `NOT IN` and `EXISTS` without its repetitions.
//!
//! Whether a row has a match does not depend on how many there are, but the engine's joins visit
//! them all: rows times repetitions. The rule groups the inner side by all of its columns, which
//! are the keys and what further conditions compare, once the optimizer has removed the others.
//! NULL stays in as one row, so that `NOT IN` sees it.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Aggregate, Expr, Join, JoinType, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

#[derive(Debug)]
pub(super) struct DistinctInner;

impl OptimizerRule for DistinctInner {
    fn name(&self) -> &str {
        "distinct_inner"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Join(mut join) = plan else { return Ok(Transformed::no(plan)) };
        let distinct = match inner(&mut join) {
            Some(inner) => make_distinct(inner)?,
            None => false,
        };
        Ok(Transformed::new_transformed(LogicalPlan::Join(join), distinct))
    }
}

/// Returns the side of which only matters whether it has a match.
const fn inner(join: &mut Join) -> Option<&mut Arc<LogicalPlan>> {
    match join.join_type {
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => Some(&mut join.right),
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => Some(&mut join.left),
        _ => None,
    }
}

/// Groups a plan by all of its columns; returns whether there was anything to do.
fn make_distinct(plan: &mut Arc<LogicalPlan>) -> Result<bool> {
    let columns = plan.schema().columns();
    if columns.is_empty() || is_distinct(plan, columns.len()) {
        return Ok(false);
    }
    let columns = columns.into_iter().map(Expr::Column).collect();
    let distinct = Aggregate::try_new(Arc::clone(plan), columns, Vec::new())?;
    *plan = Arc::new(LogicalPlan::Aggregate(distinct));
    Ok(true)
}

/// Returns whether a plan groups by just its columns, also if other rules have renamed them since.
fn is_distinct(plan: &LogicalPlan, columns: usize) -> bool {
    match plan {
        LogicalPlan::Aggregate(groups) => {
            groups.aggr_expr.is_empty() && groups.group_expr.len() == columns
        }
        LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::SubqueryAlias(alias) => is_distinct(&alias.input, columns),
        LogicalPlan::Projection(projection) => is_distinct(&projection.input, columns),
        LogicalPlan::Filter(filter) => is_distinct(&filter.input, columns),
        _ => false,
    }
}
