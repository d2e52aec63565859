//! What a command that changes a lake prints as JSON: the fields that all of them share.
//!
//! `docs/run.schema.json` describes the document. The details of each command are in its own
//! report, whose fields stand next to these.

use serde::Serialize;

/// The document of one run.
#[derive(Debug, Serialize)]
pub(crate) struct RunDocument<'a, T> {
    /// The name of the command: `ingest`.
    pub command: &'static str,
    /// The run's identifier in commits and in `meta.runs`; none if nothing was to be done.
    pub run: Option<&'a str>,
    pub outcome: RunOutcome,
    /// Only where the details do not have them.
    #[serde(flatten)]
    pub shared: SharedFields<'a>,
    #[serde(flatten)]
    pub details: &'a T,
}

/// Fields of every document, some of which a report has by itself.
#[derive(Debug, Default, Serialize)]
pub(crate) struct SharedFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<Vec<TableVersions>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<Vec<TableFailure<'a>>>,
}

/// Whether everything is done that was to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunOutcome {
    Done,
    Incomplete,
}

impl RunOutcome {
    pub(crate) const fn of(is_incomplete: bool) -> Self {
        if is_incomplete { Self::Incomplete } else { Self::Done }
    }
}

/// The versions of a table before and after a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableVersions {
    /// Such as `silver.klines`.
    pub table: String,
    /// The version before the run's first commit; none if that made the table.
    pub version_before: Option<i64>,
    /// The version of the run's last commit.
    pub version_after: i64,
    /// Rows that the run wrote, where they are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

impl TableVersions {
    /// Adds a commit to the versions of a run's tables.
    pub(crate) fn add(tables: &mut Vec<Self>, table: &str, version: i64, rows: Option<u64>) {
        match tables.iter_mut().find(|known| known.table == table) {
            Some(known) => {
                known.version_after = known.version_after.max(version);
                known.rows = known.rows.zip(rows).map(|(before, more)| before + more);
            }
            None => tables.push(Self {
                table: table.to_owned(),
                version_before: version.checked_sub(1).filter(|before| *before >= 0),
                version_after: version,
                rows,
            }),
        }
    }
}

/// A table that is not what it should be after a run.
#[derive(Debug, Serialize)]
pub(crate) struct TableFailure<'a> {
    pub table: &'a str,
    pub reason: &'a str,
}
