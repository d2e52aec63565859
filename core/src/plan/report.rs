//! A plan as people and programs read it: counted by reason, or in full as JSON.

use std::collections::BTreeMap;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::{Missing, Plan, Planned, Skipped};
use crate::names::archive::ArchiveKey;
use crate::names::market::{DataType, Market};

/// How many archives of a combination share a decision and its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SummaryRow {
    #[serde(serialize_with = "as_text")]
    pub market: Market,
    #[serde(serialize_with = "as_text")]
    pub data_type: DataType,
    /// `fetch` or `skip`.
    pub action: &'static str,
    pub reason: String,
    pub archives: u64,
    /// Of the archives whose size is published.
    pub bytes: u64,
}

impl Plan {
    /// Counts the decisions by market, data type and reason, what is fetched before what is not.
    #[must_use]
    pub fn summary(&self) -> Vec<SummaryRow> {
        let mut fetched = BTreeMap::new();
        for planned in &self.fetch {
            count(&mut fetched, &planned.published.key, planned.reason, planned.published.size);
        }
        let mut skipped = BTreeMap::new();
        for skip in &self.skipped {
            count(&mut skipped, &skip.key, skip.reason, skip.size);
        }
        let mut rows = rows("fetch", fetched);
        rows.extend(self::rows("skip", skipped));
        rows.sort_by(|a, b| {
            (a.market, &a.data_type, a.action).cmp(&(b.market, &b.data_type, b.action))
        });
        rows
    }
}

type Counts<'a, R> = BTreeMap<(Market, &'a DataType, R), (u64, u64)>;

fn count<'a, R: Ord>(
    counts: &mut Counts<'a, R>,
    key: &'a ArchiveKey,
    reason: R,
    size: Option<u64>,
) {
    let (archives, bytes) = counts.entry((key.market(), key.data_type(), reason)).or_default();
    *archives += 1;
    *bytes = bytes.saturating_add(size.unwrap_or_default());
}

fn rows<R: ToString>(action: &'static str, counts: Counts<'_, R>) -> Vec<SummaryRow> {
    let row =
        |((market, data_type, reason), (archives, bytes)): ((Market, &DataType, R), (u64, u64))| {
            SummaryRow {
                market,
                data_type: data_type.clone(),
                action,
                reason: reason.to_string(),
                archives,
                bytes,
            }
        };
    counts.into_iter().map(row).collect()
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut plan = serializer.serialize_struct("Plan", 7)?;
        plan.serialize_field("summary", &self.summary())?;
        plan.serialize_field("fetch", &self.fetch)?;
        plan.serialize_field("skip", &self.skipped)?;
        plan.serialize_field("missing", &self.missing)?;
        plan.serialize_field("unknown", &self.unknown)?;
        plan.serialize_field("notes", &self.notes)?;
        plan.serialize_field("misspelled", &self.misspelled)?;
        plan.end()
    }
}

impl Serialize for Planned {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut planned = serializer.serialize_struct("Planned", 4)?;
        planned.serialize_field("key", self.published.key.path())?;
        planned.serialize_field("table", self.table.as_ref())?;
        planned.serialize_field("bytes", &self.published.size)?;
        planned.serialize_field("reason", &self.reason)?;
        planned.end()
    }
}

impl Serialize for Skipped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut skipped = serializer.serialize_struct("Skipped", 3)?;
        skipped.serialize_field("key", self.key.path())?;
        skipped.serialize_field("bytes", &self.size)?;
        skipped.serialize_field("reason", &self.reason)?;
        skipped.end()
    }
}

impl Serialize for Missing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ranges: Vec<_> = self.ranges.iter().map(|range| [range.start, range.end]).collect();
        let mut missing = serializer.serialize_struct("Missing", 4)?;
        missing.serialize_field("series", &self.series.to_string())?;
        missing.serialize_field("frequency", self.frequency.as_str())?;
        missing.serialize_field("ranges", &ranges)?;
        missing.serialize_field("archives", &self.archives)?;
        missing.end()
    }
}

fn as_text<T: ToString, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}
