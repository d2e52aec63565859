//! `strftime(time, format)`: a time as text.

use std::fmt::Write;
use std::sync::Arc;

use chrono::DateTime;
use chrono::format::{Item, StrftimeItems};
use datafusion::arrow::array::StringBuilder;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::times::{self, column, constant_text, local_micros, no_time, out_of_range};

const NAME: &str = "strftime";

/// The function. DuckDB takes its arguments in either order, and so does this.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Strftime {
    signature: Signature,
}

impl Strftime {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Strftime {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [first, second] = given else {
            return plan_err!("{NAME} expects a time and a format: {NAME}(open_time, '%Y-%m-%d')");
        };
        let is_first = !times::is_text(first) || times::is_text(second);
        let time = if is_first { first } else { second };
        match times::time_type(time) {
            Some(time) if is_first => Ok(vec![time, DataType::Utf8]),
            Some(time) => Ok(vec![DataType::Utf8, time]),
            None => no_time(NAME, time),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let time = usize::from(args.arg_fields[0].data_type() == &DataType::Utf8);
        let Some(format) = constant_text(&args, 1 - time, "the format of strftime")? else {
            return Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None)));
        };
        let format = as_chrono_writes_it(format);
        let items: Vec<Item<'_>> = StrftimeItems::new(&format).parse().map_err(|_| {
            exec_datafusion_err!("`{format}` is no format of strftime: see %Y-%m-%d %H:%M:%S.%f")
        })?;
        let times = local_micros(&column(&args, time)?)?;
        let mut texts = StringBuilder::new();
        for time in &times {
            let Some(time) = time else {
                texts.append_null();
                continue;
            };
            let time = DateTime::from_timestamp_micros(time).ok_or_else(out_of_range)?;
            let written = write!(texts, "{}", time.format_with_items(items.iter()));
            written.map_err(|_| exec_datafusion_err!("`{format}` does not fit a time"))?;
            texts.append_value("");
        }
        times::returned(times::are_single(&args), Arc::new(texts.finish()))
    }
}

/// Fractions of a second have six digits as `%f` and three as `%g`, where the library has nine and
/// the year of the week.
fn as_chrono_writes_it(format: &str) -> String {
    let mut written = String::with_capacity(format.len());
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        written.push(letter);
        if letter != '%' {
            continue;
        }
        match letters.next() {
            Some('f') => written.push_str("6f"),
            Some('g') => written.push_str("3f"),
            Some(other) => written.push(other),
            None => {}
        }
    }
    written
}
