//! Subqueries that depend on the outer row in a way that the engine cannot plan.
//!
//! Its own messages name its operators, or columns that nobody wrote; here the statement is refused
//! with the one to write instead.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

/// Refuses a statement with such a subquery.
///
/// # Errors
/// When it has one; the message shows what to write.
pub(in crate::query) fn refuse_unplannable(plan: &LogicalPlan) -> Result<()> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Subquery(lateral) = node
            && !lateral.outer_ref_columns.is_empty()
        {
            found = found.or(obstacle(&lateral.subquery)?);
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                let subquery = match expr {
                    Expr::ScalarSubquery(subquery) => subquery,
                    Expr::InSubquery(within) => &within.subquery,
                    _ => return Ok(TreeNodeRecursion::Continue),
                };
                if !subquery.outer_ref_columns.is_empty() {
                    found = found.or(obstacle(&subquery.subquery)?);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    found.map_or(Ok(()), refuse)
}

fn refuse(obstacle: Obstacle) -> Result<()> {
    match obstacle {
        Obstacle::Limit => plan_err!(
            "a subquery with LIMIT cannot depend on the row outside of it: for the latest row \
             before each one, write FROM a ASOF LEFT JOIN b ON a.symbol = b.symbol AND \
             a.time >= b.time"
        ),
        Obstacle::Comparison => plan_err!(
            "an aggregate in a subquery cannot be limited by a comparison with the row outside of \
             it: for the nearest row, write FROM a ASOF LEFT JOIN b ON a.symbol = b.symbol AND \
             a.time >= b.time; for an aggregate of many, join both tables and GROUP BY"
        ),
    }
}

#[derive(Clone, Copy, Debug)]
enum Obstacle {
    Limit,
    Comparison,
}

/// Returns what keeps a subquery that depends on the outer row from being planned.
fn obstacle(subquery: &LogicalPlan) -> Result<Option<Obstacle>> {
    let mut has_limit = false;
    let mut has_aggregate = false;
    let mut has_comparison = false;
    subquery.apply(|node| {
        has_limit |= matches!(node, LogicalPlan::Limit(_));
        has_aggregate |= matches!(node, LogicalPlan::Aggregate(_));
        if let LogicalPlan::Filter(filter) = node {
            has_comparison |= compares_outside(&filter.predicate)?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(match (has_limit, has_aggregate && has_comparison) {
        (true, _) => Some(Obstacle::Limit),
        (false, true) => Some(Obstacle::Comparison),
        (false, false) => None,
    })
}

/// Returns whether a condition compares with the outer row by something other than equality.
fn compares_outside(condition: &Expr) -> Result<bool> {
    let mut found = false;
    condition.apply(|expr| {
        if let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr {
            let is_other = matches!(
                op,
                Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq | Operator::NotEq
            );
            found |= is_other && (left.contains_outer() || right.contains_outer());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}
