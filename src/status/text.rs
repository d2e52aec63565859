//! The status for people: tables of series, gaps, failures and runs.

use std::collections::BTreeSet;

use bytesize::ByteSize;
use chrono::{NaiveDate, SecondsFormat};
use lakehouse_core::coverage::SeriesCoverage;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::market::{DataType, Interval, Market};

use super::{LakeStatus, ProvisionalRows, Totals, calendar};
use crate::terminal::console;

/// Series that are shown one by one; more are shown together by market, data type and interval.
const SHOWN_SERIES: usize = 60;

/// Series of which a calendar is shown.
const SHOWN_CALENDARS: usize = 3;

/// Letters of a command line that are shown.
const SHOWN_COMMAND: usize = 60;

impl LakeStatus {
    /// Shows what the lake holds, a calendar if that is little, and the last runs.
    #[must_use]
    pub(crate) fn overview(&self) -> String {
        let mut parts = Vec::new();
        if !self.series.is_empty() {
            let table =
                if self.series.len() > SHOWN_SERIES { self.groups() } else { self.one_by_one() };
            parts.push(format!("{table}\n{}\n", summary(&self.totals())));
        }
        if self.has_calendars() {
            let calendar = |series| calendar::of_series(series, &self.shown_runs(series));
            parts.extend(self.series.iter().map(calendar));
        }
        if !self.runs.is_empty() {
            parts.push(self.last_runs());
        }
        parts.extend(self.provisional_rows());
        if let Some(audit) = &self.audit {
            parts.push(format!("audit: {audit}\n"));
        }
        if !parts.is_empty() {
            parts.push(format!("format version of the lake: {}\n", self.format_version));
        }
        parts.join("\n")
    }

    /// Returns whether there are so few series that each has a calendar.
    pub(crate) const fn has_calendars(&self) -> bool {
        self.series.len() <= SHOWN_CALENDARS
    }

    /// Shows what is not published yet.
    fn provisional_rows(&self) -> Option<String> {
        let mut lines = String::new();
        for found in &self.provisional {
            let ProvisionalRows { table, rows, first_day, last_day } = found;
            let rows = grouped(*rows);
            lines
                .push_str(&format!("provisional: {table}, {rows} rows, {first_day}..{last_day}\n"));
        }
        (!lines.is_empty()).then_some(lines)
    }

    /// Shows every range of days that is not held, with its reason.
    #[must_use]
    pub(crate) fn gaps(&self) -> String {
        let header =
            ["market", "data type", "symbol", "interval", "from", "to", ">days", "reason", ""];
        let rows = self.series.iter().flat_map(|series| {
            series.gaps().map(|(run, reason)| {
                let why = vec![
                    run.start.to_string(),
                    run.end.to_string(),
                    grouped(run.days()),
                    reason.to_string(),
                    line(run.detail.as_deref()),
                ];
                [name(series), why].concat()
            })
        });
        console::columns(&header, &rows.collect::<Vec<_>>())
    }

    /// Shows the series that have no day that is new enough.
    #[must_use]
    pub(crate) fn stale(&self) -> String {
        let mut rows = Vec::new();
        for stale in self.stale.iter().flatten() {
            let hours = u64::try_from(stale.age.num_hours()).unwrap_or_default();
            let age = vec![stale.last.to_string(), grouped(hours)];
            rows.push([series_name(&stale.series), age].concat());
        }
        let header = ["market", "data type", "symbol", "interval", "last", ">hours"];
        format!("stale:\n{}", console::columns(&header, &rows))
    }

    /// Shows the archives that could not be downloaded or read.
    #[must_use]
    pub(crate) fn failed(&self) -> String {
        let rows = self.failures.iter().map(|entry| {
            let recorded = entry.recorded_at.to_rfc3339_opts(SecondsFormat::Secs, true);
            vec![
                entry.key.to_string(),
                entry.status.to_string(),
                recorded,
                line(entry.reason.as_deref()),
            ]
        });
        console::columns(&["archive", "status", "recorded at", "reason"], &rows.collect::<Vec<_>>())
    }

