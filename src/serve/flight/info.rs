//! What clients ask about the server: its version, and what it can do.
//!
//! JDBC takes every value for granted that its metadata can ask for, so that each has one here, of
//! the type that the protocol gives it.

use std::collections::BTreeMap;

use arrow_flight::error::Result;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    SqlInfo, SqlNullOrdering, SqlOuterJoinsSupportLevel, SqlSupportedCaseSensitivity,
    SqlSupportedGroupBy, SqlSupportedResultSetConcurrency, SqlSupportedResultSetType,
    SqlSupportedSubqueries, SqlSupportedTransaction, SqlSupportedUnions,
    SqlTransactionIsolationLevel, SupportedSqlGrammar,
};

/// The entry level of SQL-92, which the library does not name.
const ANSI92_ENTRY: i32 = 0;

/// What the server is called, and the words of its SQL.
const WORDS: [(SqlInfo, &str); 9] = [
    (SqlInfo::FlightSqlServerName, "lakehouse"),
    (SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION")),
    (SqlInfo::FlightSqlServerArrowVersion, arrow::ARROW_VERSION),
    (SqlInfo::SqlIdentifierQuoteChar, "\""),
    (SqlInfo::SqlSearchStringEscape, "\\"),
    (SqlInfo::SqlExtraNameCharacters, ""),
    (SqlInfo::SqlCatalogTerm, "catalog"),
    (SqlInfo::SqlSchemaTerm, "schema"),
    (SqlInfo::SqlProcedureTerm, "procedure"),
];

/// What the server can, and what it cannot.
const ABILITIES: [(SqlInfo, bool); 32] = [
    (SqlInfo::FlightSqlServerReadOnly, true),
    (SqlInfo::FlightSqlServerSql, true),
    (SqlInfo::FlightSqlServerSubstrait, false),
    (SqlInfo::FlightSqlServerCancel, true),
    (SqlInfo::FlightSqlServerBulkIngestion, false),
    (SqlInfo::FlightSqlServerIngestTransactionsSupported, false),
    (SqlInfo::SqlDdlCatalog, false),
    (SqlInfo::SqlDdlSchema, false),
    (SqlInfo::SqlDdlTable, false),
    (SqlInfo::SqlAllTablesAreSelectable, true),
    (SqlInfo::SqlSupportsColumnAliasing, true),
    (SqlInfo::SqlNullPlusNullIsNull, true),
    (SqlInfo::SqlSupportsTableCorrelationNames, true),
    (SqlInfo::SqlSupportsDifferentTableCorrelationNames, false),
    (SqlInfo::SqlSupportsExpressionsInOrderBy, true),
    (SqlInfo::SqlSupportsOrderByUnrelated, true),
    (SqlInfo::SqlSupportsLikeEscapeClause, false),
    (SqlInfo::SqlSupportsNonNullableColumns, true),
    (SqlInfo::SqlSupportsIntegrityEnhancementFacility, false),
    (SqlInfo::SqlCatalogAtStart, true),
    (SqlInfo::SqlSelectForUpdateSupported, false),
    (SqlInfo::SqlStoredProceduresSupported, false),
    (SqlInfo::SqlCorrelatedSubqueriesSupported, true),
    (SqlInfo::SqlMaxRowSizeIncludesBlobs, true),
    (SqlInfo::SqlTransactionsSupported, false),
    (SqlInfo::SqlDataDefinitionCausesTransactionCommit, false),
    (SqlInfo::SqlDataDefinitionsInTransactionsIgnored, false),
    (SqlInfo::SqlBatchUpdatesSupported, false),
    (SqlInfo::SqlSavepointsSupported, false),
    (SqlInfo::SqlNamedParametersSupported, false),
    (SqlInfo::SqlLocatorsUpdateCopy, false),
    (SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported, false),
];

/// One of several choices each.
const CHOICES: [(SqlInfo, i32); 6] = [
    (SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32),
    (SqlInfo::FlightSqlServerStatementTimeout, 0),
    (SqlInfo::FlightSqlServerTransactionTimeout, 0),
    (SqlInfo::SqlIdentifierCase, SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32),
    (
        SqlInfo::SqlQuotedIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityUnknown as i32,
    ),
    (SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i32),
];

/// Several choices each; the numbers of those that are possible.
const POSSIBLE: [(SqlInfo, &[i32]); 15] = [
    (
        SqlInfo::SqlSupportedGroupBy,
        &[
            SqlSupportedGroupBy::SqlGroupByUnrelated as i32,
            SqlSupportedGroupBy::SqlGroupByBeyondSelect as i32,
        ],
    ),
    (
        SqlInfo::SqlSupportedGrammar,
        &[
            SupportedSqlGrammar::SqlMinimumGrammar as i32,
            SupportedSqlGrammar::SqlCoreGrammar as i32,
        ],
    ),
    (SqlInfo::SqlAnsi92SupportedLevel, &[ANSI92_ENTRY]),
    (
        SqlInfo::SqlOuterJoinsSupportLevel,
        &[
            SqlOuterJoinsSupportLevel::SqlLimitedOuterJoins as i32,
            SqlOuterJoinsSupportLevel::SqlFullOuterJoins as i32,
        ],
    ),
    (SqlInfo::SqlSchemasSupportedActions, &[]),
    (SqlInfo::SqlCatalogsSupportedActions, &[]),
    (SqlInfo::SqlSupportedPositionedCommands, &[]),
    (
        SqlInfo::SqlSupportedSubqueries,
        &[
            SqlSupportedSubqueries::SqlSubqueriesInComparisons as i32,
            SqlSupportedSubqueries::SqlSubqueriesInExists as i32,
            SqlSupportedSubqueries::SqlSubqueriesInIns as i32,
        ],
    ),
    (
        SqlInfo::SqlSupportedUnions,
        &[SqlSupportedUnions::SqlUnion as i32, SqlSupportedUnions::SqlUnionAll as i32],
    ),
    (
        SqlInfo::SqlSupportedTransactionsIsolationLevels,
        &[SqlTransactionIsolationLevel::SqlTransactionNone as i32],
    ),
    (
        SqlInfo::SqlSupportedResultSetTypes,
        &[SqlSupportedResultSetType::SqlResultSetTypeForwardOnly as i32],
    ),
    (
        SqlInfo::SqlSupportedConcurrenciesForResultSetForwardOnly,
        &[SqlSupportedResultSetConcurrency::SqlResultSetConcurrencyReadOnly as i32],
    ),
    (SqlInfo::SqlSupportedConcurrenciesForResultSetUnspecified, &[]),
    (SqlInfo::SqlSupportedConcurrenciesForResultSetScrollSensitive, &[]),
    (SqlInfo::SqlSupportedConcurrenciesForResultSetScrollInsensitive, &[]),
];

/// Of these a client need not know any limit, and the isolation of transactions is none.
const ZEROS: [SqlInfo; 21] = [
    SqlInfo::SqlMaxBinaryLiteralLength,
    SqlInfo::SqlMaxCharLiteralLength,
    SqlInfo::SqlMaxColumnNameLength,
    SqlInfo::SqlMaxColumnsInGroupBy,
    SqlInfo::SqlMaxColumnsInIndex,
    SqlInfo::SqlMaxColumnsInOrderBy,
    SqlInfo::SqlMaxColumnsInSelect,
    SqlInfo::SqlMaxColumnsInTable,
    SqlInfo::SqlMaxConnections,
    SqlInfo::SqlMaxCursorNameLength,
    SqlInfo::SqlMaxIndexLength,
    SqlInfo::SqlDbSchemaNameLength,
    SqlInfo::SqlMaxProcedureNameLength,
    SqlInfo::SqlMaxCatalogNameLength,
    SqlInfo::SqlMaxRowSize,
    SqlInfo::SqlMaxStatementLength,
    SqlInfo::SqlMaxStatements,
    SqlInfo::SqlMaxTableNameLength,
    SqlInfo::SqlMaxTablesInSelect,
    SqlInfo::SqlMaxUsernameLength,
    SqlInfo::SqlDefaultTransactionIsolation,
];

/// Lists of words beyond those of standard SQL, which are not given.
const LISTS: [SqlInfo; 5] = [
    SqlInfo::SqlKeywords,
    SqlInfo::SqlNumericFunctions,
    SqlInfo::SqlStringFunctions,
    SqlInfo::SqlSystemFunctions,
    SqlInfo::SqlDatetimeFunctions,
];

/// Returns what the server is and can do.
pub(super) fn info() -> Result<SqlInfoData> {
    let mut info = SqlInfoDataBuilder::new();
    for (name, words) in WORDS {
        info.append(name, words);
    }
    for (name, is_so) in ABILITIES {
        info.append(name, is_so);
    }
    for (name, choice) in CHOICES {
        info.append(name, choice);
    }
    for (name, possible) in POSSIBLE {
        info.append(name, possible.iter().fold(0, |bits, number| bits | 1 << number));
    }
    for name in ZEROS {
        info.append(name, 0_i64);
    }
    for name in LISTS {
        info.append(name, Vec::<String>::new());
    }
    info.append(SqlInfo::SqlSupportsConvert, BTreeMap::<i32, Vec<i32>>::new());
    info.build()
}
