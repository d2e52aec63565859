//! Which of two copies of a day is the more complete one, by what was measured of each.
//!
//! The daily and the monthly archive of a series hold the same days in principle; in practice
//! either may miss some, end hours early or repeat rows (binance-public-data issues 140, 86, 203),
//! so neither is right by rule. `claim` says which days of an archive are in question,
//! `measure` how complete a copy is, and here the two are compared; `outside` is about rows that
//! are of none of an archive's days. Where the rows come from and
//! where they go is not known here.

mod claim;
mod measure;
pub mod outside;

use std::fmt::Write as _;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use self::claim::{ClaimResolution, HeldArchive, OverlapClaim};
pub use self::measure::{Content, Continuity, DayEvidence, DayMeter};
use crate::names::market::Frequency;
use crate::names::period::{DateRange, Period};

/// Who owns a day from now on, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayDecision {
    pub day: NaiveDate,
    /// The frequency of the archive whose copy was in silver before.
    pub current_owner: Frequency,
    /// What was measured of the copy in silver.
    pub current: DayEvidence,
    /// What was measured of the incoming copy.
    pub incoming: DayEvidence,
    cause: Cause,
}

/// The first thing that counts in which the two copies differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Cause {
    Rows { incoming_wins: bool },
    Gaps { incoming_wins: bool },
    Span { incoming_wins: bool },
    Tie,
}

/// Compares two copies of a day: more rows win, then fewer gaps, or the longer span where gaps have
/// no meaning; a copy that is no better than the one in silver changes nothing.
#[must_use]
pub fn decide_day(
    day: NaiveDate,
    current_owner: Frequency,
    current: DayEvidence,
    incoming: DayEvidence,
) -> DayDecision {
    DayDecision { day, current_owner, current, incoming, cause: find_cause(current, incoming) }
}

fn find_cause(current: DayEvidence, incoming: DayEvidence) -> Cause {
    // Repeated rows say nothing new: a copy with every row twice is not the more complete one.
    if incoming.distinct() != current.distinct() {
        return Cause::Rows { incoming_wins: incoming.distinct() > current.distinct() };
    }
    // Where gaps are known of both, they decide alone: the same number of rows with the same number
    // of gaps is the same day, whatever its first and last row.
    if let Some((incoming, current)) = incoming.gaps.zip(current.gaps) {
        if incoming == current {
            return Cause::Tie;
        }
        return Cause::Gaps { incoming_wins: incoming < current };
    }
    if incoming.span() == current.span() {
        return Cause::Tie;
    }
    Cause::Span { incoming_wins: incoming.span() > current.span() }
}

impl DayDecision {
    /// Returns whether the day goes to the copy that was not in silver.
    #[must_use]
    pub const fn incoming_wins(&self) -> bool {
        match self.cause {
            Cause::Rows { incoming_wins }
            | Cause::Gaps { incoming_wins }
            | Cause::Span { incoming_wins } => incoming_wins,
            // What is in silver stays: moving rows for nothing would go on for ever.
            Cause::Tie => false,
        }
    }

    /// Returns the frequency of the archive that owns the day from now on.
    #[must_use]
    pub const fn owner(&self) -> Frequency {
        match (self.incoming_wins(), self.current_owner) {
            (false, current_owner) => current_owner,
            (true, Frequency::Daily) => Frequency::Monthly,
            (true, Frequency::Monthly) => Frequency::Daily,
        }
    }

    /// Returns how many rows at least have other values in the other copy; nothing is known where
    /// one of them has more rows.
    #[must_use]
    pub fn differing(&self) -> u64 {
        let (current, incoming) = (&self.current, &self.incoming);
        if (current.rows, current.repeated) != (incoming.rows, incoming.repeated) {
            return 0;
        }
        current.content.differing(&incoming.content)
    }

    fn evidence_of(&self, frequency: Frequency) -> DayEvidence {
        if frequency == self.current_owner { self.current } else { self.incoming }
    }
}

/// Explains decisions with their numbers, neighbouring days of the same outcome as one.
#[must_use]
pub fn explain(decisions: &[DayDecision]) -> String {
    let mut texts = Vec::new();
    for days in decisions.chunk_by(has_same_outcome) {
        texts.push(explain_days(days));
    }
    texts.join("; ")
}

fn has_same_outcome(a: &DayDecision, b: &DayDecision) -> bool {
    a.day.succ_opt() == Some(b.day)
        && (a.owner(), a.current_owner, a.cause) == (b.owner(), b.current_owner, b.cause)
        && (a.differing() > 0) == (b.differing() > 0)
}

/// Explains neighbouring days of one outcome.
fn explain_days(days: &[DayDecision]) -> String {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return String::new() };
    let range = DateRange { start: Some(first.day), end: Some(last.day) };
    let when = if days.len() == 1 { Period::day(first.day).to_string() } else { range.to_string() };
    let what =
        if days.len() == 1 { "the day".to_owned() } else { format!("the {} days", days.len()) };
    let owner = first.owner();
    let outcome = match first.cause {
        Cause::Tie => format!("as complete as each other, {owner} keeps {what}"),
        Cause::Span { .. } => format!("the rows of {owner} reach further, {owner} owns {what}"),
        Cause::Rows { .. } | Cause::Gaps { .. } => format!("{owner} owns {what}"),
    };
    let monthly = figures(total(days, Frequency::Monthly));
    let daily = figures(total(days, Frequency::Daily));
    let values = match days.iter().map(DayDecision::differing).sum::<u64>() {
        0 => String::new(),
        1 => ", 1 row or more with other values".to_owned(),
        differing => format!(", {differing} rows or more with other values"),
    };
    format!("{when}: monthly {monthly}, daily {daily}{values}: {outcome}")
}

/// Adds up what was measured of one frequency's copy.
fn total(days: &[DayDecision], frequency: Frequency) -> DayEvidence {
    let mut total = DayEvidence::default();
    for decision in days {
        total = add(total, decision.evidence_of(frequency));
    }
    total
}

fn figures(evidence: DayEvidence) -> String {
    let mut text = match evidence.rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    };
    // Writing to a string does not fail.
    if evidence.repeated > 0 {
        let _ = write!(text, " ({} of them repeated)", evidence.repeated);
    }
    match evidence.gaps {
        Some(1) => text.push_str(" and 1 gap"),
        Some(gaps) if gaps > 0 => {
            let _ = write!(text, " and {gaps} gaps");
        }
        _ => {}
    }
    text
}

fn add(a: DayEvidence, b: DayEvidence) -> DayEvidence {
    // A sum starts without gaps known, and of a day without rows none are known.
    let gaps = a.gaps.zip(b.gaps).map(|(a, b)| a + b).or(a.gaps).or(b.gaps);
    DayEvidence {
        rows: a.rows + b.rows,
        repeated: a.repeated + b.repeated,
        gaps,
        first: a.first,
        last: b.last,
        content: Content::default(),
    }
}

#[cfg(test)]
pub(crate) mod model;
#[cfg(test)]
mod tests;
