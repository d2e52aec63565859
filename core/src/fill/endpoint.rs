//! The endpoints of the API, read from `matrix/api.toml`.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::TimeDelta;
use serde::Deserialize;
use toml::Spanned;

use super::plan::{ApiRequest, within_a_day};
use crate::config::data_file::{DataFileError, parse_toml};
use crate::embedded::MATRIX_FILES;
use crate::matrix::Matrix;
use crate::names::archive::Series;
use crate::names::market::{DataType, Interval, Market};
use crate::schema::{Schemas, TableSchema};

/// The file of `matrix/` that has no archives.
pub(crate) const API_FILE: &str = "api.toml";

/// What the API has.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoints {
    endpoints: Vec<Endpoint>,
}

/// Where the API has one data type of one market, and how it is requested.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    pub market: Market,
    pub data_type: DataType,
    /// The silver table of the data type, read as answers are written.
    pub schema: TableSchema,
    /// The URL before the path.
    pub base: String,
    pub path: String,
    /// The parameter that names the symbol.
    pub symbol: String,
    /// The ending of the symbols that it has, which requests leave out.
    pub ending: Option<String>,
    /// Parameters of every request.
    pub parameters: BTreeMap<String, String>,
    /// The time from one row to the next, of what is no bar and still has a grid.
    pub step: Option<TimeDelta>,
    /// How much later the archive's times are than those of answers.
    pub later: TimeDelta,
    /// The days up to now that the API keeps.
    pub history: Option<u16>,
    /// Rows that are requested at most.
    pub limit: u32,
    /// The time that a request may span, where that is limited.
    pub longest: Option<TimeDelta>,
    /// Up to how many rows a request has which weight, ascending.
    pub weights: Vec<(u32, u32)>,
    /// The weight that an address may use in a minute.
    pub minute: u32,
    /// The header with the weight that was used.
    pub used: String,
    /// Names of the fields of an answer of objects, in the order of the schema's layout; none for
    /// an answer of arrays.
    pub fields: Vec<String>,
}

impl Endpoints {
    /// Returns the endpoints of this build.
    ///
    /// # Errors
    ///
    /// A row that cannot be read, or is of no combination of the matrix.
    pub fn builtin(matrix: &Matrix, schemas: &Schemas) -> Result<Self, DataFileError> {
        let file = MATRIX_FILES.iter().find(|(name, _)| *name == API_FILE);
        let text = file.map_or("", |(_, text)| *text);
        Self::parse("matrix/api.toml", text, matrix, schemas)
    }

    /// Reads one file of endpoints; `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// A row that cannot be read, or is of no combination of the matrix.
    pub fn parse(
        file: &str,
        text: &str,
        matrix: &Matrix,
        schemas: &Schemas,
    ) -> Result<Self, DataFileError> {
        let rows: EndpointRows = parse_toml(file, text)?;
        let reader = EndpointReader { file, text, matrix, schemas };
        let endpoints = rows.endpoint.iter().map(|row| reader.endpoint(row));
        Ok(Self { endpoints: endpoints.collect::<Result<_, _>>()? })
    }

    /// Returns the endpoint of a data type of a market, if the API has it.
    #[must_use]
    pub fn get(&self, market: Market, data_type: &DataType) -> Option<&Endpoint> {
        let is_meant = |found: &&Endpoint| found.market == market && found.data_type == *data_type;
        self.endpoints.iter().find(is_meant)
    }

    /// Returns every endpoint, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter()
    }
}

impl Endpoint {
    /// Returns the weight of a request of so many rows.
    #[must_use]
    pub fn weight(&self, rows: u32) -> u32 {
        let heaviest = self.weights.last().map_or(1, |(_, weight)| *weight);
        let found = self.weights.iter().find(|(most, _)| rows <= *most);
        found.map_or(heaviest, |(_, weight)| *weight)
    }

    /// Returns how a series is named in requests; nothing for one that the API does not have.
    #[must_use]
    pub fn symbol_of<'a>(&self, series: &'a Series) -> Option<&'a str> {
        let symbol = series.symbol.as_str();
        self.ending.as_ref().map_or(Some(symbol), |ending| symbol.strip_suffix(ending.as_str()))
    }

    /// Returns the time from one row of a series to the next, where it divides the day.
    pub(super) fn step_of(&self, series: &Series) -> Option<TimeDelta> {
        series.interval.and_then(within_a_day).or(self.step)
    }

    /// Returns the parameters of a request.
    #[must_use]
    pub fn parameters_of(&self, request: &ApiRequest) -> Vec<(&str, String)> {
        let symbol = self.symbol_of(&request.series).unwrap_or_default();
        let interval = request.series.interval;
        let mut parameters = vec![(self.symbol.as_str(), symbol.to_owned())];
        let fixed = self.parameters.iter().map(|(name, value)| (name.as_str(), value.clone()));
        parameters.extend(fixed);
        parameters.extend(interval.map(|interval| ("interval", spelled(interval))));
        let last = request.range.until.timestamp_millis() - 1;
        parameters.push(("startTime", request.first.timestamp_millis().to_string()));
        parameters.push(("endTime", last.to_string()));
        parameters.push(("limit", request.rows.to_string()));
        parameters
    }
}

