//! Parses blocks column by column into the buffers of a batch.
//!
//! Each combination of a column's type and the way it is written has one tight loop over the
//! block's rows. A value that fails leaves a placeholder and a [`Failure`]; the row is filtered out
//! of the finished batch.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Int16Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray, new_null_array};
use arrow_buffer::{BooleanBuffer, NullBuffer, NullBufferBuilder};
use arrow_schema::DataType;

use super::header::{ColumnSource, FieldCheck};
use super::number::{DecimalForm, fast_integer, full_integer, is_zero};
use super::problem::{Failure, Problem, TEXT_LIMIT};
use super::split::SplitRows;
use super::time;
use crate::names::period::Period;
use crate::schema::{Column, ColumnType};

/// The values of one column of a batch.
#[derive(Debug)]
pub(crate) struct ColumnBuffer {
    source: ColumnSource,
    data_type: DataType,
    nullable: bool,
    values: ColumnValues,
    /// Rows so far, of a column that the file lacks.
    rows: usize,
}

#[derive(Debug)]
enum ColumnValues {
    Absent,
    Time(Fixed<i64>),
    Date(Fixed<i32>),
    BigInt(Fixed<i64>),
    SmallInt(Fixed<i16>),
    Decimal(Fixed<i128>, DecimalForm),
    Boolean(Fixed<bool>),
    Text(StringBuilder),
}

/// The event times that rows of an archive may have, in microseconds since 1970.
#[derive(Clone, Debug)]
pub(crate) struct PeriodCheck {
    pub(crate) period: Period,
    pub(crate) times: Range<i64>,
}

/// Values of a fixed width.
#[derive(Debug)]
struct Fixed<V> {
    values: Vec<V>,
    nulls: NullBufferBuilder,
}

/// A block of rows, and where what is wrong with them goes.
pub(crate) struct Block<'a> {
    pub(crate) buffer: &'a [u8],
    pub(crate) rows: &'a SplitRows,
    pub(crate) failures: &'a mut Vec<Failure>,
}

impl ColumnBuffer {
    pub(crate) fn new(column: &Column, source: ColumnSource, exponents: bool) -> Self {
        let data_type = column.kind.data_type();
        let values = match (column.kind, &data_type) {
            _ if source == ColumnSource::Absent => ColumnValues::Absent,
            (ColumnType::Time, _) => ColumnValues::Time(Fixed::new()),
            (ColumnType::Date, _) => ColumnValues::Date(Fixed::new()),
            (ColumnType::BigInt, _) => ColumnValues::BigInt(Fixed::new()),
            (ColumnType::SmallInt, _) => ColumnValues::SmallInt(Fixed::new()),
            (ColumnType::Boolean, _) => ColumnValues::Boolean(Fixed::new()),
            (_, DataType::Decimal128(precision, scale)) => {
                ColumnValues::Decimal(Fixed::new(), DecimalForm::new(*precision, *scale, exponents))
            }
            _ => ColumnValues::Text(StringBuilder::new()),
        };
        Self { source, data_type, nullable: column.nullable, values, rows: 0 }
    }

    /// Adds the column's values of every row of a block.
    pub(crate) fn extend(&mut self, block: &mut Block<'_>) {
        self.rows += block.rows.len();
        let nullable = self.nullable;
        match (&mut self.values, self.source) {
            (ColumnValues::Time(times), source) => extend_times(times, block, source, nullable),
            (ColumnValues::Date(dates), ColumnSource::Expiry(field)) => {
                dates.extend(block, field, nullable, |text| expiry(text).ok(), expiry);
            }
            (ColumnValues::Date(dates), ColumnSource::Value(field)) => {
                dates.extend(block, field, nullable, |text| time::date(text).ok(), time::date);
            }
            (ColumnValues::BigInt(numbers), ColumnSource::Value(field)) => {
                numbers.extend(block, field, nullable, fast_integer, full_integer);
            }
            (ColumnValues::SmallInt(numbers), ColumnSource::Value(field)) => {
                numbers.extend(
                    block,
                    field,
                    nullable,
                    |text| i16::try_from(fast_integer(text)?).ok(),
                    small_integer,
                );
            }
            (ColumnValues::Decimal(decimals, form), source) => {
                extend_decimals(decimals, *form, block, source, nullable);
            }
            (ColumnValues::Boolean(booleans), ColumnSource::Value(field)) => {
                booleans.extend(block, field, nullable, fast_boolean, |_| Err(Problem::Boolean));
            }
            (ColumnValues::Text(texts), ColumnSource::Value(field)) => {
                extend_texts(texts, block, field, nullable);
            }
            // The schema's reader pairs no other type and source.
            _ => {}
        }
    }

