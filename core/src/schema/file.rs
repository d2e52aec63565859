//! The form of a file in `schemas/`, and every check that does not need an archive.
//!
//! What is wrong is said with the file's name, line and key, so that whoever writes a schema needs
//! no Rust to correct it.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::TimeDelta;
use serde::Deserialize;
use toml::Spanned;

use super::slack::{Slack, SlackBefore, parse_duration};
use super::{Column, ColumnType, Layout, LayoutField, Reading, TableSchema};
use crate::config::data_file::{DataFileError, parse_toml};
use crate::names::market::Market;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemaFile {
    table: Spanned<String>,
    doc: String,
    has_interval: bool,
    #[serde(default)]
    exponents: bool,
    event_time: Spanned<String>,
    sort: Vec<Spanned<String>>,
    /// Columns that identify a row; a data type without any says why in `no_key`.
    #[serde(default)]
    key: Vec<Spanned<String>>,
    no_key: Option<Spanned<String>>,
    #[serde(default)]
    outside_period: SlackRow,
    columns: Vec<ColumnRow>,
    layouts: Vec<LayoutRow>,
}

/// How far rows may lie outside the period of their archive: durations such as `5m`, and `bar`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlackRow {
    before: Option<Spanned<String>>,
    after: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnRow {
    name: Spanned<String>,
    #[serde(rename = "type")]
    kind: ColumnType,
    doc: String,
    #[serde(default)]
    nullable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LayoutRow {
    markets: Vec<Spanned<String>>,
    fields: Vec<Spanned<String>>,
    #[serde(default)]
    rules: BTreeMap<Spanned<String>, FieldRule>,
}

/// Where a field is more than a value for the column of its name.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldRule {
    #[serde(default, rename = "as")]
    reading: FieldRuleKind,
    column: Option<Spanned<String>>,
    columns: Option<[Spanned<String>; 2]>,
    #[serde(default)]
    spellings: Vec<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FieldRuleKind {
    #[default]
    Value,
    Datetime,
    Date,
    Hour,
    ExpiryStrike,
    Symbol,
    Zero,
    Dropped,
}

/// Reads a schema and checks it.
pub(super) fn parse(file: &str, text: &str) -> Result<TableSchema, DataFileError> {
    let parsed: SchemaFile = parse_toml(file, text)?;
    let reader = SchemaReader { file, text, columns: &parsed.columns };
    let event_time = reader.check_names(&parsed)?;
    reader.check_key(&parsed)?;
    let outside_period = reader.slack(&parsed.outside_period)?;
    let layouts = parsed.layouts.iter().map(|row| reader.layout(row));
    let layouts: Vec<Layout> = layouts.collect::<Result<_, _>>()?;
    reader.check_layouts(&parsed.layouts, &layouts, event_time)?;
    Ok(TableSchema {
        table: parsed.table.into_inner(),
        doc: parsed.doc,
        has_interval: parsed.has_interval,
        exponents: parsed.exponents,
        event_time: parsed.event_time.into_inner(),
        sort: parsed.sort.into_iter().map(Spanned::into_inner).collect(),
        key: parsed.key.into_iter().map(Spanned::into_inner).collect(),
        outside_period,
        columns: parsed.columns.into_iter().map(ColumnRow::into_column).collect(),
        layouts: layouts.into(),
    })
}

impl ColumnRow {
    fn into_column(self) -> Column {
        Column {
            name: self.name.into_inner(),
            kind: self.kind,
            doc: self.doc,
            nullable: self.nullable,
        }
    }
}

struct SchemaReader<'a> {
    file: &'a str,
    text: &'a str,
    columns: &'a [ColumnRow],
}

