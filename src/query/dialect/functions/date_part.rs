//! `year(time)` to `second(time)`: parts of a time as whole numbers.

use datafusion::arrow::compute::{DatePart, cast, date_part};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::times::{self, column, no_time};

/// The functions, with the parts that they return.
pub(super) const PARTS: [(&str, DatePart); 13] = [
    ("year", DatePart::Year),
    ("quarter", DatePart::Quarter),
    ("month", DatePart::Month),
    ("week", DatePart::Week),
    ("weekofyear", DatePart::Week),
    ("day", DatePart::Day),
    ("dayofmonth", DatePart::Day),
    ("dayofyear", DatePart::DayOfYear),
    ("dayofweek", DatePart::DayOfWeekSunday0),
    ("weekday", DatePart::DayOfWeekSunday0),
    ("hour", DatePart::Hour),
    ("minute", DatePart::Minute),
    ("second", DatePart::Second),
];

/// One of the functions.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PartOfTime {
    name: &'static str,
    signature: Signature,
}

impl PartOfTime {
    pub(super) fn new((name, _): (&'static str, DatePart)) -> Self {
        Self { name, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn part(&self) -> Option<DatePart> {
        PARTS.iter().find(|(name, _)| *name == self.name).map(|(_, part)| *part)
    }
}

impl ScalarUDFImpl for PartOfTime {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [given] => match times::time_type(given) {
                Some(time) => Ok(vec![time]),
                None => no_time(self.name, given),
            },
            _ => plan_err!("{} expects one time", self.name),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(part) = self.part() else { return plan_err!("{} is no part", self.name) };
        let local = DataType::Timestamp(TimeUnit::Microsecond, None);
        let times = cast(&column(&args, 0)?, &local)?;
        let parts = date_part(&times, part)?;
        times::returned(times::are_single(&args), cast(&parts, &DataType::Int64)?)
    }
}