/// Spells an interval as the API does, where `m` is a minute and `M` a month.
fn spelled(interval: Interval) -> String {
    interval.to_string().replace("mo", "M")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointRows {
    #[serde(default)]
    endpoint: Vec<EndpointRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointRow {
    market: Spanned<String>,
    data_type: Spanned<String>,
    base: String,
    path: String,
    symbol: String,
    ending: Option<String>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    step: Option<Spanned<String>>,
    #[serde(default)]
    label: Label,
    history: Option<u16>,
    limit: u32,
    days: Option<u16>,
    weights: Spanned<Vec<(u32, u32)>>,
    minute: u32,
    used: String,
    #[serde(default)]
    fields: BTreeMap<String, Spanned<String>>,
    #[serde(rename = "documentation")]
    _documentation: String,
}

/// What the archive calls a row whose time the API gives as the beginning of its step.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Label {
    #[default]
    Begin,
    End,
}

/// The file that is being read, for its errors.
struct EndpointReader<'a> {
    file: &'a str,
    text: &'a str,
    matrix: &'a Matrix,
    schemas: &'a Schemas,
}

impl EndpointReader<'_> {
    fn endpoint(&self, row: &EndpointRow) -> Result<Endpoint, DataFileError> {
        let market: Market = row
            .market
            .get_ref()
            .parse()
            .map_err(|error| self.error(row.market.span(), format!("{error}")))?;
        let data_type = DataType::new(row.data_type.get_ref());
        let combination = self.matrix.get(market, &data_type);
        let schema = combination.and_then(|found| self.schemas.get(&found.schema));
        let unknown = || self.error(row.data_type.span(), format!("no archive of {market} has it"));
        let schema = schema.ok_or_else(unknown)?;
        let weights = row.weights.get_ref();
        if weights.is_empty() || !weights.is_sorted() {
            return Err(self.error(row.weights.span(), "expected ascending [rows, weight] pairs"));
        }
        let step = row.step.as_ref().map(|step| self.step(step)).transpose()?;
        let later = match row.label {
            Label::Begin => TimeDelta::zero(),
            Label::End => step.unwrap_or_default(),
        };
        Ok(Endpoint {
            market,
            data_type,
            schema: self.read_as(row, market, schema)?,
            base: row.base.clone(),
            path: row.path.clone(),
            symbol: row.symbol.clone(),
            ending: row.ending.clone(),
            parameters: row.parameters.clone(),
            step,
            later,
            history: row.history,
            limit: row.limit.max(1),
            longest: row.days.map(|days| TimeDelta::days(days.into())),
            weights: weights.clone(),
            minute: row.minute,
            used: row.used.clone(),
            fields: row.fields.keys().cloned().collect(),
        })
    }

    fn step(&self, text: &Spanned<String>) -> Result<TimeDelta, DataFileError> {
        let interval = text.get_ref().parse::<Interval>().ok();
        let unknown = || self.error(text.span(), "expected a part of the day, such as \"5m\"");
        interval.and_then(within_a_day).ok_or_else(unknown)
    }

    /// Returns the schema with the layout of the endpoint's answers.
    fn read_as(
        &self,
        row: &EndpointRow,
        market: Market,
        schema: &TableSchema,
    ) -> Result<TableSchema, DataFileError> {
        if row.fields.is_empty() {
            return Ok(schema.clone());
        }
        let mut columns = Vec::with_capacity(row.fields.len());
        for (name, column) in &row.fields {
            let at = schema.columns().iter().position(|known| known.name == *column.get_ref());
            let unknown = || {
                let message = format!("{} has no column `{}`", schema.table(), column.get_ref());
                self.error(column.span(), message)
            };
            columns.push((name.as_str(), at.ok_or_else(unknown)?));
        }
        Ok(schema.with_values(market, &columns))
    }

    fn error(&self, span: Range<usize>, message: impl Into<String>) -> DataFileError {
        DataFileError::new(self.file, self.text, span, message)
    }
}
