//! The link is not idle while a batch comes to its end.

use crate::support::archive_server::{ArchiveServer, Fault};
use crate::support::samples::{trades, trades_key};
use crate::support::test_lake::TestLake;

#[tokio::test]
async fn downloads_of_the_next_batch_begin_while_the_last_of_one_are_under_way() {
    let (server, lake) = (ArchiveServer::start(), TestLake::new());
    let days = ["2026-05-06", "2026-05-07", "2026-05-08"];
    let keys = days.map(|day| trades_key("BTCUSDT", day));
    for (key, day) in keys.iter().zip(days) {
        server.publish(key, trades(key, day, 1..20));
    }
    // Whatever the order of batches is, each of the first two is only answered when another one is
    // asked for.
    server.script(&keys[0], [Fault::HeldUntilRequested(keys[1].clone())]);
    server.script(&keys[1], [Fault::HeldUntilRequested(keys[2].clone())]);
    server.script(&keys[2], [Fault::HeldUntilRequested(keys[1].clone())]);
    let flags = ["--all", "--batch-size", "1", "--max-parallel-downloads", "3"];
    let done = lake.ingest(server.url(), &flags).await;
    assert_eq!((done.summary.archives.new, done.summary.retries), (3, 0), "{}", done.summary);
    assert_eq!(server.downloads(), 3);
}
