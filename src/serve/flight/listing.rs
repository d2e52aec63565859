//! What clients ask besides statements: catalogs, schemas, tables, keys, and what the server can.
//!
//! All of it is answered with rows of columns that the protocol fixes. A lake has no keys, so that
//! there are no rows of them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{SqlInfoData, XdbcTypeInfoData};
use arrow_flight::sql::{
    Command, CommandGetCatalogs, CommandGetDbSchemas, CommandGetSqlInfo, CommandGetTableTypes,
    CommandGetTables, CommandGetXdbcTypeInfo,
};
use datafusion::catalog::CatalogProvider;
use tonic::Status;

use super::status::not_sendable;
use super::{info, tables, types};
use crate::query::{CATALOG, Session};
use crate::serve::engine::StatementEngine;

/// A question that is no statement.
#[derive(Clone, Debug)]
pub(super) enum Listing {
    Catalogs(CommandGetCatalogs),
    Schemas(CommandGetDbSchemas),
    Tables(CommandGetTables),
    TableTypes(CommandGetTableTypes),
    Info(CommandGetSqlInfo),
    Types(CommandGetXdbcTypeInfo),
    PrimaryKeys,
    ForeignKeys,
}

/// What is answered without the lake.
pub(super) struct About {
    info: SqlInfoData,
    types: XdbcTypeInfoData,
}

impl About {
    /// Puts it together.
    ///
    /// # Errors
    /// When a row of it has no form.
    pub(super) fn new() -> Result<Self, FlightError> {
        Ok(Self { info: info::info()?, types: types::types()? })
    }
}

impl Listing {
    /// Returns the question of a command; nothing for one that asks something else.
    pub(super) fn of(command: Command) -> Option<Self> {
        Some(match command {
            Command::CommandGetCatalogs(command) => Self::Catalogs(command),
            Command::CommandGetDbSchemas(command) => Self::Schemas(command),
            Command::CommandGetTables(command) => Self::Tables(command),
            Command::CommandGetTableTypes(command) => Self::TableTypes(command),
            Command::CommandGetSqlInfo(command) => Self::Info(command),
            Command::CommandGetXdbcTypeInfo(command) => Self::Types(command),
            Command::CommandGetPrimaryKeys(_) => Self::PrimaryKeys,
            Command::CommandGetExportedKeys(_)
            | Command::CommandGetImportedKeys(_)
            | Command::CommandGetCrossReference(_) => Self::ForeignKeys,
            _ => return None,
        })
    }

    /// Returns the columns of the answer.
    pub(super) fn columns(self, about: &About) -> SchemaRef {
        match self {
            Self::Catalogs(command) => command.into_builder().schema(),
            Self::Schemas(command) => command.into_builder().schema(),
            Self::Tables(command) => command.into_builder().schema(),
            Self::TableTypes(command) => command.into_builder().schema(),
            Self::Info(command) => command.into_builder(&about.info).schema(),
            Self::Types(command) => command.into_builder(&about.types).schema(),
            Self::PrimaryKeys => primary_keys(),
            Self::ForeignKeys => foreign_keys(),
        }
    }

    /// Returns the answer.
    pub(super) async fn rows(
        self,
        about: &About,
        engine: &StatementEngine,
        session: &Session,
    ) -> Result<RecordBatch, Status> {
        let rows = match self {
            Self::Catalogs(command) => {
                let mut rows = command.into_builder();
                rows.append(CATALOG);
                rows.build()
            }
            Self::Schemas(command) => {
                let mut rows = command.into_builder();
                for schema in session.catalog().schema_names() {
                    rows.append(CATALOG, schema);
                }
                rows.build()
            }
            Self::Tables(command) => {
                return Box::pin(tables::list(command, engine, session)).await;
            }
            Self::TableTypes(command) => {
                let mut rows = command.into_builder();
                rows.append(tables::TABLE);
                rows.append(tables::VIEW);
                rows.build()
            }
            Self::Info(command) => command.into_builder(&about.info).build(),
            Self::Types(command) => command.into_builder(&about.types).build(),
            Self::PrimaryKeys => Ok(RecordBatch::new_empty(primary_keys())),
            Self::ForeignKeys => Ok(RecordBatch::new_empty(foreign_keys())),
        };
        rows.map_err(not_sendable)
    }
}

fn primary_keys() -> SchemaRef {
    let text = |name, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("catalog_name", true),
        text("db_schema_name", true),
        text("table_name", false),
        text("column_name", false),
        text("key_name", true),
        Field::new("key_sequence", DataType::Int32, false),
    ]))
}

fn foreign_keys() -> SchemaRef {
    let text = |name, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("pk_catalog_name", true),
        text("pk_db_schema_name", true),
        text("pk_table_name", false),
        text("pk_column_name", false),
        text("fk_catalog_name", true),
        text("fk_db_schema_name", true),
        text("fk_table_name", false),
        text("fk_column_name", false),
        Field::new("key_sequence", DataType::Int32, false),
        text("fk_key_name", true),
        text("pk_key_name", true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ]))
}
