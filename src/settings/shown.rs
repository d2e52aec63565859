//! Settings as they are told: each with its value and where that comes from.
//!
//! Values are those that an ingest would have; only the origin is found here, by the same order of
//! precedence.

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;
use lakehouse_core::foreign::redacted;
use lakehouse_core::selection::{IntervalFilter, Selection, SymbolFilter};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{IngestSettings, Settings, SettingsError};
use crate::cli::{ConfigShowFlags, IngestFlags, SelectionFlags, TuningFlags};

/// A setting, its value, and where that comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownSetting {
    /// As a configuration file spells it.
    pub name: &'static str,
    /// Null where nothing is set and nothing limits.
    pub value: Value,
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag, as it is typed.
    Flag(&'static str),
    /// A variable of the environment.
    Variable(&'static str),
    File {
        file: String,
        line: usize,
    },
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Settings {
    /// Returns every setting that a configuration file may have, as it would hold for an ingest
    /// with these flags.
    ///
    /// # Errors
    /// When a name means nothing, or dates end before they start.
    pub fn shown(
        self,
        flags: &ConfigShowFlags,
        today: NaiveDate,
    ) -> Result<Vec<ShownSetting>, SettingsError> {
        let lines = Lines { file: self.file.file.clone(), lines: self.file.lines.clone() };
        let mut shown = self.places(flags, &lines);
        let ConfigShowFlags { selection, source, tuning, .. } = flags.clone();
        // Nothing is fetched, so a selection may be as broad as it likes.
        let selection = SelectionFlags { all: true, ..selection };
        let wanted = IngestFlags { selection, source, tuning, ..IngestFlags::default() };
        let settings = self.ingest(&wanted, today)?;
        shown.extend(lines.selection(&settings.selection, &flags.selection));
        shown.extend(lines.tuning(&settings, &flags.tuning));
        Ok(shown)
    }

    /// Returns where things are: the file itself, the lake, the archive, the matrix.
    fn places(&self, flags: &ConfigShowFlags, lines: &Lines) -> Vec<ShownSetting> {
        let (given, environment, from) = (&self.given, &self.environment, &flags.source);
        let config = given
            .config
            .as_ref()
            .or(environment.config.as_ref())
            .map(|file| file.display().to_string());
        let (source, listing) = self.source(from);
        let place = |name, value, flag: Option<&'static str>, variable: Option<&'static str>| {
            let outside = [flag.map(Origin::Flag), variable.map(Origin::Variable)];
            ShownSetting { name, value, origin: lines.origin(name, outside) }
        };
        let by = |flag: bool, name: &'static str| flag.then_some(name);
        let mut shown = vec![
            place(
                "config",
                json!(config),
                by(given.config.is_some(), "--config"),
                by(environment.config.is_some(), "LAKEHOUSE_CONFIG"),
            ),
            place(
                "lake",
                json!(redacted(&self.lake)),
                by(given.lake.is_some(), "--lake"),
                by(environment.lake.is_some(), "LAKEHOUSE_LAKE"),
            ),
            place(
                "source",
                json!(source),
                by(from.source.is_some(), "--source"),
                by(environment.source.is_some(), "LAKEHOUSE_SOURCE"),
            ),
            place(
                "listing",
                json!(listing),
                by(from.listing.is_some(), "--listing"),
                by(environment.listing.is_some(), "LAKEHOUSE_LISTING"),
            ),
            place("matrix_path", json!(self.file.matrix_path), None, None),
            place("gold_models", json!(self.file.gold_models), None, None),
        ];
        // A listing that belongs to a source that is not in use has no effect, wherever it is
        // named.
        shown
            .iter_mut()
            .filter(|place| place.value.is_null())
            .for_each(|place| place.origin = Origin::Default);
        shown
    }
}

/// Where the configuration file gives what.
struct Lines {
    file: String,
    lines: BTreeMap<&'static str, usize>,
}

impl Lines {
    /// Returns the first of what wins over the file, or the file's line.
    fn origin(&self, name: &str, outside: [Option<Origin>; 2]) -> Origin {
        let line = self.lines.get(name).map(|&line| Origin::File { file: self.file.clone(), line });
        outside.into_iter().flatten().next().or(line).unwrap_or(Origin::Default)
    }

    fn setting(
        &self,
        name: &'static str,
        value: Value,
        flag: Option<&'static str>,
    ) -> ShownSetting {
        ShownSetting { name, value, origin: self.origin(name, [flag.map(Origin::Flag), None]) }
    }

    fn tuning(&self, settings: &IngestSettings, flags: &TuningFlags) -> [ShownSetting; 7] {
        let fetch = &settings.fetch;
        let setting =
            |name, value, given: bool, flag| self.setting(name, value, given.then_some(flag));
        let parallel =
            (json!(fetch.max_parallel_downloads), flags.max_parallel_downloads.is_some());
        let timeout = (json!(fetch.timeout.as_secs()), flags.timeout_seconds.is_some());
        [
            setting(
                "batch_size",
                json!(settings.batch_size),
                flags.batch_size.is_some(),
                "--batch-size",
            ),
            setting("max_parallel_downloads", parallel.0, parallel.1, "--max-parallel-downloads"),
            setting("timeout_seconds", timeout.0, timeout.1, "--timeout-seconds"),
            setting("retries", json!(fetch.retries), flags.retries.is_some(), "--retries"),
            setting("bandwidth", json!(fetch.bandwidth), flags.bandwidth.is_some(), "--bandwidth"),
            setting("checksum", json!(fetch.checksum), flags.no_checksum, "--no-checksum"),
            setting("resume", json!(fetch.resume), flags.no_resume, "--no-resume"),
        ]
    }

    fn selection(&self, selection: &Selection, flags: &SelectionFlags) -> Vec<ShownSetting> {
        let scope = &flags.scope;
        let texts = |names: Vec<String>| if names.is_empty() { Value::Null } else { json!(names) };
        let setting =
            |name, value, given: bool, flag| self.setting(name, value, given.then_some(flag));
        let markets = selection.markets.iter().map(ToString::to_string).collect();
        let data_types = selection.data_types.iter().map(ToString::to_string).collect();
        let dates = selection.dates;
        let dates_flag = match (flags.last, scope.start, scope.end) {
            (Some(_), ..) => Some("--last"),
            (_, Some(_), Some(_)) => Some("--start, --end"),
            (_, Some(_), None) => Some("--start"),
            (_, None, Some(_)) => Some("--end"),
            _ => None,
        };
        let range = (dates.start.is_some() || dates.end.is_some()).then(|| dates.to_string());
        let mut date_range = self.setting("date_range", json!(range), dates_flag);
        if date_range.origin == Origin::Default {
            date_range.origin = self.origin("last", [None, None]);
        }
        vec![
            setting("markets", texts(markets), !scope.market.is_empty(), "--market"),
            setting("data_types", texts(data_types), !scope.data_type.is_empty(), "--data-type"),
            setting("symbols", symbols(&selection.symbols), !scope.symbol.is_empty(), "--symbol"),
            setting(
                "intervals",
                intervals(&selection.intervals),
                !scope.interval.is_empty(),
                "--interval",
            ),
            date_range,
            setting(
                "frequency",
                json!(selection.frequency.as_str()),
                flags.frequency.is_some(),
                "--frequency",
            ),
        ]
    }
}

fn symbols(filter: &SymbolFilter) -> Value {
    match filter {
        SymbolFilter::Everywhere(list) if list.patterns().is_empty() => Value::Null,
        SymbolFilter::Everywhere(list) => json!(list.patterns()),
        SymbolFilter::PerMarket(lists) => lists
            .iter()
            .map(|(market, list)| (market.to_string(), json!(list.patterns())))
            .collect(),
    }
}

fn intervals(filter: &IntervalFilter) -> Value {
    match filter {
        IntervalFilter::Everywhere(names) if names.is_empty() => Value::Null,
        IntervalFilter::Everywhere(names) => json!(names),
        IntervalFilter::PerDataType(lists) => {
            lists.iter().map(|(data_type, names)| (data_type.to_string(), json!(names))).collect()
        }
    }
}
