//! What clients can do to a server, through each of its protocols: it answers the others all the
//! while.

use std::io::{Read, Write};
use std::net::TcpStream;

use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};
use tonic::transport::{Channel, Endpoint};

use crate::support::archive_server::ArchiveServer;
use crate::support::samples::{trades, trades_key};
use crate::support::server::{ENDLESS, Server, begin_over_http};
use crate::support::test_lake::TestLake;

/// Makes sure that a statement is answered through each protocol, whatever others do.
async fn assert_answers(server: &Server) {
    let (status, answer) = server.get("/api/sql?format=csv&sql=SELECT+41+%2B+1+AS+n").await;
    assert_eq!((status, answer.as_str()), (200, "n\n42\n"));
    let client = server.postgres().await.unwrap();
    assert_eq!(client.query_one("SELECT 41 + 1", &[]).await.unwrap().get::<_, i64>(0), 42);
    let mut client = server.flight().await;
    let info = client.execute("SELECT 41 + 1".to_owned(), None).await.unwrap();
    let rows = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    let batches: Vec<_> = rows.try_collect().await.unwrap();
    assert_eq!(batches[0].num_rows(), 1);
}

/// Begins a statement over PostgreSQL's protocol, and reads nothing but a part of its answer.
fn begin_over_postgres(server: &Server, sql: &str) -> TcpStream {
    let mut socket = TcpStream::connect(server.postgres).unwrap();
    let parameters = b"user\0x\0\0";
    let length = (8 + parameters.len()) as u32;
    socket.write_all(&length.to_be_bytes()).unwrap();
    socket.write_all(&196_608_u32.to_be_bytes()).unwrap();
    socket.write_all(parameters).unwrap();
    let length = (5 + sql.len()) as u32;
    socket.write_all(b"Q").unwrap();
    socket.write_all(&length.to_be_bytes()).unwrap();
    socket.write_all(sql.as_bytes()).unwrap();
    socket.write_all(b"\0").unwrap();
    socket.read_exact(&mut [0; 4096]).unwrap();
    socket
}

#[tokio::test]
async fn garbage_and_half_greetings_keep_nobody_waiting() {
    let server = Server::start(&TestLake::new(), &[]);
    let mut open = Vec::new();
    for address in server.addresses() {
        for bytes in [
            b"\xff".repeat(4096),
            b"GET / HTTP/1.1\r\nHost: loc".to_vec(),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04".to_vec(),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec(),
            b"\0\0\0\x20\0\x03\0\0user\0".to_vec(),
            b"\x7f\xff\xff\xff\0\x03\0\0".to_vec(),
            b"\x16\x03\x01\x02\0\x01".to_vec(),
            Vec::new(),
        ] {
            let mut socket = TcpStream::connect(address).unwrap();
            socket.write_all(&bytes).unwrap();
            open.push(socket);
        }
    }
    assert_answers(&server).await;
    drop(open);
    assert_answers(&server).await;
}

#[tokio::test]
async fn five_hundred_connections_at_once_are_all_answered() {
    let server = Server::start(&TestLake::new(), &[]);
    let one = async |number: usize| match number % 5 {
        0 => assert_eq!(server.get("/healthz").await.0, 200),
        1 => {
            let mut client = server.flight().await;
            client.get_table_types().await.unwrap();
        }
        _ => {
            let client = server.postgres().await.unwrap();
            let row = client.query_one("SELECT 42", &[]).await.unwrap();
            assert_eq!(row.get::<_, i64>(0), 42);
        }
    };
    join_all((0..500).map(one)).await;
    assert_answers(&server).await;
}

#[tokio::test]
async fn a_client_beyond_the_limit_of_connections_gets_a_reason() {
    let server = Server::start(&TestLake::new(), &["--max-connections", "2"]);
    let connect = |address| TcpStream::connect(address).unwrap();
    let held: Vec<TcpStream> = server
        .addresses()
        .into_iter()
        .flat_map(|address| [connect(address), connect(address)])
        .collect();
    let (status, words) = server.get("/healthz").await;
    assert_eq!(status, 503, "{words}");
    assert!(words.contains("2 connections open, its limit"), "{words}");
    let error = server.postgres().await.unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "53300");
    assert!(error.message().contains("2 connections open, its limit"), "{error}");
    let error = server.flight().await.get_catalogs().await.unwrap_err();
    assert!(error.to_string().contains("2 connections open, its limit"), "{error}");
    drop(held);
    // Their ends may be noticed a moment later.
    while server.get("/healthz").await.0 == 503 {}
    while server.postgres().await.is_err() {}
    while server.flight().await.get_catalogs().await.is_err() {}
    let (_, figures) = server.get("/metrics").await;
    let refused = "lakehouse_connections_refused_total{door=\"postgres\"}";
    assert!(figures.contains(refused), "{figures}");
}

