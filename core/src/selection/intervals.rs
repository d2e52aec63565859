//! Which bar lengths are wanted: the same for every data type, or for each.
//!
//! Spellings are kept as they were given until the matrix says whether a data type has intervals at
//! all: existing configurations ask for `100ms` of a data type that has none, which is no error.

use std::collections::{BTreeMap, BTreeSet};

use crate::matrix::Matrix;
use crate::names::market::{DataType, Frequency, Interval, NameError};

/// The bar lengths of a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntervalFilter {
    /// The same for every data type; an empty list means all.
    Everywhere(Vec<String>),
    /// Each data type's own; a data type that is not named has all.
    PerDataType(BTreeMap<DataType, Vec<String>>),
}

impl Default for IntervalFilter {
    fn default() -> Self {
        Self::Everywhere(Vec::new())
    }
}

impl IntervalFilter {
    /// Returns the spellings requested of a data type; none means all intervals.
    #[must_use]
    pub fn requested(&self, data_type: &DataType) -> &[String] {
        match self {
            Self::Everywhere(spellings) => spellings,
            Self::PerDataType(lists) => lists.get(data_type).map_or(&[], Vec::as_slice),
        }
    }
}

/// Returns every interval that some market has of a data type; none means no interval layer.
pub(crate) fn known_intervals(matrix: &Matrix, data_type: &DataType) -> BTreeSet<Interval> {
    let rows = matrix.combinations().iter().filter(|row| row.data_type == *data_type);
    rows.flat_map(|row| Frequency::ALL.into_iter().filter_map(|frequency| row.intervals(frequency)))
        .flatten()
        .copied()
        .collect()
}

/// Reads one interval of a data type.
///
/// # Errors
///
/// A spelling that is no interval, or one that no market has of this data type.
pub(crate) fn parse_known(text: &str, known: &BTreeSet<Interval>) -> Result<Interval, NameError> {
    let parsed = text.parse::<Interval>().ok().filter(|interval| known.contains(interval));
    parsed.ok_or_else(|| NameError::new("interval", text, join(known)))
}

/// Lists things for a message.
pub(crate) fn join<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
