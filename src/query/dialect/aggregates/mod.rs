//! Statistics of one or two columns: variance, deviation, covariance, correlation and regression,
//! as aggregates and over windows; and `string_agg` with several orders.
//!
//! The statistics replace the engine's functions of the same names, which compute in floating point
//! and take the rows that leave a window out of a sum again: on prices that hardly move this leaves
//! nothing but rounding errors, negative variances and NaN. Here decimals and integers are summed
//! exactly, and a window of doubles is never subtracted from. Sums and averages are in `numbers`.
//!
//! Upstream: <https://github.com/apache/datafusion/issues/13247>.

mod accumulator;
mod distinct;
mod function;
mod groups;
mod moments;
mod sliding;
mod statistic;
mod string_agg;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::AggregateUDF;

use function::StatisticFunction;
use statistic::Statistic;
use string_agg::OrderedTexts;

/// Adds what lives here to a session.
pub(super) fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    let functions = Statistic::ALL.map(StatisticFunction::new);
    let functions = functions.map(|function| Arc::new(AggregateUDF::from(function)));
    let all = builder.aggregate_functions().get_or_insert_default();
    all.extend(functions);
    all.push(Arc::new(AggregateUDF::from(OrderedTexts::default())));
    builder
}
