//! Which partitions of a gold table are stale, given what changed in its inputs.

use std::collections::BTreeSet;

use super::{Model, Partitioning};
use crate::names::partition::Partition;

/// What changed in an input since a model was built on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    Nothing,
    Partitions(BTreeSet<Partition>),
    /// Any of it may have: the input has no partitions, or nobody knows.
    Everything,
}

/// One input of a model, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputState {
    pub changed: Changed,
    /// The partitions that it has; none for an input without partitions.
    pub present: BTreeSet<Partition>,
}

/// What has to be built of a gold table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recompute {
    Nothing,
    /// The table has no partitions, and all of it is built.
    Whole,
    /// These partitions are built anew, and no others.
    Partitions(BTreeSet<Partition>),
}

impl Recompute {
    /// Returns whether the table is up to date.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }
}

/// Decides what is stale; `all` asks for everything, `own` are the partitions that the table has.
///
/// A changed day of an input makes stale the days whose rows may depend on it: from so many days
/// before it as the model looks ahead to so many days after it as the model looks back.
#[must_use]
pub fn recompute(
    model: &Model,
    all: bool,
    inputs: &[InputState],
    own: &BTreeSet<Partition>,
) -> Recompute {
    let everything = all || inputs.iter().any(|input| input.changed == Changed::Everything);
    let anything = everything || inputs.iter().any(|input| input.changed != Changed::Nothing);
    let stale: BTreeSet<Partition> = match model.partitioning() {
        _ if !anything => return Recompute::Nothing,
        Partitioning::Whole => return Recompute::Whole,
        Partitioning::MarketAndDate if everything => {
            let present = inputs.iter().flat_map(|input| &input.present);
            present
                .flat_map(|partition| model.dependents(*partition))
                .chain(own.iter().copied())
                .collect()
        }
        Partitioning::MarketAndDate => {
            let changed = inputs.iter().filter_map(|input| match &input.changed {
                Changed::Partitions(partitions) => Some(partitions),
                Changed::Nothing | Changed::Everything => None,
            });
            changed.flatten().flat_map(|partition| model.dependents(*partition)).collect()
        }
    };
    if stale.is_empty() { Recompute::Nothing } else { Recompute::Partitions(stale) }
}
