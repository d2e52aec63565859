//! `date_part`, and with it `extract`: the engine's function, but right for lengths of time.
//!
//! Of a length, the engine's answers are whole numbers, and the total instead of the part.
//!
//! Upstream: <https://github.com/apache/datafusion/issues/14817>,
//! <https://github.com/apache/datafusion/issues/22266>.

use std::str::FromStr;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array};
use datafusion::arrow::compute::kernels::cast_utils::IntervalUnit;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, internal_err};
use datafusion::functions::datetime::date_part::DatePartFunc;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

use super::parts::{Kind, Part, is_length, lengths};

#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct DatePart {
    engine: DatePartFunc,
}

impl ScalarUDFImpl for DatePart {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn aliases(&self) -> &[String] {
        self.engine.aliases()
    }

    fn signature(&self) -> &Signature {
        self.engine.signature()
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("the type of a part depends on which part it is")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let [_, time] = args.arg_fields else {
            return self.engine.return_field_from_args(args);
        };
        let name = args.scalar_arguments.first().copied().flatten().and_then(part_name);
        let Some(name) = name.filter(|_| is_length(time.data_type())) else {
            return self.engine.return_field_from_args(args);
        };
        let data_type = match part(&name)?.kind() {
            Kind::Fraction => DataType::Float64,
            Kind::Whole => DataType::Int64,
        };
        Ok(Arc::new(Field::new(self.name(), data_type, time.is_nullable())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [ColumnarValue::Scalar(name), time] = args.args.as_slice() else {
            return self.engine.invoke_with_args(args);
        };
        let Some(name) = part_name(name).filter(|_| is_length(&time.data_type())) else {
            return self.engine.invoke_with_args(args);
        };
        let part = part(&name)?;
        match time {
            ColumnarValue::Array(array) => Ok(ColumnarValue::Array(parts(array, part)?)),
            ColumnarValue::Scalar(value) => {
                let part = parts(&value.to_array()?, part)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&part, 0)?))
            }
        }
    }

    fn preimage(
        &self,
        args: &[Expr],
        literal: &Expr,
        context: &SimplifyContext,
    ) -> Result<PreimageResult> {
        self.engine.preimage(args, literal, context)
    }
}

fn parts(array: &ArrayRef, part: Part) -> Result<ArrayRef> {
    let lengths = lengths(array)?.into_iter();
    Ok(match part.kind() {
        Kind::Fraction => {
            let parts = lengths.map(|length| length.map(|length| length.fraction(part)));
            Arc::new(parts.collect::<Float64Array>())
        }
        Kind::Whole => {
            let parts = lengths.map(|length| length.map(|length| length.whole(part)));
            Arc::new(parts.collect::<Int64Array>())
        }
    })
}

fn part_name(name: &ScalarValue) -> Option<String> {
    let name = name.try_as_str().flatten()?;
    Some(name.trim_matches(['\'', '"']).to_lowercase())
}

/// Returns the part of a name, plural or short forms included.
fn part(name: &str) -> Result<Part> {
    let unknown = || exec_datafusion_err!("a length of time has no part `{name}`");
    if let "epoch" | "quarter" | "qtr" = name {
        return Ok(if name == "epoch" { Part::Epoch } else { Part::Quarter });
    }
    Ok(match IntervalUnit::from_str(name).map_err(|_| unknown())? {
        IntervalUnit::Year => Part::Year,
        IntervalUnit::Month => Part::Month,
        IntervalUnit::Week => Part::Week,
        IntervalUnit::Day => Part::Day,
        IntervalUnit::Hour => Part::Hour,
        IntervalUnit::Minute => Part::Minute,
        IntervalUnit::Second => Part::Second,
        IntervalUnit::Millisecond => Part::Millisecond,
        IntervalUnit::Microsecond => Part::Microsecond,
        IntervalUnit::Nanosecond => Part::Nanosecond,
        _ => return Err(unknown()),
    })
}
