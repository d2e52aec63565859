//! Reads the rows of `matrix/*.toml`, and refuses those that contradict themselves or each other.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::NaiveDate;
use serde::Deserialize;
use toml::Spanned;

use super::{Combination, Matrix, Status};
use crate::config::data_file::{DataFileError, parse_toml};
use crate::names::market::{DataType, Frequency, Interval, Market, Symbol};
use crate::names::pattern::KeyPattern;
use crate::names::period::Period;

/// Adds the rows of one file.
pub(super) fn add(matrix: &mut Matrix, file: &str, text: &str) -> Result<(), DataFileError> {
    let rows: MatrixRows = parse_toml(file, text)?;
    let source = MatrixReader { file, text };
    for row in &rows.combination {
        let combination = source.combination(row)?;
        source.add_aliases(matrix, row, &combination.data_type)?;
        source.add_folders(matrix, row, &combination)?;
        matrix.combinations.push(combination);
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MatrixRows {
    #[serde(default)]
    combination: Vec<MatrixRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MatrixRow {
    market: Spanned<String>,
    data_type: Spanned<String>,
    #[serde(default)]
    aliases: Vec<Spanned<String>>,
    schema: Spanned<String>,
    pattern: Spanned<String>,
    daily: Option<Spanned<Vec<Spanned<String>>>>,
    monthly: Option<Spanned<Vec<Spanned<String>>>>,
    status: Spanned<String>,
    since: Option<Spanned<String>>,
    #[serde(default)]
    symbol_aliases: BTreeMap<String, Spanned<String>>,
    evidence: Spanned<String>,
}

/// The file that is being read, for its errors.
struct MatrixReader<'a> {
    file: &'a str,
    text: &'a str,
}

impl MatrixReader<'_> {
    fn combination(&self, row: &MatrixRow) -> Result<Combination, DataFileError> {
        let pattern = self.parse(&row.pattern, KeyPattern::parse)?;
        if row.daily.is_none() && row.monthly.is_none() {
            let error = self.error(row.data_type.span(), "neither `daily` nor `monthly` archives");
            return Err(error.with_key("daily"));
        }
        Ok(Combination {
            market: self.parse(&row.market, str::parse::<Market>)?,
            data_type: DataType::new(self.filled(&row.data_type)?),
            schema: self.filled(&row.schema)?.to_owned(),
            daily: self.intervals(row.daily.as_ref(), &pattern)?,
            monthly: self.intervals(row.monthly.as_ref(), &pattern)?,
            status: self.parse(&row.status, status)?,
            since: row.since.as_ref().map(|since| self.parse(since, date)).transpose()?,
            symbol_aliases: self.symbol_aliases(&row.symbol_aliases)?,
            evidence: self.filled(&row.evidence)?.to_owned(),
            pattern,
        })
    }

    fn intervals(
        &self,
        list: Option<&Spanned<Vec<Spanned<String>>>>,
        pattern: &KeyPattern,
    ) -> Result<Option<Vec<Interval>>, DataFileError> {
        let Some(list) = list else { return Ok(None) };
        let mut intervals = Vec::new();
        for text in list.get_ref() {
            let interval: Interval = self.parse(text, str::parse)?;
            if intervals.contains(&interval) {
                return Err(
                    self.error(text.span(), format!("interval `{interval}` is there twice"))
                );
            }
            intervals.push(interval);
        }
        match (pattern.has_intervals(), intervals.is_empty()) {
            (true, true) => {
                Err(self.error(list.span(), "no intervals, but the pattern has {interval}"))
            }
            (false, false) => Err(self
                .error(list.span(), "intervals, but the pattern has no {interval}; expected []")),
            _ => Ok(Some(intervals)),
        }
    }

    fn symbol_aliases(
        &self,
        aliases: &BTreeMap<String, Spanned<String>>,
    ) -> Result<BTreeMap<String, Symbol>, DataFileError> {
        let parsed = aliases.iter().map(|(alias, symbol)| {
            let symbol =
                self.parse(symbol, str::parse::<Symbol>).map_err(|error| error.with_key(alias))?;
            Ok((alias.clone(), symbol))
        });
        parsed.collect()
    }

    fn add_aliases(
        &self,
        matrix: &mut Matrix,
        row: &MatrixRow,
        data_type: &DataType,
    ) -> Result<(), DataFileError> {
        for alias in &row.aliases {
            let known = matrix.data_type(alias.get_ref()).ok();
            if let Some(known) = known.filter(|known| known != data_type) {
                return Err(self.error(
                    alias.span(),
                    format!("`{}` already means `{known}`", alias.get_ref()),
                ));
            }
            matrix.aliases.insert(alias.get_ref().clone(), data_type.clone());
        }
        let known = matrix.aliases.get(data_type.as_str()).filter(|known| *known != data_type);
        known.map_or(Ok(()), |known| {
            Err(self.error(
                row.data_type.span(),
                format!("`{data_type}` is already an alias of `{known}`"),
            ))
        })
    }

    fn add_folders(
        &self,
        matrix: &mut Matrix,
        row: &MatrixRow,
        combination: &Combination,
    ) -> Result<(), DataFileError> {
        let (market, data_type) = (combination.market, &combination.data_type);
        if matrix.get(market, data_type).is_some() {
            return Err(
                self.error(row.data_type.span(), format!("{market} {data_type} is there twice"))
            );
        }
        for frequency in Frequency::ALL {
            let folder = combination.symbols_prefix(frequency).trim_end_matches('/').to_owned();
            if matrix.folders.insert(folder, matrix.combinations.len()).is_some() {
                return Err(
                    self.error(row.pattern.span(), "another combination has the same folders")
                );
            }
        }
        Ok(())
    }

    fn parse<T, E: ToString>(
        &self,
        value: &Spanned<String>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, DataFileError> {
        parse(value.get_ref()).map_err(|error| self.error(value.span(), error.to_string()))
    }

    fn filled<'b>(&self, value: &'b Spanned<String>) -> Result<&'b str, DataFileError> {
        let text = value.get_ref().trim();
        if text.is_empty() { Err(self.error(value.span(), "empty")) } else { Ok(text) }
    }

    fn error(&self, span: Range<usize>, message: impl Into<String>) -> DataFileError {
        DataFileError::new(self.file, self.text, span, message)
    }
}

fn status(text: &str) -> Result<Status, String> {
    let last = text.strip_prefix("ended ").and_then(|last| date(last).ok());
    match (text, last) {
        ("active", _) => Ok(Status::Active),
        ("withdrawn", _) => Ok(Status::Withdrawn),
        ("never", _) => Ok(Status::Never),
        (_, Some(last)) => Ok(Status::Ended(last)),
        _ => Err(format!(
            "unknown status `{text}`; expected active, ended YYYY-MM-DD, withdrawn or never"
        )),
    }
}

fn date(text: &str) -> Result<NaiveDate, String> {
    let day = text.parse::<Period>().ok().filter(|period| period.frequency() == Frequency::Daily);
    day.map(Period::start).ok_or_else(|| format!("`{text}` is no date; expected YYYY-MM-DD"))
}
