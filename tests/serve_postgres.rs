//! The lake over PostgreSQL's protocol: what a driver sees, and what clients cannot do to others.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::pin::pin;
use std::process::Stdio;

use futures::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use crate::support::process::Background;
use crate::support::server::{ENDLESS, SILENT, add_ann};
use crate::support::test_lake::TestLake;
use crate::support::tls::{CERTIFICATE, KEY, Tls, certificate};

/// The program as a server, which is killed when it is dropped.
struct Server {
    _child: Background,
    port: u16,
    /// The address of the page, if it is served.
    page: Option<String>,
}

impl Server {
    fn start(lake: &TestLake, flags: &[&str]) -> Self {
        let mut program = lake.program("serve", &[&["--postgres", "127.0.0.1:0"], flags].concat());
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let mut page = None;
        if line.starts_with("http") {
            page = Some(line.trim().to_owned());
            line.clear();
            output.read_line(&mut line).unwrap();
        }
        let port = line.split("port=").nth(1).unwrap().split(' ').next().unwrap();
        Self { _child: Background(child), port: port.parse().unwrap(), page }
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user("anybody").dbname("anything");
        config
    }

    async fn connect(&self) -> Client {
        connect(&self.config()).await.unwrap()
    }
}

async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Returns the rows of a text with statements, as text.
async fn texts(client: &Client, sql: &str) -> Vec<Vec<Option<String>>> {
    let messages = client.simple_query(sql).await.unwrap();
    let row = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
        }
        _ => None,
    };
    messages.iter().filter_map(row).collect()
}

/// Returns the first value of a text with statements.
async fn value(client: &Client, sql: &str) -> String {
    texts(client, sql).await[0][0].clone().unwrap()
}

/// Returns the code and the words of a refusal.
async fn refusal(client: &Client, sql: &str) -> (String, String) {
    let error = client.simple_query(sql).await.unwrap_err();
    described(&error)
}

fn described(error: &tokio_postgres::Error) -> (String, String) {
    let error = error.as_db_error().unwrap_or_else(|| panic!("{error:?}"));
    (error.code().code().to_owned(), error.message().to_owned())
}

