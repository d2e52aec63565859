//! Relations in FROM that the engine does not plan: ASOF joins, samples, the summary of a
//! table, and set operations that count copies of rows.
//!
//! They are planned here because the columns of their tables have to be known. The plans are made
//! of the engine's own operators, so that they can be sent to another process. The text and the
//! tree of a statement are `syntax`'s business.

mod asof;
mod conditions;
mod sample;
mod set_operations;
mod summary;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::ScalarUDF;
use datafusion::logical_expr::planner::RelationPlanner;

/// Adds what lives here to a session.
pub(super) fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    let planners: [Arc<dyn RelationPlanner>; 4] = [
        Arc::new(asof::AsofPlanner),
        Arc::new(sample::SamplePlanner),
        Arc::new(set_operations::SetOperationPlanner),
        Arc::new(summary::SummaryPlanner),
    ];
    builder.relation_planners().get_or_insert_default().extend(planners);
    let functions = builder.scalar_functions().get_or_insert_default();
    functions.push(Arc::new(ScalarUDF::new_from_impl(sample::SampleOrder::new())));
    builder
}
