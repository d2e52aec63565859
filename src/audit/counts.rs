//! How many rows each symbol has in some partitions: what a day is cut by.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::lit;
use futures::TryStreamExt;
use lakehouse_core::names::partition::Partition;

use crate::gold::chunks::column;
use crate::gold::inputs::InputTable;
use crate::query::Engine;

/// Rows of symbols in each partition, of all inputs of a check.
#[derive(Debug, Default)]
pub(super) struct SymbolRows(BTreeMap<Partition, BTreeMap<String, u64>>);

impl SymbolRows {
    /// Counts the rows of inputs; those without partitions or symbols have none.
    pub(super) async fn count(
        engine: &Engine,
        inputs: &[InputTable],
        needed: &BTreeSet<Partition>,
    ) -> Result<Self, DataFusionError> {
        let mut rows = Self::default();
        for input in inputs.iter().filter(|input| !input.has_more_than_partitions()) {
            let table = input.provider(Some(needed));
            if table.schema().field_with_name("symbol").is_err() {
                continue;
            }
            let table = engine.context(engine.config.clone()).read_table(table)?;
            let keys = ["market", "date", "symbol"].map(column).to_vec();
            let counted = table.aggregate(keys, vec![count(lit(1_i64)).alias("rows")])?;
            let mut batches = Box::pin(counted.execute_stream()).await?;
            while let Some(batch) = batches.try_next().await? {
                rows.add(&batch)?;
            }
        }
        Ok(rows)
    }

    /// Adds the rows of a batch of markets, dates, symbols and numbers.
    fn add(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let markets = cast(batch.column(0), &DataType::Utf8)?;
        let dates = batch.column(1).as_primitive::<Date32Type>();
        let symbols = cast(batch.column(2), &DataType::Utf8)?;
        let numbers = batch.column(3).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let market = markets.as_string::<i32>().value(row).parse();
            let date = Date32Type::to_naive_date_opt(dates.value(row));
            // No chunk has a partition with another name.
            let (Ok(market), Some(date)) = (market, date) else { continue };
            let symbol = symbols.as_string::<i32>().value(row).to_owned();
            let partition = self.0.entry(Partition { market, date }).or_default();
            *partition.entry(symbol).or_default() += numbers.value(row).unsigned_abs();
        }
        Ok(())
    }

    /// Returns how many rows each symbol has in some of the partitions together.
    pub(super) fn of(&self, partitions: &BTreeSet<Partition>) -> BTreeMap<&str, u64> {
        let mut sums = BTreeMap::new();
        for symbols in partitions.iter().filter_map(|partition| self.0.get(partition)) {
            for (symbol, rows) in symbols {
                *sums.entry(symbol.as_str()).or_default() += rows;
            }
        }
        sums
    }
}
