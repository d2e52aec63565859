//! NULL in the lists of `IN` and `NOT IN`, and lists of which nothing is left.
//!
//! The engine joins lists of the same column: `x NOT IN (a) OR x NOT IN (b)` keeps what is in both.
//! It takes NULL for a value like others, and an empty list for an answer even where x is NULL. So
//! NULL is taken out of lists first (`x IN (a, NULL)` is `x IN (a) OR NULL`), and what could become
//! an empty list says that it has no answer where x is NULL.
//!
//! Upstream: <https://github.com/apache/datafusion/pull/24258>.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, Filter, LogicalPlan, Operator, lit};
use datafusion::optimizer::AnalyzerRule;

use super::super::expressions_of::change_parts;

#[derive(Debug)]
pub(super) struct NullInLists;

impl AnalyzerRule for NullInLists {
    fn name(&self) -> &str {
        "null_in_lists"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(correct_in_plan).data()
    }
}

fn correct_in_plan(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if let LogicalPlan::Filter(filter) = plan {
        return correct_filter(filter);
    }
    change_parts(plan, correct)
}

/// Corrects each condition of a filter by itself: for a row it is the same whether all of them are
/// false or one has no answer.
fn correct_filter(filter: Filter) -> Result<Transformed<LogicalPlan>> {
    let mut changed = false;
    let mut conditions = Vec::new();
    for condition in split_conjunction_owned(filter.predicate) {
        let corrected = condition.transform_up(correct)?;
        changed |= corrected.transformed;
        conditions.push(corrected.data);
    }
    let predicate = conjunction(conditions).unwrap_or_else(|| lit(true));
    let filter = LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?);
    Ok(Transformed::new_transformed(filter, changed))
}

fn correct(expr: Expr) -> Result<Transformed<Expr>> {
    match expr {
        Expr::InList(list) if list.list.iter().any(is_null) => {
            Ok(Transformed::yes(without_null(list)))
        }
        Expr::BinaryExpr(pair) => match value_of_lists(&pair).cloned() {
            Some(value) => Ok(Transformed::yes(unanswered_for_null(pair, value))),
            None => Ok(Transformed::no(Expr::BinaryExpr(pair))),
        },
        other => Ok(Transformed::no(other)),
    }
}

/// Says that a pair of lists has no answer where the value is NULL, which it has not anyway.
fn unanswered_for_null(pair: BinaryExpr, value: Expr) -> Expr {
    match pair.op {
        Operator::Or => Expr::BinaryExpr(pair).and(value.is_not_null().or(unknown())),
        _ => Expr::BinaryExpr(pair).or(value.is_null().and(unknown())),
    }
}

fn without_null(list: InList) -> Expr {
    let InList { expr, list, negated } = list;
    let values: Vec<_> = list.into_iter().filter(|value| !is_null(value)).collect();
    if values.is_empty() {
        return unknown();
    }
    let others = Expr::InList(InList { expr, list: values, negated });
    if negated { others.and(unknown()) } else { others.or(unknown()) }
}

/// Returns the value that both sides look for, if the engine might make an empty list of them.
fn value_of_lists(pair: &BinaryExpr) -> Option<&Expr> {
    let (Expr::InList(one), Expr::InList(other)) = (pair.left.as_ref(), pair.right.as_ref()) else {
        return None;
    };
    let may_be_empty = match pair.op {
        Operator::Or => one.negated && other.negated,
        Operator::And => !one.negated || !other.negated,
        _ => false,
    };
    (may_be_empty && one.expr == other.expr).then_some(one.expr.as_ref())
}

fn is_null(value: &Expr) -> bool {
    match value {
        Expr::Literal(value, _) => value.is_null(),
        Expr::Cast(cast) => is_null(&cast.expr),
        _ => false,
    }
}

fn unknown() -> Expr {
    lit(ScalarValue::Boolean(None))
}
