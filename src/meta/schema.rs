//! How the lake's own tables list their columns with what these hold; each list is next to the code
//! that makes the rows.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::columns::timestamp_type;
use crate::delta::descriptions::Descriptions;
use crate::delta::table::TableSpec;
use crate::storage::lake::{Layer, TableName};

/// What one of the lake's own tables is.
#[derive(Clone, Copy, Debug)]
pub(super) struct MetaSchema {
    pub(super) name: &'static str,
    /// What a row is, for users of the table.
    pub(super) description: &'static str,
    pub(super) columns: &'static [MetaColumn],
    /// The columns by which the rows of each file are sorted.
    pub(super) sort_columns: &'static [&'static str],
    /// Columns whose values hardly repeat, of a table whose rows are looked up by the first of
    /// them.
    pub(super) unique_columns: &'static [&'static str],
}

/// A column with what it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct MetaColumn {
    name: &'static str,
    kind: Kind,
    nullable: bool,
    description: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Integer,
    Double,
    Date,
    Time,
}

/// Makes a text column that is never NULL.
pub(super) const fn text(name: &'static str, description: &'static str) -> MetaColumn {
    MetaColumn { name, kind: Kind::Text, nullable: false, description }
}

/// Makes a column of integers that are never NULL.
pub(super) const fn integer(name: &'static str, description: &'static str) -> MetaColumn {
    MetaColumn { name, kind: Kind::Integer, nullable: false, description }
}

/// Makes a column of floating-point numbers that are never NULL.
pub(super) const fn double(name: &'static str, description: &'static str) -> MetaColumn {
    MetaColumn { name, kind: Kind::Double, nullable: false, description }
}

/// Makes a column of days that are never NULL.
pub(super) const fn date(name: &'static str, description: &'static str) -> MetaColumn {
    MetaColumn { name, kind: Kind::Date, nullable: false, description }
}

/// Makes a column of UTC times that are never NULL.
pub(super) const fn time(name: &'static str, description: &'static str) -> MetaColumn {
    MetaColumn { name, kind: Kind::Time, nullable: false, description }
}

impl MetaColumn {
    /// Returns the column as one that may be NULL.
    pub(super) const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    fn field(self) -> Field {
        let data_type = match self.kind {
            Kind::Text => DataType::Utf8,
            Kind::Integer => DataType::Int64,
            Kind::Double => DataType::Float64,
            Kind::Date => DataType::Date32,
            Kind::Time => timestamp_type(),
        };
        Field::new(self.name, data_type, self.nullable)
    }
}

impl MetaSchema {
    /// Returns the columns as Arrow has them.
    pub(super) fn arrow(&self) -> SchemaRef {
        let fields = self.columns.iter().map(|column| column.field());
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// Describes the Delta table.
    pub(super) fn table_spec(&self) -> TableSpec {
        TableSpec {
            name: TableName::new(Layer::Meta, self.name),
            schema: self.arrow(),
            partition_columns: Vec::new(),
            sort_columns: self.sort_columns.iter().map(|column| (*column).to_owned()).collect(),
            descriptions: self.descriptions(),
        }
    }

    /// Describes the table and its columns in words.
    pub(super) fn descriptions(&self) -> Descriptions {
        let columns = self.columns.iter();
        let columns = columns.map(|column| (column.name, column.description.to_owned()));
        Descriptions::new(self.description, columns)
    }
}
