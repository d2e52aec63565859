//! Arithmetic: the types of literals, operators and aggregates of numbers, exact or refused.
//!
//! Numbers pass through here three times. While a statement is planned, its operators between
//! numbers become functions (`planner`, `operators`). Before the engine chooses types, numbers that
//! stand beside each other get one that loses nothing (`common`). `sum` and `avg` are functions of
//! this room too (`totals`). `limit` refuses answers that other programs could not read.
//!
//! What the engine does instead is in the issues of apache/datafusion: 14272 (a double beside a
//! decimal becomes a decimal), 17539 and 16406 (overflows wrap), 6828 (quotients of decimals).

mod common;
mod decimals;
mod expressions;
mod kernels;
mod limit;
mod literals;
mod one_number;
mod operators;
mod pairs;
mod planner;
mod quotient;
mod relations;
mod rounded;
mod sign;
mod text;
mod totals;
mod types;
mod whole;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::ScalarUDF;
use datafusion::optimizer::Analyzer;

pub(super) use literals::correct;
pub(super) use quotient::mean;
pub(super) use relations::CommonTypes;

/// Adds what lives here to a session.
pub(super) fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    builder.expr_planners().get_or_insert_default().push(Arc::new(planner::Numbers));
    let functions = builder.scalar_functions().get_or_insert_default();
    functions.extend(operators::functions());
    functions.push(Arc::new(ScalarUDF::from(rounded::Rounded::new())));
    functions.push(Arc::new(ScalarUDF::from(sign::Sign::new())));
    functions.push(Arc::new(ScalarUDF::from(whole::Whole::below())));
    functions.push(Arc::new(ScalarUDF::from(whole::Whole::above())));
    builder.aggregate_functions().get_or_insert_default().extend(totals::functions());
    let rules = &mut builder.analyzer().get_or_insert_with(Analyzer::new).rules;
    let before_types = rules.iter().position(|rule| rule.name() == "type_coercion").unwrap_or(0);
    rules.insert(before_types, Arc::new(relations::CommonTypes));
    rules.push(Arc::new(limit::ShortDecimals));
    builder
}
