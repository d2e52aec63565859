//! A unit of work: archives of one table that are to be decoded, and what came of it.
//!
//! Both are plain values that say everything, so that a unit may run in another process, and may
//! run twice: its files belong to no table until a commit names them, and nobody but the process
//! that requested the unit commits.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use lakehouse_core::overlap::outside::LeftRows;
use lakehouse_core::overlap::{
    ClaimResolution, Continuity, DayDecision, DayEvidence, OverlapClaim,
};
use serde::{Deserialize, Serialize};

use crate::delta::file::NewFile;

/// Archives of one table, of near dates, that are to be decoded into data files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DecodeRequest {
    /// The name of the table in `silver`.
    pub(crate) table: String,
    /// The run that `meta.rejects` names.
    pub(crate) run: String,
    /// In the order in which their rows are written.
    pub(crate) archives: Vec<ArchiveRequest>,
}

/// A version of an archive, and which of its rows land.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArchiveRequest {
    pub(crate) archive: String,
    pub(crate) sha256: String,
    pub(crate) rules: LandingRules,
}

/// What decides which days of an archive land, once its rows have been measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LandingRules {
    /// Which of the days in its period are free, and which overlap.
    pub(super) claim: OverlapClaim,
    /// What was measured of the copies that hold overlapping days.
    pub(super) held: BTreeMap<NaiveDate, DayEvidence>,
    pub(super) continuity: Continuity,
    pub(super) outside: OutsideRules,
}

/// What decides about rows outside the period.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OutsideRules {
    /// Days that belong to other archives, in silver or among those that are decoded.
    pub(super) owned: BTreeSet<NaiveDate>,
    /// Days of which other archives have rows in silver that are outside of their periods, too.
    pub(super) rows_of_others: BTreeSet<NaiveDate>,
}

/// What came of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DecodeResult {
    /// In the order of the request.
    pub(crate) archives: Vec<ArchiveResult>,
    /// Durable files of the table.
    pub(crate) files: Vec<NewFile>,
    /// Durable files of `meta.rejects`.
    pub(crate) rejects: Vec<NewFile>,
}

/// What was found in one archive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArchiveResult {
    /// Rows that were read; those of them that land, once the archive is settled.
    pub(crate) rows: u64,
    /// Which of its days land, and why; nothing for one that could not be read.
    pub(crate) resolution: Option<ClaimResolution>,
    pub(crate) decisions: Vec<DayDecision>,
    /// Rows outside its period that it leaves to other archives.
    pub(crate) left: Vec<LeftRows>,
    /// The days outside its period of which rows land.
    pub(crate) outside: Vec<NaiveDate>,
    pub(crate) rejected_rows: u64,
    pub(crate) min_time: Option<DateTime<Utc>>,
    pub(crate) max_time: Option<DateTime<Utc>>,
    /// Bytes of CSV.
    pub(crate) bytes: u64,
    /// Why none of its rows are in the files.
    pub(crate) fault: Option<Fault>,
}

/// Why an archive cannot land.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fault {
    /// Its bytes are no archive of its kind.
    Rejected(String),
    /// It could not be read this time.
    Failed(String),
}
