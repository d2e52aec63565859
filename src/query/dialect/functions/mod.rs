//! Functions that the engine lacks, or has under another name.
//!
//! Functions are registered by name in every session, so that a plan that names them can be run by
//! another process of this program. What a function can be written as with the engine's own ones is
//! written so (`planner`). The meaning of operators and of the engine's functions is not changed
//! here: that is the business of `numbers` and `rules`.

mod arg_extreme;
mod collected;
mod date_diff;
mod date_part;
mod double_double;
mod epoch;
mod mode;
mod planner;
mod quantile;
mod quantile_cont;
mod ratio;
mod series;
mod strftime;
mod time_bucket;
mod times;
mod vwap;
mod written_as;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::functions_aggregate::any_value::any_value_udaf;
use datafusion::functions_aggregate::first_last::{first_value_udaf, last_value_udaf};
use datafusion::functions_window::nth_value::{first_value_udwf, last_value_udwf};
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

/// Adds what lives here to a session.
pub(super) fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    builder.scalar_functions().get_or_insert_default().extend(scalar_functions());
    builder.aggregate_functions().get_or_insert_default().extend(aggregate_functions());
    builder.window_functions().get_or_insert_default().extend(window_functions());
    // First, so that the engine's own planners see what these leave.
    let planners = builder.expr_planners().get_or_insert_default();
    planners.insert(0, Arc::new(planner::FunctionPlanner));
    builder
}

fn scalar_functions() -> Vec<Arc<ScalarUDF>> {
    let mut functions = vec![
        ScalarUDF::new_from_impl(time_bucket::TimeBucket::new()),
        ScalarUDF::new_from_impl(date_diff::DateDiff::new()),
        ScalarUDF::new_from_impl(strftime::Strftime::new()),
        ScalarUDF::new_from_impl(written_as::WrittenAs::new()),
    ];
    functions.extend(date_part::PARTS.map(date_part::PartOfTime::new).map(Into::into));
    functions.extend(epoch::UNITS.map(epoch::SinceEpoch::new).map(Into::into));
    functions.extend(epoch::MAKERS.map(epoch::MakeTimestamp::new).map(Into::into));
    functions.into_iter().map(Arc::new).collect()
}

fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    let functions = [
        AggregateUDF::new_from_impl(vwap::Vwap::new()),
        AggregateUDF::new_from_impl(mode::Mode::new()),
        AggregateUDF::new_from_impl(quantile::Quantile::new()),
        AggregateUDF::new_from_impl(quantile_cont::QuantileCont::new()),
        AggregateUDF::new_from_impl(arg_extreme::ArgExtreme::maximum()),
        AggregateUDF::new_from_impl(arg_extreme::ArgExtreme::minimum()),
        AggregateUDF::new_from_impl(planner::CountIf::new()),
        any_value_udaf().as_ref().clone().with_aliases(["arbitrary"]),
        first_value_udaf().as_ref().clone().with_aliases(["first"]),
        last_value_udaf().as_ref().clone().with_aliases(["last"]),
    ];
    functions.map(Arc::new).into()
}

fn window_functions() -> Vec<Arc<WindowUDF>> {
    let functions = [
        WindowUDF::new_from_impl(series::Ema::new()),
        WindowUDF::new_from_impl(series::LogReturn::new()),
        first_value_udwf().as_ref().clone().with_aliases(["first"]),
        last_value_udwf().as_ref().clone().with_aliases(["last"]),
    ];
    functions.map(Arc::new).into()
}
