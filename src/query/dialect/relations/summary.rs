//! `SUMMARIZE`: one row for each column of a table or query, with what its values are like.
//!
//! All columns are aggregated in one pass. The row that this gives is joined with a list of the
//! columns, from which each row takes its own aggregates.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, Result};
use datafusion::functions_aggregate::approx_distinct::approx_distinct_udaf;
use datafusion::functions_aggregate::approx_percentile_cont::approx_percentile_cont_udaf;
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::functions_aggregate::stddev::stddev_udaf;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, ident, lit, when};
use datafusion::sql::sqlparser::ast::TableFactor;

use super::super::syntax::SUMMARY;
use crate::output::type_name;

/// Columns between the steps of the plan.
const PLACE: &str = "*place*";
const ROWS: &str = "*rows*";

/// The planner.
#[derive(Debug)]
pub(super) struct SummaryPlanner;

impl RelationPlanner for SummaryPlanner {
    fn plan_relation(
        &self,
        mut relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::Derived { alias, .. } = &mut relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        if alias.as_ref().is_none_or(|alias| alias.name.value != SUMMARY) {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        }
        *alias = None;
        let plan = summary(context.plan(relation)?)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, None))))
    }
}

/// One column of the summary.
struct Measure {
    name: &'static str,
    result: DataType,
    /// Returns the aggregate of a column, unless its type has none.
    of: fn(&Expr, &DataType) -> Option<Expr>,
}

const MEASURES: [Measure; 8] = [
    Measure { name: "min", result: DataType::Utf8, of: minimum },
    Measure { name: "max", result: DataType::Utf8, of: maximum },
    Measure { name: "approx_unique", result: DataType::UInt64, of: distinct },
    Measure { name: "avg", result: DataType::Float64, of: average },
    Measure { name: "std", result: DataType::Float64, of: deviation },
    Measure {
        name: "q25",
        result: DataType::Float64,
        of: |expr, given| quantile(expr, given, 0.25),
    },
    Measure {
        name: "q50",
        result: DataType::Float64,
        of: |expr, given| quantile(expr, given, 0.50),
    },
    Measure {
        name: "q75",
        result: DataType::Float64,
        of: |expr, given| quantile(expr, given, 0.75),
    },
];

fn minimum(column: &Expr, given: &DataType) -> Option<Expr> {
    (!given.is_nested()).then(|| min_udaf().call(vec![column.clone()]))
}

fn maximum(column: &Expr, given: &DataType) -> Option<Expr> {
    (!given.is_nested()).then(|| max_udaf().call(vec![column.clone()]))
}

fn distinct(column: &Expr, given: &DataType) -> Option<Expr> {
    // A decimal has as many different values as its text.
    let counted = match given {
        given if given.is_nested() => return None,
        DataType::Decimal128(..) => cast(column.clone(), DataType::Utf8),
        _ => column.clone(),
    };
    Some(approx_distinct_udaf().call(vec![counted]))
}

fn average(column: &Expr, given: &DataType) -> Option<Expr> {
    given.is_numeric().then(|| avg_udaf().call(vec![double(column)]))
}

fn deviation(column: &Expr, given: &DataType) -> Option<Expr> {
    given.is_numeric().then(|| stddev_udaf().call(vec![double(column)]))
}

fn quantile(column: &Expr, given: &DataType, share: f64) -> Option<Expr> {
    let quantile = || approx_percentile_cont_udaf().call(vec![double(column), lit(share)]);
    given.is_numeric().then(quantile)
}

fn double(column: &Expr) -> Expr {
    cast(column.clone(), DataType::Float64)
}

/// Plans the summary of a table.
fn summary(table: LogicalPlan) -> Result<LogicalPlan> {
    let fields = table.schema().as_arrow().fields().clone();
    let columns: Vec<Expr> = table.schema().columns().into_iter().map(Expr::Column).collect();
    let mut aggregates = vec![count_udaf().call(vec![lit(1_i64)]).alias(ROWS)];
    for (place, (column, field)) in columns.iter().zip(&fields).enumerate() {
        let count = count_udaf().call(vec![column.clone()]);
        aggregates.push(count.alias(name_of("count", place)));
        for measure in &MEASURES {
            if let Some(aggregate) = (measure.of)(column, field.data_type()) {
                aggregates.push(aggregate.alias(name_of(measure.name, place)));
            }
        }
    }
    let row = LogicalPlanBuilder::from(table).aggregate(Vec::<Expr>::new(), aggregates)?.build()?;
    let known: Vec<Column> = row.schema().columns();
    let place = |(place, field): (usize, &datafusion::arrow::datatypes::FieldRef)| {
        vec![lit(place as i64), lit(field.name().as_str()), lit(type_name(field.data_type()))]
    };
    let listed = LogicalPlanBuilder::values(fields.iter().enumerate().map(place).collect())?
        .project([
            ident("column1").alias(PLACE),
            ident("column2").alias("column_name"),
            ident("column3").alias("column_type"),
        ])?;
    let joined = listed.cross_join(row)?;
    let mut answer = vec![ident("column_name"), ident("column_type")];
    for measure in &MEASURES {
        answer.push(of_place(measure, &known, fields.len())?.alias(measure.name));
    }
    answer.push(ident(ROWS).alias("count"));
    answer.push(null_percentage(fields.len())?.alias("null_percentage"));
    joined.sort([ident(PLACE).sort(true, false)])?.project(answer)?.build()
}

fn name_of(measure: &str, place: usize) -> String {
    format!("*{measure} {place}*")
}

/// Takes the aggregate of the row's own column.
fn of_place(measure: &Measure, known: &[Column], places: usize) -> Result<Expr> {
    let nothing = cast(lit(datafusion::common::ScalarValue::Null), measure.result.clone());
    let mut cases = when(lit(false), nothing.clone());
    for place in 0..places {
        let name = name_of(measure.name, place);
        if known.iter().any(|column| column.name == name) {
            let value = cast(ident(name), measure.result.clone());
            cases = cases.when(ident(PLACE).eq(lit(place as i64)), value);
        }
    }
    cases.otherwise(nothing)
}

/// Returns how many of a hundred values are NULL.
fn null_percentage(places: usize) -> Result<Expr> {
    let rows = double(&ident(ROWS));
    let mut cases = when(ident(ROWS).eq(lit(0_i64)), lit(0.0));
    for place in 0..places {
        let nulls = rows.clone() - double(&ident(name_of("count", place)));
        let share = nulls * lit(100.0) / rows.clone();
        cases = cases.when(ident(PLACE).eq(lit(place as i64)), share);
    }
    cases.otherwise(lit(0.0))
}