    fn one_by_one(&self) -> String {
        let rows = self.series.iter().map(|series| {
            let mut totals = Totals::default();
            totals.add(series);
            [name(series), figures(series.first(), series.last(), &totals)].concat()
        });
        let header = ["market", "data type", "symbol", "interval"];
        console::columns(&[&header[..], &FIGURES].concat(), &rows.collect::<Vec<_>>())
    }

    /// Shows the series of one market, data type and interval together.
    fn groups(&self) -> String {
        let mut series: Vec<&SeriesCoverage> = self.series.iter().collect();
        series.sort_by(|a, b| group(a).cmp(&group(b)));
        let rows = series.chunk_by(|a, b| group(a) == group(b)).map(|group| {
            let mut totals = Totals::default();
            group.iter().for_each(|series| totals.add(series));
            let symbols: BTreeSet<_> = group.iter().map(|series| &series.series.symbol).collect();
            let mut cells = name(group[0]);
            cells[2] = grouped(symbols.len() as u64);
            let first = group.iter().filter_map(|series| series.first()).min();
            let last = group.iter().filter_map(|series| series.last()).max();
            [cells, figures(first, last, &totals)].concat()
        });
        let header = ["market", "data type", ">symbols", "interval"];
        console::columns(&[&header[..], &FIGURES].concat(), &rows.collect::<Vec<_>>())
    }

    fn last_runs(&self) -> String {
        let rows = self.runs.iter().map(|run| {
            vec![
                run.started_at.to_rfc3339_opts(SecondsFormat::Secs, true),
                line(Some(&run.outcome)),
                grouped(run.archives_new),
                grouped(run.archives_corrected),
                grouped(run.archives_failed),
                grouped(run.rows),
                format!("{:.1}", run.seconds),
                shortened(&line(Some(&run.command))),
            ]
        });
        let header = [
            "last runs",
            "outcome",
            ">new",
            ">corrected",
            ">failed",
            ">rows",
            ">seconds",
            "command",
        ];
        console::columns(&header, &rows.collect::<Vec<_>>())
    }
}

/// Returns what series have in common that are shown together.
fn group(coverage: &SeriesCoverage) -> (Market, &DataType, Option<Interval>) {
    let series = &coverage.series;
    (series.market, &series.data_type, series.interval)
}

const FIGURES: [&str; 7] = ["first", "last", ">days", ">missing", ">rows", ">rejected", ">size"];

fn figures(first: Option<NaiveDate>, last: Option<NaiveDate>, totals: &Totals) -> Vec<String> {
    let date =
        |date: Option<NaiveDate>| date.map_or_else(|| "-".to_owned(), |date| date.to_string());
    vec![
        date(first),
        date(last),
        grouped(totals.days),
        grouped(totals.missing),
        grouped(totals.rows),
        grouped(totals.rejected_rows),
        ByteSize(totals.bytes).display().iec().to_string(),
    ]
}

fn name(coverage: &SeriesCoverage) -> Vec<String> {
    series_name(&coverage.series)
}

fn series_name(series: &Series) -> Vec<String> {
    let interval = series.interval.map_or_else(|| "-".to_owned(), |interval| interval.to_string());
    vec![
        series.market.to_string(),
        series.data_type.to_string(),
        series.symbol.to_string(),
        interval,
    ]
}

fn summary(totals: &Totals) -> String {
    let Totals { series, archives, failed, days, missing, rows, rejected_rows, bytes } = totals;
    let mut text = format!(
        "{} series: {} archives of {}, {} rows, {} days",
        grouped(*series),
        grouped(*archives),
        ByteSize(*bytes).display().iec(),
        grouped(*rows),
        grouped(*days)
    );
    for (count, what) in
        [(missing, "days missing"), (failed, "archives failed"), (rejected_rows, "rows rejected")]
    {
        if *count > 0 {
            text.push_str(&format!("; {} {what}", grouped(*count)));
        }
    }
    text
}

/// Writes a number with a comma between every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Replaces control characters, so that a text is one line and cannot control the terminal.
fn line(text: Option<&str>) -> String {
    text.unwrap_or_default()
        .chars()
        .map(|sign| if sign.is_control() { ' ' } else { sign })
        .collect()
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN_COMMAND {
        return text.to_owned();
    }
    text.chars().take(SHOWN_COMMAND - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_groups_of_three() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
            (12_345, "12,345"),
        ];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
    }
}