#[tokio::test]
async fn an_answer_of_which_nobody_takes_rows_gives_its_place_back() {
    let flags = ["--max-statements", "1", "--idle-timeout", "1s", "--timeout", "1h"];
    let server = Server::start(&TestLake::new(), &flags);
    let client = server.postgres().await.unwrap();
    let sql = format!("BEGIN; DECLARE c CURSOR FOR {ENDLESS}; FETCH 1 FROM c");
    client.batch_execute(&sql).await.unwrap();
    assert_answers(&server).await;
    let error = loop {
        // What was found before the end is still there.
        if let Err(error) = client.simple_query("FETCH 10000 FROM c").await {
            break error;
        }
    };
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "57014");
    assert!(error.message().contains("none of its rows were read for 1s"), "{error}");
    let mut unread = begin_over_http(server.http, ENDLESS);
    let mut client = server.flight().await;
    let info = client.execute(ENDLESS.to_owned(), None).await.unwrap();
    let begun = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    assert_answers(&server).await;
    let end = begun.try_for_each(async |_| Ok(())).await.unwrap_err().to_string();
    assert!(end.contains("none of its rows were read for 1s"), "{end}");
    let mut rest = Vec::new();
    let _ = unread.read_to_end(&mut rest);
    let end = String::from_utf8_lossy(&rest[rest.len().saturating_sub(400)..]).into_owned();
    assert!(end.contains("none of its rows were read for 1s"), "{end}");
}

#[tokio::test]
async fn a_statement_that_exhausts_memory_fails_alone() {
    let server = Server::start(&TestLake::new(), &["--memory", "8MiB"]);
    let sql = "SELECT array_agg(value), count(DISTINCT value) \
               FROM generate_series(1, 50000000)";
    let client = server.postgres().await.unwrap();
    let (failed, ()) = tokio::join!(client.simple_query(sql), assert_answers(&server));
    let error = failed.unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "53200", "{error}");
    assert_answers(&server).await;
}

#[tokio::test]
async fn clients_that_leave_in_the_middle_of_their_answers_leave_nothing_behind() {
    let server = Server::start(&TestLake::new(), &["--max-statements", "2"]);
    for _ in 0..5 {
        drop(begin_over_http(server.http, ENDLESS));
        drop(begin_over_postgres(&server, ENDLESS));
        let mut client: FlightSqlServiceClient<Channel> = server.flight().await;
        let info = client.execute(ENDLESS.to_owned(), None).await.unwrap();
        let mut rows = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
        assert!(rows.next().await.unwrap().is_ok());
    }
    assert_answers(&server).await;
}

#[tokio::test]
async fn a_server_that_refreshes_its_lake_has_the_new_rows_and_survives_its_source() {
    let (source, lake) = (ArchiveServer::start(), TestLake::new());
    let publish = |day: &str| {
        let key = trades_key("BTCUSDT", day);
        source.publish(&key, trades(&key, day, 0..5));
    };
    publish("2024-01-05");
    lake.ingest(source.url(), &["--all", "--market", "spot", "--data-type", "trades"]).await;
    publish("2024-01-06");
    let start = |url: &str| {
        let any = "127.0.0.1:0";
        let flags = ["--http", any, "--postgres", any, "--flight", any, "--refresh-every", "1h"];
        let mut program = lake.program("serve", &flags);
        program.env("LAKEHOUSE_SOURCE", url);
        Server::run(program)
    };
    let server = start(source.url());
    let count = "/api/sql?format=csv&sql=SELECT+count(*)+FROM+trades";
    while server.get(count).await.1 != "count(*)\n10\n" {}
    let (code, messages) = server.terminate();
    assert_eq!(code, Some(0), "{messages}");
    assert!(messages.contains("archives: 1 new, 1 skipped"), "{messages}");
    let server = start("http://127.0.0.1:1/");
    assert_answers(&server).await;
    let (code, messages) = server.terminate();
    assert_eq!(code, Some(0), "{messages}");
}

#[tokio::test]
async fn a_source_that_cannot_be_used_is_an_error_before_anything_is_served() {
    let lake = TestLake::new();
    let mut program = lake.program("serve", &["--http", "127.0.0.1:0", "--refresh-every", "1h"]);
    let output = program.env("LAKEHOUSE_SOURCE", "gopher://nowhere/").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

/// Connects over HTTP/2, sends no request, and keeps the connection.
#[tokio::test]
async fn a_server_stops_though_clients_keep_their_connections() {
    let server = Server::start(&TestLake::new(), &[]);
    let endpoint = Endpoint::from_shared(format!("http://{}", server.flight)).unwrap();
    let _kept = endpoint.connect().await.unwrap();
    let _client = server.postgres().await.unwrap();
    let _idle: Vec<_> = server.addresses().map(TcpStream::connect).into();
    let (code, messages) = server.terminate();
    assert_eq!(code, Some(0), "{messages}");
}
