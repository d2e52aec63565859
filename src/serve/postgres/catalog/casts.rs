//! Texts that statements cast to the number of a table, as `format('%I.%I', …)::regclass`.
//!
//! A name that is written out is `datafusion-pg-catalog`'s business. A column that is cast has the
//! number already.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Statement, VisitMut, VisitorMut};

use crate::query::dialect::function_call;

/// The function that returns the number of a table.
const NUMBER_OF: &str = "to_regclass";

/// Has the casts computed by a function.
pub(super) fn resolve(statement: &mut Statement) {
    let _ = statement.visit(&mut Casts);
}

struct Casts;

impl VisitorMut for Casts {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { expr: text, data_type, .. } = expr
            && data_type.to_string().to_lowercase().trim_start_matches("pg_catalog.") == "regclass"
            && is_text(text)
        {
            *expr = function_call(NUMBER_OF, vec![text.as_ref().clone()]);
        }
        ControlFlow::Continue(())
    }
}

fn is_text(expr: &Expr) -> bool {
    match expr {
        Expr::Function(_) | Expr::BinaryOp { op: BinaryOperator::StringConcat, .. } => true,
        Expr::Nested(inner) => is_text(inner),
        Expr::Cast { data_type, .. } => data_type.to_string().to_lowercase() == "text",
        _ => false,
    }
}
