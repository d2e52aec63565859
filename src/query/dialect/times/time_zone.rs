//! `AT TIME ZONE`, as the function `timezone(zone, time)` that it is in PostgreSQL.
//!
//! Of an instant it gives the time that clocks in the zone show, without a zone; of a time without
//! a zone, the instant at which they show it. The engine casts to a type with the zone, which is
//! right for a text alone.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, CastKind, TimezoneInfo, Value};

use super::super::syntax::function_call;
use super::zones::{from_local, to_local};

const NAME: &str = "timezone";

/// Writes `time AT TIME ZONE zone` as a call.
pub(in super::super) fn correct(statement: &mut Statement) {
    match statement {
        Statement::Statement(statement) => {
            let _ = ast::visit_expressions_mut(statement.as_mut(), |expression| {
                correct_expression(expression);
                ControlFlow::<()>::Continue(())
            });
        }
        Statement::Explain(explain) => correct(&mut explain.statement),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => {}
    }
}

fn correct_expression(expression: &mut ast::Expr) {
    let ast::Expr::AtTimeZone { timestamp, time_zone } = expression else { return };
    *expression = match is_text(timestamp) {
        true => instant(expression.clone()),
        false => {
            let arguments = vec![time_zone.as_ref().clone(), timestamp.as_ref().clone()];
            function_call(NAME, arguments)
        }
    };
}

fn is_text(expression: &ast::Expr) -> bool {
    let ast::Expr::Value(value) = expression else { return false };
    matches!(value.value, Value::SingleQuotedString(_))
}

/// A text may have a zone itself, which the engine reads.
fn instant(zoned: ast::Expr) -> ast::Expr {
    ast::Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(zoned),
        data_type: ast::DataType::Timestamp(None, TimezoneInfo::WithTimeZone),
        array: false,
        format: None,
    }
}

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct TimeZone {
    signature: Signature,
}

impl TimeZone {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for TimeZone {
    fn name(&self) -> &str {
        NAME
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let [zone, time] = take_function_args(NAME, args)?;
        let zone = match zone {
            Expr::Literal(zone, _) => format!("'{zone}'"),
            other => other.schema_name().to_string(),
        };
        Ok(format!("{} AT TIME ZONE {zone}", time.schema_name()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [_, time] = take_function_args(NAME, types)?;
        let time = match time {
            DataType::Timestamp(..) => time.clone(),
            DataType::Date32 | DataType::Date64 | DataType::Null => {
                DataType::Timestamp(TimeUnit::Microsecond, None)
            }
            other => {
                return plan_err!(
                    "AT TIME ZONE is of a time, not of {other}: cast it to TIMESTAMP, or to \
                     TIMESTAMP WITH TIME ZONE"
                );
            }
        };
        Ok(vec![DataType::Utf8, time])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [_, time] = take_function_args(NAME, types)?;
        Ok(match time {
            DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, None),
            DataType::Timestamp(unit, None) => DataType::Timestamp(*unit, Some("UTC".into())),
            other => return plan_err!("AT TIME ZONE is of a time, not of {other}"),
        })
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<_> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let is_nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        if let Some(Some(zone)) = args.scalar_arguments.first() {
            // A zone that does not exist is an error also where there are no rows.
            clocks(zone)?;
        }
        Ok(Arc::new(Field::new(NAME, self.return_type(&types)?, is_nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [zone, time] = take_function_args(NAME, &args.args)?;
        let ColumnarValue::Scalar(zone) = zone else {
            return exec_err!("AT TIME ZONE takes the same zone for all rows");
        };
        let to = args.return_field.data_type();
        let Some(zone) = clocks(zone)? else {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from(to)?));
        };
        match time {
            ColumnarValue::Array(times) => Ok(ColumnarValue::Array(changed(times, &zone, to)?)),
            ColumnarValue::Scalar(time) => {
                let changed = changed(&time.to_array()?, &zone, to)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&changed, 0)?))
            }
        }
    }
}

fn clocks(zone: &ScalarValue) -> Result<Option<Tz>> {
    let Some(Some(name)) = zone.try_as_str() else { return Ok(None) };
    let zone = name.parse();
    let unknown = |_| exec_datafusion_err!("`{name}` is no time zone; one is `Europe/London`");
    zone.map(Some).map_err(unknown)
}

fn changed(times: &ArrayRef, zone: &Tz, to: &DataType) -> Result<ArrayRef> {
    let changed = match times.data_type() {
        DataType::Timestamp(_, Some(_)) => to_local(times, zone)?,
        _ => from_local(times, zone)?,
    };
    Ok(cast(&changed, to)?)
}
