//! Samples of data types that no other module here knows: made from the schema alone.
//!
//! A data type is added with a row in `matrix/` and a file in `schemas/`, and the demo, tests and
//! benches want a sample of every row of the matrix. What is made here has the form that the schema
//! describes and no meaning: rows on a grid of times, numbers at random. It is separate from the
//! modules of data types because those must not know the schema that they are checked against; a
//! type whose values have to agree with each other gets a module like theirs.

use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::schema::{Column, ColumnType, Layout, Reading, Schemas, TableSchema};

use crate::noise::Noise;
use crate::rows::Rows;
use crate::{GenerateError, SampleOptions, epoch_day, era};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
/// Seconds between rows where neither bars nor hours set them.
const USUAL_STEP: i64 = 300;

/// Writes a sample of a data type with the schema that this build has for it.
pub(super) fn write_builtin(
    key: &ArchiveKey,
    options: &SampleOptions,
    rows: &mut Rows<'_>,
) -> Result<(), GenerateError> {
    let matrix = Matrix::builtin()?;
    let schemas = Schemas::builtin()?;
    let combination = matrix.get(key.market(), key.data_type());
    match combination.and_then(|combination| schemas.get(&combination.schema)) {
        Some(schema) => write(key, schema, options, rows),
        None => Err(GenerateError::DataType {
            archive: key.to_string(),
            data_type: key.data_type().to_string(),
        }),
    }
}

/// Writes a sample with the columns and the newest layout of `schema`.
pub(super) fn write(
    key: &ArchiveKey,
    schema: &TableSchema,
    options: &SampleOptions,
    rows: &mut Rows<'_>,
) -> Result<(), GenerateError> {
    let sample = SchemaSample::new(key, schema, options)?;
    rows.line(&sample.layout.header())?;
    let mut time = sample.start;
    while time < sample.end {
        for field in &sample.layout.fields {
            sample.write_field(field.reading, time, rows);
        }
        rows.end()?;
        time += sample.step;
    }
    Ok(())
}

/// One archive to make from a schema; times are seconds since 1970.
struct SchemaSample<'a> {
    key: &'a ArchiveKey,
    schema: &'a TableSchema,
    layout: &'a Layout,
    noise: Noise,
    start: i64,
    end: i64,
    /// Seconds from one row to the next.
    step: i64,
    /// The first second of the month, from which rows are numbered.
    month: i64,
    units_per_second: i64,
}

impl<'a> SchemaSample<'a> {
    fn new(
        key: &'a ArchiveKey,
        schema: &'a TableSchema,
        options: &SampleOptions,
    ) -> Result<Self, GenerateError> {
        let period = key.period();
        // Layouts are listed as they were introduced, so the last one is what is published today.
        let Some(layout) = schema.layouts(key.market()).last() else {
            return Err(GenerateError::Layout {
                archive: key.to_string(),
                table: schema.table().to_owned(),
                market: key.market(),
            });
        };
        let noise = Noise::new(options.seed)
            .named(key.market().as_str())
            .named(key.symbol().as_str())
            .named(key.data_type().as_str());
        let start = epoch_day(period.start()) * DAY;
        let end = epoch_day(period.next().start()) * DAY;
        Ok(Self {
            key,
            schema,
            layout,
            noise,
            start,
            end,
            step: step(key, schema, layout, end - start)?,
            month: epoch_day(period.month().start()) * DAY,
            units_per_second: era::units_per_second(key.market(), period.start()),
        })
    }

    fn write_field(&self, reading: Reading, time: i64, rows: &mut Rows<'_>) {
        match reading {
            Reading::Value(column) => self.write_value(self.column(column), time, rows),
            Reading::DateTime(column) => {
                rows.time_text(self.time(self.column(column), time));
            }
            Reading::Date(_) => {
                rows.date_text(time);
            }
            Reading::Hour(_) => {
                rows.text(&format!("{:02}", time.rem_euclid(DAY) / HOUR));
            }
            Reading::ExpiryStrike { strike, .. } => {
                rows.text(&format!("{}-{}", self.expiry(), self.strike(strike, time)));
            }
            Reading::Symbol => {
                rows.text(self.key.symbol().as_str());
            }
            Reading::Zero | Reading::Dropped => {
                rows.text("0");
            }
        }
    }

