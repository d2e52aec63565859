//! The settings that `config show` prints, each with its value and origin.
//!
//! Values are those of an ingest. Only the origin is found here, in the same order of precedence.

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;
use lakehouse_core::foreign::redacted;
use lakehouse_core::names::period::DateRange;
use lakehouse_core::selection::{IntervalFilter, Selection, SymbolFilter};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{IngestSettings, Settings, SettingsError};
use crate::cli::setting::{self, Setting};
use crate::cli::{ConfigShowFlags, IngestFlags, SelectionFlags, SourceFlags, TuningFlags};

/// A setting, its value and its origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownSetting {
    /// The key in a configuration file.
    pub name: &'static str,
    /// Null if nothing is set and nothing limits.
    pub value: Value,
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag, as it is typed.
    Flag(&'static str),
    /// An environment variable.
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
    /// Returns every setting that a configuration file can have, as it would be for an ingest with
    /// these flags.
    ///
    /// # Errors
    /// When a name is unknown, or dates end before they start.
    pub fn shown(
        self,
        flags: &ConfigShowFlags,
        today: NaiveDate,
    ) -> Result<Vec<ShownSetting>, SettingsError> {
        let origins = FileOrigins { file: self.file.file.clone(), lines: self.file.lines.clone() };
        let mut shown = self.places(&flags.source, &origins);
        let ConfigShowFlags { selection, source, tuning, .. } = flags.clone();
        // Nothing is downloaded, so a selection may be as broad as it likes.
        let selection = SelectionFlags { all: true, ..selection };
        let ingest = IngestFlags { selection, source, tuning, ..IngestFlags::default() };
        let settings = self.ingest(&ingest, today)?;
        shown.extend(origins.selection(&settings.selection, &flags.selection));
        shown.extend(origins.tuning(&settings, &flags.tuning));
        Ok(shown)
    }

    /// Returns the configuration file itself, lake, source, matrix and models.
    fn places(&self, flags: &SourceFlags, origins: &FileOrigins) -> Vec<ShownSetting> {
        let given = &self.given;
        let environment = &self.environment;
        let config = given.config.as_ref().or(environment.config.as_ref());
        let config = config.map(|file| file.display().to_string());
        let (source, listing) = self.source(flags);
        let place = |setting: &Setting, value, by_flag: bool, by_variable: bool| {
            let flag = setting.flag.filter(|_| by_flag).map(Origin::Flag);
            let variable = setting.variable.filter(|_| by_variable).map(Origin::Variable);
            origins.shown(setting, value, flag.or(variable))
        };
        let mut places = vec![
            place(
                &setting::CONFIG,
                json!(config),
                given.config.is_some(),
                environment.config.is_some(),
            ),
            place(
                &setting::LAKE,
                json!(redacted(&self.lake)),
                given.lake.is_some(),
                environment.lake.is_some(),
            ),
            place(
                &setting::SOURCE,
                json!(source),
                flags.source.is_some(),
                environment.source.is_some(),
            ),
            place(
                &setting::LISTING,
                json!(listing),
                flags.listing.is_some(),
                environment.listing.is_some(),
            ),
            place(&setting::API, json!(self.api(None)), false, environment.api.is_some()),
            place(&setting::MATRIX_PATH, json!(self.file.matrix_path), false, false),
            place(&setting::GOLD_MODELS, json!(self.file.gold_models), false, false),
            place(&setting::AUDIT_CHECKS, json!(self.file.audit_checks), false, false),
            place(&setting::VIEWS, json!(self.file.views), false, false),
        ];
        // A listing of a source that is not in use has no effect, wherever it is named.
        for place in places.iter_mut().filter(|place| place.value.is_null()) {
            place.origin = Origin::Default;
        }
        places
    }
}

/// The lines of the configuration file on which settings are.
struct FileOrigins {
    file: String,
    lines: BTreeMap<&'static str, usize>,
}

