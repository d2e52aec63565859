//! How fast SQL over a lake answers: a point, a scan, an aggregate, a count.
//!
//! `cargo bench -p lakehouse --bench query`; in the development profile, where the engine is not
//! optimised and figures only compare with each other, `cargo bench --profile dev -p lakehouse
//! --bench query`. The lake is made and ingested first: `LAKEHOUSE_BENCH_DAYS` days of every
//! combination, trades with `LAKEHOUSE_BENCH_ROWS` rows a day.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run says why best by stopping")]

mod support;

use std::path::PathBuf;
use std::sync::OnceLock;

use arrow::array::RecordBatch;
use divan::{Bencher, black_box};
use futures::TryStreamExt;
use lakehouse::query::{Session, SessionOptions};
use lakehouse_core::matrix::Matrix;
use lakehouse_samples::{KeyOptions, SampleOptions, sample_keys};
use support::{Served, day, lake, size};
use tokio::runtime::Runtime;

const STATEMENTS: [(&str, &str); 5] = [
    (
        "point",
        "SELECT price, qty FROM silver.trades WHERE market = 'spot' AND symbol = 'BTCUSDT' AND id \
         = (SELECT min(id) + 7 FROM silver.trades WHERE market = 'spot' AND symbol = 'BTCUSDT')",
    ),
    (
        "day_of_one_symbol",
        "SELECT * FROM silver.trades WHERE market = 'spot' AND symbol = 'BTCUSDT' AND date = DATE \
         '2026-05-06'",
    ),
    ("scan", "SELECT * FROM silver.trades"),
    (
        "aggregate",
        "SELECT symbol, date_trunc('hour', time) AS hour, count(*), sum(qty), max(price) \
         FROM silver.trades GROUP BY symbol, hour",
    ),
    ("count", "SELECT count(*) FROM silver.trades"),
];

/// The lake's folder, which outlives the program's last bench and is removed by [`main`].
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

fn main() {
    // As the program does, so that its figures are the same.
    lakehouse::system::limit_arenas();
    let folder = tempfile::tempdir().unwrap();
    FOLDER.set(folder.path().to_owned()).unwrap();
    let options = SampleOptions {
        trades_per_day: size("LAKEHOUSE_BENCH_ROWS", 100_000),
        ..SampleOptions::small(1)
    };
    let days =
        KeyOptions { days: size("LAKEHOUSE_BENCH_DAYS", 3), ..KeyOptions::two_days_from(day()) };
    let keys = sample_keys(&Matrix::builtin().unwrap(), &days);
    let summary = Served::new(&keys, &options).ingest(folder.path());
    assert_eq!(summary.archives.new, keys.len() as u64);
    divan::main();
}

/// A statement in a session that has opened its tables already, as in a shell or a server.
#[divan::bench(args = STATEMENTS.map(|(name, _)| name), sample_count = 20, sample_size = 1)]
fn warm(bencher: Bencher<'_, '_>, name: &str) {
    let runtime = Runtime::new().unwrap();
    let session = session();
    run(&runtime, &session, statement(name));
    bencher.bench_local(|| black_box(run(&runtime, &session, statement(name))));
}

/// A statement in a session of its own, as `lakehouse query` runs it.
#[divan::bench(args = STATEMENTS.map(|(name, _)| name), sample_count = 10, sample_size = 1)]
fn cold(bencher: Bencher<'_, '_>, name: &str) {
    let runtime = Runtime::new().unwrap();
    bencher.bench_local(|| black_box(run(&runtime, &session(), statement(name))));
}

fn session() -> Session {
    Session::open(&lake(FOLDER.get().unwrap()), SessionOptions::default()).unwrap()
}

/// Runs a statement to its last row and returns how many rows there were.
fn run(runtime: &Runtime, session: &Session, statement: &str) -> usize {
    let batches =
        async { session.sql(statement).await.unwrap().try_collect::<Vec<_>>().await.unwrap() };
    let rows = runtime.block_on(batches).iter().map(RecordBatch::num_rows).sum();
    assert!(rows > 0);
    rows
}

fn statement(name: &str) -> &'static str {
    STATEMENTS.iter().find(|(known, _)| *known == name).unwrap().1
}