    fn write_value(&self, column: &Column, time: i64, rows: &mut Rows<'_>) {
        let ordered = self.is_ordered(column);
        let noise = self.noise.named(&column.name);
        if column.nullable && !ordered && noise.named("null").one_in(time, 16) {
            rows.text("");
            return;
        }
        if let Some((precision, scale)) = column.kind.decimal_digits() {
            rows.padded(self.units(column, precision, time), scale.into(), scale.into());
            return;
        }
        match column.kind {
            ColumnType::Time => rows.integer(self.time(column, time) * self.units_per_second),
            ColumnType::Date => rows.date_text(time),
            // An id goes on from one archive to the next.
            ColumnType::BigInt if ordered => rows.integer(time / self.step),
            ColumnType::BigInt => rows.integer(noise.below(time, 1_000_000)),
            ColumnType::SmallInt if ordered => rows.integer(self.number(time).min(32_767)),
            ColumnType::SmallInt => rows.integer(noise.below(time, 100)),
            ColumnType::Boolean if !ordered && noise.one_in(time, 2) => rows.text("true"),
            ColumnType::Boolean => rows.text("false"),
            _ if ordered => rows.text(&format!("{:08}", self.number(time))),
            _ => rows.text(if noise.one_in(time, 2) { "A" } else { "B" }),
        };
    }

    fn column(&self, at: usize) -> &'a Column {
        &self.schema.columns()[at]
    }

    /// Returns whether rows are sorted or told apart by the column, so that its values must not
    /// decrease.
    ///
    /// If no such column decreases from row to row, rows are in the order of any list of them.
    fn is_ordered(&self, column: &Column) -> bool {
        let key = self.schema.key().contains(&column.name);
        key || self.schema.sort_columns().contains(&column.name)
    }

    /// Returns the number of a row in its month: the same in a daily and a monthly archive.
    fn number(&self, time: i64) -> i64 {
        (time - self.month) / self.step
    }

    /// Returns the value of a time column: the event time is the row's, others follow before the
    /// next row.
    fn time(&self, column: &Column, time: i64) -> i64 {
        if column.name == self.schema.event_time() {
            return time;
        }
        let until_next = self.step.min(self.end - time);
        time + self.noise.named(&column.name).below(time, until_next)
    }

    /// Returns the units of a decimal with at most `precision` digits.
    fn units(&self, column: &Column, precision: u8, time: i64) -> i128 {
        // Eighteen digits fit into the 64 bits of a random number.
        let bound = 10_i64.pow(u32::from(precision).min(18));
        if self.is_ordered(column) {
            return self.number(time).min(bound - 1).into();
        }
        self.noise.named(&column.name).below(time, bound).into()
    }

    /// Returns the day on which the contracts of the month expire, as `YYMMDD`.
    fn expiry(&self) -> String {
        self.key.period().month().next().start().format("%y%m%d").to_string()
    }

    fn strike(&self, column: usize, time: i64) -> i64 {
        let column = self.column(column);
        if self.is_ordered(column) {
            return self.number(time);
        }
        self.noise.named(&column.name).between(time, 1, 1_000) * 100
    }
}

/// Returns the seconds between rows: a bar, an hour where times have no minutes, or what is usual.
fn step(
    key: &ArchiveKey,
    schema: &TableSchema,
    layout: &Layout,
    period: i64,
) -> Result<i64, GenerateError> {
    if let Some(interval) = key.interval() {
        // A bar of a month has no fixed number of seconds: there is one in the archive.
        return Ok(interval.seconds().unwrap_or(period));
    }
    if schema.has_interval() {
        return Err(GenerateError::Interval {
            archive: key.to_string(),
            data_type: key.data_type().to_string(),
            expected: "any kind",
        });
    }
    let has_hour = layout.fields.iter().any(|field| matches!(field.reading, Reading::Hour(_)));
    Ok(if has_hour { HOUR } else { USUAL_STEP })
}
