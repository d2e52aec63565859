//! The lake over Arrow Flight SQL: what a driver sees, and what clients cannot do to others.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, Schema, SchemaRef, UInt32Type};
use arrow_flight::error::FlightError;
use arrow_flight::sql::{
    CommandGetDbSchemas, CommandGetPrimaryKeys, CommandGetTables, CommandGetXdbcTypeInfo,
    CommandStatementQuery, ProstMessageExt, SqlInfo,
};
use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightDescriptor,
    FlightInfo, IpcMessage,
};
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use tonic::{Code, Status};

use crate::support::gold_scene::{GoldScene, hourly};
use crate::support::server::{ENDLESS, FlightClient as Client, SILENT, Server, WRITES, add_ann};
use crate::support::statements::{answer, open};
use crate::support::test_lake::TestLake;
use crate::support::tls::{CERTIFICATE, KEY, certificate};

/// Returns the columns and the rows that were announced.
async fn read(client: &mut Client, info: FlightInfo) -> (SchemaRef, Vec<RecordBatch>) {
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let announced = Arc::new(info.try_decode_schema().unwrap());
    let mut rows = client.do_get(ticket).await.unwrap();
    let mut batches = Vec::new();
    while let Some(batch) = rows.try_next().await.unwrap() {
        assert_eq!(batch.schema(), announced);
        batches.push(batch);
    }
    assert_eq!(rows.schema(), Some(&announced));
    (announced, batches)
}

/// Returns the rows of a statement.
async fn rows(client: &mut Client, sql: &str) -> Vec<RecordBatch> {
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    read(client, info).await.1
}

/// Returns the first value of a statement, which is an integer.
async fn value(client: &mut Client, sql: &str) -> i64 {
    rows(client, sql).await[0].column(0).as_primitive::<Int64Type>().value(0)
}

/// Returns the texts of a column in answers that are lists.
fn texts(batches: &[RecordBatch], column: usize) -> Vec<String> {
    let texts = |batch: &RecordBatch| {
        let texts = batch.column(column).as_string::<i32>().iter();
        texts.map(|text| text.unwrap().to_owned()).collect::<Vec<_>>()
    };
    batches.iter().flat_map(texts).collect()
}

fn status(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        error => panic!("{error}"),
    }
}

/// Returns why a statement has no rows, whether that shows at once or later.
async fn refusal(client: &mut Client, sql: &str) -> Status {
    let info = match client.execute(sql.to_owned(), None).await {
        Ok(info) => info,
        Err(error) => return status(error),
    };
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    match client.do_get(ticket).await {
        Ok(rows) => status(rows.try_for_each(async |_| Ok(())).await.unwrap_err()),
        Err(error) => status(error),
    }
}

#[tokio::test]
async fn rows_have_the_columns_that_were_announced_and_the_values_of_a_query() {
    let lake = TestLake::new();
    let server = Server::start(&lake, &[]);
    let mut client = server.flight().await;
    for sql in [
        "SELECT 0.10 AS a, NULL AS b, 9007199254740993 AS c, 'x\"y' AS d, true AS e, \
         TIMESTAMP '2024-01-02 03:04:05.000006' AS f, DATE '2024-02-29' AS g, \
         CAST('99999999999999999999.123456789012345678' AS DECIMAL(38, 18)) AS h, \
         CAST('2024-01-02T03:04:05Z' AS TIMESTAMP WITH TIME ZONE) AS i",
        "SELECT value AS n, value * 0.125 AS d, 'x' || value AS t \
         FROM generate_series(1, 20000) ORDER BY n",
        "SELECT arrow_cast('x', 'Dictionary(Int32, Utf8)') AS d, arrow_cast('y', 'Utf8View') AS v",
        "SELECT 1 AS n WHERE false",
        "EXPLAIN SELECT 1",
    ] {
        let info = client.execute(sql.to_owned(), None).await.unwrap();
        let (columns, batches) = read(&mut client, info).await;
        let expected = answer(&open(&lake.path()), sql).await.unwrap();
        if !sql.starts_with("EXPLAIN") {
            assert_eq!(csv(&columns, &batches), expected, "{sql}");
        }
    }
}

/// Returns rows as `query` writes them.
fn csv(columns: &Schema, batches: &[RecordBatch]) -> String {
    let mut writer = arrow::csv::Writer::new(Vec::new());
    writer.write(&RecordBatch::new_empty(Arc::new(columns.clone()))).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    String::from_utf8(writer.into_inner()).unwrap()
}

