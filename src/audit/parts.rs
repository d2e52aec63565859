//! Reading a day, or some days, in parts that fit into memory.
//!
//! Where a check looks at each symbol without the others, the symbols of a chunk are cut into
//! ranges with so many rows together. Files are sorted by symbol, so that a part reads little of
//! what it does not need.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DataFusionError};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use futures::TryStreamExt;
use lakehouse_core::names::partition::Partition;

use crate::gold::chunks::column;
use crate::gold::inputs::InputTable;
use crate::query::Engine;

/// Rows that are read together at most, unless one symbol has more. The engine divides its memory
/// among all sorts and sums of a statement, which are a dozen in some checks.
const ROWS: u64 = 50_000;
/// Bytes of input files that are read together without looking for symbols.
const FEW_BYTES: u64 = 256 << 10;
/// Bytes of input files that a check of several symbols reads together at most, unless a single day
/// has more.
const BYTES: u64 = 4 << 20;

/// Symbols whose rows are read together: from the first to the last of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    first: String,
    last: String,
    rows: u64,
}

/// Cuts the symbols of some partitions into parts; nothing if all of them can be read together.
pub(super) async fn parts(
    engine: &Engine,
    inputs: &[InputTable],
    needed: &BTreeSet<Partition>,
) -> Result<Option<Vec<Part>>, DataFusionError> {
    if bytes_of(inputs, needed) <= FEW_BYTES {
        return Ok(None);
    }
    let mut rows = BTreeMap::new();
    for input in inputs.iter().filter(|input| !input.has_more_than_partitions()) {
        count_rows(engine, input, needed, &mut rows).await?;
    }
    Ok(Some(cut(rows)))
}

/// Returns whether some days are more than a check of several symbols can read together.
pub(super) fn has_many_bytes(inputs: &[InputTable], needed: &BTreeSet<Partition>) -> bool {
    bytes_of(inputs, needed) > BYTES
}

fn bytes_of(inputs: &[InputTable], needed: &BTreeSet<Partition>) -> u64 {
    let sizes = inputs.iter().flat_map(InputTable::sizes);
    sizes.filter(|(partition, _)| needed.contains(partition)).map(|(_, bytes)| bytes).sum()
}

/// Returns whether a part is larger than it should be, for one symbol cannot be cut.
pub(super) fn is_too_large(parts: &[Part]) -> bool {
    parts.iter().any(|part| part.rows > ROWS)
}

/// Adds the rows of an input to those of each symbol.
async fn count_rows(
    engine: &Engine,
    input: &InputTable,
    needed: &BTreeSet<Partition>,
    rows: &mut BTreeMap<String, u64>,
) -> Result<(), DataFusionError> {
    let table = input.provider(Some(needed));
    if table.schema().field_with_name("symbol").is_err() {
        return Ok(());
    }
    let table = engine.context(engine.config.clone()).read_table(table)?;
    let counted = vec![count(lit(1_i64)).alias("rows")];
    let counted = table.aggregate(vec![column("symbol")], counted)?;
    let mut batches = Box::pin(counted.execute_stream()).await?;
    while let Some(batch) = batches.try_next().await? {
        let symbols = cast(batch.column(0), &DataType::Utf8)?;
        let counts = batch.column(1).as_primitive::<Int64Type>();
        for (symbol, count) in symbols.as_string::<i32>().iter().zip(counts.values()) {
            let symbol = symbol.unwrap_or_default().to_owned();
            *rows.entry(symbol).or_default() += count.unsigned_abs();
        }
    }
    Ok(())
}

fn cut(symbols: BTreeMap<String, u64>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (symbol, rows) in symbols {
        match parts.last_mut().filter(|part| part.rows + rows <= ROWS) {
            Some(part) => {
                part.rows += rows;
                part.last = symbol;
            }
            None => parts.push(Part { first: symbol.clone(), last: symbol, rows }),
        }
    }
    parts
}

impl Part {
    /// Cuts every table that a plan reads to the part's symbols.
    pub(super) fn of_plan(&self, plan: LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
        let cut = plan.transform_up_with_subqueries(|plan| {
            let LogicalPlan::TableScan(scan) = &plan else { return Ok(Transformed::no(plan)) };
            let name = Column::new(Some(scan.table_name.clone()), "symbol");
            if !plan.schema().has_column(&name) {
                return Ok(Transformed::no(plan));
            }
            let is_in_part =
                Expr::Column(name).between(lit(self.first.clone()), lit(self.last.clone()));
            let cut = LogicalPlanBuilder::from(plan).filter(is_in_part)?.build()?;
            Ok(Transformed::yes(cut))
        })?;
        Ok(cut.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_cut_where_a_part_would_have_too_many_rows() {
        let rows = |rows: [(&str, u64); 4]| rows.map(|(symbol, rows)| (symbol.to_owned(), rows));
        let large = rows([("A", 20_000), ("B", 20_000), ("C", 20_000), ("D", 60_000)]);
        let parts = cut(BTreeMap::from(large));
        let names: Vec<_> = parts.iter().map(|part| (&part.first[..], &part.last[..])).collect();
        assert_eq!(names, [("A", "B"), ("C", "C"), ("D", "D")]);
        assert!(is_too_large(&parts), "D has more rows than a part may have");
        assert!(!is_too_large(&parts[..2]));
    }
}
