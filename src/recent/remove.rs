//! Provisional rows of series that are taken out of the lake go with them.

use std::collections::BTreeSet;
use std::sync::Arc;

use lakehouse_core::names::archive::Series;
use lakehouse_core::names::market::DataType;
use lakehouse_core::schema::Schemas;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::{SettleError, existing, table_name, table_spec};
use crate::delta::TableError;
use crate::delta::commit::{CommitContext, commit};
use crate::delta::table::WritableTable;
use crate::meta::scope::Scope;
use crate::parquet::rewrite::without_archives;
use crate::parquet::writer::FileTarget;
use crate::query::{Session, SessionOptions};
use crate::storage::lake::Lake;

#[derive(Deserialize)]
struct Source {
    archive: String,
}

/// Takes out the provisional rows of series in scope. They follow the last archive, so those of a
/// scope that ends on a day stay.
///
/// # Errors
/// When a table cannot be read or written.
pub(crate) async fn remove(
    lake: &Lake,
    schemas: &Schemas,
    scope: &Scope,
    context: &CommitContext,
) -> Result<(), SettleError> {
    if scope.dates.end.is_some() {
        return Ok(());
    }
    let session = Session::open(lake, SessionOptions::default())?;
    for schema in existing(lake, schemas).await? {
        let Some(mut table) = WritableTable::open(lake, table_spec(schema)).await? else {
            continue;
        };
        let sql = format!("SELECT DISTINCT archive FROM {}", table_name(schema));
        let sources: Vec<Source> = Box::pin(session.rows(&sql)).await?;
        let is_meant = |source: &Source| {
            series_of(&source.archive).is_some_and(|series| scope.has_series(&series))
        };
        let sources = sources.into_iter().filter(is_meant).map(|source| source.archive);
        let sources: BTreeSet<String> = sources.collect();
        let target = Arc::new(FileTarget::new(&table));
        let landed = commit(&mut table, context, async |table: &WritableTable| {
            let change = without_archives(table, &target, &sources).await?;
            Ok::<_, TableError>((!change.removes.is_empty()).then_some(change))
        });
        landed.await?;
    }
    Ok(())
}

/// Returns the series of an answer by what the column `archive` says:
/// `api:spot/klines/BTCUSDT/1h/….json.zst`.
fn series_of(source: &str) -> Option<Series> {
    let path = percent_decode_str(source.strip_prefix("api:")?).decode_utf8().ok()?;
    let parts: Vec<&str> = path.split('/').collect();
    let (market, data_type, symbol, interval) = match parts.as_slice() {
        [market, data_type, symbol, _] => (market, data_type, symbol, None),
        [market, data_type, symbol, interval, _] => (market, data_type, symbol, Some(interval)),
        _ => return None,
    };
    Some(Series {
        market: market.parse().ok()?,
        data_type: DataType::new(data_type),
        symbol: symbol.parse().ok()?,
        interval: interval.map(|interval| interval.parse()).transpose().ok()?,
    })
}
