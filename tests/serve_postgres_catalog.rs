//! What clients of PostgreSQL find out about a lake: numbers of tables, comments, and rights.
//!
//! What whole clients ask for is replayed by `tests/interop/postgres/run`.

use tokio_postgres::{Client, SimpleQueryMessage};

use crate::support::gold_scene::GoldScene;
use crate::support::server::Server;
use crate::support::test_lake::TestLake;

/// Returns the rows of a statement as texts.
async fn rows(client: &Client, sql: &str) -> Vec<Vec<Option<String>>> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut rows = Vec::new();
    for message in messages {
        if let SimpleQueryMessage::Row(row) = message {
            let cells = (0..row.len()).map(|cell| row.get(cell).map(str::to_owned));
            rows.push(cells.collect());
        }
    }
    rows
}

/// Returns the only value of a statement.
async fn value(client: &Client, sql: &str) -> Option<String> {
    rows(client, sql).await.remove(0).remove(0)
}

#[tokio::test]
async fn the_name_of_a_table_is_its_number_however_it_is_written() {
    let scene = GoldScene::new();
    scene.publish_days("BTCUSDT", &["2024-03-01"]);
    scene.ingest().await;
    let server = Server::start(&scene.lake, &[]);
    let client = server.postgres().await.unwrap();
    let sql = "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = 'silver' AND c.relname = 'klines'";
    let number = value(&client, sql).await;
    assert!(number.is_some());
    for sql in [
        "SELECT to_regclass('silver.klines')",
        "SELECT to_regclass('klines')",
        "SELECT to_regclass('lake.silver.\"klines\"')",
        "SELECT 'klines'::regclass::oid",
        "SELECT 'silver.klines'::regclass",
        "SELECT CAST(CAST(format('%I.%I', n.nspname, c.relname) AS regclass) AS oid) \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relname = 'klines'",
        "SELECT (quote_ident('silver') || '.' || quote_ident('klines'))::regclass",
    ] {
        assert_eq!(value(&client, sql).await, number, "{sql}");
    }
    for name in ["nothing", "silver.nothing", "klines x", "", "."] {
        let sql = format!("SELECT to_regclass('{name}')");
        assert_eq!(value(&client, &sql).await, None, "{sql}");
    }
    let sql = "SELECT obj_description(to_regclass('silver.klines'), 'pg_class')";
    assert!(value(&client, sql).await.unwrap().contains("Bars"));
    let sql = "SELECT col_description(to_regclass('silver.klines'), 1)";
    assert!(value(&client, sql).await.unwrap().contains("spot"));
}

#[tokio::test]
async fn everybody_has_the_right_to_read_and_no_other() {
    let server = Server::start(&TestLake::new(), &[]);
    let client = server.postgres().await.unwrap();
    for (right, expected) in [
        ("has_table_privilege('silver.klines', 'SELECT')", "t"),
        ("has_table_privilege(current_user, 'silver.klines', 'insert')", "f"),
        ("has_table_privilege('silver.klines', 'INSERT, SELECT')", "t"),
        ("has_any_column_privilege(current_user, 'silver.klines', 'update')", "f"),
        ("has_schema_privilege(current_user, 'silver', 'usage')", "t"),
        ("has_schema_privilege('silver', 'CREATE')", "f"),
        ("has_database_privilege('lake', 'CONNECT')", "t"),
        ("has_database_privilege('lake', 'TEMP')", "f"),
    ] {
        let sql = format!("SELECT {right}");
        assert_eq!(value(&client, &sql).await.as_deref(), Some(expected), "{sql}");
    }
}

#[tokio::test]
async fn what_a_lake_has_none_of_is_an_empty_list_and_no_error() {
    let server = Server::start(&TestLake::new(), &[]);
    let client = server.postgres().await.unwrap();
    for sql in [
        "SELECT c.relacl, a.attacl FROM pg_class c JOIN pg_attribute a ON c.oid = a.attrelid \
         WHERE c.relacl IS NOT NULL OR a.attacl IS NOT NULL",
        "SELECT a.attname FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid \
         WHERE a.attnum = ANY(c.conkey) AND c.contype = 'f'::char",
        "SELECT NULL, NULL, pg_get_function_result(p.oid) FROM pg_proc p \
         JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'silver'",
        "SELECT column_name FROM information_schema.key_column_usage",
    ] {
        assert_eq!(rows(&client, sql).await, Vec::<Vec<_>>::new(), "{sql}");
    }
    assert_eq!(value(&client, "SELECT current_schema()").await.as_deref(), Some("silver"));
    let schemas = value(&client, "SELECT current_schemas(true)").await;
    assert_eq!(schemas.as_deref(), Some("{pg_catalog,silver,gold,meta}"));
}
