//! Which layout a file has, by its first line.
//!
//! Neither market nor date does: futures archives got headers in 2022, some older ones were written
//! again with one, and spot has none (binance-public-data issues 177, 246, 278).

use super::DecodeError;
use super::problem::shown_value;
use super::split::unquoted_fields;
use crate::foreign::shown;
use crate::names::market::Market;
use crate::schema::{Layout, LayoutField, Reading, TableSchema};

/// The layout of one file.
#[derive(Clone, Debug)]
pub(crate) struct FileLayout {
    /// The fields in the order of the file, as the file calls them.
    pub(crate) names: Vec<String>,
    /// Where each column of the table comes from.
    pub(crate) sources: Vec<ColumnSource>,
    /// Fields that fill no column and must be what they should.
    pub(crate) checks: Vec<(usize, FieldCheck)>,
    pub(crate) has_header: bool,
}

/// Where a column's values stand in a row, by the numbers of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnSource {
    /// The file has no such field: NULL.
    Absent,
    Value(usize),
    DateTime(usize),
    DateAndHour(usize, usize),
    Expiry(usize),
    Strike(usize),
}

/// What a field that fills no column must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldCheck {
    Symbol,
    Zero,
}

impl FileLayout {
    /// Recognises the layout by the first line of a file that is not blank.
    pub(crate) fn sniff(
        schema: &TableSchema,
        market: Market,
        line: &[u8],
        number: u64,
    ) -> Result<Self, DecodeError> {
        let names = field_texts(line);
        for layout in schema.layouts(market) {
            if let Some(order) = layout.match_header(&names) {
                return Ok(Self::new(schema, layout, &order, Some(names)));
            }
        }
        // A line with a number is a row: without a header, the number of fields says which layout.
        let expected =
            || schema.layouts(market).map(Layout::header).collect::<Vec<_>>().join("` or `");
        let table = schema.table().to_owned();
        let found = shown(&shown_value(line));
        if !names.iter().any(|name| is_number(name)) {
            return Err(DecodeError::Header {
                table,
                market,
                line: number,
                found,
                expected: expected(),
            });
        }
        match schema.layouts(market).find(|layout| layout.fields.len() == names.len()) {
            Some(layout) => {
                Ok(Self::new(schema, layout, &(0..names.len()).collect::<Vec<_>>(), None))
            }
            None => {
                let fields = names.len();
                Err(DecodeError::Fields {
                    table,
                    market,
                    line: number,
                    fields,
                    found,
                    expected: expected(),
                })
            }
        }
    }

    /// Puts the fields of `layout` into the order of the file: its field at `i` is the layout's at
    /// `order[i]`.
    fn new(
        schema: &TableSchema,
        layout: &Layout,
        order: &[usize],
        header: Option<Vec<String>>,
    ) -> Self {
        let fields: Vec<&LayoutField> = order.iter().map(|at| &layout.fields[*at]).collect();
        let has_header = header.is_some();
        let names =
            header.unwrap_or_else(|| fields.iter().map(|field| field.name.clone()).collect());
        // A day and its hour fill one column together: the schema allows one pair.
        let hour = fields.iter().position(|field| matches!(field.reading, Reading::Hour(_)));
        let mut sources = vec![ColumnSource::Absent; schema.columns().len()];
        let mut checks = Vec::new();
        for (at, field) in fields.iter().enumerate() {
            match field.reading {
                Reading::Value(column) => sources[column] = ColumnSource::Value(at),
                Reading::DateTime(column) => sources[column] = ColumnSource::DateTime(at),
                Reading::Date(column) => {
                    sources[column] = ColumnSource::DateAndHour(at, hour.unwrap_or(at));
                }
                Reading::ExpiryStrike { expiry, strike } => {
                    sources[expiry] = ColumnSource::Expiry(at);
                    sources[strike] = ColumnSource::Strike(at);
                }
                Reading::Symbol => checks.push((at, FieldCheck::Symbol)),
                Reading::Zero => checks.push((at, FieldCheck::Zero)),
                Reading::Hour(_) | Reading::Dropped => {}
            }
        }
        Self { names, sources, checks, has_header }
    }
}

fn field_texts(line: &[u8]) -> Vec<String> {
    let fields = if line.contains(&b'"') { unquoted_fields(line) } else { None };
    let fields =
        fields.unwrap_or_else(|| line.split(|byte| *byte == b',').map(<[u8]>::to_vec).collect());
    fields.iter().map(|field| String::from_utf8_lossy(field).trim().to_owned()).collect()
}

/// Returns whether a field is a number, a date or a time: no header has any, and every row has one.
fn is_number(field: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_digit() || b"+-.: eE".contains(&byte);
    field.bytes().any(|byte| byte.is_ascii_digit()) && field.bytes().all(is_part)
}
