//! The types of numbers: what an operator makes of two of them, and what several have in common.
//!
//! Only types are decided here. Which expressions must have a type in common is `common`'s
//! business, how values are computed that of `kernels`.

use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType};
use datafusion::common::{Result, ScalarValue, plan_err};

/// Digits of the longest decimal that leaves the session, and that is computed with.
pub(super) const MAX_DIGITS: u8 = DECIMAL128_MAX_PRECISION;

/// A decimal that every BIGINT, signed or unsigned, fits in.
pub(super) const WHOLE: Decimal = Decimal { whole: 20, places: 0 };

/// How many digits a decimal has before and after its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) whole: u16,
    pub(super) places: u16,
}

impl Decimal {
    /// Returns the decimal that holds every value of a type exactly, or nothing when the type is
    /// not one of exact numbers.
    pub(super) fn of(data_type: &DataType) -> Option<Self> {
        let whole = |digits| Some(Self { whole: digits, places: 0 });
        match data_type {
            DataType::Int8 | DataType::UInt8 => whole(3),
            DataType::Int16 | DataType::UInt16 => whole(5),
            DataType::Int32 | DataType::UInt32 => whole(10),
            DataType::Int64 => whole(19),
            DataType::UInt64 => Some(WHOLE),
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale)
            | DataType::Decimal256(precision, scale) => Some(Self::new(*precision, *scale)),
            _ => None,
        }
    }

    /// Returns the shortest decimal that holds one value.
    pub(super) fn of_value(value: &ScalarValue) -> Option<Self> {
        let digits = |number: u128| number.checked_ilog10().map_or(1, |log| log + 1);
        let whole =
            |number: u128| Some(Self { whole: u16::try_from(digits(number)).ok()?, places: 0 });
        match value {
            ScalarValue::Int8(Some(number)) => whole(number.unsigned_abs().into()),
            ScalarValue::Int16(Some(number)) => whole(number.unsigned_abs().into()),
            ScalarValue::Int32(Some(number)) => whole(number.unsigned_abs().into()),
            ScalarValue::Int64(Some(number)) => whole(number.unsigned_abs().into()),
            ScalarValue::UInt64(Some(number)) => whole((*number).into()),
            other => Self::of(&other.data_type()),
        }
    }

    pub(super) fn new(precision: u8, scale: i8) -> Self {
        let whole = i16::from(precision) - i16::from(scale);
        Self { whole: whole.max(0).unsigned_abs(), places: scale.max(0).unsigned_abs().into() }
    }

    /// Returns the decimal that holds the values of both.
    pub(super) fn union(self, other: Self) -> Self {
        Self { whole: self.whole.max(other.whole), places: self.places.max(other.places) }
    }

    /// Returns the type that keeps all decimal places, and as many digits before them as are left:
    /// what does not fit is an error once it occurs, never a value with fewer places.
    pub(super) fn capped(self) -> Option<DataType> {
        let places = u8::try_from(self.places).ok().filter(|places| *places <= MAX_DIGITS)?;
        let digits = (self.whole + self.places).clamp(1, MAX_DIGITS.into());
        Some(DataType::Decimal128(u8::try_from(digits).ok()?, i8::try_from(places).ok()?))
    }

    /// Returns the type that holds every value, if need be one that is too long for an answer.
    pub(super) fn lossless(self) -> Option<DataType> {
        let digits = u8::try_from(self.whole + self.places).ok()?.max(1);
        let places = i8::try_from(self.places).ok()?;
        if digits <= DECIMAL128_MAX_PRECISION {
            return Some(DataType::Decimal128(digits, places));
        }
        (digits <= DECIMAL256_MAX_PRECISION).then_some(DataType::Decimal256(digits, places))
    }
}

/// Returns the type of the values themselves where they are stored through a dictionary.
pub(super) fn value_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

/// Returns whether a type is one of numbers.
pub(super) fn is_number(data_type: &DataType) -> bool {
    value_type(data_type).is_numeric()
}

/// An arithmetic operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    /// The quotient without its fraction.
    DivideWhole,
}

impl Operator {
    /// Every operator.
    pub(super) const ALL: [Self; 6] = [
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::Remainder,
        Self::DivideWhole,
    ];

