//! Clients that put load on a server, each over one of its protocols.

use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder;
use futures::TryStreamExt;
use tokio_postgres::{Client as PostgresClient, SimpleQueryMessage};

use super::server::{FlightClient, Server};

/// A client with its connection.
pub(crate) enum LoadClient<'a> {
    Http(&'a Server),
    Postgres(PostgresClient),
    Flight(Box<FlightClient>),
}

impl<'a> LoadClient<'a> {
    /// Connects over a protocol, by turns.
    pub(crate) async fn connect(server: &'a Server, number: usize) -> Self {
        match number % 3 {
            0 => Self::Http(server),
            1 => Self::Postgres(server.postgres().await.unwrap()),
            _ => Self::Flight(Box::new(server.flight().await)),
        }
    }

    /// Returns the rows of a statement as sorted lines of CSV; texts and integers only.
    pub(crate) async fn rows(&mut self, sql: &str) -> Vec<String> {
        let mut rows = match self {
            Self::Http(server) => over_http(server, sql).await,
            Self::Postgres(client) => over_postgres(client, sql).await,
            Self::Flight(client) => over_flight(client, sql).await,
        };
        rows.sort();
        rows
    }
}

async fn over_http(server: &Server, sql: &str) -> Vec<String> {
    let path = format!("/api/sql?format=csv&sql={}", sql.replace(' ', "+"));
    let (status, csv) = server.get(&path).await;
    assert_eq!(status, 200, "{sql}: {csv}");
    lines(&csv)
}

async fn over_postgres(client: &PostgresClient, sql: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for message in client.simple_query(sql).await.unwrap() {
        if let SimpleQueryMessage::Row(row) = message {
            let cells: Vec<_> = (0..row.len()).map(|cell| row.get(cell).unwrap_or("")).collect();
            rows.push(cells.join(","));
        }
    }
    rows
}

async fn over_flight(client: &mut FlightClient, sql: &str) -> Vec<String> {
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    let rows = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    let batches: Vec<RecordBatch> = rows.try_collect().await.unwrap();
    let mut writer = WriterBuilder::new().with_header(false).build(Vec::new());
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    let csv = String::from_utf8(writer.into_inner()).unwrap();
    csv.lines().map(str::to_owned).collect()
}

/// Returns the lines of CSV without their header.
pub(crate) fn lines(csv: &str) -> Vec<String> {
    csv.lines().skip(1).map(str::to_owned).collect()
}
