//! Filters that are pushed below joins whose output has several columns of one name.
//!
//! The engine looks up the columns of a pushed filter by name, in each operator that it passes.
//! Where a name is not unique, it takes the first column, and filters by another value than the one
//! that was meant. The wrapper leaves such plans as they are: filters stay where they were written,
//! and cost time instead of rows.
//!
//! Upstream: <https://github.com/apache/datafusion/issues/25296>.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;

/// Wraps the rule, if it is one that pushes filters: those of the statement, or those that joins
/// and sorts make while they run.
pub(super) fn replace(rule: &mut Arc<dyn PhysicalOptimizerRule + Send + Sync>) {
    let rules = [FilterPushdown::new(), FilterPushdown::new_post_optimization()];
    if rules.iter().any(|known| known.name() == rule.name()) {
        *rule = Arc::new(WithUniqueNames(Arc::clone(rule)));
    }
}

#[derive(Debug)]
struct WithUniqueNames(Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for WithUniqueNames {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if is_ambiguous(&plan) { Ok(plan) } else { self.0.optimize(plan, config) }
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// Returns whether a filter could pass an operator by a name that is not unique.
///
/// A projection finds the columns of its input by their positions, so only its own names matter.
fn is_ambiguous(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let is_safe = |input| is_projection(plan) && !is_projection(input);
    let mut inputs = plan.children().into_iter();
    inputs.any(|input| (repeats_names(input) && !is_safe(input)) || is_ambiguous(input))
}

fn is_projection(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.downcast_ref::<ProjectionExec>().is_some()
}

fn repeats_names(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let schema = plan.schema();
    let mut names = HashSet::new();
    !schema.fields().iter().all(|field| names.insert(field.name()))
}
