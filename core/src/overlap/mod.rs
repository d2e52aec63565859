//! Which of two copies of a day is the more complete one, by what was measured of each.
//!
//! The daily and the monthly archive of a series hold the same days in principle; in practice
//! either may miss some, end hours early or repeat rows (binance-public-data issues 140, 86, 203),
//! so neither is right by rule. [`claim`] says which days of an archive are in question,
//! [`measure`] what a copy is worth, and here the two are compared. Where the rows come from and
//! where they go is not known here.

mod claim;
mod measure;

use std::fmt::Write as _;

use chrono::NaiveDate;

pub use self::claim::{ClaimResolution, HeldArchive, OverlapClaim};
pub use self::measure::{Continuity, DayEvidence, DayMeter};
use crate::names::market::Frequency;
use crate::names::period::{DateRange, Period};

/// Who owns a day from now on, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayDecision {
    pub day: NaiveDate,
    /// The frequency of the archive whose copy was in silver before.
    pub current_owner: Frequency,
    /// What the copy in silver is worth.
    pub current: DayEvidence,
    /// What the incoming copy is worth.
    pub incoming: DayEvidence,
    cause: Cause,
}

/// What the two copies differ in, the first that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Rows { incoming: bool },
    Gaps { incoming: bool },
    Span { incoming: bool },
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
    let distinct = (incoming.distinct(), current.distinct());
    let cause = if distinct.0 != distinct.1 {
        Cause::Rows { incoming: distinct.0 > distinct.1 }
    } else {
        match (incoming.gaps, current.gaps) {
            (Some(incoming), Some(current)) if incoming != current => {
                Cause::Gaps { incoming: incoming < current }
            }
            (Some(_), Some(_)) => Cause::Tie,
            _ if incoming.span() != current.span() => {
                Cause::Span { incoming: incoming.span() > current.span() }
            }
            _ => Cause::Tie,
        }
    };
    DayDecision { day, current_owner, current, incoming, cause }
}

impl DayDecision {
    /// Returns whether the day goes to the copy that was not in silver.
    #[must_use]
    pub const fn incoming_wins(&self) -> bool {
        match self.cause {
            Cause::Rows { incoming } | Cause::Gaps { incoming } | Cause::Span { incoming } => {
                incoming
            }
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

    const fn copy(&self, frequency: Frequency) -> DayEvidence {
        match (frequency, self.current_owner) {
            (Frequency::Daily, Frequency::Daily) | (Frequency::Monthly, Frequency::Monthly) => {
                self.current
            }
            _ => self.incoming,
        }
    }
}

/// Tells decisions with their numbers, neighbouring days of the same outcome as one.
#[must_use]
pub fn explain(decisions: &[DayDecision]) -> String {
    let mut text = String::new();
    let alike = |a: &DayDecision, b: &DayDecision| {
        a.day.succ_opt() == Some(b.day)
            && (a.owner(), a.current_owner, a.cause) == (b.owner(), b.current_owner, b.cause)
    };
    for days in decisions.chunk_by(alike) {
        let separator = if text.is_empty() { "" } else { "; " };
        // Writing to a string does not fail.
        let _ = write!(text, "{separator}{}", explain_days(days));
    }
    text
}

fn explain_days(days: &[DayDecision]) -> String {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return String::new() };
    let range = DateRange { start: Some(first.day), end: Some(last.day) };
    let when = if days.len() == 1 { Period::day(first.day).to_string() } else { range.to_string() };
    let total = |frequency| {
        days.iter().map(|decision| decision.copy(frequency)).fold(DayEvidence::default(), add)
    };
    let (monthly, daily) = (total(Frequency::Monthly), total(Frequency::Daily));
    let what =
        if days.len() == 1 { "the day".to_owned() } else { format!("the {} days", days.len()) };
    let owner = first.owner();
    let outcome = match first.cause {
        Cause::Tie => format!("as complete as each other, {owner} keeps {what}"),
        Cause::Span { .. } => format!("the rows of {owner} reach further, {owner} owns {what}"),
        Cause::Rows { .. } | Cause::Gaps { .. } => format!("{owner} owns {what}"),
    };
    format!("{when}: monthly {}, daily {}: {outcome}", figures(monthly), figures(daily))
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
    let gaps = a.gaps.zip(b.gaps).map(|(a, b)| a + b).or(a.gaps).or(b.gaps);
    DayEvidence {
        rows: a.rows + b.rows,
        repeated: a.repeated + b.repeated,
        gaps,
        first: a.first,
        last: b.last,
    }
}

#[cfg(test)]
pub(crate) mod model;
#[cfg(test)]
mod tests;
