//! Which layout a file has, by its first lines.
//!
//! Neither market nor date does: futures archives got headers in 2022, some older ones were written
//! again with one, and spot has none (binance-public-data issues 177, 246, 278).

use super::DecodeError;
use super::problem::shown_value;
use super::split::unquoted_fields;
use crate::foreign::shown;
use crate::names::market::Market;
use crate::schema::{Column, Layout, LayoutField, Reading, TableSchema};

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
    /// The column of the table that has the event time.
    pub(crate) event_time: usize,
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

impl ColumnSource {
    /// Returns the field in which the values stand, or the first of two.
    pub(crate) const fn field(self) -> Option<usize> {
        match self {
            Self::Absent => None,
            Self::Value(field)
            | Self::DateTime(field)
            | Self::DateAndHour(field, _)
            | Self::Expiry(field)
            | Self::Strike(field) => Some(field),
        }
    }
}

/// What a field that fills no column must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldCheck {
    Symbol,
    Zero,
}

/// A line at the beginning of a file that is not blank.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstLine<'a> {
    pub(crate) text: &'a [u8],
    /// Counted from 1.
    pub(crate) number: u64,
    /// Where the line after it begins.
    pub(crate) next: usize,
}

/// What the first lines of a file show.
#[derive(Debug)]
pub(crate) struct Sniffed {
    pub(crate) layout: FileLayout,
    /// Which of the lines is the header; those before it are damaged.
    pub(crate) header: Option<usize>,
}

/// Recognises the layout of a file by its first lines that are not blank; `is_whole` says that the
/// file has no others.
///
/// One damaged line says nothing of the others, so lines are passed over until one is a known
/// header or a row of a known layout. An intact header that is not known is an error all the same:
/// its columns may have changed places.
pub(crate) fn sniff(
    schema: &TableSchema,
    market: Market,
    lines: &[FirstLine<'_>],
    is_whole: bool,
) -> Result<Option<Sniffed>, DecodeError> {
    for (at, line) in lines.iter().enumerate() {
        let names = field_texts(line.text);
        for layout in schema.layouts(market) {
            if let Some(order) = layout.match_header(&names) {
                let layout = FileLayout::new(schema, layout, &order, Some(names));
                return Ok(Some(Sniffed { layout, header: Some(at) }));
            }
        }
        if is_unknown_header(schema, market, &names) {
            return Err(unknown(schema, market, *line));
        }
        if is_row(schema, market, &names)
            && let Some(layout) = most_frequent(schema, market, &lines[at..])
        {
            return Ok(Some(without_header(schema, layout)));
        }
    }
    match lines {
        [] => Ok(None),
        [line] if is_whole && let Some(layout) = layout_of_joined(schema, market, *line) => {
            Ok(Some(without_header(schema, layout)))
        }
        [first, ..] => Err(unknown(schema, market, *first)),
    }
}

fn without_header(schema: &TableSchema, layout: &Layout) -> Sniffed {
    let order: Vec<usize> = (0..layout.fields.len()).collect();
    Sniffed { layout: FileLayout::new(schema, layout, &order, None), header: None }
}

/// Returns whether a line is a row of a layout: no header has a number in it, and every row has
/// one.
fn is_row(schema: &TableSchema, market: Market, names: &[String]) -> bool {
    has_fields_of_a_layout(schema, market, names) && names.iter().any(|name| is_number(name))
}

/// Returns whether a line is a header of as many columns as a layout has, under other names.
fn is_unknown_header(schema: &TableSchema, market: Market, names: &[String]) -> bool {
    has_fields_of_a_layout(schema, market, names) && names.iter().all(|name| is_name(name))
}

fn has_fields_of_a_layout(schema: &TableSchema, market: Market, names: &[String]) -> bool {
    schema.layouts(market).any(|layout| layout.fields.len() == names.len())
}

/// Returns the layout that most of the lines have the number of fields of.
fn most_frequent<'a>(
    schema: &'a TableSchema,
    market: Market,
    lines: &[FirstLine<'_>],
) -> Option<&'a Layout> {
    let counts: Vec<usize> = lines.iter().map(|line| field_texts(line.text).len()).collect();
    let lines_of =
        |layout: &&Layout| counts.iter().filter(|count| **count == layout.fields.len()).count();
    schema.layouts(market).max_by_key(lines_of)
}

/// Returns the layout of a file whose only line has two rows in it that were joined: more fields
/// than one row, and no more than two.
fn layout_of_joined<'a>(
    schema: &'a TableSchema,
    market: Market,
    line: FirstLine<'_>,
) -> Option<&'a Layout> {
    let names = field_texts(line.text);
    if !names.iter().any(|name| is_number(name)) {
        return None;
    }
    schema.layouts(market).find(|layout| {
        let fields = layout.fields.len();
        (fields + 1..=2 * fields).contains(&names.len())
    })
}

/// Says what is wrong with a line that is neither a known header nor a row of a known layout.
fn unknown(schema: &TableSchema, market: Market, line: FirstLine<'_>) -> DecodeError {
    let names = field_texts(line.text);
    let table = schema.table().to_owned();
    let found = shown(&shown_value(line.text));
    let expected = schema.layouts(market).map(Layout::header).collect::<Vec<_>>().join("` or `");
    let line = line.number;
    if names.iter().any(|name| is_number(name)) {
        let fields = names.len();
        return DecodeError::Fields { table, market, line, fields, found, expected };
    }
    DecodeError::Header { table, market, line, found, expected }
}

impl FileLayout {
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
        let is_event_time = |column: &Column| column.name == schema.event_time();
        let event_time = schema.columns().iter().position(is_event_time).unwrap_or_default();
        Self { names, sources, checks, has_header, event_time }
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

/// Returns whether a field can be the name of a column.
fn is_name(field: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "_- ".contains(c);
    field.chars().any(char::is_alphabetic) && field.chars().all(is_part)
}
