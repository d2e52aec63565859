//! Cutting days into parts that fit into memory.
//!
//! Where a check looks at each symbol without the others, a chunk is cut into days, and the symbols
//! of a day with too many rows into ranges. Files are sorted by symbol, so that a part reads little
//! of what it does not need.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use lakehouse_core::gold::Model;
use lakehouse_core::names::partition::Partition;

use super::counts::SymbolRows;
use crate::gold::chunks::Chunk;
use crate::gold::inputs::InputTable;
use crate::query::Engine;

/// Rows that a statement reads together at most, unless one symbol has more on a day. Those of a
/// table that it reads several times count as often.
const ROWS: u64 = 200_000;
/// Bytes of input files that are read together without looking for symbols.
const FEW_BYTES: u64 = 256 << 10;
/// Bytes of input files that a check of several symbols reads together at most, unless a single day
/// has more.
const BYTES: u64 = 4 << 20;

/// Days that are planned together.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) chunk: Chunk,
    /// What is read together; nothing if that is everything.
    pub(super) parts: Option<Vec<Part>>,
}

/// Symbols whose rows are read together: from the first to the last of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    first: String,
    last: String,
    rows: u64,
    /// Whether it has more rows than a part should have, for one symbol cannot be cut.
    pub(super) is_large: bool,
}

/// Cuts a chunk for a check that looks at each symbol alone.
pub(super) async fn by_symbol(
    statement: &Model,
    engine: &Engine,
    inputs: &[InputTable],
    plan: &LogicalPlan,
    chunk: Chunk,
) -> Result<Vec<Piece>, DataFusionError> {
    if bytes_of(inputs, &chunk.needed) <= FEW_BYTES {
        return Ok(vec![Piece { chunk, parts: None }]);
    }
    let rows = SymbolRows::count(engine, inputs, &chunk.needed).await?;
    // Days first: a part then opens few files, which costs as much as reading many rows of one.
    let most = ROWS / scans(plan)?.max(1);
    let is_too_large = |chunk: &Chunk| rows.of(&chunk.needed).into_values().sum::<u64>() > most;
    let mut pieces = Vec::new();
    for chunk in halved(statement, chunk, is_too_large) {
        let parts = cut(rows.of(&chunk.needed), most);
        pieces.push(Piece { chunk, parts: Some(parts) });
    }
    Ok(pieces)
}

/// Cuts a chunk for a check that compares symbols, so that it needs all of a day.
pub(super) fn by_days(statement: &Model, inputs: &[InputTable], chunk: Chunk) -> Vec<Piece> {
    let is_too_large = |chunk: &Chunk| bytes_of(inputs, &chunk.needed) > BYTES;
    let chunks = halved(statement, chunk, is_too_large);
    chunks.into_iter().map(|chunk| Piece { chunk, parts: None }).collect()
}

fn bytes_of(inputs: &[InputTable], needed: &BTreeSet<Partition>) -> u64 {
    let sizes = inputs.iter().flat_map(InputTable::sizes);
    sizes.filter(|(partition, _)| needed.contains(partition)).map(|(_, bytes)| bytes).sum()
}

/// Cuts a chunk in two, and its halves again, until they are not too large or have a single day.
fn halved(statement: &Model, chunk: Chunk, is_too_large: impl Fn(&Chunk) -> bool) -> Vec<Chunk> {
    let mut done = Vec::new();
    let mut left = vec![chunk];
    while let Some(mut chunk) = left.pop() {
        if chunk.targets.len() == 1 || !is_too_large(&chunk) {
            done.push(chunk);
            continue;
        }
        let last = chunk.targets.split_off(chunk.targets.len() / 2);
        for targets in [last, chunk.targets] {
            let needed = targets.iter().flat_map(|target| statement.dependencies(*target));
            left.push(Chunk { needed: needed.collect(), targets });
        }
    }
    done
}

/// Counts how often a plan reads a table.
fn scans(plan: &LogicalPlan) -> Result<u64, DataFusionError> {
    let mut scans = 0;
    plan.apply_with_subqueries(|plan| {
        scans += u64::from(matches!(plan, LogicalPlan::TableScan(_)));
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(scans)
}

fn cut(symbols: BTreeMap<&str, u64>, most: u64) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (symbol, rows) in symbols {
        match parts.last_mut().filter(|part| part.rows + rows <= most) {
            Some(part) => {
                part.rows += rows;
                symbol.clone_into(&mut part.last);
            }
            None => parts.push(Part {
                first: symbol.to_owned(),
                last: symbol.to_owned(),
                rows,
                is_large: rows > most,
            }),
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
        let rows = BTreeMap::from([("A", 2), ("B", 2), ("C", 2), ("D", 6)]);
        let parts = cut(rows, 5);
        let names: Vec<_> = parts.iter().map(|part| (&part.first[..], &part.last[..])).collect();
        assert_eq!(names, [("A", "B"), ("C", "C"), ("D", "D")]);
        let large: Vec<bool> = parts.iter().map(|part| part.is_large).collect();
        assert_eq!(large, [false, false, true], "D has more rows than a part should have");
    }
}
