//! `date_diff(part, start, end)`: how many boundaries of a part lie between two times.

use std::sync::Arc;

use chrono::{DateTime, Datelike};
use datafusion::arrow::array::PrimitiveArray;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::times::{
    self, DAY, MILLISECOND, SECOND, column, constant_text, local_micros, no_time, out_of_range,
};

const NAME: &str = "date_diff";

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DateDiff {
    signature: Signature,
    aliases: Vec<String>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Micros(i64),
    Weeks,
    Months(i64),
}

impl DateDiff {
    pub(super) fn new() -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { signature, aliases: vec!["datediff".to_owned()] }
    }
}

impl ScalarUDFImpl for DateDiff {
    fn name(&self) -> &str {
        NAME
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [part, start, end] = given else {
            return plan_err!("{NAME} expects three arguments: {NAME}('hour', start, end)");
        };
        if !times::is_text(part) {
            return plan_err!("the part of {NAME} is a text: {NAME}('hour', start, end)");
        }
        let mut types = vec![DataType::Utf8];
        for time in [start, end] {
            match times::time_type(time) {
                Some(time) => types.push(time),
                None => return no_time(NAME, time),
            }
        }
        Ok(types)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(part) = constant_text(&args, 0, "the part of date_diff")? else {
            return Ok(ColumnarValue::Scalar(ScalarValue::Int64(None)));
        };
        let part = Part::named(part)?;
        let starts = local_micros(&column(&args, 1)?)?;
        let ends = local_micros(&column(&args, 2)?)?;
        let between = starts.iter().zip(&ends).map(|(start, end)| match (start, end) {
            (Some(start), Some(end)) => part.between(start, end).map(Some),
            _ => Ok(None),
        });
        let counted = between.collect::<Result<PrimitiveArray<Int64Type>>>()?;
        times::returned(times::are_single(&args), Arc::new(counted))
    }
}

impl Part {
    fn named(name: &str) -> Result<Self> {
        let lower = name.to_lowercase();
        let singular = lower.strip_suffix('s').filter(|one| one.len() > 1).unwrap_or(&lower);
        Ok(match singular {
            "year" | "yr" | "y" => Self::Months(12),
            "quarter" => Self::Months(3),
            "month" | "mon" => Self::Months(1),
            "week" | "w" => Self::Weeks,
            "day" | "d" | "dayofmonth" => Self::Micros(DAY),
            "hour" | "hr" | "h" => Self::Micros(3_600 * SECOND),
            "minute" | "min" | "m" => Self::Micros(60 * SECOND),
            "second" | "sec" | "s" => Self::Micros(SECOND),
            "millisecond" | "msec" | "ms" => Self::Micros(MILLISECOND),
            "microsecond" | "usec" | "us" => Self::Micros(1),
            _ => {
                return Err(exec_datafusion_err!(
                    "no part `{name}` of a time: expected year, quarter, month, week, day, hour, \
                     minute, second, millisecond or microsecond"
                ));
            }
        })
    }

    /// Returns the number of boundaries between two times. Weeks have none: whole ones are counted.
    fn between(self, start: i64, end: i64) -> Result<i64> {
        let boundaries = self.boundaries(end)? - self.boundaries(start)?;
        Ok(if self == Self::Weeks { boundaries / 7 } else { boundaries })
    }

    /// Returns the number of boundaries up to a time, since an arbitrary one.
    fn boundaries(self, time: i64) -> Result<i64> {
        match self {
            Self::Micros(unit) => Ok(time.div_euclid(unit)),
            Self::Weeks => Ok(time.div_euclid(DAY)),
            Self::Months(months) => {
                let date = DateTime::from_timestamp_micros(time).ok_or_else(out_of_range)?;
                let since = i64::from(date.year()) * 12 + i64::from(date.month0());
                Ok(since.div_euclid(months))
            }
        }
    }
}
