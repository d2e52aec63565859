//! What clients ask about the types of columns.

use arrow_flight::error::Result;
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType};

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
