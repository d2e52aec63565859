//! `\d`: the lake's tables, and a table's columns.

use bytesize::ByteSize;
use lakehouse_core::names::table::ALL_SCHEMA;

use crate::output::type_name;
use crate::query::{QueryError, Session, TableScan};
use crate::storage::lake::{Layer, TableName};
use crate::terminal::console;

/// Lists the tables with their rows and sizes.
pub(super) async fn tables(session: &Session) -> Result<String, QueryError> {
    let catalog = session.catalog();
    let mut rows = Vec::new();
    for name in catalog.list().await? {
        if let Some(table) = catalog.open(&name).await? {
            rows.push(vec![
                name.to_string(),
                count_rows(&table),
                size(&table),
                table.snapshot().version().to_string(),
            ]);
        }
    }
    if rows.is_empty() {
        return Ok("the lake has no tables yet\n".to_owned());
    }
    Ok(console::columns(&["table", "rows", "size", "version"], &rows))
}

/// Lists a table's columns with their types.
pub(super) async fn columns(session: &Session, name: &str) -> Result<String, QueryError> {
    if let Some(joined) = name.strip_prefix(ALL_SCHEMA).and_then(|rest| rest.strip_prefix('.'))
        && let Some(text) = columns_of_all(session, joined).await?
    {
        return Ok(text);
    }
    let unknown =
        |tables| QueryError::UnknownTable { name: name.to_owned(), expected: false, tables };
    let found = match table_name(name) {
        Some(table) => session.catalog().open(&table).await?,
        None => None,
    };
    let Some(table) = found else { return Err(unknown(session.catalog().list().await?)) };
    let snapshot = table.snapshot();
    let mut text = columns_and_types(&table);
    let mut add = |what: &str, names: &[String]| {
        if !names.is_empty() {
            text.push_str(&format!("{what}: {}\n", names.join(", ")));
        }
    };
    add("partitioned by", snapshot.partition_columns());
    add("sorted by", snapshot.sort_columns());
    Ok(text)
}

/// Lists the columns of a table of silver that is joined with what is provisional.
async fn columns_of_all(session: &Session, name: &str) -> Result<Option<String>, QueryError> {
    let silver = TableName::new(Layer::Silver, name);
    let recent = TableName::new(Layer::Recent, name);
    for table in [&silver, &recent] {
        if let Some(table) = session.catalog().open(table).await? {
            let columns = columns_and_types(&table);
            return Ok(Some(format!("{columns}{silver}, with what is only in {recent}\n")));
        }
    }
    Ok(None)
}

fn columns_and_types(table: &TableScan) -> String {
    let fields = table.snapshot().schema().fields().iter();
    let rows: Vec<_> =
        fields.map(|field| vec![field.name().clone(), type_name(field.data_type())]).collect();
    console::columns(&["column", "type"], &rows)
}

/// Reads `silver.klines`, or `klines` as SQL would.
fn table_name(text: &str) -> Option<TableName> {
    let Some((layer, name)) = text.split_once('.') else {
        return Some(TableName::new(Layer::Silver, text));
    };
    let layer = Layer::named(layer)?;
    Some(TableName::new(layer, name))
}

fn count_rows(table: &TableScan) -> String {
    let rows = table.snapshot().files().total_rows();
    rows.map_or_else(|| "unknown".to_owned(), |rows| rows.to_string())
}

fn size(table: &TableScan) -> String {
    let bytes = table.snapshot().files().total_size();
    ByteSize(bytes).display().iec().to_string()
}
