//! Stale partitions cut into chunks that are computed one by one, so that memory does not grow with
//! their number.

use std::collections::BTreeSet;

use lakehouse_core::gold::Model;
use lakehouse_core::names::partition::Partition;

/// Days of a market that are computed together at most.
pub(super) const DAYS: usize = 31;
/// Bytes of input files that are read together at most, unless a single day has more.
const BYTES: u64 = 256 << 20;

/// Days of one market that are computed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// In the order of their days.
    pub(super) targets: Vec<Partition>,
    /// The partitions of the inputs that they may depend on.
    pub(super) needed: BTreeSet<Partition>,
}

/// Cuts partitions into chunks of so many days at most; `bytes` says how much the inputs have of a
/// partition.
pub(super) fn chunks(
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
