//! `INTERSECT ALL` and `EXCEPT ALL`: the copies of equal rows are counted on both sides.
//!
//! The copies of a row are numbered. Then no two rows are equal, and a row of the left side stays
//! if the right side has, or has not, the same row with the same number.
//!
//! Upstream: <https://github.com/apache/datafusion/issues/12955>.

use datafusion::common::Result;
use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, WindowFunctionDefinition, ident,
};
use datafusion::sql::sqlparser::ast::{SetExpr, SetOperator, TableFactor};

use super::super::syntax::{derived, operation_of_copies};

/// The number of a copy. The name cannot be written without quotes.
const COPY: &str = "*copy*";

/// The planner.
#[derive(Debug)]
pub(super) struct SetOperationPlanner;

impl RelationPlanner for SetOperationPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        if let TableFactor::Derived { subquery, alias, .. } = &relation
            && let Some((operator, left, right)) = operation_of_copies(subquery)
        {
            let plan = plan(operator, left, right, context)?;
            let planned = PlannedRelation::new(plan, alias.clone());
            return Ok(RelationPlanning::Planned(Box::new(planned)));
        }
        Ok(RelationPlanning::Original(Box::new(relation)))
    }
}

fn plan(
    operator: SetOperator,
    left: &SetExpr,
    right: &SetExpr,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let left = context.plan(derived(left.clone()))?;
    let right = context.plan(derived(right.clone()))?;
    let count = left.schema().fields().len();
    let left = numbered(left)?;
    let right = numbered(right)?;
    // No two rows are equal, so that nothing is left to do for ALL.
    let rows = match operator {
        SetOperator::Intersect => LogicalPlanBuilder::intersect(left, right, true)?,
        _ => LogicalPlanBuilder::except(left, right, true)?,
    };
    let columns = rows.schema().columns().into_iter().take(count).map(Expr::Column);
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::from(rows).project(columns)?.build()
}

/// Adds to each row how many equal ones came before it.
fn numbered(rows: LogicalPlan) -> Result<LogicalPlan> {
    let columns: Vec<Expr> = rows.schema().columns().into_iter().map(Expr::Column).collect();
    let definition = WindowFunctionDefinition::WindowUDF(row_number_udwf());
    let copy = Expr::from(WindowFunction::new(definition, Vec::new()))
        .partition_by(columns.clone())
        .build()?
        .alias(COPY);
    let with_copy = LogicalPlanBuilder::from(rows).window([copy])?;
    with_copy.project(columns.into_iter().chain([ident(COPY)]))?.build()
}
