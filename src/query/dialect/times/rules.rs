//! Where times in a zone are cast or moved, by the clocks of the zone.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF, cast, lit,
};
use datafusion::optimizer::AnalyzerRule;

use super::super::expressions_of::change_parts;
use super::zones::{Change, Clocks};

/// Replaces casts and sums of times with a zone. Comes after types are decided.
#[derive(Debug)]
pub(super) struct ZonedTimes {
    from_local: Arc<ScalarUDF>,
    to_local: Arc<ScalarUDF>,
    later: Arc<ScalarUDF>,
    earlier: Arc<ScalarUDF>,
}

impl Default for ZonedTimes {
    fn default() -> Self {
        let function = |change| Arc::new(ScalarUDF::from(Clocks::new(change)));
        Self {
            from_local: function(Change::FromLocal),
            to_local: function(Change::ToLocal),
            later: function(Change::Later),
            earlier: function(Change::Earlier),
        }
    }
}

impl AnalyzerRule for ZonedTimes {
    fn name(&self) -> &str {
        "zoned_times"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| self.replace_in_plan(plan)).data()
    }
}

impl ZonedTimes {
    fn replace_in_plan(&self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let schema = merge_schema(&plan.inputs());
        change_parts(plan, |expr| self.replace(expr, &schema))
    }

    fn replace(&self, expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
        match &expr {
            Expr::Cast(of) => match self.replace_cast(of, schema)? {
                Some(replaced) => Ok(Transformed::yes(replaced)),
                None => Ok(Transformed::no(expr)),
            },
            Expr::BinaryExpr(sum) => match self.replace_sum(sum, schema)? {
                Some(replaced) => Ok(Transformed::yes(replaced)),
                None => Ok(Transformed::no(expr)),
            },
            _ => Ok(Transformed::no(expr)),
        }
    }

    fn replace_cast(&self, of: &Cast, schema: &DFSchema) -> Result<Option<Expr>> {
        let DataType::Timestamp(_, to) = of.field.data_type() else { return Ok(None) };
        let Ok(from) = of.expr.get_type(schema) else { return Ok(None) };
        let replaced = match (from, to) {
            (DataType::Timestamp(_, Some(zone)), None) if has_clocks(&zone) => {
                self.to_local.call(vec![of.expr.as_ref().clone()])
            }
            (DataType::Timestamp(_, None) | DataType::Date32, Some(zone)) if has_clocks(zone) => {
                self.shown_as(of.expr.as_ref().clone(), zone)
            }
            (text, Some(zone)) if text.is_string() && has_clocks(zone) => {
                if !is_local_text(&of.expr) {
                    return Ok(None);
                }
                self.shown_as(of.expr.as_ref().clone(), zone)
            }
            _ => return Ok(None),
        };
        Ok(Some(cast(replaced, of.field.data_type().clone())))
    }

    fn shown_as(&self, time: Expr, zone: &str) -> Expr {
        let local = cast(time, DataType::Timestamp(TimeUnit::Nanosecond, None));
        self.from_local.call(vec![local, lit(zone)])
    }

    fn replace_sum(&self, sum: &BinaryExpr, schema: &DFSchema) -> Result<Option<Expr>> {
        let function = match sum.op {
            Operator::Plus => &self.later,
            Operator::Minus => &self.earlier,
            _ => return Ok(None),
        };
        let (Ok(left), Ok(right)) = (sum.left.get_type(schema), sum.right.get_type(schema)) else {
            return Ok(None);
        };
        let arguments = match (&left, &right) {
            (DataType::Timestamp(_, Some(zone)), DataType::Interval(_)) if has_clocks(zone) => {
                vec![sum.left.as_ref().clone(), sum.right.as_ref().clone()]
            }
            (DataType::Interval(_), DataType::Timestamp(_, Some(zone)))
                if has_clocks(zone) && sum.op == Operator::Plus =>
            {
                vec![sum.right.as_ref().clone(), sum.left.as_ref().clone()]
            }
            _ => return Ok(None),
        };
        Ok(Some(function.call(arguments)))
    }
}

/// Returns whether a zone may put its clocks forward and back, or is not that of UTC.
fn has_clocks(zone: &str) -> bool {
    !matches!(zone, "UTC" | "+00:00" | "Etc/UTC")
}

/// Returns whether an expression is a text of a time without a zone of its own.
fn is_local_text(expr: &Expr) -> bool {
    let Expr::Literal(value, _) = expr else { return false };
    let Some(text) = value.try_as_str().flatten() else { return false };
    let after_date = text.trim().get("yyyy-mm-dd".len()..).unwrap_or_default();
    let is_of_time = |letter: char| letter.is_ascii_digit() || ":. T".contains(letter);
    after_date.chars().all(is_of_time)
}
