//! `count(DISTINCT …)` next to sums, without a change of types.
//!
//! The engine computes it in two steps, in which a sum becomes a sum of sums. That of a decimal has
//! more digits than the sum, so that what compares it no longer fits its type, and the statement
//! fails. Where the types would change, the one-step plan stays.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::single_distinct_to_groupby::SingleDistinctToGroupBy;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// Puts a rule that keeps types in the place of the engine's; other rules stay.
pub(super) fn replace(rule: &mut Arc<dyn OptimizerRule + Send + Sync>) {
    if rule.name() == SingleDistinctToGroupBy::new().name() {
        *rule = Arc::new(TypedSingleDistinct::default());
    }
}

#[derive(Debug, Default)]
struct TypedSingleDistinct {
    engine: SingleDistinctToGroupBy,
}

impl OptimizerRule for TypedSingleDistinct {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.engine.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if !matches!(plan, LogicalPlan::Aggregate(_)) {
            return Ok(Transformed::no(plan));
        }
        let rewritten = self.engine.rewrite(plan.clone(), config)?;
        match has_types_of(&rewritten.data, &plan) {
            true => Ok(rewritten),
            false => Ok(Transformed::no(plan)),
        }
    }
}

fn has_types_of(plan: &LogicalPlan, other: &LogicalPlan) -> bool {
    let types = plan.schema().fields().iter().map(|field| field.data_type());
    types.eq(other.schema().fields().iter().map(|field| field.data_type()))
}