#[tokio::test]
async fn the_columns_of_a_statement_are_known_without_its_rows() {
    let server = Server::start(&TestLake::new(), &[]);
    let mut client = server.flight().await;
    let query = CommandStatementQuery { query: "SELECT 1 AS one".into(), transaction_id: None };
    let descriptor = FlightDescriptor::new_cmd(query.as_any().encode_to_vec());
    let schema = client.inner_mut().get_schema(descriptor).await.unwrap().into_inner();
    let schema = Schema::try_from(IpcMessage(schema.schema)).unwrap();
    assert_eq!(schema.field(0).name(), "one");
}

#[tokio::test]
async fn a_prepared_statement_gets_values_as_often_as_it_is_run() {
    let server = Server::start(&TestLake::new(), &[]);
    let mut client = server.flight().await;
    for sql in [
        "SELECT value FROM generate_series(1, 100) WHERE value > $1 AND value <= $2",
        "SELECT value FROM generate_series(1, 100) WHERE value > ? AND value <= ?",
    ] {
        let mut statement = client.prepare(sql.to_owned(), None).await.unwrap();
        let names: Vec<_> =
            statement.parameter_schema().unwrap().fields().iter().map(|f| f.name()).collect();
        assert_eq!(names, ["$1", "$2"]);
        assert_eq!(statement.dataset_schema().unwrap().field(0).name(), "value");
        for (low, high) in [(10, 12), (97, 200)] {
            statement.set_parameters(integers(&[low, high])).unwrap();
            let info = statement.execute().await.unwrap();
            let (_, batches) = read(&mut client, info).await;
            let found: Vec<i64> = batches
                .iter()
                .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
                .collect();
            assert_eq!(found, (low + 1..=high.min(100)).collect::<Vec<_>>());
        }
        statement.close().await.unwrap();
    }
}

fn integers(values: &[i64]) -> RecordBatch {
    let column = |(index, value): (usize, &i64)| {
        (format!("${}", index + 1), Arc::new(Int64Array::from(vec![*value])) as ArrayRef)
    };
    RecordBatch::try_from_iter(values.iter().enumerate().map(column)).unwrap()
}

#[tokio::test]
async fn values_keep_their_digits_and_cannot_leave_their_places() {
    let server = Server::start(&TestLake::new(), &["--log-format", "json"]);
    let mut client = server.flight().await;
    let sql = "SELECT upper($1) AS t, $2 AS d, $2 = 99999999999999999999.123456789012345678 AS e";
    let mut statement = client.prepare(sql.to_owned(), None).await.unwrap();
    let digits = 99_999_999_999_999_999_999_123_456_789_012_345_678_i128;
    let decimal = Decimal128Array::from(vec![digits]).with_precision_and_scale(38, 18).unwrap();
    let text = StringArray::from(vec!["it's; -- $2"]);
    let row = RecordBatch::try_from_iter([
        ("a", Arc::new(text) as ArrayRef),
        ("b", Arc::new(decimal) as ArrayRef),
    ]);
    statement.set_parameters(row.unwrap()).unwrap();
    let info = statement.execute().await.unwrap();
    let (columns, batches) = read(&mut client, info).await;
    let expected = "t,d,e\nIT'S; -- $2,99999999999999999999.123456789012345678,true\n";
    assert_eq!(csv(&columns, &batches), expected);
    let error = refusal(&mut client, "SELECT $1 + 1").await;
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    let mut statement = client.prepare("SELECT $1 + 1".to_owned(), None).await.unwrap();
    statement.set_parameters(integers(&[1, 2])).unwrap();
    let error = status(statement.execute().await.unwrap_err());
    assert_eq!(error.message(), "2 values were given, the statement has 1 parameters");
    drop((client, statement));
    let (_, messages) = server.terminate();
    assert!(messages.contains("upper($1)") && !messages.contains("it's"), "{messages}");
}

