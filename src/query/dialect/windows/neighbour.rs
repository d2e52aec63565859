//! `lag(value, offset, default)` and `lead`, with a default that is computed from the row.
//!
//! The engine takes a literal alone. A default of the row becomes a CASE: the default where the
//! other row does not exist, which shows in a `lag` of something that is never NULL.

use datafusion::common::Result;
use datafusion::logical_expr::expr::{NullTreatment, WindowFunction};
use datafusion::logical_expr::planner::RawWindowExpr;
use datafusion::logical_expr::{Expr, lit, when};

/// Returns the default of a call if it depends on the row.
pub(super) fn default_of_row(call: &RawWindowExpr) -> Option<Expr> {
    let default = call.args.get(2)?;
    let is_neighbour = matches!(call.func_def.name(), "lag" | "lead");
    (is_neighbour && !default.column_refs().is_empty()).then(|| default.clone())
}

/// Returns the call, which must have a default, as a CASE under the same name.
pub(super) fn with_default(mut call: WindowFunction, default: Expr) -> Result<Expr> {
    let name = Expr::from(call.clone()).schema_name().to_string();
    call.params.args.truncate(2);
    let mut exists = call.clone();
    // Among rows that are not NULL the row exists exactly if its value is not NULL.
    if call.params.null_treatment != Some(NullTreatment::IgnoreNulls) {
        exists.params.args[0] = lit(true);
    }
    let value = when(Expr::from(exists).is_null(), default).otherwise(Expr::from(call))?;
    Ok(value.alias(name))
}
