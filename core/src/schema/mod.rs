//! What each data type's archives and its silver table look like, read from `schemas/*.toml`.
//!
//! A schema is data: a new data type whose fields are of the known kinds needs a file and no change
//! here. How values are parsed belongs to [`crate::decode`], where archives lie to
//! [`crate::matrix`].

mod column;
mod file;
mod layout;
mod slack;

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};

use crate::config::data_file::DataFileError;
use crate::embedded::SCHEMA_FILES;
use crate::names::market::Market;
pub use column::{Column, ColumnType};
pub use layout::{Layout, LayoutField, Reading};
pub(crate) use slack::days_of_long_bar;
pub use slack::{Slack, SlackBefore};

/// The columns that silver tables have besides those of their data type, with what they hold;
/// `bar_interval` is only in tables of bars.
pub const SHARED_COLUMNS: [(&str, &str); 5] = [
    ("market", "`spot`, `futures_um`, `futures_cm` or `options`"),
    ("date", "UTC day of the row's event time"),
    ("symbol", "symbol, as the archive spells it"),
    ("bar_interval", "length of the bar, such as `1h`"),
    ("archive", "key of the archive that the row came from"),
];

/// The schemas of all data types.
#[derive(Clone, Debug, PartialEq)]
pub struct Schemas {
    tables: Vec<TableSchema>,
}

impl Schemas {
    /// Reads the schemas that the program was built with.
    ///
    /// # Errors
    ///
    /// What is wrong in a file of `schemas/`, with its line and key.
    pub fn builtin() -> Result<Self, DataFileError> {
        Self::parse(SCHEMA_FILES)
    }

    /// Reads schemas from pairs of a file's name and its text.
    ///
    /// # Errors
    ///
    /// What is wrong in one of them, with its line and key.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, DataFileError> {
        let tables = files.iter().map(|(file, text)| TableSchema::parse(file, text));
        Ok(Self { tables: tables.collect::<Result<_, _>>()? })
    }

    /// Returns the schema of the silver table `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&TableSchema> {
        self.tables.iter().find(|table| table.table == name)
    }

    /// Returns every schema, in the order of the files' names.
    pub fn iter(&self) -> impl Iterator<Item = &TableSchema> {
        self.tables.iter()
    }
}

/// One data type: its silver table, and the layouts in which its archives are written.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSchema {
    pub(crate) table: String,
    pub(crate) doc: String,
    pub(crate) has_interval: bool,
    pub(crate) exponents: bool,
    pub(crate) event_time: String,
    pub(crate) sort: Vec<String>,
    pub(crate) key: Vec<String>,
    pub(crate) outside_period: Slack,
    pub(crate) columns: Vec<Column>,
    pub(crate) layouts: Arc<[Layout]>,
}

impl TableSchema {
    /// Reads one file of `schemas/`.
    ///
    /// # Errors
    ///
    /// What is wrong in it, with its line and key.
    pub fn parse(file: &str, text: &str) -> Result<Self, DataFileError> {
        file::parse(file, text)
    }

    /// Returns the schema of the same table for rows of `market` that have these fields and no
    /// others: each a name, and the position of the column whose values it has.
    pub(crate) fn with_values(&self, market: Market, fields: &[(&str, usize)]) -> Self {
        let field = |(name, column): &(&str, usize)| LayoutField {
            name: (*name).to_owned(),
            spellings: Vec::new(),
            reading: Reading::Value(*column),
        };
        let layout = Layout { markets: vec![market], fields: fields.iter().map(field).collect() };
        Self { layouts: Arc::from([layout]), ..self.clone() }
    }

    /// Returns the name of the silver table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Returns what a row of the table is, in one sentence.
    #[must_use]
    pub fn doc(&self) -> &str {
        &self.doc
    }

    /// Returns whether the table has a `bar_interval`.
    #[must_use]
    pub const fn has_interval(&self) -> bool {
        self.has_interval
    }

    /// Returns whether numbers may be written with an exponent, such as `0E-8`.
    #[must_use]
    pub const fn exponents(&self) -> bool {
        self.exponents
    }

    /// Returns the column that says to which UTC day a row belongs.
    #[must_use]
    pub fn event_time(&self) -> &str {
        &self.event_time
    }

    /// Returns the columns that, with `symbol` and `bar_interval`, should identify a
    /// row; none where the archive has no such columns.
    #[must_use]
    pub fn key(&self) -> &[String] {
        &self.key
    }

    /// Returns how far rows may lie outside the period of their archive.
    #[must_use]
    pub const fn outside_period(&self) -> Slack {
        self.outside_period
    }

    /// Returns the columns that come from the archive's rows, in the table's order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the columns of the silver table by name, each with what it holds.
    pub fn column_docs(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.columns.iter().map(|column| (column.name.as_str(), column.doc.as_str()));
        SHARED_COLUMNS.into_iter().chain(own)
    }

    /// Returns the layouts in which archives of `market` may be written.
    pub fn layouts(&self, market: Market) -> impl Iterator<Item = &Layout> {
        self.layouts.iter().filter(move |layout| layout.markets.contains(&market))
    }

    /// Returns the schema of the columns that come from the archive's rows.
    #[must_use]
    pub fn data_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.data_fields()))
    }

    /// Returns the schema of a silver Parquet file: `symbol`, `bar_interval`, the data, `archive`.
    #[must_use]
    pub fn file_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.file_fields()))
    }

    /// Returns the schema of the silver table: `market` and `date`, by which it is partitioned,
    /// then what a file holds.
    #[must_use]
    pub fn table_schema(&self) -> SchemaRef {
        let mut fields = vec![text("market"), Field::new("date", DataType::Date32, false)];
        fields.extend(self.file_fields());
        Arc::new(Schema::new(fields))
    }

    /// Returns the columns by which the rows of a file are sorted, ascending.
    #[must_use]
    pub fn sort_columns(&self) -> Vec<String> {
        let interval = self.has_interval.then_some("bar_interval");
        let first = ["symbol"].into_iter().chain(interval).map(str::to_owned);
        first.chain(self.sort.iter().cloned()).collect()
    }

    fn file_fields(&self) -> Vec<Field> {
        let interval = self.has_interval.then(|| text("bar_interval"));
        let first = [text("symbol")].into_iter().chain(interval);
        first.chain(self.data_fields()).chain([text("archive")]).collect()
    }

    /// Only the event time is never NULL by its type: an archive of another market or era may lack
    /// any other column.
    fn data_fields(&self) -> Vec<Field> {
        let field = |column: &Column| {
            Field::new(&column.name, column.kind.data_type(), column.name != self.event_time)
        };
        self.columns.iter().map(field).collect()
    }
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

#[cfg(test)]
mod tests;
