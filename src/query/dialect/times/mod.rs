//! Times: parts of them, and texts that stand for one.
//!
//! What the engine reads or computes differently from PostgreSQL. Buckets of time and other
//! functions that the engine lacks are in `functions`.

mod date_part;
mod dates;
mod parts;
mod rules;
mod text;
mod time_zone;
mod zones;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};
use datafusion::logical_expr::{Expr, ScalarUDF};

use date_part::DatePart;
use dates::MovedDates;
use rules::ZonedTimes;
use text::CompleteTimes;
use time_zone::TimeZone;
use zones::{Change, Clocks};

pub(super) use time_zone::correct;

/// Adds what lives here to a session.
pub(super) fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    let date_part = Arc::new(ScalarUDF::from(DatePart::default()));
    let functions = builder.scalar_functions().get_or_insert_default();
    functions.push(Arc::clone(&date_part));
    functions.push(Arc::new(ScalarUDF::from(TimeZone::new())));
    functions.extend(Change::ALL.map(|change| Arc::new(ScalarUDF::from(Clocks::new(change)))));
    // The first planner that knows how to plan something does.
    let planners = builder.expr_planners().get_or_insert_default();
    planners.insert(0, Arc::new(Extract { date_part }));
    planners.insert(0, Arc::new(MovedDates));
    builder
        .with_analyzer_rule(Arc::new(CompleteTimes))
        .with_analyzer_rule(Arc::new(ZonedTimes::default()))
}

/// Plans `extract(part FROM time)` as `date_part`.
#[derive(Debug)]
struct Extract {
    date_part: Arc<ScalarUDF>,
}

impl ExprPlanner for Extract {
    fn plan_extract(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(self.date_part.call(arguments)))
    }
}