    /// Checks that the times which a block added lie in the archive's period, or near enough to it.
    pub(crate) fn check_period(&self, block: &mut Block<'_>, check: &PeriodCheck) {
        let (ColumnValues::Time(times), Some(field)) = (&self.values, self.source.field()) else {
            return;
        };
        let added = times.values.len() - block.rows.len();
        let added = &times.values[added..];
        // Without a branch for each row: nearly all blocks pass as a whole.
        if added.iter().fold(true, |all, time| all & check.times.contains(time)) {
            return;
        }
        for (row, time) in added.iter().enumerate() {
            // A placeholder stands for a time that could not be parsed, which is reported already.
            if check.times.contains(time) || *time == i64::default() {
                continue;
            }
            let problem = Problem::OutsidePeriod { time: *time, period: check.period };
            block.failures.push(Failure { row: row as u32, field: field as u32, problem });
        }
    }

    /// Returns the column's array and starts the next.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        let rows = std::mem::take(&mut self.rows);
        let data_type = self.data_type.clone();
        match &mut self.values {
            ColumnValues::Absent => new_null_array(&data_type, rows),
            ColumnValues::Time(times) => primitive::<TimestampMicrosecondType>(times, data_type),
            ColumnValues::Date(dates) => primitive::<Date32Type>(dates, data_type),
            ColumnValues::BigInt(numbers) => primitive::<Int64Type>(numbers, data_type),
            ColumnValues::SmallInt(numbers) => primitive::<Int16Type>(numbers, data_type),
            ColumnValues::Decimal(decimals, _) => primitive::<Decimal128Type>(decimals, data_type),
            ColumnValues::Boolean(booleans) => boolean(booleans),
            ColumnValues::Text(texts) => Arc::new(texts.finish()),
        }
    }
}

impl<V: Copy + Default> Fixed<V> {
    fn new() -> Self {
        Self { values: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }

    /// Adds a field of every row: `fast` declines what is rare, which `full` parses or refuses.
    #[inline]
    fn extend(
        &mut self,
        block: &mut Block<'_>,
        field: usize,
        nullable: bool,
        fast: impl Fn(&[u8]) -> Option<V>,
        full: impl Fn(&[u8]) -> Result<V, Problem>,
    ) {
        // Rows whose validity is in `nulls` already.
        let mut appended = 0;
        let texts = block.rows.column(block.buffer, field).enumerate();
        self.values.extend(texts.map(|(row, text)| {
            if let Some(parsed) = fast(text) {
                return parsed;
            }
            // Empty fields come before `full`, so that no parser needs to know of NULL.
            match if is_empty(text) { Err(Problem::Empty) } else { full(text) } {
                Ok(parsed) => return parsed,
                // Validity is appended in runs: columns without a NULL never build a bitmap.
                Err(Problem::Empty) if nullable => {
                    self.nulls.append_n_non_nulls(row - appended);
                    self.nulls.append_null();
                    appended = row + 1;
                }
                Err(problem) => {
                    block.failures.push(Failure { row: row as u32, field: field as u32, problem });
                }
            }
            // A placeholder keeps the columns of equal length until the row is filtered out.
            V::default()
        }));
        self.nulls.append_n_non_nulls(block.rows.len() - appended);
    }

    /// Returns the values and their validity, and starts the next.
    fn take(&mut self) -> (Vec<V>, Option<NullBuffer>) {
        // Most archives are smaller than a batch; the next batch of one that is not will be as
        // large as this one.
        let next = Vec::with_capacity(self.values.len());
        (std::mem::replace(&mut self.values, next), self.nulls.finish())
    }
}

fn extend_times(
    times: &mut Fixed<i64>,
    block: &mut Block<'_>,
    source: ColumnSource,
    nullable: bool,
) {
    match source {
        ColumnSource::Value(field) => {
            times.extend(block, field, nullable, time::epoch, |_| Err(Problem::Epoch));
        }
        ColumnSource::DateTime(field) => {
            let fast = |text: &[u8]| time::datetime(text).ok();
            times.extend(block, field, nullable, fast, time::datetime);
        }
        ColumnSource::DateAndHour(day, hour) => extend_day_and_hour(times, block, day, hour),
        // The schema's reader gives times no other source.
        _ => {}
    }
}

fn extend_decimals(
    decimals: &mut Fixed<i128>,
    form: DecimalForm,
    block: &mut Block<'_>,
    source: ColumnSource,
    nullable: bool,
) {
    match source {
        ColumnSource::Value(field) => {
            let fast = |text: &[u8]| form.fast(text);
            decimals.extend(block, field, nullable, fast, |text| form.full(text));
        }
        ColumnSource::Strike(field) => {
            // Few rows have a strike, so that no fast path is worth its code.
            let parse = |text: &[u8]| form.full(strike(text)?).map_err(|_| Problem::ExpiryStrike);
            decimals.extend(block, field, nullable, |_| None, parse);
        }
        // The schema's reader gives decimals no other source.
        _ => {}
    }
}

fn primitive<T: ArrowPrimitiveType>(
    values: &mut Fixed<T::Native>,
    data_type: DataType,
) -> ArrayRef {
    let (values, nulls) = values.take();
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(data_type))
}