/// The bytes of a value in its binary form.
struct Raw(Vec<u8>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw.to_vec()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

#[tokio::test]
async fn values_are_exact_in_their_text_form() {
    let server = Server::start(&TestLake::new(), &[]);
    let client = server.connect().await;
    let sql = "SELECT 0.10 AS a, NULL AS b, 9007199254740993 AS c, 'x\"y' AS d, true AS e, \
               TIMESTAMP '2024-01-02 03:04:05.000006' AS f, DATE '2024-02-29' AS g, \
               CAST('99999999999999999999.123456789012345678' AS DECIMAL(38, 18)) AS h, \
               CAST('2024-01-02T03:04:05Z' AS TIMESTAMP WITH TIME ZONE) AS i, \
               0.5 * 0.00000001 AS j";
    let row = texts(&client, sql).await.remove(0);
    let row: Vec<Option<&str>> = row.iter().map(Option::as_deref).collect();
    let expected = [
        Some("0.10"),
        None,
        Some("9007199254740993"),
        Some("x\"y"),
        Some("t"),
        Some("2024-01-02 03:04:05.000006"),
        Some("2024-02-29"),
        Some("99999999999999999999.123456789012345678"),
        Some("2024-01-02 03:04:05.000000+00"),
        Some("0.000000005"),
    ];
    assert_eq!(row, expected);
}

#[tokio::test]
async fn values_have_their_types_in_the_binary_form() {
    let server = Server::start(&TestLake::new(), &[]);
    let client = server.connect().await;
    let sql = "SELECT 42 AS a, 'x' AS b, true AS c, CAST(12345.678 AS DECIMAL(38, 3)) AS d, \
               CAST('2000-01-02T00:00:00Z' AS TIMESTAMP WITH TIME ZONE) AS e, \
               DATE '2000-01-03' AS f, CAST(1.5 AS DOUBLE) AS g";
    let row = client.query_one(sql, &[]).await.unwrap();
    let types: Vec<&Type> = row.columns().iter().map(tokio_postgres::Column::type_).collect();
    let expected = [
        Type::INT8,
        Type::TEXT,
        Type::BOOL,
        Type::NUMERIC,
        Type::TIMESTAMPTZ,
        Type::DATE,
        Type::FLOAT8,
    ];
    assert_eq!(types, expected.iter().collect::<Vec<_>>());
    assert_eq!(row.get::<_, i64>(0), 42);
    assert_eq!(row.get::<_, &str>(1), "x");
    assert!(row.get::<_, bool>(2));
    let numeric = [0, 3, 0, 1, 0, 0, 0, 3, 0, 1, 9, 41, 26, 124];
    assert_eq!(row.get::<_, Raw>(3).0, numeric);
    assert_eq!(row.get::<_, Raw>(4).0, 86_400_000_000_i64.to_be_bytes());
    assert_eq!(row.get::<_, Raw>(5).0, 2_i32.to_be_bytes());
    assert!((row.get::<_, f64>(6) - 1.5).abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_prepared_statement_has_parameters_of_the_types_that_it_compares_them_with() {
    let server = Server::start(&TestLake::new(), &[]);
    let client = server.connect().await;
    let sql = "SELECT value FROM generate_series(1, 100) WHERE value > $1 AND value <= $2";
    let statement = client.prepare(sql).await.unwrap();
    assert_eq!(statement.params(), [Type::INT8, Type::INT8]);
    for (low, high) in [(10_i64, 12_i64), (97, 200)] {
        let rows = client.query(&statement, &[&low, &high]).await.unwrap();
        let values: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(values, (low + 1..=high.min(100)).collect::<Vec<_>>());
    }
    let sql = "SELECT $1::bigint + 1, CAST($2 AS DATE)";
    let statement = client.prepare(sql).await.unwrap();
    assert_eq!(statement.params(), [Type::INT8, Type::DATE]);
    let quoted = "it's; -- $1";
    let sql = "SELECT upper($1), 'a' = $2";
    let row = client.query_one(sql, &[&quoted, &None::<String>]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "IT'S; -- $1");
    assert_eq!(row.get::<_, Option<bool>>(1), None);
}

#[tokio::test]
async fn rows_are_fetched_in_portions_by_portals_and_by_cursors() {
    let server = Server::start(&TestLake::new(), &["--max-statements", "1"]);
    let mut client = server.connect().await;
    let transaction = client.transaction().await.unwrap();
    let sql = "SELECT value FROM generate_series(1, $1)";
    let sql = &sql.replace("$1", "20000");
    let portal = transaction.bind(sql, &[]).await.unwrap();
    let mut found = Vec::new();
    for rows in [1, 9_000, 20_000] {
        let portion = transaction.query_portal(&portal, rows).await.unwrap();
        found.extend(portion.iter().map(|row| row.get::<_, i64>(0)));
    }
    assert_eq!(found, (1..=20_000).collect::<Vec<_>>());
    transaction.commit().await.unwrap();
    let sql = "BEGIN; DECLARE \"my cursor\" CURSOR FOR SELECT value FROM generate_series(1, 5)";
    client.batch_execute(sql).await.unwrap();
    assert_eq!(texts(&client, "FETCH FORWARD 2 FROM \"my cursor\"").await.len(), 2);
    assert_eq!(texts(&client, "FETCH ALL FROM \"my cursor\"").await.len(), 3);
    assert_eq!(texts(&client, "FETCH 1 FROM \"my cursor\"").await.len(), 0);
    client.batch_execute("CLOSE \"my cursor\"; COMMIT").await.unwrap();
    let (code, _) = refusal(&client, "FETCH 1 FROM \"my cursor\"").await;
    assert_eq!(code, "34000");
}

#[tokio::test]
async fn rows_can_be_copied_out_and_nothing_in() {
    let server = Server::start(&TestLake::new(), &[]);
    let client = server.connect().await;
    let sql = "COPY (SELECT value, 'a,b' AS t FROM generate_series(1, 3) ORDER BY 1) TO STDOUT";
    let copied = async |options: &str| {
        let stream = client.copy_out(&format!("{sql} {options}")).await.unwrap();
        let pieces: Vec<bytes::Bytes> = pin!(stream).try_collect().await.unwrap();
        pieces.concat()
    };
    assert_eq!(copied("").await, b"1\ta,b\n2\ta,b\n3\ta,b\n");
    let csv = copied("WITH (FORMAT csv, HEADER)").await;
    assert_eq!(csv, b"value,t\n1,\"a,b\"\n2,\"a,b\"\n3,\"a,b\"\n");
    let binary = copied("(FORMAT binary)").await;
    let row =
        |number: u8| [0, 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, number, 0, 0, 0, 3, b'a', b',', b'b'];
    let header = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".as_slice();
    let expected = [header, &row(1), &row(2), &row(3), &[0xff, 0xff]].concat();
    assert_eq!(binary, expected);
    let (code, words) = refusal(&client, "COPY silver.trades FROM STDIN").await;
    assert_eq!(code, "42601");
    assert!(words.contains("TO STDOUT"), "{words}");
}

#[tokio::test]
async fn a_running_statement_is_cancelled_and_the_connection_goes_on() {
    let server = Server::start(&TestLake::new(), &[]);
    let client = server.connect().await;
    for sql in [SILENT, ENDLESS] {
        let token = client.cancel_token();
        let cancel = async {
            // Repeated, because the first request may come before the statement.
            loop {
                token.cancel_query(NoTls).await.unwrap();
            }
        };
        let run = client.query(sql, &[]);
        let ended = tokio::select! {
            ended = run => ended,
            () = cancel => unreachable!(),
        };
        let (code, words) = described(&ended.unwrap_err());
        assert_eq!((code.as_str(), words.as_str()), ("57014", "the statement was cancelled"));
        // A request that was on its way may have met the next statement.
        while let Err(error) = client.simple_query("SELECT 1").await {
            assert_eq!(described(&error).0, "57014");
        }
    }
}

#[tokio::test]
async fn what_writes_is_refused_in_both_protocols() {
    let server = Server::start(&TestLake::new(), &[]);
    let client = server.connect().await;
    for sql in [
        "CREATE TABLE silver.x AS SELECT 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "INSERT INTO silver.trades SELECT 1",
        "INSERT INTO pg_catalog.pg_class SELECT * FROM pg_catalog.pg_class",
        "CREATE TABLE x AS SELECT * FROM pg_class",
        "UPDATE silver.trades SET id = 1",
        "DELETE FROM silver.trades",
        "DROP TABLE silver.trades",
        "COPY (SELECT 1) TO '/tmp/x.parquet'",
        "PREPARE x AS SELECT 1",
    ] {
        let (code, words) = refusal(&client, sql).await;
        assert!(["25006", "42601"].contains(&code.as_str()), "{sql}: {code} {words}");
        let error = client.prepare(sql).await.unwrap_err();
        let (code, words) = described(&error);
        assert!(["25006", "42601"].contains(&code.as_str()), "{sql}: {code} {words}");
    }
    let (code, _) = refusal(&client, "SELECT * FROM '/etc/passwd'").await;
    assert_ne!(code, "00000");
}

#[tokio::test]
async fn a_setting_is_answered_and_reaches_nothing() {
    let server = Server::start(&TestLake::new(), &[]);
    let client = server.connect().await;
    let other = server.connect().await;
    client.batch_execute("SET datafusion.execution.time_zone = 'Asia/Tokyo'").await.unwrap();
    client.batch_execute("SET extra_float_digits TO 3; SET TIME ZONE 'Asia/Tokyo'").await.unwrap();
    assert_eq!(value(&client, "SHOW extra_float_digits").await, "3");
    assert_eq!(value(&other, "SHOW extra_float_digits").await, "1");
    assert_eq!(value(&client, "SHOW timezone").await, "UTC");
    assert_eq!(value(&client, "SHOW search_path").await, "silver, gold, meta");
    assert_eq!(value(&client, "SHOW transaction isolation level").await, "read committed");
    let sql = "SELECT CAST('2024-01-02T03:04:05Z' AS TIMESTAMP WITH TIME ZONE) AS t";
    let shown = value(&client, sql).await;
    assert!(shown.starts_with("2024-01-02 03:04:05") && shown.ends_with("+00"), "{shown}");
}

#[tokio::test]
async fn a_transaction_is_answered_and_its_end_forgets_a_failure() {
    let server = Server::start(&TestLake::new(), &[]);
    let client = server.connect().await;
    client.batch_execute("BEGIN READ ONLY").await.unwrap();
    let (code, _) = refusal(&client, "SELECT * FROM nothing_such").await;
    assert_eq!(code, "42P01");
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(value(&client, "SELECT 1; SELECT 2").await, "1");
}

#[tokio::test]
async fn a_statement_fails_at_its_limit_and_others_go_on() {
    let server = Server::start(&TestLake::new(), &["--timeout", "1s", "--max-statements", "4"]);
    let silent = (0..3).map(|_| async {
        let (code, words) = refusal(&server.connect().await, SILENT).await;
        assert_eq!(code, "57014");
        assert!(words.contains("ended after its limit of 1s"), "{words}");
    });
    futures::future::join_all(silent).await;
    let client = server.connect().await;
    assert_eq!(value(&client, "SELECT 1").await, "1");
    let (code, _) = refusal(&client, ENDLESS).await;
    assert_eq!(code, "57014");
}

#[tokio::test]
async fn a_client_that_vanishes_ends_its_statement() {
    let server = Server::start(&TestLake::new(), &["--max-statements", "1"]);
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let parameters = b"user\0x\0\0";
    let length = (8 + parameters.len()) as u32;
    socket.write_all(&length.to_be_bytes()).unwrap();
    socket.write_all(&196_608_u32.to_be_bytes()).unwrap();
    socket.write_all(parameters).unwrap();
    socket.read_exact(&mut [0; 64]).unwrap();
    let length = (5 + SILENT.len()) as u32;
    socket.write_all(b"Q").unwrap();
    socket.write_all(&length.to_be_bytes()).unwrap();
    socket.write_all(SILENT.as_bytes()).unwrap();
    socket.write_all(b"\0").unwrap();
    drop(socket);
    // The one place is free again, or this would wait for a minute and fail.
    assert_eq!(value(&server.connect().await, "SELECT 1").await, "1");
}

#[tokio::test]
async fn garbage_and_a_client_that_reads_nothing_keep_nobody_waiting() {
    let server = Server::start(&TestLake::new(), &["--timeout", "1s"]);
    let mut garbage = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    garbage.write_all(&[0xff; 4096]).unwrap();
    let idle: Vec<_> =
        (0..300).map(|_| TcpStream::connect(("127.0.0.1", server.port)).unwrap()).collect();
    let lazy = server.connect().await;
    let mut unread = Box::pin(lazy.query_raw(ENDLESS, std::iter::empty::<i32>()).await.unwrap());
    assert!(unread.next().await.is_some());
    assert_eq!(value(&server.connect().await, "SELECT 1").await, "1");
    drop(idle);
}

#[tokio::test]
async fn the_catalog_lists_the_schemas_and_says_what_server_this_is() {
    let server = Server::start(&TestLake::new(), &[]);
    let client = server.connect().await;
    let version = value(&client, "select pg_catalog.version()").await;
    assert!(version.starts_with("PostgreSQL 16.6 (lakehouse "), "{version}");
    let sql = "SELECT current_setting('server_version_num')::int/100 as version";
    assert_eq!(value(&client, sql).await, "1600");
    let schemas = texts(&client, "SELECT nspname FROM pg_namespace ORDER BY 1").await;
    for schema in ["gold", "meta", "pg_catalog", "silver"] {
        assert!(schemas.iter().any(|row| row[0].as_deref() == Some(schema)), "{schemas:?}");
    }
    assert_eq!(value(&client, "SELECT current_database()").await, "lake");
    assert_eq!(texts(&client, "-- ping").await.len(), 0);
}

#[tokio::test]
async fn users_of_a_file_are_let_in_by_their_password_through_both_doors() {
    let lake = TestLake::new();
    let users = &*add_ann(&lake);
    let server = Server::start(&lake, &["--users", users, "--http", "127.0.0.1:0"]);
    let mut config = server.config();
    let refused = connect(config.user("ann").password("another")).await.unwrap_err();
    assert_eq!(described(&refused).0, "28P01");
    let refused = connect(config.user("ben").password("a secret")).await.unwrap_err();
    assert_eq!(described(&refused).0, "28P01");
    let client = connect(config.user("ann").password("a secret")).await.unwrap();
    assert_eq!(value(&client, "SELECT 1").await, "1");
    let page = server.page.as_deref().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = async |path: &str, user: Option<(&str, &str)>| {
        let mut request = http.get(format!("{page}{path}"));
        if let Some((name, password)) = user {
            request = request.basic_auth(name, Some(password));
        }
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("api/sql?sql=SELECT+1", None).await, 401);
    assert_eq!(status("api/sql?sql=SELECT+1", Some(("ann", "another"))).await, 401);
    assert_eq!(status("api/sql?sql=SELECT+1", Some(("ann", "a secret"))).await, 200);
    assert_eq!(status("healthz", None).await, 200);
}

#[tokio::test]
async fn a_login_is_bound_to_the_certificate_and_to_no_other() {
    let lake = TestLake::new();
    let users = &*add_ann(&lake);
    let flags = ["--users", users, "--tls-cert", CERTIFICATE, "--tls-key", KEY];
    let server = Server::start(&lake, &flags);
    let connect = async |binding: ChannelBinding, end_point: Vec<u8>| {
        let mut config = server.config();
        config.user("ann").password("a secret").ssl_mode(SslMode::Require);
        let config = config.channel_binding(binding);
        let (client, connection) = config.connect(Tls::new(end_point)).await?;
        tokio::spawn(connection);
        Ok::<_, tokio_postgres::Error>(client)
    };
    // The certificate is signed with SHA-256.
    let right = Sha256::digest(certificate()).to_vec();
    let client = connect(ChannelBinding::Require, right.clone()).await.unwrap();
    assert_eq!(value(&client, "SELECT 1").await, "1");
    let client = connect(ChannelBinding::Disable, right).await.unwrap();
    assert_eq!(value(&client, "SELECT 1").await, "1");
    let other = Sha256::digest(b"another server's").to_vec();
    let refused = connect(ChannelBinding::Require, other).await.unwrap_err();
    assert_eq!(described(&refused).0, "28P01");
}

#[test]
fn a_certificate_that_cannot_be_used_is_an_error() {
    let lake = TestLake::new();
    let file = lake.path().with_file_name("no-certificate.pem");
    std::fs::write(&file, "nothing").unwrap();
    let file = file.to_str().unwrap();
    let flags = ["--postgres", "127.0.0.1:0", "--tls-cert", file, "--tls-key", file];
    let run = lake.run("serve", &flags);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("cannot read the certificate in"), "{run}");
}

#[test]
fn an_address_that_other_machines_reach_needs_users() {
    let run = TestLake::new().run("serve", &["--postgres", "0.0.0.0:0"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("anybody could read the lake"), "{run}");
}
