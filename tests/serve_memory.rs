//! The memory of a server does not grow with the number of statements that it has answered.

use std::cell::Cell;

use futures::future::join_all;

use crate::support::figures;
use crate::support::gold_scene::GoldScene;
use crate::support::load::LoadClient;
use crate::support::scale::scaled;
use crate::support::server::Server;

/// Clients of all protocols together.
const CLIENTS: usize = 6;

/// In KiB, once the server is warm: for each of many statements less than what its text needs.
const GROWTH: u64 = 32 << 10;

#[tokio::test]
async fn memory_does_not_grow_with_the_number_of_statements() {
    let statements = scaled(900, 100_000);
    let scene = GoldScene::new();
    scene.publish_days("BTCUSDT", &["2024-03-01", "2024-03-02", "2024-03-03"]);
    scene.ingest().await;
    let server = Server::start(&scene.lake, &[]);
    load(&server, 0, statements / 3).await;
    let warm = server.resident();
    load(&server, statements, statements).await;
    let end = server.resident();
    figures::print(&format!("{statements} statements: {warm} KiB, then {end} KiB"));
    assert!(end < warm + GROWTH, "{warm} KiB, then {end} KiB");
}

/// Runs so many statements, each of which is a text of its own.
async fn load(server: &Server, first: usize, statements: usize) {
    let next = Cell::new(first);
    let run = async |number: usize| {
        let mut client = LoadClient::connect(server, number).await;
        while next.get() < first + statements {
            let text = next.replace(next.get() + 1);
            let sql = format!(
                "SELECT CAST(count(close) AS BIGINT) AS n FROM silver.klines \
                 WHERE symbol = 'BTCUSDT' AND date = DATE '2024-03-02' AND {text} >= 0"
            );
            assert_eq!(client.rows(&sql).await, ["24"], "{sql}");
        }
    };
    join_all((0..CLIENTS).map(run)).await;
}