fn boolean(values: &mut Fixed<bool>) -> ArrayRef {
    let (values, nulls) = values.take();
    Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(values.len(), |at| values[at]), nulls))
}

fn extend_day_and_hour(times: &mut Fixed<i64>, block: &mut Block<'_>, day: usize, hour: usize) {
    let days = block.rows.column(block.buffer, day);
    for (row, (day_text, hour_text)) in days.zip(block.rows.column(block.buffer, hour)).enumerate()
    {
        let value = time::date_and_hour(day_text, hour_text);
        if let Err(problem) = value {
            let field = if problem == Problem::Hour { hour } else { day };
            block.failures.push(Failure { row: row as u32, field: field as u32, problem });
        }
        times.values.push(value.unwrap_or_default());
        times.nulls.append_non_null();
    }
}

fn extend_texts(texts: &mut StringBuilder, block: &mut Block<'_>, field: usize, nullable: bool) {
    for (row, text) in block.rows.column(block.buffer, field).enumerate() {
        let problem = match std::str::from_utf8(text) {
            _ if is_empty(text) => Problem::Empty,
            _ if text.len() > TEXT_LIMIT => Problem::TextLength,
            Ok(text) => {
                texts.append_value(text);
                continue;
            }
            Err(_) => Problem::Text,
        };
        texts.append_null();
        if problem != Problem::Empty || !nullable {
            block.failures.push(Failure { row: row as u32, field: field as u32, problem });
        }
    }
}

/// Checks a field that fills no column; `symbol` is the archive's, without a mark of settlement.
pub(crate) fn check(block: &mut Block<'_>, field: usize, check: FieldCheck, symbol: &str) {
    for (row, text) in block.rows.column(block.buffer, field).enumerate() {
        let problem = match check {
            FieldCheck::Symbol
                if text == symbol.as_bytes() || unsettled_bytes(text) == symbol.as_bytes() =>
            {
                continue;
            }
            FieldCheck::Zero if is_zero(text) => continue,
            FieldCheck::Symbol => Problem::OtherSymbol,
            FieldCheck::Zero => Problem::NotZero,
        };
        block.failures.push(Failure { row: row as u32, field: field as u32, problem });
    }
}

/// Takes `SETTLED`, `_SETTLED` or `_SETTLED1` from the end of a symbol: archives of delisted
/// contracts have it in their name, and not always in their rows.
pub(crate) fn unsettled(symbol: &str) -> &str {
    let name = symbol.trim_end_matches(|c: char| c.is_ascii_digit());
    match name.strip_suffix("SETTLED") {
        Some(name) if !name.is_empty() => name.strip_suffix('_').unwrap_or(name),
        _ => symbol,
    }
}

fn unsettled_bytes(symbol: &[u8]) -> &[u8] {
    std::str::from_utf8(symbol).map_or(symbol, |symbol| unsettled(symbol).as_bytes())
}

/// Parses `true`, `True`, `false` or `False` without a branch on which it is: nobody can guess the
/// sides of trades.
#[inline]
fn fast_boolean(field: &[u8]) -> Option<bool> {
    const TRUE: u32 = u32::from_le_bytes(*b"true");
    const FALSE: u32 = u32::from_le_bytes(*b"fals");
    const LOWER_CASE: u32 = u32::from_le_bytes([0x20, 0, 0, 0]);
    let start = u32::from_le_bytes(*field.first_chunk()?) | LOWER_CASE;
    let is_true = (start == TRUE) & (field.len() == 4);
    let is_false = (start == FALSE) & (field.len() == 5) & (field.last() == Some(&b'e'));
    (is_true | is_false).then_some(is_true)
}

fn small_integer(field: &[u8]) -> Result<i16, Problem> {
    i16::try_from(full_integer(field)?).map_err(|_| Problem::IntegerRange { bits: 16 })
}

fn expiry(field: &[u8]) -> Result<i32, Problem> {
    let days = field.get(..6).and_then(time::short_date);
    days.filter(|_| field.get(6) == Some(&b'-')).ok_or(Problem::ExpiryStrike)
}

fn strike(field: &[u8]) -> Result<&[u8], Problem> {
    field.get(7..).ok_or(Problem::ExpiryStrike)
}

fn is_empty(field: &[u8]) -> bool {
    field.is_empty() || field == b"\"\""
}
