//! Rows of a statement that was run for one day: those of the day, those of days next to it that
//! are computed on their own, and those that no computation should have.
//!
//! Days before and after a day are computed with it as far as the model looks, and a row may be on
//! another day than what it is made from as far as that. A row still further away would be in the
//! table or not depending on how its days are computed, so it is an error.

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use lakehouse_core::gold::Model;
use lakehouse_core::names::partition::Partition;

use super::write::{SortedWriter, WriteError};

/// A day that is computed separately.
#[derive(Clone, Debug)]
pub(super) struct OneDay {
    target: Partition,
    /// Days around it on which other rows of the computation may be.
    reach: i64,
}

/// Where a row belongs.
enum Place {
    Here,
    /// To a day that is computed on its own.
    Near,
    Astray,
}

impl OneDay {
    pub(super) fn new(model: &Model, target: Partition) -> Self {
        Self { target, reach: i64::from(model.lookback()) + i64::from(model.lookahead()) }
    }

    /// Returns those of some sorted rows that are on the day.
    ///
    /// # Errors
    /// When a row is on a day that no row of this computation may be on.
    pub(super) fn rows(
        &self,
        writer: &SortedWriter,
        rows: &RecordBatch,
    ) -> Result<RecordBatch, WriteError> {
        let mut own = rows.slice(0, 0);
        for (partition, part) in writer.parts(rows)? {
            let value = |name: &str| {
                let mut columns = partition.iter();
                columns.find(|(column, _)| column == name).map_or("", |(_, value)| value.as_str())
            };
            match self.place(value("market"), value("date")) {
                Place::Here => own = part,
                Place::Near => {}
                Place::Astray => {
                    return Err(WriteError::Astray(format!(
                        "a row has market `{}` and date `{}`, and is made from rows of the \
                         partition `{}`; take `market` and `date` from the inputs, or let \
                         `lookback` and `lookahead` cover the days in between",
                        value("market"),
                        value("date"),
                        self.target
                    )));
                }
            }
        }
        Ok(own)
    }

    fn place(&self, market: &str, date: &str) -> Place {
        let Ok(date) = date.parse::<NaiveDate>() else { return Place::Astray };
        if market != self.target.market.as_str() {
            return Place::Astray;
        }
        match (date - self.target.date).num_days().abs() {
            0 => Place::Here,
            days if days <= self.reach => Place::Near,
            _ => Place::Astray,
        }
    }
}
