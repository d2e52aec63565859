//! What a gold table consists of: its partitions and its columns.
//!
//! Separate from [`super::Model`] because the header of a model is read into these types before
//! there is a model.

use std::fmt;

use arrow_schema::DataType;

/// How a gold table is cut into parts that are built one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitioning {
    /// By market and UTC day.
    MarketAndDate,
    /// Not at all: the table is built as a whole.
    Whole,
}

impl Partitioning {
    /// Returns the columns by which the table is partitioned.
    #[must_use]
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::MarketAndDate => &["market", "date"],
            Self::Whole => &[],
        }
    }
}

/// A column of a gold table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelColumn {
    pub name: String,
    pub kind: ColumnKind,
    /// Such as `quote asset`; empty where there is none.
    pub unit: String,
    pub description: String,
}

/// What sort of value a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Integer,
    Decimal,
    Double,
    Boolean,
    Date,
    Timestamp,
}

impl ColumnKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Text,
        Self::Integer,
        Self::Decimal,
        Self::Double,
        Self::Boolean,
        Self::Date,
        Self::Timestamp,
    ];

    /// Returns the word that stands for it in a header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
        }
    }

    /// Returns the kind of an Arrow type; nothing for a type that a gold table cannot store.
    #[must_use]
    pub fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Dictionary(_, values) => {
                return Self::of(values).filter(|kind| *kind == Self::Text);
            }
            DataType::Int16 | DataType::Int32 | DataType::Int64 => Self::Integer,
            DataType::Decimal128(..) => Self::Decimal,
            DataType::Float64 => Self::Double,
            DataType::Boolean => Self::Boolean,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, Some(_)) => Self::Timestamp,
            _ => return None,
        })
    }
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