impl FileOrigins {
    /// Shows a setting with the origin that overrides the file, if there is one.
    fn shown(&self, setting: &Setting, value: Value, overriding: Option<Origin>) -> ShownSetting {
        let origin = overriding.or_else(|| self.line_of(setting)).unwrap_or(Origin::Default);
        ShownSetting { name: setting.key, value, origin }
    }

    fn line_of(&self, setting: &Setting) -> Option<Origin> {
        let line = *self.lines.get(setting.key)?;
        Some(Origin::File { file: self.file.clone(), line })
    }

    fn with_flag(&self, setting: &Setting, value: Value, is_given: bool) -> ShownSetting {
        self.shown(setting, value, setting.flag.filter(|_| is_given).map(Origin::Flag))
    }

    fn tuning(&self, settings: &IngestSettings, flags: &TuningFlags) -> [ShownSetting; 8] {
        let fetch = &settings.fetch;
        [
            self.with_flag(
                &setting::BATCH_SIZE,
                json!(settings.batch_size),
                flags.batch_size.is_some(),
            ),
            self.with_flag(
                &setting::MAX_PARALLEL_DOWNLOADS,
                json!(fetch.parallel),
                flags.max_parallel_downloads.is_some(),
            ),
            self.with_flag(
                &setting::TIMEOUT_SECONDS,
                json!(settings.timeouts.idle.as_secs()),
                flags.timeout_seconds.is_some(),
            ),
            self.with_flag(&setting::RETRIES, json!(fetch.retry.retries), flags.retries.is_some()),
            self.with_flag(&setting::BANDWIDTH, json!(fetch.bandwidth), flags.bandwidth.is_some()),
            self.with_flag(&setting::CHECKSUM, json!(fetch.checksum), flags.no_checksum),
            self.with_flag(
                &setting::BRONZE,
                json!(settings.bronze.as_str()),
                flags.bronze.is_some(),
            ),
            self.with_flag(&setting::RESUME, json!(fetch.resume), flags.no_resume),
        ]
    }

    fn selection(&self, selection: &Selection, flags: &SelectionFlags) -> [ShownSetting; 6] {
        let scope = &flags.scope;
        [
            self.with_flag(&setting::MARKETS, texts(&selection.markets), !scope.market.is_empty()),
            self.with_flag(
                &setting::DATA_TYPES,
                texts(&selection.data_types),
                !scope.data_type.is_empty(),
            ),
            self.with_flag(
                &setting::SYMBOLS,
                symbols(&selection.symbols),
                !scope.symbol.is_empty(),
            ),
            self.with_flag(
                &setting::INTERVALS,
                intervals(&selection.intervals),
                !scope.interval.is_empty(),
            ),
            self.dates(selection.dates, flags),
            self.with_flag(
                &setting::FREQUENCY,
                json!(selection.frequency.as_str()),
                flags.frequency.is_some(),
            ),
        ]
    }

    fn dates(&self, dates: DateRange, flags: &SelectionFlags) -> ShownSetting {
        let flag = match (flags.last, flags.scope.start, flags.scope.end) {
            (Some(_), ..) => setting::LAST.flag,
            (_, Some(_), Some(_)) => setting::DATE_RANGE.flag,
            (_, Some(_), None) => Some("--start"),
            (_, None, Some(_)) => Some("--end"),
            _ => None,
        };
        let is_limited = dates.start.is_some() || dates.end.is_some();
        let value = json!(is_limited.then(|| dates.to_string()));
        let origin = flag.map(Origin::Flag).or_else(|| self.line_of(&setting::DATE_RANGE));
        self.shown(&setting::DATE_RANGE, value, origin.or_else(|| self.line_of(&setting::LAST)))
    }
}

fn texts(names: &[impl fmt::Display]) -> Value {
    if names.is_empty() {
        return Value::Null;
    }
    names.iter().map(ToString::to_string).collect()
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
