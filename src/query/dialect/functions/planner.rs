//! Functions that are written with the engine's own ones while a statement is planned, so that they
//! are as fast, and calls whose answer would depend on chance.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, internal_err, plan_err};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::logical_expr::expr::{
    AggregateFunction, NullTreatment, WindowFunction, WindowFunctionParams,
};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::planner::{
    ExprPlanner, PlannerResult, RawAggregateExpr, RawWindowExpr,
};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Expr, Signature, Volatility, WindowFunctionDefinition, lit,
};

use super::arg_extreme::{MAXIMUM, MINIMUM};

const COUNT_IF: &str = "count_if";

/// The planner.
#[derive(Debug)]
pub(super) struct FunctionPlanner;

impl ExprPlanner for FunctionPlanner {
    fn plan_aggregate(&self, call: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        refuse_chance(&call)?;
        let name = call.func.name().to_owned();
        let is_call = (name == COUNT_IF && call.args.len() == 1)
            || ([MAXIMUM, MINIMUM].contains(&name.as_str()) && call.args.len() == 2);
        if !is_call || call.distinct || !call.order_by.is_empty() {
            return Ok(PlannerResult::Original(call));
        }
        let written = NamePreserver::new_for_projection().save(&aggregate(call.clone()));
        let planned = match name.as_str() {
            COUNT_IF => count_of(call),
            MAXIMUM => first_by(call, false),
            _ => first_by(call, true),
        };
        Ok(PlannerResult::Planned(written.restore(planned)))
    }

    fn plan_window(&self, call: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        refuse_window_without_order(&call)?;
        let is_count = call.func_def.name() == COUNT_IF && call.args.len() == 1 && !call.distinct;
        if !is_count {
            return Ok(PlannerResult::Original(call));
        }
        let written = NamePreserver::new_for_projection().save(&window(call.clone()));
        let condition = call.args[0].clone();
        let counted = RawWindowExpr {
            func_def: WindowFunctionDefinition::AggregateUDF(count_udaf()),
            args: vec![lit(1_i64)],
            filter: Some(Box::new(both(call.filter.as_deref(), condition))),
            ..call
        };
        Ok(PlannerResult::Planned(written.restore(window(counted))))
    }
}

/// Refuses the first or last value of rows that come in no order.
fn refuse_chance(call: &RawAggregateExpr) -> Result<()> {
    if !call.order_by.is_empty() {
        return Ok(());
    }
    let instead = match call.func.name() {
        "first_value" => MINIMUM,
        "last_value" => MAXIMUM,
        _ => return Ok(()),
    };
    let value = call.args.first().map_or_else(|| "x".to_owned(), ToString::to_string);
    let which = call.func.name().trim_end_matches("_value");
    plan_err!(
        "rows have no order of their own, so their {which} value is not defined: write \
         {instead}({value}, time), or {which}({value} ORDER BY time)"
    )
}

/// Refuses the first or last value, or a series, of a window whose rows come in no order.
fn refuse_window_without_order(call: &RawWindowExpr) -> Result<()> {
    let name = call.func_def.name();
    let needs_order = ["first_value", "last_value", "ema", "log_return"].contains(&name);
    if needs_order && call.order_by.is_empty() {
        return plan_err!(
            "rows have no order of their own: write {name}(…) OVER (PARTITION BY … ORDER BY time)"
        );
    }
    Ok(())
}

/// `count_if(condition)` is `count(*) FILTER (WHERE condition)`.
fn count_of(call: RawAggregateExpr) -> Expr {
    let condition = call.args[0].clone();
    let filter = Some(Box::new(both(call.filter.as_deref(), condition)));
    aggregate(RawAggregateExpr { func: count_udaf(), args: vec![lit(1_i64)], filter, ..call })
}

/// `arg_max(x, by)` is `first_value(x ORDER BY by DESC)` of the rows that have both.
fn first_by(mut call: RawAggregateExpr, ascending: bool) -> Expr {
    let by = call.args.swap_remove(1);
    let value = call.args.swap_remove(0);
    let have_both = value.clone().is_not_null().and(by.clone().is_not_null());
    aggregate(RawAggregateExpr {
        func: first_value_udaf(),
        args: vec![value],
        filter: Some(Box::new(both(call.filter.as_deref(), have_both))),
        order_by: vec![by.sort(ascending, false)],
        null_treatment: Some(NullTreatment::RespectNulls),
        ..call
    })
}

fn both(filter: Option<&Expr>, condition: Expr) -> Expr {
    match filter {
        Some(filter) => filter.clone().and(condition),
        None => condition,
    }
}

fn aggregate(call: RawAggregateExpr) -> Expr {
    let RawAggregateExpr { func, args, distinct, filter, order_by, null_treatment } = call;
    let function =
        AggregateFunction::new_udf(func, args, distinct, filter, order_by, null_treatment);
    Expr::AggregateFunction(function)
}

fn window(call: RawWindowExpr) -> Expr {
    let params = WindowFunctionParams {
        args: call.args,
        partition_by: call.partition_by,
        order_by: call.order_by,
        window_frame: call.window_frame,
        filter: call.filter,
        null_treatment: call.null_treatment,
        distinct: call.distinct,
    };
    Expr::from(WindowFunction { fun: call.func_def, params })
}

/// `count_if(condition)`, which is known by its name alone: the planner writes it as a count.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CountIf {
    signature: Signature,
    aliases: Vec<String>,
}

impl CountIf {
    pub(super) fn new() -> Self {
        let signature = Signature::exact(vec![DataType::Boolean], Volatility::Immutable);
        Self { signature, aliases: vec!["countif".to_owned()] }
    }
}

impl AggregateUDFImpl for CountIf {
    fn name(&self) -> &str {
        COUNT_IF
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        internal_err!("count_if is planned as count")
    }
}
