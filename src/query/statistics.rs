//! What the log says of the values in each file: kept as the text of the log, compressed, and
//! parsed for the columns and files that a filter is about.
//!
//! Separate from the files, because statistics are by far the largest part of a log, and because of
//! one trap: bounds of decimals are not to be relied on. This program writes none, and most others
//! pass them through floating point, which moves a bound by less than a cent and loses rows. Row
//! groups are skipped by the exact bounds in the files themselves.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, StringArray, StringBuilder, UInt64Array, UInt64Builder,
    new_null_array,
};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, TimeUnit, TimestampMicrosecondType,
};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Other writers cut the maximum of a time to whole milliseconds, so the true one may be this much
/// later.
const CUT_MICROSECONDS: i64 = 999;

/// Statistics of neighbouring files differ in few bytes, so the fastest level does nearly as well
/// as any.
const COMPRESSION: i32 = 1;

/// The statistics of some files.
#[derive(Debug, Default)]
pub(super) struct FileStatistics {
    compressed: Vec<u8>,
    /// Where the text of each file ends in that of all files.
    ends: Vec<usize>,
    /// Bounds of all files, by column, once most of the files were asked for.
    known: Mutex<HashMap<String, Bounds>>,
}

/// The bounds of one column in some files, row i for file i; what is not known is NULL.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub(super) minimum: ArrayRef,
    pub(super) maximum: ArrayRef,
    pub(super) nulls: ArrayRef,
}

impl FileStatistics {
    /// Compresses the statistics of files, whose texts follow one another.
    pub(super) fn new(text: &str, ends: Vec<usize>) -> Self {
        // Statistics are optional: without them more files are read, and the answer is the same.
        let compressed = zstd::bulk::compress(text.as_bytes(), COMPRESSION).unwrap_or_default();
        Self { compressed, ends, known: Mutex::default() }
    }

    fn texts(&self) -> Texts<'_> {
        let bytes = self.ends.last().copied().unwrap_or_default();
        let text = zstd::bulk::decompress(&self.compressed, bytes).unwrap_or_default();
        Texts { text: String::from_utf8(text).unwrap_or_default(), ends: &self.ends }
    }

    /// Returns the statistics of the files that stay.
    pub(super) fn filter(&self, stay: &BooleanArray) -> Self {
        let texts = self.texts();
        let stays = |file: &usize| stay.value(*file);
        Self::of((0..self.ends.len()).filter(stays).map(|file| texts.of(file)))
    }

    /// Returns the statistics of these files and then of the others.
    pub(super) fn join(&self, next: &Self) -> Self {
        let texts = self.texts();
        let next_texts = next.texts();
        let first = (0..self.ends.len()).map(|file| texts.of(file));
        Self::of(first.chain((0..next.ends.len()).map(|file| next_texts.of(file))))
    }

    fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut all = String::new();
        let mut ends = Vec::new();
        for text in texts {
            all.push_str(text);
            ends.push(all.len());
        }
        Self::new(&all, ends)
    }

    /// Returns the bounds of columns in some of the files, in the order of both.
    pub(super) fn bounds(&self, columns: &[&Field], files: &[usize]) -> Vec<Bounds> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_unknown = |column: &&Field| !known.contains_key(column.name());
        let unknown: Vec<&Field> = columns.iter().copied().filter(is_unknown).collect();
        if !unknown.is_empty() {
            // Few files are read for this statement alone, which costs less time and memory.
            if files.len() * 4 < self.ends.len() {
                return self.read(columns, files.iter().copied());
            }
            let read = self.read(&unknown, 0..self.ends.len());
            known.extend(unknown.iter().map(|column| column.name().clone()).zip(read));
        }
        columns.iter().filter_map(|column| Some(known.get(column.name())?.take(files))).collect()
    }

    fn read(&self, columns: &[&Field], files: impl Iterator<Item = usize>) -> Vec<Bounds> {
        let texts = self.texts();
        let names: Vec<&str> = columns.iter().map(|column| column.name().as_str()).collect();
        let mut read: Vec<_> = columns.iter().map(|_| BoundTexts::default()).collect();
        for file in files {
            let values = LoggedValues::parse(texts.of(file), &names);
            for (column, read) in read.iter_mut().enumerate() {
                read.push(&values, column);
            }
        }
        read.iter_mut().zip(columns).map(|(read, column)| read.finish(column.data_type())).collect()
    }
}

/// The statistics of some files as text.
struct Texts<'a> {
    text: String,
    ends: &'a [usize],
}

impl Texts<'_> {
    fn of(&self, file: usize) -> &str {
        let begin = file.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(begin..self.ends[file]).unwrap_or_default()
    }
}

impl Bounds {
    /// Returns the bounds of some of the files, which have to be among these.
    fn take(&self, files: &[usize]) -> Self {
        let files: UInt64Array = files.iter().map(|file| *file as u64).collect();
        let taken = |array: &ArrayRef| {
            let unknown = |_| new_null_array(array.data_type(), files.len());
            take(array, &files, None).unwrap_or_else(unknown)
        };
        Self {
            minimum: taken(&self.minimum),
            maximum: taken(&self.maximum),
            nulls: taken(&self.nulls),
        }
    }
}

