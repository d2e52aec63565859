//! The tables that a model reads, and the names by which it reads them.
//!
//! `all.klines` is no table: it is `silver.klines` with the rows of `recent.klines` that silver
//! does not have yet. What is stale follows from the logs of these two, so a model that lists it
//! has both as inputs.

use std::collections::BTreeSet;

use super::ModelError;
use super::values::{HeaderValues, is_name};
use crate::names::table::{ALL_SCHEMA, Layer, TableName};

/// The inputs of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inputs {
    tables: Vec<TableName>,
    /// Tables of silver that are read together with their provisional rows.
    with_provisional: BTreeSet<String>,
}

impl From<Vec<TableName>> for Inputs {
    fn from(tables: Vec<TableName>) -> Self {
        Self { tables, with_provisional: BTreeSet::new() }
    }
}

impl Inputs {
    /// Reads the value of a header's line.
    pub(super) fn parse(
        values: HeaderValues<'_>,
        line: usize,
        text: &str,
    ) -> Result<Self, ModelError> {
        let mut inputs = Self::default();
        for name in values.names(line, "inputs", text)? {
            match name.split_once('.') {
                Some((ALL_SCHEMA, table)) if is_name(table) => inputs.add_both(table),
                Some((layer, table)) if layer == Layer::Recent.as_str() => {
                    let message = format!(
                        "`inputs`: provisional rows are read as `{ALL_SCHEMA}.{table}`, with \
                         those of silver; found `{name}`"
                    );
                    return Err(values.error(line, message));
                }
                _ => inputs.tables.push(values.input(line, &name)?),
            }
        }
        match inputs.listed_twice() {
            Some(table) => Err(values.error(
                line,
                format!(
                    "`inputs` lists `{ALL_SCHEMA}.{table}`, which has the rows of \
                     `silver.{table}`: list one of them"
                ),
            )),
            None => Ok(inputs),
        }
    }

    /// `recent` comes first: whoever opens the tables in this order finds each row in one of them
    /// at least, since rows are in silver before they leave `recent`.
    fn add_both(&mut self, table: &str) {
        self.tables.push(TableName::new(Layer::Recent, table));
        self.tables.push(TableName::new(Layer::Silver, table));
        self.with_provisional.insert(table.to_owned());
    }

    fn listed_twice(&self) -> Option<&str> {
        let count = |name: &str| {
            let silver = TableName::new(Layer::Silver, name);
            self.tables.iter().filter(|table| **table == silver).count()
        };
        self.with_provisional.iter().map(String::as_str).find(|name| count(name) > 1)
    }

    /// Returns the tables whose logs say what changed.
    pub(super) fn tables(&self) -> &[TableName] {
        &self.tables
    }

    /// Returns the tables of silver that are read together with their provisional rows.
    pub(super) const fn with_provisional(&self) -> &BTreeSet<String> {
        &self.with_provisional
    }

    /// Returns the name by which the statement reads a table.
    pub(super) fn written(&self, table: &TableName) -> String {
        let is_part = matches!(table.layer, Layer::Silver | Layer::Recent);
        match is_part && self.with_provisional.contains(&table.name) {
            true => format!("{ALL_SCHEMA}.{}", table.name),
            false => table.to_string(),
        }
    }

    /// Returns every name that the header lists, each once.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::with_capacity(self.tables.len());
        for name in self.tables.iter().map(|table| self.written(table)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}
