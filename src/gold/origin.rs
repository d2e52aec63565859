//! Whether the rows of a model stay in the partition of the rows that they are made from, as far as
//! its statement shows.
//!
//! Days of a market are computed together, and rows of other days are left out. That is right where
//! `market` and `date` are columns of the inputs: such a row is on the same day whichever days are
//! computed with it. Where they are computed, a row may be on another day than what it is made
//! from. Then which rows a day gets would depend on the days next to it, so each day is computed
//! separately and its rows are checked (see [`day`](super::day)).

use datafusion::common::JoinType;
use datafusion::logical_expr::{Distinct, Expr, Join, LogicalPlan};

/// Returns whether the first two columns of a plan, `market` and `date`, are those of its inputs.
pub(super) fn stays_in_partition(plan: &LogicalPlan) -> bool {
    is_input_column(plan, 0, "market") && is_input_column(plan, 1, "date")
}

/// Returns whether a column of a plan has the values of the column `name` of an input, unchanged.
fn is_input_column(plan: &LogicalPlan, at: usize, name: &str) -> bool {
    let input = match plan {
        LogicalPlan::Projection(node) => return is_column(node.expr.get(at), &node.input, name),
        LogicalPlan::Aggregate(node) => {
            return is_column(node.group_expr.get(at), &node.input, name);
        }
        LogicalPlan::Join(join) => return is_column_of_side(join, at, name),
        LogicalPlan::Union(node) => {
            return node.inputs.iter().all(|input| is_input_column(input, at, name));
        }
        LogicalPlan::TableScan(node) => return node.projected_schema.field(at).name() == name,
        LogicalPlan::Filter(node) => &node.input,
        LogicalPlan::Sort(node) => &node.input,
        LogicalPlan::Limit(node) => &node.input,
        LogicalPlan::Window(node) => &node.input,
        LogicalPlan::SubqueryAlias(node) => &node.input,
        LogicalPlan::Distinct(Distinct::All(input)) => input,
        _ => return false,
    };
    // A window adds columns to those of its input.
    at < width(input) && is_input_column(input, at, name)
}

fn is_column(expression: Option<&Expr>, input: &LogicalPlan, name: &str) -> bool {
    match expression {
        Some(Expr::Alias(alias)) => is_column(Some(&alias.expr), input, name),
        Some(Expr::Column(column)) => {
            let at = input.schema().maybe_index_of_column(column);
            at.is_some_and(|at| is_input_column(input, at, name))
        }
        _ => false,
    }
}

/// The side of an outer join that may be missing has NULL in place of a day.
fn is_column_of_side(join: &Join, at: usize, name: &str) -> bool {
    let left = width(&join.left);
    let keeps_left = !matches!(join.join_type, JoinType::Right | JoinType::Full);
    let keeps_right = matches!(join.join_type, JoinType::Inner | JoinType::Right);
    match join.join_type {
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
            at < width(&join.right) && is_input_column(&join.right, at, name)
        }
        _ if at < left => keeps_left && is_input_column(&join.left, at, name),
        _ => keeps_right && is_input_column(&join.right, at - left, name),
    }
}

fn width(plan: &LogicalPlan) -> usize {
    plan.schema().fields().len()
}