impl SchemaReader<'_> {
    fn error(&self, span: Range<usize>, message: impl Into<String>) -> DataFileError {
        DataFileError::new(self.file, self.text, span, message)
    }

    /// Checks the names outside of layouts; returns the column of the event time.
    fn check_names(&self, parsed: &SchemaFile) -> Result<usize, DataFileError> {
        let stem = self.file.strip_suffix(".toml").unwrap_or(self.file);
        if stem.rsplit('/').next() != Some(parsed.table.get_ref()) {
            return Err(self.error(parsed.table.span(), "the table is not named like its file"));
        }
        for (at, column) in self.columns.iter().enumerate() {
            if self.columns[..at].iter().any(|other| other.name == column.name) {
                return Err(self.error(
                    column.name.span(),
                    format!("column `{}` is there twice", column.name.get_ref()),
                ));
            }
        }
        let event_time = self.column(&parsed.event_time)?;
        self.check_type(&parsed.event_time, event_time, ColumnType::Time)?;
        if self.columns[event_time].nullable {
            return Err(self.error(parsed.event_time.span(), "the event time cannot be nullable"));
        }
        parsed.sort.iter().chain(&parsed.key).try_for_each(|name| self.column(name).map(|_| ()))?;
        Ok(event_time)
    }

    /// Checks that the schema either names a key or says why there is none.
    fn check_key(&self, parsed: &SchemaFile) -> Result<(), DataFileError> {
        match (&parsed.key[..], &parsed.no_key) {
            ([], None) => {
                let message = "expected the columns that identify a row, or `no_key` with the \
                               reason why none do";
                Err(self.error(parsed.table.span(), message).with_key("key"))
            }
            ([], Some(reason)) if reason.get_ref().trim().is_empty() => {
                Err(self.error(reason.span(), "expected the reason why no columns identify a row"))
            }
            ([_, ..], Some(reason)) => {
                Err(self.error(reason.span(), "there is a `key`: expected one of the two"))
            }
            _ => Ok(()),
        }
    }

    fn slack(&self, row: &SlackRow) -> Result<Slack, DataFileError> {
        let before = match &row.before {
            Some(text) if text.get_ref() == "bar" => SlackBefore::Bar,
            before => SlackBefore::Time(self.duration(before)?),
        };
        Ok(Slack { before, after: self.duration(&row.after)? })
    }

    /// Reads a duration; none is there where it is left out.
    fn duration(&self, text: &Option<Spanned<String>>) -> Result<TimeDelta, DataFileError> {
        let Some(text) = text else { return Ok(TimeDelta::zero()) };
        parse_duration(text.get_ref()).ok_or_else(|| {
            let message = format!(
                "`{}` is no duration; expected seconds, minutes or hours below a day, such as 5m",
                text.get_ref()
            );
            self.error(text.span(), message)
        })
    }

    fn column(&self, name: &Spanned<String>) -> Result<usize, DataFileError> {
        let found = self.columns.iter().position(|column| column.name.get_ref() == name.get_ref());
        found.ok_or_else(|| {
            let known: Vec<&str> =
                self.columns.iter().map(|column| column.name.get_ref().as_str()).collect();
            let message = format!(
                "there is no column `{}`; expected one of {}",
                name.get_ref(),
                known.join(", ")
            );
            self.error(name.span(), message)
        })
    }

    fn check_type(
        &self,
        name: &Spanned<String>,
        column: usize,
        kind: ColumnType,
    ) -> Result<(), DataFileError> {
        if self.columns[column].kind == kind {
            return Ok(());
        }
        Err(self.error(
            name.span(),
            format!("the column `{}` is not of type {kind:?}", self.columns[column].name.get_ref()),
        ))
    }

    fn layout(&self, row: &LayoutRow) -> Result<Layout, DataFileError> {
        let market = |name: &Spanned<String>| -> Result<Market, DataFileError> {
            name.get_ref().parse().map_err(|error: crate::names::market::NameError| {
                self.error(name.span(), error.to_string())
            })
        };
        if let Some(rule) = row
            .rules
            .keys()
            .find(|rule| row.fields.iter().all(|field| field.get_ref() != rule.get_ref()))
        {
            return Err(
                self.error(rule.span(), format!("the layout has no field `{}`", rule.get_ref()))
            );
        }
        let markets = row.markets.iter().map(market).collect::<Result<_, _>>()?;
        let fields =
            row.fields.iter().map(|name| self.field(name, row)).collect::<Result<_, _>>()?;
        Ok(Layout { markets, fields })
    }

    fn field(&self, name: &Spanned<String>, row: &LayoutRow) -> Result<LayoutField, DataFileError> {
        let rule = row.rules.iter().find(|(field, _)| field.get_ref() == name.get_ref());
        let rule = rule.map(|(_, rule)| rule.clone()).unwrap_or_default();
        let reading = self.reading(name, &rule)?;
        Ok(LayoutField { name: name.get_ref().clone(), spellings: rule.spellings, reading })
    }

    fn reading(&self, name: &Spanned<String>, rule: &FieldRule) -> Result<Reading, DataFileError> {
        let target = rule.column.as_ref().unwrap_or(name);
        let time = || {
            let column = self.column(target)?;
            self.check_type(target, column, ColumnType::Time).map(|()| column)
        };
        Ok(match rule.reading {
            FieldRuleKind::Value => Reading::Value(self.column(target)?),
            FieldRuleKind::Datetime => Reading::DateTime(time()?),
            FieldRuleKind::Date => Reading::Date(time()?),
            FieldRuleKind::Hour => Reading::Hour(time()?),
            FieldRuleKind::ExpiryStrike => self.expiry_strike(name, rule)?,
            FieldRuleKind::Symbol => Reading::Symbol,
            FieldRuleKind::Zero => Reading::Zero,
            FieldRuleKind::Dropped => Reading::Dropped,
        })
    }

    fn expiry_strike(
        &self,
        name: &Spanned<String>,
        rule: &FieldRule,
    ) -> Result<Reading, DataFileError> {
        let Some([first, second]) = &rule.columns else {
            return Err(self.error(
                name.span(),
                "expected `columns` with the column of the expiry and that of the strike",
            ));
        };
        let (expiry, strike) = (self.column(first)?, self.column(second)?);
        self.check_type(first, expiry, ColumnType::Date)?;
        self.check_type(second, strike, ColumnType::Price)?;
        Ok(Reading::ExpiryStrike { expiry, strike })
    }

    fn check_layouts(
        &self,
        rows: &[LayoutRow],
        layouts: &[Layout],
        event_time: usize,
    ) -> Result<(), DataFileError> {
        for (at, (row, layout)) in rows.iter().zip(layouts).enumerate() {
            let span = row.fields.first().map(Spanned::span).unwrap_or_default();
            self.check_layout(layout, event_time)
                .map_err(|message| self.error(span.clone(), message))?;
            if layouts[..at].iter().any(|other| clash(layout, other)) {
                return Err(self.error(
                    span,
                    "a layout above has a market and the number of fields in common with this one",
                ));
            }
        }
        Ok(())
    }

    /// Checks that no name means two fields, and that each column is filled once and the event time
    /// always.
    fn check_layout(&self, layout: &Layout, event_time: usize) -> Result<(), String> {
        let mut names: Vec<String> =
            layout.fields.iter().flat_map(LayoutField::folded_names).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("two fields can be called `{}`", pair[0]));
        }
        let mut columns: Vec<usize> =
            layout.fields.iter().flat_map(|field| field.reading.columns()).collect();
        columns.sort_unstable();
        if let Some(pair) = columns.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!(
                "two fields fill the column `{}`",
                self.columns[pair[0]].name.get_ref()
            ));
        }
        if !columns.contains(&event_time) {
            return Err("no field fills the event time".to_owned());
        }
        let times = |wanted: fn(Reading) -> bool| {
            layout.fields.iter().filter(|field| wanted(field.reading)).count()
        };
        let (dates, hours) =
            (times(|r| matches!(r, Reading::Date(_))), times(|r| matches!(r, Reading::Hour(_))));
        if dates != hours || dates > 1 {
            return Err(
                "a `date` and an `hour` make a time together: expected one of each or none"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// Returns whether a file without a header could be of either layout.
fn clash(a: &Layout, b: &Layout) -> bool {
    a.fields.len() == b.fields.len() && a.markets.iter().any(|market| b.markets.contains(market))
}
