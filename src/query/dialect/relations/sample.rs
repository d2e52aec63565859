//! Samples of a table: each row by chance, or a number of rows.
//!
//! With REPEATABLE, chance is a hash of the row's values and the seed: the same rows are chosen
//! again, in whatever order and by however many threads the table is read.

use std::sync::Arc;

use datafusion::arrow::array::Float64Array;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::common::{Result, plan_err};
use datafusion::functions::math::random;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, col, lit,
};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, TableFactor, TableSample, TableSampleUnit, Value,
};

use super::super::syntax::sample_of;

const NAME: &str = "sample_order";

/// The planner.
#[derive(Debug)]
pub(super) struct SamplePlanner;

impl RelationPlanner for SamplePlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let Some(sample) = sample_of(&relation).cloned() else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let plan = context.plan(without_sample(relation))?;
        let plan = sampled(plan, &sample)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, None))))
    }
}

fn without_sample(mut relation: TableFactor) -> TableFactor {
    if let TableFactor::Table { sample, .. } | TableFactor::Derived { sample, .. } = &mut relation {
        *sample = None;
    }
    relation
}

fn sampled(table: LogicalPlan, sample: &TableSample) -> Result<LogicalPlan> {
    let Some(quantity) = &sample.quantity else {
        return plan_err!("a sample has a size: TABLESAMPLE bernoulli(10 PERCENT)");
    };
    if sample.bucket.is_some() || sample.offset.is_some() {
        return plan_err!("samples by buckets or with an offset are not supported: `{sample}`");
    }
    let chance = chance(&table, sample)?;
    let rows = LogicalPlanBuilder::from(table);
    let amount = number(&quantity.value)?;
    match quantity.unit {
        Some(TableSampleUnit::Rows) if amount.fract() == 0.0 => {
            first_by(rows, chance, amount as usize)
        }
        Some(TableSampleUnit::Percent) if amount <= 100.0 => {
            rows.filter(chance.lt(lit(amount / 100.0)))?.build()
        }
        _ => plan_err!("a sample is a whole number of ROWS, or from 0 to 100 PERCENT"),
    }
}

/// Returns the first rows in the order of an expression.
fn first_by(rows: LogicalPlanBuilder, order: Expr, count: usize) -> Result<LogicalPlan> {
    let columns: Vec<Expr> = rows.schema().columns().into_iter().map(Expr::Column).collect();
    // The order is a column, because the engine cannot sort rows of which no column is read.
    let order = order.alias(NAME);
    let with_order = rows.project(columns.iter().cloned().chain([order]))?;
    let by_order = col(NAME).sort(true, false);
    // The planner drops a sort without a limit from what is read by FROM.
    with_order.sort([by_order])?.limit(0, Some(count))?.project(columns)?.build()
}

/// Returns a number from 0 to 1 for each row.
fn chance(table: &LogicalPlan, sample: &TableSample) -> Result<Expr> {
    let Some(seed) = &sample.seed else { return Ok(random().call(vec![])) };
    let Ok(seed) = seed.value.value.to_string().parse::<i64>() else {
        return plan_err!("the seed of a sample is a whole number: REPEATABLE (42)");
    };
    let columns = table.schema().columns().into_iter().map(Expr::Column);
    let order = ScalarUDF::new_from_impl(SampleOrder::new());
    Ok(order.call([lit(seed)].into_iter().chain(columns).collect()))
}

fn number(expr: &SqlExpr) -> Result<f64> {
    if let SqlExpr::Value(value) = expr
        && let Value::Number(text, _) = &value.value
        && let Ok(number) = text.parse::<f64>()
    {
        return Ok(number);
    }
    plan_err!("the size of a sample is a number, not `{expr}`")
}

/// `sample_order(seed, columns…)`: a number from 0 to 1 that a row's values and a seed decide.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SampleOrder {
    signature: Signature,
}

impl SampleOrder {
    pub(super) fn new() -> Self {
        Self { signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SampleOrder {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let mut hashes = vec![0; columns.first().map_or(0, |column| column.len())];
        create_hashes(&columns, &RandomState::default(), &mut hashes)?;
        // The upper 53 bits are as many as a DOUBLE has.
        let share = |hash: &u64| (mixed(*hash) >> 11) as f64 / (1_u64 << 53) as f64;
        let shares: Float64Array = hashes.iter().map(|hash| Some(share(hash))).collect();
        Ok(ColumnarValue::Array(Arc::new(shares)))
    }
}

/// Makes every bit depend on all others; the hashes of a hash table need not be as even.
const fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}
