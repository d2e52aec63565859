//! The columns of a silver table and the few types that they have.
//!
//! The types are those of the lake's public face; how a file spells their values is a layout's
//! business.

use arrow_schema::{DataType, TimeUnit};
use serde::Deserialize;

/// A silver column that comes from the archive's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: ColumnType,
    /// What it holds and in which unit.
    pub doc: String,
    /// Whether an empty field is NULL; where not, it is rejected.
    pub nullable: bool,
}

/// The type of a silver column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// UTC microseconds.
    Time,
    Date,
    BigInt,
    SmallInt,
    Boolean,
    Text,
    /// DECIMAL(18, 8): prices, rates, indices.
    Price,
    /// DECIMAL(28, 8): quantities and volumes.
    Amount,
    /// DECIMAL(38, 16): what has more decimals.
    Wide,
    /// DECIMAL(5, 2).
    Percentage,
}

impl ColumnType {
    /// Returns the Arrow type.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Date => DataType::Date32,
            Self::BigInt => DataType::Int64,
            Self::SmallInt => DataType::Int16,
            Self::Boolean => DataType::Boolean,
            Self::Text => DataType::Utf8,
            Self::Price => DataType::Decimal128(18, 8),
            Self::Amount => DataType::Decimal128(28, 8),
            Self::Wide => DataType::Decimal128(38, 16),
            Self::Percentage => DataType::Decimal128(5, 2),
        }
    }

    /// Returns the precision and the scale of a decimal type.
    #[must_use]
    pub fn decimal_digits(self) -> Option<(u8, u8)> {
        match self.data_type() {
            DataType::Decimal128(precision, scale) => Some((precision, scale.unsigned_abs())),
            _ => None,
        }
    }
}
