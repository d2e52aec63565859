//! Functions over windows, where the engine refuses what PostgreSQL takes, or fails.

mod frame;
mod neighbour;

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawWindowExpr};
use datafusion::logical_expr::{Expr, cast};

/// Adds what lives here to a session.
pub(super) fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    // The first planner that knows how to plan something does.
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(Windows));
    builder
}

/// Functions that count rows. The engine gives unsigned numbers, which have no negative.
const RANKS: [&str; 4] = ["row_number", "rank", "dense_rank", "ntile"];

#[derive(Debug)]
struct Windows;

impl ExprPlanner for Windows {
    fn plan_window(&self, mut call: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        frame::correct(&mut call.window_frame)?;
        if RANKS.contains(&call.func_def.name()) {
            let rank = Expr::from(window(call));
            return Ok(PlannerResult::Planned(cast(rank, DataType::Int64)));
        }
        match neighbour::default_of_row(&call) {
            None => Ok(PlannerResult::Original(call)),
            Some(default) => {
                let planned = neighbour::with_default(window(call), default)?;
                Ok(PlannerResult::Planned(planned))
            }
        }
    }
}

fn window(call: RawWindowExpr) -> WindowFunction {
    WindowFunction {
        fun: call.func_def,
        params: WindowFunctionParams {
            args: call.args,
            partition_by: call.partition_by,
            order_by: call.order_by,
            window_frame: call.window_frame,
            filter: call.filter,
            null_treatment: call.null_treatment,
            distinct: call.distinct,
        },
    }
}