#[tokio::test]
async fn the_lake_is_listed_with_its_schemas_tables_and_columns() {
    let scene = GoldScene::new();
    scene.publish(&hourly("spot", "BTCUSDT", "2024-03-01"), 7, |_| {});
    scene.ingest().await;
    let server = Server::start(&scene.lake, &[]);
    let mut client = server.flight().await;
    let info = client.get_catalogs().await.unwrap();
    assert_eq!(texts(&read(&mut client, info).await.1, 0), ["lake"]);
    let all = CommandGetDbSchemas { catalog: None, db_schema_filter_pattern: None };
    let info = client.get_db_schemas(all).await.unwrap();
    assert_eq!(
        texts(&read(&mut client, info).await.1, 1),
        ["all", "gold", "meta", "recent", "silver"]
    );
    let info = client.get_table_types().await.unwrap();
    assert_eq!(texts(&read(&mut client, info).await.1, 0), ["TABLE", "VIEW"]);
    let tables = CommandGetTables {
        db_schema_filter_pattern: Some("silver".into()),
        table_name_filter_pattern: Some("kl%".into()),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let info = client.get_tables(tables).await.unwrap();
    let (_, batches) = read(&mut client, info).await;
    assert_eq!(texts(&batches, 2), ["klines"]);
    let columns = batches[0].column(4).as_binary::<i32>().value(0).to_vec();
    let columns = Schema::try_from(IpcMessage(columns.into())).unwrap();
    let close = columns.field_with_name("close").unwrap();
    assert!(!close.metadata()["ARROW:FLIGHT:SQL:REMARKS"].is_empty());
    let info = client.get_tables(CommandGetTables::default()).await.unwrap();
    let (_, batches) = read(&mut client, info).await;
    assert!(texts(&batches, 2).contains(&"archives".to_owned()));
    let sql = "SELECT count(*) FROM klines WHERE symbol = 'BTCUSDT'";
    assert!(value(&mut client, sql).await > 0);
}

#[tokio::test]
async fn what_the_server_is_and_can_is_said_and_there_are_no_keys() {
    let server = Server::start(&TestLake::new(), &[]);
    let mut client = server.flight().await;
    let wanted = vec![SqlInfo::FlightSqlServerName, SqlInfo::FlightSqlServerReadOnly];
    let info = client.get_sql_info(wanted).await.unwrap();
    let (_, batches) = read(&mut client, info).await;
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    let info = client.get_xdbc_type_info(CommandGetXdbcTypeInfo { data_type: None }).await.unwrap();
    assert!(texts(&read(&mut client, info).await.1, 0).contains(&"decimal".to_owned()));
    let keys = CommandGetPrimaryKeys { table: "klines".into(), ..Default::default() };
    let info = client.get_primary_keys(keys).await.unwrap();
    let (columns, batches) = read(&mut client, info).await;
    assert_eq!(columns.fields().len(), 6);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
}

/// What the JDBC driver of Flight SQL asks by number, and casts to the type that the protocol gives
/// it: texts, truths, whole numbers, sets of choices, lists, and a list for each number. Source:
/// ArrowDatabaseMetadata.java of apache/arrow-java, and FlightSql.proto.
const ASKED_BY_JDBC: [(i8, &[RangeInclusive<u32>]); 6] = [
    (0, &[0..=2, 504..=504, 513..=514, 529..=531]),
    (
        1,
        &[
            3..=3,
            515..=516,
            518..=521,
            523..=524,
            527..=527,
            532..=532,
            536..=537,
            539..=539,
            556..=556,
            563..=563,
            565..=566,
            572..=576,
        ],
    ),
    (2, &[541..=555, 557..=562]),
    (3, &[522..=522, 525..=526, 528..=528, 533..=535, 538..=538, 540..=540, 564..=564, 567..=567]),
    (4, &[508..=512]),
    (5, &[517..=517]),
];

#[tokio::test]
async fn whatever_jdbc_asks_about_the_server_has_a_value_of_its_type() {
    let server = Server::start(&TestLake::new(), &[]);
    let mut client = server.flight().await;
    let info = client.get_sql_info(Vec::new()).await.unwrap();
    let (_, batches) = read(&mut client, info).await;
    let mut found = BTreeMap::new();
    for batch in &batches {
        let numbers = batch.column(0).as_primitive::<UInt32Type>();
        let values = batch.column(1).as_union();
        found.extend(numbers.values().iter().copied().zip(values.type_ids().iter().copied()));
    }
    for (data_type, numbers) in ASKED_BY_JDBC {
        for number in numbers.iter().cloned().flatten() {
            assert_eq!(found.get(&number), Some(&data_type), "{number}");
        }
    }
}

#[tokio::test]
async fn what_writes_is_refused() {
    let server = Server::start(&TestLake::new(), &[]);
    let mut client = server.flight().await;
    for sql in WRITES {
        let error = refusal(&mut client, sql).await;
        assert_eq!(error.code(), Code::PermissionDenied, "{sql}: {error}");
        assert!(error.message().contains("only reading is possible"), "{sql}: {error}");
        let error = status(client.prepare(sql.to_owned(), None).await.unwrap_err());
        assert_eq!(error.code(), Code::PermissionDenied, "{sql}: {error}");
        let error = status(client.execute_update(sql.to_owned(), None).await.unwrap_err());
        assert_eq!(error.code(), Code::PermissionDenied, "{sql}: {error}");
    }
    let error = refusal(&mut client, "SELECT * FROM '/etc/passwd'").await;
    assert_ne!(error.code(), Code::Ok);
    let error = status(client.begin_transaction().await.unwrap_err());
    assert_eq!(error.code(), Code::Unimplemented);
}

#[tokio::test]
async fn requests_that_are_not_the_protocol_are_refused() {
    let server = Server::start(&TestLake::new(), &[]);
    let mut client = server.flight().await;
    let garbage = arrow_flight::Ticket::new("nothing such");
    let error = status(client.do_get(garbage).await.err().unwrap());
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    let action = Action::new("CancelQuery", "");
    let error = status(client.do_action(action).await.unwrap_err());
    assert_eq!(error.code(), Code::Unimplemented, "{error}");
    let error = refusal(&mut client, "SELECT 1,\n  2 )").await;
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    let error = refusal(&mut client, "SELECT * FROM nothing_such").await;
    assert_eq!(error.code(), Code::NotFound, "{error}");
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_statement() {
    let server = Server::start(&TestLake::new(), &["--max-statements", "1"]);
    let mut client = server.flight().await;
    let info = client.execute(ENDLESS.to_owned(), None).await.unwrap();
    let mut begun = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    assert!(begun.next().await.unwrap().unwrap().num_rows() > 0);
    drop(begun);
    // The one place is free again, or this would wait until the limit and fail.
    assert_eq!(value(&mut client, "SELECT 1").await, 1);
    let info = client.execute(SILENT.to_owned(), None).await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let mut gone = server.flight().await;
    let begun = gone.do_get(ticket).await.unwrap();
    drop(begun);
    drop(gone);
    assert_eq!(value(&mut client, "SELECT 1").await, 1);
    let (_, figures) = server.get("/metrics").await;
    assert!(
        figures.contains("lakehouse_statements_total{door=\"flight\",outcome=\"unread\"}"),
        "{figures}"
    );
}

#[tokio::test]
async fn a_running_statement_is_cancelled_by_another_request() {
    let server = Server::start(&TestLake::new(), &[]);
    let mut client = server.flight().await;
    let info = client.execute(ENDLESS.to_owned(), None).await.unwrap();
    assert_eq!(cancel(&server, &info).await.unwrap_err().code(), Code::NotFound);
    let mut rows = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    assert!(rows.try_next().await.unwrap().is_some());
    let other = client.execute(ENDLESS.to_owned(), None).await.unwrap();
    assert_eq!(cancel(&server, &other).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(cancel(&server, &info).await.unwrap(), CancelStatus::Cancelled);
    let ended = rows.try_for_each(async |_| Ok(())).await.unwrap_err();
    let ended = status(ended);
    assert_eq!((ended.code(), ended.message()), (Code::Cancelled, "the statement was cancelled"));
    assert_eq!(value(&mut client, "SELECT 1").await, 1);
    assert_eq!(cancel(&server, &info).await.unwrap_err().code(), Code::NotFound);
}

/// Cancels a statement by a connection of its own.
async fn cancel(server: &Server, info: &FlightInfo) -> Result<CancelStatus, Status> {
    let body = CancelFlightInfoRequest::new(info.clone()).encode_to_vec();
    let mut client = server.flight().await;
    let results = client.inner_mut().do_action(Action::new("CancelFlightInfo", body)).await?;
    let result = results.into_inner().try_next().await?.unwrap();
    Ok(CancelFlightInfoResult::decode(result.body).unwrap().status())
}

#[tokio::test]
async fn a_statement_fails_at_its_limit_and_others_go_on() {
    let server = Server::start(&TestLake::new(), &["--timeout", "1s", "--max-statements", "4"]);
    let silent = (0..3).map(|_| async {
        let error = refusal(&mut server.flight().await, SILENT).await;
        assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
        assert!(error.message().contains("ended after its limit of 1s"), "{error}");
    });
    futures::future::join_all(silent).await;
    let mut client = server.flight().await;
    assert_eq!(value(&mut client, "SELECT 1").await, 1);
    assert_eq!(refusal(&mut client, ENDLESS).await.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_statement_that_exhausts_memory_fails_alone() {
    let server = Server::start(&TestLake::new(), &["--memory", "8MiB"]);
    let mut client = server.flight().await;
    let sql = "SELECT array_agg(value), count(DISTINCT value) \
               FROM generate_series(1, 50000000)";
    let mut other = server.flight().await;
    let (error, answered) = tokio::join!(refusal(&mut client, sql), value(&mut other, "SELECT 1"));
    assert_eq!(answered, 1);
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
    assert!(error.message().contains("more memory than its limit of 8"), "{error}");
    assert_eq!(value(&mut client, "SELECT 1").await, 1);
}

#[tokio::test]
async fn garbage_and_a_client_that_reads_nothing_keep_nobody_waiting() {
    let server = Server::start(&TestLake::new(), &["--timeout", "1s"]);
    let mut garbage = TcpStream::connect(server.flight).unwrap();
    garbage.write_all(&[0xff; 4096]).unwrap();
    // It is closed, or this would wait.
    let _ = garbage.read(&mut [0; 64]);
    let mut half = TcpStream::connect(server.flight).unwrap();
    half.write_all(b"PRI * HTTP/2.0\r\n\r\nS").unwrap();
    let idle: Vec<_> = (0..300).map(|_| TcpStream::connect(server.flight).unwrap()).collect();
    let mut lazy = server.flight().await;
    let info = lazy.execute(ENDLESS.to_owned(), None).await.unwrap();
    let unread = lazy.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    assert_eq!(value(&mut server.flight().await, "SELECT 1").await, 1);
    let end = unread.try_for_each(async |_| Ok(())).await.unwrap_err();
    assert_eq!(status(end).code(), Code::DeadlineExceeded);
    drop((idle, half));
}

#[tokio::test]
async fn users_of_a_file_are_let_in_by_their_password() {
    let lake = TestLake::new();
    let users = &*add_ann(&lake);
    let server = Server::start(&lake, &["--users", users]);
    let mut client = server.flight().await;
    assert_eq!(refusal(&mut client, "SELECT 1").await.code(), Code::Unauthenticated);
    assert!(client.handshake("ann", "another").await.is_err());
    assert!(client.handshake("ben", "a secret").await.is_err());
    client.handshake("ann", "a secret").await.unwrap();
    assert_eq!(value(&mut client, "SELECT 1").await, 1);
    // A token of another server is none of this one.
    let other = Server::start(&lake, &["--users", users]);
    let mut elsewhere = other.flight().await;
    elsewhere.set_token(client.token().unwrap().clone());
    assert_eq!(refusal(&mut elsewhere, "SELECT 1").await.code(), Code::Unauthenticated);
    elsewhere.clear_token();
    elsewhere.set_header("authorization", "Basic YW5uOmEgc2VjcmV0");
    assert_eq!(value(&mut elsewhere, "SELECT 1").await, 1);
}

#[tokio::test]
async fn without_users_a_handshake_is_answered_and_not_needed() {
    let server = Server::start(&TestLake::new(), &[]);
    let mut client = server.flight().await;
    assert_eq!(value(&mut client, "SELECT 1").await, 1);
    client.handshake("anybody", "anything").await.unwrap();
    assert_eq!(value(&mut client, "SELECT 2").await, 2);
}

#[tokio::test]
async fn connections_are_encrypted_where_there_is_a_certificate() {
    let flags = ["--tls-cert", CERTIFICATE, "--tls-key", KEY];
    let server = Server::start(&TestLake::new(), &flags);
    let root = reqwest::Certificate::from_der(&certificate()).unwrap();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().unwrap();
    let path = "arrow.flight.protocol.FlightService/ListActions";
    let request = http.post(format!("https://{}/{path}", server.flight));
    let request = request.header("content-type", "application/grpc").body(vec![0; 5]);
    let response = request.send().await.unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    let body = response.bytes().await.unwrap();
    assert!(String::from_utf8_lossy(&body).contains("CreatePreparedStatement"));
    let mut clear = TcpStream::connect(server.flight).unwrap();
    clear.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = clear.read_to_end(&mut answer);
    assert!(answer.len() < 9, "{answer:?}");
}

#[tokio::test]
async fn a_server_that_is_to_stop_ends_well_and_has_logged_its_statements() {
    let server = Server::start(&TestLake::new(), &["--log-format", "json"]);
    let mut client = server.flight().await;
    assert_eq!(value(&mut client, "SELECT 41 + 1").await, 42);
    // The connection stays open.
    let (code, messages) = server.terminate();
    assert_eq!(code, Some(0), "{messages}");
    let logged = messages.lines().find(|line| line.contains("SELECT 41 + 1")).unwrap();
    let logged: serde_json::Value = serde_json::from_str(logged).unwrap();
    assert_eq!(logged["door"], "flight", "{logged}");
    assert_eq!(logged["who"], "127.0.0.1", "{logged}");
    assert_eq!(logged["outcome"], "done", "{logged}");
}
