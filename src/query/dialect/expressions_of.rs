//! The expressions of a plan, changed without a change of the names of its columns.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Changes each part of each expression of one node, from the leaves upwards.
///
/// Each key of grouping sets is a column, whose name stays. The sets themselves have no name: under
/// one, the engine would no longer see that they are sets.
///
/// # Errors
/// When `change` fails.
pub(super) fn change_parts(
    plan: LogicalPlan,
    mut change: impl FnMut(Expr) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    let names = NamePreserver::new(&plan);
    let mut change_named = |expr: Expr| {
        let name = names.save(&expr);
        let changed = expr.transform_up(&mut change)?;
        Ok(changed.update_data(|expr| name.restore(expr)))
    };
    plan.map_expressions(|expr| match expr {
        sets @ Expr::GroupingSet(_) => sets.map_children(&mut change_named),
        other => change_named(other),
    })
}
