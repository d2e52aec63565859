//! Stale partitions cut into chunks that are computed one by one, so that memory does not grow with
//! their number.

use std::collections::BTreeSet;

use arrow::datatypes::Date32Type;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, lit};
use lakehouse_core::gold::Model;
use lakehouse_core::names::partition::Partition;

/// Days of a market that are computed together at most.
pub(crate) const DAYS: usize = 31;
/// Bytes of input files that are read together at most, unless a single day has more.
const BYTES: u64 = 256 << 20;

/// Days of one market that are computed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// In the order of their days.
    pub(crate) targets: Vec<Partition>,
    /// The partitions of the inputs that they may depend on.
    pub(crate) needed: BTreeSet<Partition>,
}

/// Cuts partitions into chunks of so many days at most; `bytes` says how much the inputs have of a
/// partition.
pub(crate) fn chunks(
    model: &Model,
    stale: &BTreeSet<Partition>,
    days: usize,
    bytes: impl Fn(Partition) -> u64,
) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut size = 0;
    for target in stale {
        let needed: BTreeSet<Partition> = model.dependencies(*target).collect();
        let joins = |chunk: &&mut Chunk| {
            chunk.targets.len() < days && chunk.targets[0].market == target.market
        };
        if let Some(chunk) = chunks.last_mut().filter(joins) {
            let more: u64 =
                needed.difference(&chunk.needed).map(|partition| bytes(*partition)).sum();
            if size + more <= BYTES {
                chunk.targets.push(*target);
                chunk.needed.extend(needed);
                size += more;
                continue;
            }
        }
        size = needed.iter().map(|partition| bytes(*partition)).sum();
        chunks.push(Chunk { targets: vec![*target], needed });
    }
    chunks
}

/// Names a column of a statement's rows.
pub(crate) fn column(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

/// Makes the condition that a row is of a chunk's market and days.
pub(crate) fn belongs_to(chunk: &Chunk) -> Expr {
    let first = &chunk.targets[0];
    let last = &chunk.targets[chunk.targets.len() - 1];
    let days = (last.date - first.date).num_days() + 1;
    // A range prunes files by their statistics; a list of days would be evaluated row by row.
    let has_no_gap = i64::try_from(chunk.targets.len()) == Ok(days);
    let is_target = if has_no_gap {
        column("date").between(date_literal(first), date_literal(last))
    } else {
        column("date").in_list(chunk.targets.iter().map(date_literal).collect(), false)
    };
    column("market").eq(lit(first.market.as_str())).and(is_target)
}

fn date_literal(partition: &Partition) -> Expr {
    lit(ScalarValue::Date32(Some(Date32Type::from_naive_date(partition.date))))
}