/// Returns the number of rows that statistics name.
pub(super) fn row_count(statistics: &str) -> Option<u64> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct RowCount {
        num_records: Option<u64>,
    }
    // Nearly every writer begins with it, and the rest is long.
    let digits = statistics.strip_prefix(r#"{"numRecords":"#).unwrap_or_default();
    let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or_default();
    if end > 0 && digits[end..].starts_with([',', '}']) && statistics.ends_with('}') {
        return digits[..end].parse().ok();
    }
    serde_json::from_str::<RowCount>(statistics).ok()?.num_records
}

/// The texts of a column's bounds as they are collected.
#[derive(Default)]
struct BoundTexts {
    minimum: StringBuilder,
    maximum: StringBuilder,
    nulls: UInt64Builder,
}

impl BoundTexts {
    fn push(&mut self, values: &LoggedValues<'_>, column: usize) {
        push_value(&mut self.minimum, values.minimum.get(column).copied().flatten());
        push_value(&mut self.maximum, values.maximum.get(column).copied().flatten());
        let nulls = values.nulls.get(column).copied().flatten();
        self.nulls.append_option(nulls.and_then(|nulls| nulls.get().parse().ok()));
    }

    fn finish(&mut self, data_type: &DataType) -> Bounds {
        let minimum = typed(&self.minimum.finish(), data_type);
        let maximum = uncut(typed(&self.maximum.finish(), data_type));
        Bounds { minimum, maximum, nulls: std::sync::Arc::new(self.nulls.finish()) }
    }
}

fn push_value(texts: &mut StringBuilder, value: Option<&RawValue>) {
    match value.map(RawValue::get) {
        None | Some("null") => texts.append_null(),
        Some(text) if text.starts_with('"') => {
            texts.append_option(serde_json::from_str::<String>(text).ok());
        }
        Some(number) => texts.append_value(number),
    }
}

/// Reads bounds of a type; what is none of it counts as unknown.
fn typed(texts: &StringArray, data_type: &DataType) -> ArrayRef {
    let unknown = || new_null_array(data_type, texts.len());
    if data_type.is_nested() || data_type.is_decimal() {
        unknown()
    } else {
        cast(texts, data_type).unwrap_or_else(|_| unknown())
    }
}

fn uncut(maximum: ArrayRef) -> ArrayRef {
    if !matches!(maximum.data_type(), DataType::Timestamp(TimeUnit::Microsecond, _)) {
        return maximum;
    }
    let times = maximum.as_primitive::<TimestampMicrosecondType>();
    let later = |time: <TimestampMicrosecondType as ArrowPrimitiveType>::Native| {
        time.saturating_add(CUT_MICROSECONDS)
    };
    let later = times.unary::<_, TimestampMicrosecondType>(later);
    std::sync::Arc::new(later.with_data_type(maximum.data_type().clone()))
}

/// The values of one file's statistics for some columns, as they were written.
#[derive(Debug, Default)]
struct LoggedValues<'a> {
    minimum: Values<'a>,
    maximum: Values<'a>,
    nulls: Values<'a>,
}

/// One place for each column that is looked for; none at all where the log has no such part.
type Values<'a> = Vec<Option<&'a RawValue>>;

impl<'a> LoggedValues<'a> {
    /// Parses the text of the log; statistics are optional, so text that is no such object counts
    /// as none.
    fn parse(text: &'a str, columns: &[&str]) -> Self {
        let mut json = serde_json::Deserializer::from_str(text);
        let parsed = LoggedObject { columns }.deserialize(&mut json);
        parsed.ok().filter(|_| json.end().is_ok()).unwrap_or_default()
    }
}

/// Reads the whole object.
struct LoggedObject<'c> {
    columns: &'c [&'c str],
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Part {
    MinValues,
    MaxValues,
    NullCount,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for LoggedObject<'_> {
    type Value = LoggedValues<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LoggedObject<'_> {
    type Value = LoggedValues<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("statistics")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let mut found = LoggedValues::default();
        let columns = self.columns;
        while let Some(part) = parts.next_key()? {
            match part {
                Part::MinValues => found.minimum = parts.next_value_seed(ValuesOf { columns })?,
                Part::MaxValues => found.maximum = parts.next_value_seed(ValuesOf { columns })?,
                Part::NullCount => found.nulls = parts.next_value_seed(ValuesOf { columns })?,
                Part::Other => {
                    parts.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// Reads an object of one value per column, and keeps those of the columns that are looked for.
struct ValuesOf<'c> {
    columns: &'c [&'c str],
}

impl<'de> DeserializeSeed<'de> for ValuesOf<'_> {
    type Value = Values<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ValuesOf<'_> {
    type Value = Values<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value for each column")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
        let mut found = vec![None; self.columns.len()];
        while let Some(place) = values.next_key_seed(PlaceOf { columns: self.columns })? {
            match place {
                Some(place) => found[place] = Some(values.next_value()?),
                None => {
                    values.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// Reads the name of a column as its place among those that are looked for.
struct PlaceOf<'c> {
    columns: &'c [&'c str],
}

impl<'de> DeserializeSeed<'de> for PlaceOf<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for PlaceOf<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a column")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.columns.iter().position(|column| *column == name))
    }
}
