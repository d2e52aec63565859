//! What clients ask about the server: its version, what it can do, and its types.

use arrow_flight::error::Result;
use arrow_flight::sql::metadata::{
    SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder,
};
use arrow_flight::sql::{
    Nullable, Searchable, SqlInfo, SqlNullOrdering, SqlSupportedCaseSensitivity,
    SqlSupportedTransaction, XdbcDataType,
};

/// What the server can, and what it cannot.
const ABILITIES: [(SqlInfo, bool); 14] = [
    (SqlInfo::FlightSqlServerReadOnly, true),
    (SqlInfo::FlightSqlServerSql, true),
    (SqlInfo::FlightSqlServerSubstrait, false),
    (SqlInfo::FlightSqlServerCancel, false),
    (SqlInfo::FlightSqlServerBulkIngestion, false),
    (SqlInfo::SqlDdlCatalog, false),
    (SqlInfo::SqlDdlSchema, false),
    (SqlInfo::SqlDdlTable, false),
    (SqlInfo::SqlAllTablesAreSelectable, true),
    (SqlInfo::SqlSupportsColumnAliasing, true),
    (SqlInfo::SqlSupportsExpressionsInOrderBy, true),
    (SqlInfo::SqlCatalogAtStart, true),
    (SqlInfo::SqlSelectForUpdateSupported, false),
    (SqlInfo::SqlStoredProceduresSupported, false),
];

/// Returns what the server is and can do.
pub(super) fn info() -> Result<SqlInfoData> {
    let mut info = SqlInfoDataBuilder::new();
    info.append(SqlInfo::FlightSqlServerName, "lakehouse");
    info.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    info.append(SqlInfo::FlightSqlServerArrowVersion, arrow::ARROW_VERSION);
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    info.append(SqlInfo::SqlCatalogTerm, "catalog");
    info.append(SqlInfo::SqlSchemaTerm, "schema");
    for (name, is_so) in ABILITIES {
        info.append(name, is_so);
    }
    for (name, value) in [
        (SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32),
        (
            SqlInfo::SqlIdentifierCase,
            SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32,
        ),
        (SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i32),
    ] {
        info.append(name, value);
    }
    info.build()
}

/// Returns the types that columns have.
pub(super) fn types() -> Result<XdbcTypeInfoData> {
    let mut types = XdbcTypeInfoDataBuilder::new();
    for (name, data_type, size) in [
        ("boolean", XdbcDataType::XdbcBit, 1),
        ("smallint", XdbcDataType::XdbcSmallint, 5),
        ("int", XdbcDataType::XdbcInteger, 10),
        ("bigint", XdbcDataType::XdbcBigint, 19),
        ("decimal", XdbcDataType::XdbcDecimal, 38),
        ("real", XdbcDataType::XdbcReal, 24),
        ("double", XdbcDataType::XdbcDouble, 53),
        ("varchar", XdbcDataType::XdbcVarchar, i32::MAX),
        ("bytea", XdbcDataType::XdbcVarbinary, i32::MAX),
        ("date", XdbcDataType::XdbcDate, 10),
        ("timestamp", XdbcDataType::XdbcTimestamp, 32),
    ] {
        types.append(type_info(name, data_type, size));
    }
    types.build()
}

fn type_info(name: &str, data_type: XdbcDataType, size: i32) -> XdbcTypeInfo {
    let is_decimal = data_type == XdbcDataType::XdbcDecimal;
    let prefix = match data_type {
        XdbcDataType::XdbcVarchar => Some("'"),
        XdbcDataType::XdbcVarbinary => Some("X'"),
        XdbcDataType::XdbcDate => Some("DATE '"),
        XdbcDataType::XdbcTimestamp => Some("TIMESTAMP '"),
        _ => None,
    };
    XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type,
        sql_data_type: data_type,
        column_size: Some(size),
        literal_prefix: prefix.map(str::to_owned),
        literal_suffix: prefix.map(|_| "'".to_owned()),
        create_params: is_decimal.then(|| vec!["precision".to_owned(), "scale".to_owned()]),
        nullable: Nullable::NullabilityNullable,
        case_sensitive: data_type == XdbcDataType::XdbcVarchar,
        searchable: Searchable::Full,
        minimum_scale: is_decimal.then_some(0),
        maximum_scale: is_decimal.then_some(38),
        num_prec_radix: prefix.is_none().then_some(10),
        ..XdbcTypeInfo::default()
    }
}
