//! The rule that gives numbers a type in common, in every expression of a plan and across the rows
//! of several inputs.
//!
//! It runs before the engine's own coercion of types, from the tables upwards, so that every type
//! that it looks at is the one that the value will have.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::coerce_plan_expr_for_schema;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, Join, LogicalPlan, Union, Values};
use datafusion::optimizer::AnalyzerRule;

use super::super::expressions_of::change_parts;
use super::common::{Purpose, column_types, common_type, in_common};
use super::expressions::unify;

/// Gives numbers that stand beside each other a type in common.
#[derive(Debug)]
pub(in crate::query::dialect) struct CommonTypes;

impl AnalyzerRule for CommonTypes {
    fn name(&self) -> &str {
        "common_types_of_numbers"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(unify_plan)?.data)
    }
}

fn unify_plan(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = merge_schema(&plan.inputs());
    change_parts(plan, |part| unify(part, &schema).map(Transformed::yes))?
        .map_data(unify_inputs)?
        .map_data(LogicalPlan::recompute_schema)
}

fn unify_inputs(plan: LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Join(join) => unify_keys(join).map(LogicalPlan::Join),
        LogicalPlan::Union(union) => unify_union(&union).map(LogicalPlan::Union),
        LogicalPlan::Values(values) => unify_values(values).map(LogicalPlan::Values),
        other => Ok(other),
    }
}

fn unify_keys(mut join: Join) -> Result<Join> {
    for (left, right) in &mut join.on {
        let own = [left.get_type(join.left.schema()), right.get_type(join.right.schema())];
        let [Ok(left_type), Ok(right_type)] = &own else { continue };
        let types = [left_type, right_type];
        let Some(common) = common_type(&types, &[None, None], Purpose::Compare) else { continue };
        *left = left.clone().cast_to(&common, join.left.schema())?;
        *right = right.clone().cast_to(&common, join.right.schema())?;
    }
    Ok(join)
}

/// The schema of a union is the engine's guess until here, and must not decide.
fn unify_union(union: &Union) -> Result<Union> {
    let inputs: Vec<_> = union.inputs.iter().map(|input| column_types(input)).collect();
    let mut fields = Vec::new();
    for (at, (relation, field)) in union.schema.iter().enumerate() {
        let types: Vec<&DataType> =
            inputs.iter().filter_map(|input| input.get(at).copied()).collect();
        let common = common_type(&types, &vec![None; types.len()], Purpose::Choose);
        let is_same = types.iter().all(|kind| Some(kind) == types.first());
        let data_type = match (common, types.first()) {
            (Some(common), _) => common,
            (None, Some(only)) if is_same => (*only).clone(),
            _ => field.data_type().clone(),
        };
        let field = field.as_ref().clone().with_data_type(data_type);
        fields.push((relation.cloned(), Arc::new(field)));
    }
    let schema = DFSchema::new_with_metadata(fields, union.schema.metadata().clone())?;
    // Only numbers are converted here; the rest is as the engine does it.
    let is_number = |at: usize| schema.field(at).data_type().is_numeric();
    let mut converted = Vec::with_capacity(union.inputs.len());
    for input in &union.inputs {
        let own = input.schema().iter().enumerate().map(|(at, (relation, field))| {
            let common = if is_number(at) { schema.field(at) } else { field };
            let data_type = common.data_type().clone();
            (relation.cloned(), Arc::new(field.as_ref().clone().with_data_type(data_type)))
        });
        let own = DFSchema::new_with_metadata(own.collect(), HashMap::new())?;
        converted.push(Arc::new(coerce_plan_expr_for_schema(input.as_ref().clone(), &own)?));
    }
    Ok(Union { inputs: converted, schema: Arc::new(schema) })
}

/// The engine converts rows to a type in common when it plans them. Doubles beside decimals become
/// decimals of 30 digits with 15 places, or of more.
const fn may_be_doubles(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(30.., 15..))
}

fn unify_values(mut rows: Values) -> Result<Values> {
    let none = DFSchema::empty();
    let mut fields = Vec::new();
    for (at, (relation, field)) in rows.schema.iter().enumerate() {
        let mut field = Arc::clone(field);
        let column: Vec<Expr> =
            rows.values.iter().map(|row| original(&row[at], field.data_type())).collect();
        let is_float = |cell: &Expr| cell.get_type(&none).is_ok_and(|kind| kind.is_floating());
        let is_mixed = column.iter().any(is_float) && !column.iter().all(is_float);
        if may_be_doubles(field.data_type()) && is_mixed {
            let column = in_common(column, &none, Purpose::Choose)?;
            let data_type = column[0].get_type(&none)?;
            field = Arc::new(field.as_ref().clone().with_data_type(data_type));
            for (row, cell) in rows.values.iter_mut().zip(column) {
                row[at] = cell.cast_to(field.data_type(), &none)?;
            }
        }
        fields.push((relation.cloned(), field));
    }
    rows.schema = Arc::new(DFSchema::new_with_metadata(fields, rows.schema.metadata().clone())?);
    Ok(rows)
}

/// Returns a cell as it was before the engine converted it.
fn original(cell: &Expr, converted: &DataType) -> Expr {
    match cell {
        Expr::Alias(named) => original(&named.expr, converted),
        Expr::Cast(cast) if cast.field.data_type() == converted => (*cast.expr).clone(),
        other => other.clone(),
    }
}