    /// Returns the sign that it is written with.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::DivideWhole => "//",
        }
    }

    /// Returns whether it comes before addition and subtraction.
    pub(super) const fn binds_tightly(self) -> bool {
        !matches!(self, Self::Add | Self::Subtract)
    }

    /// Returns the types that two operands are converted to before they are computed with.
    ///
    /// # Errors
    /// When one of them is no number, or has too many digits.
    pub(super) fn operands(self, left: &DataType, right: &DataType) -> Result<[DataType; 2]> {
        let (left, right) = (value_type(left), value_type(right));
        let [left, right] = match (left, right) {
            (DataType::Null, DataType::Null) => [&DataType::Int64; 2],
            (DataType::Null, other) | (other, DataType::Null) => [other; 2],
            both => both.into(),
        };
        if !left.is_numeric() || !right.is_numeric() {
            return plan_err!("`{}` takes numbers, not {left} and {right}", self.sign());
        }
        if left.is_floating() || right.is_floating() {
            return Ok([self.floating(left, right), self.floating(left, right)]);
        }
        let is_exact = left.is_decimal() || right.is_decimal() || self == Self::Divide;
        if is_exact { Ok([decimal(left)?, decimal(right)?]) } else { Ok(integers(left, right)) }
    }

    /// A REAL stays one among its like only: beside an exact number it is computed as a DOUBLE, and
    /// a quotient is always one.
    fn floating(self, left: &DataType, right: &DataType) -> DataType {
        let is_short = |kind| matches!(kind, &DataType::Float16 | &DataType::Float32);
        match self {
            Self::Divide => DataType::Float64,
            _ if is_short(left) && is_short(right) => DataType::Float32,
            _ => DataType::Float64,
        }
    }

    /// Returns the type of the result for operands of the types that [`Self::operands`] gives.
    ///
    /// # Errors
    /// When no decimal has as many places as the result.
    pub(super) fn result(self, left: &DataType, right: &DataType) -> Result<DataType> {
        match (self, Decimal::of(left), Decimal::of(right)) {
            (Self::Divide, ..) => Ok(DataType::Float64),
            (_, Some(a), Some(b)) if left.is_decimal() => {
                let decimal = self.decimal(a, b);
                match decimal.capped() {
                    Some(result) => Ok(result),
                    None => plan_err!(
                        "the product of numbers with {} and {} decimal places has {}, but a \
                         decimal has at most {MAX_DIGITS}: cast one of them to DOUBLE, or to a \
                         decimal with fewer places",
                        a.places,
                        b.places,
                        decimal.places
                    ),
                }
            }
            _ if left == right && !left.is_unsigned_integer() => Ok(left.clone()),
            _ => Ok(DataType::Int64),
        }
    }

    fn decimal(self, a: Decimal, b: Decimal) -> Decimal {
        let both = a.union(b);
        match self {
            Self::Add | Self::Subtract => Decimal { whole: both.whole + 1, ..both },
            Self::Multiply => Decimal { whole: a.whole + b.whole, places: a.places + b.places },
            Self::Remainder => Decimal { whole: a.whole.min(b.whole), places: both.places },
            Self::Divide | Self::DivideWhole => Decimal { whole: a.whole + b.places, places: 0 },
        }
    }
}

/// Integers of one type keep it; others are computed as what they are, and give a BIGINT.
fn integers(left: &DataType, right: &DataType) -> [DataType; 2] {
    if left == right && left.is_signed_integer() {
        return [left.clone(), left.clone()];
    }
    let wide = |data_type: &DataType| match data_type {
        DataType::UInt64 => DataType::UInt64,
        _ => DataType::Int64,
    };
    [wide(left), wide(right)]
}

/// Returns the decimal that an exact number is computed as.
fn decimal(data_type: &DataType) -> Result<DataType> {
    match Decimal::of(data_type).and_then(Decimal::lossless) {
        Some(decimal @ DataType::Decimal128(..)) => Ok(decimal),
        _ => plan_err!(
            "{data_type} has more than the {MAX_DIGITS} digits that can be computed with: cast it \
             to DOUBLE, or to a shorter decimal"
        ),
    }
}

/// Returns the type that an aggregate of numbers takes its argument as.
///
/// # Errors
/// When it is no number, or has too many digits.
pub(super) fn aggregated(function: &str, data_type: &DataType) -> Result<DataType> {
    match value_type(data_type) {
        DataType::Null => Ok(DataType::Int64),
        kind if kind.is_signed_integer() => Ok(DataType::Int64),
        kind if kind.is_unsigned_integer() => Ok(DataType::UInt64),
        kind if kind.is_floating() => Ok(DataType::Float64),
        kind if kind.is_decimal() => decimal(kind),
        kind @ (DataType::Duration(_) | DataType::Interval(_)) => Ok(kind.clone()),
        other => plan_err!("`{function}` takes numbers, not {other}: cast it"),
    }
}
