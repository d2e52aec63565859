//! Times that are written without seconds, as in `'2023-01-21 12:00'`.
//!
//! The engine's parser of times takes a date, or a date and a time with seconds.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Cast, Expr, LogicalPlan, TryCast};
use datafusion::optimizer::AnalyzerRule;

use super::super::expressions_of::change_parts;

/// Writes the seconds of texts that are cast to a time, wherever the engine has put the cast.
#[derive(Debug)]
pub(super) struct CompleteTimes;

impl AnalyzerRule for CompleteTimes {
    fn name(&self) -> &str {
        "complete_times"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(complete_in_plan).data()
    }
}

fn complete_in_plan(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    change_parts(plan, complete)
}

fn complete(expr: Expr) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Cast(Cast { expr, field }) if is_time(field.data_type()) => {
            let inner = complete_text(*expr)?;
            Ok(inner.update_data(|expr| Expr::Cast(Cast { expr: Box::new(expr), field })))
        }
        Expr::TryCast(TryCast { expr, field }) if is_time(field.data_type()) => {
            let inner = complete_text(*expr)?;
            Ok(inner.update_data(|expr| Expr::TryCast(TryCast { expr: Box::new(expr), field })))
        }
        other => Ok(Transformed::no(other)),
    }
}

const fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..))
}

fn complete_text(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_up(|expr| {
        let Expr::Literal(value, metadata) = &expr else { return Ok(Transformed::no(expr)) };
        let Some(text) = value.try_as_str().flatten().and_then(with_seconds) else {
            return Ok(Transformed::no(expr));
        };
        let text = ScalarValue::try_from_string(text, &value.data_type())?;
        Ok(Transformed::yes(Expr::Literal(text, metadata.clone())))
    })
}

/// Returns `yyyy-mm-dd hh:mm…` with seconds, if it has none.
fn with_seconds(text: &str) -> Option<String> {
    let text = text.trim();
    let (minutes, zone) = text.split_at_checked("yyyy-mm-dd hh:mm".len())?;
    let shape = minutes.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b' ' || byte == b'T',
        13 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    (shape && !zone.starts_with(':')).then(|| format!("{minutes}:00{zone}"))
}

#[cfg(test)]
mod tests {
    use super::with_seconds;

    #[test]
    fn seconds_are_added_where_there_are_none() {
        let added = |text| with_seconds(text).unwrap();
        assert_eq!(added("2023-01-21 12:00"), "2023-01-21 12:00:00");
        assert_eq!(added("2023-01-21T12:00Z"), "2023-01-21T12:00:00Z");
        assert_eq!(added("2023-01-21 12:00+02:00"), "2023-01-21 12:00:00+02:00");
        assert_eq!(with_seconds("2023-01-21 12:00:01"), None);
        assert_eq!(with_seconds("2023-01-21"), None);
        assert_eq!(with_seconds("twelve o'clock in the morning"), None);
    }
}
