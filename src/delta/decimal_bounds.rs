//! Bounds of decimals in a table's log, which older programs and other writers put there.
//!
//! A file is added to the log again, under its name and with statistics that lack these bounds. By
//! the rules of Delta this replaces what the log says of the file, and changes no row.

use std::collections::{BTreeMap, HashSet};

use deltalake::kernel::Add;
use serde_json::value::{RawValue, to_raw_value};

use super::TableError;
use super::table::WritableTable;

/// An object whose values are left as they were written.
type Object = BTreeMap<String, Box<RawValue>>;

impl WritableTable {
    /// Returns the files of which the log has bounds of decimals, as the log is to describe them.
    ///
    /// # Errors
    /// When the table's snapshot is not there.
    #[expect(deprecated, reason = "nothing else keeps all parts of an Add action")]
    pub(crate) fn without_decimal_bounds(
        &self,
    ) -> Result<impl Iterator<Item = Add> + '_, TableError> {
        let snapshot = self.delta.snapshot().map_err(TableError::delta(&self.spec.name))?;
        let fields = self.spec.schema.fields().iter();
        let decimals = fields.filter(|field| field.data_type().is_decimal());
        let decimals: HashSet<&str> = decimals.map(|field| field.name().as_str()).collect();
        Ok(snapshot.log_data().into_iter().filter_map(move |file| {
            let stats = without_bounds(&file.stats()?, &decimals)?;
            let add = Add { stats: Some(stats), ..file.add_action() };
            is_written_as_it_is(&add.path).then_some(add)
        }))
    }
}

/// Returns statistics without the bounds of some columns; nothing if they have none, or are no
/// statistics.
fn without_bounds(statistics: &str, columns: &HashSet<&str>) -> Option<String> {
    let mut statistics: Object = serde_json::from_str(statistics).ok()?;
    let mut is_changed = false;
    for side in ["minValues", "maxValues"] {
        let Some(bounds) = statistics.get_mut(side) else { continue };
        let Ok(mut kept) = serde_json::from_str::<Object>(bounds.get()) else { continue };
        let before = kept.len();
        kept.retain(|column, _| !columns.contains(column.as_str()));
        if kept.len() < before {
            *bounds = to_raw_value(&kept).ok()?;
            is_changed = true;
        }
    }
    if is_changed { serde_json::to_string(&statistics).ok() } else { None }
}

/// Returns whether a path has no character that is encoded in the log: encoded in another way than
/// before, it would name another file, and rows would count twice.
fn is_written_as_it_is(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=/-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_price(statistics: &str) -> Option<String> {
        without_bounds(statistics, &HashSet::from(["price"]))
    }

    #[test]
    fn bounds_of_the_columns_go_and_everything_else_stays_to_the_letter() {
        let before = r#"{"maxValues":{"id":9007199254740993,"price":2.10,"time":"a"},
            "minValues":{"id":1,"price":1.0},"nullCount":{"id":0,"price":3},"numRecords":4,
            "tightBounds":true}"#;
        let after = concat!(
            r#"{"maxValues":{"id":9007199254740993,"time":"a"},"minValues":{"id":1},"#,
            r#""nullCount":{"id":0,"price":3},"numRecords":4,"tightBounds":true}"#
        );
        assert_eq!(without_price(before).as_deref(), Some(after));
    }

    #[test]
    fn one_bound_alone_goes_too() {
        let after = r#"{"maxValues":{},"numRecords":1}"#;
        let before = r#"{"numRecords":1,"maxValues":{"price":1}}"#;
        assert_eq!(without_price(before).as_deref(), Some(after));
    }

    #[test]
    fn statistics_without_such_bounds_are_left_alone() {
        for statistics in [
            r#"{"numRecords":1,"minValues":{"id":1},"maxValues":{"id":2},"nullCount":{"price":0}}"#,
            r#"{"numRecords":1}"#,
            r#"{"numRecords":1,"minValues":[1]}"#,
            "",
            "null",
        ] {
            assert_eq!(without_price(statistics), None, "{statistics}");
        }
    }

    #[test]
    fn a_path_that_could_be_encoded_in_two_ways_is_left_alone() {
        assert!(is_written_as_it_is("market=spot/date=2024-01-02/part-0_a.zstd.parquet"));
        assert!(!is_written_as_it_is("name=a%3Ab/part-0.parquet"));
        assert!(!is_written_as_it_is("name=币/part-0.parquet"));
    }
}
