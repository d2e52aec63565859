//! How fast CSVs become batches, in bytes of CSV and rows per second, for each data type.
//!
//! `cargo bench -p lakehouse-samples --bench decode` runs all of it, `-- agg_trades` one. Inflating
//! is measured beside it, on the same rows, because an archive costs both.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run says why best by stopping")]

use std::io::Cursor;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use lakehouse_core::decode::unzip::{UnzipLimits, open_archive};
use lakehouse_core::decode::{DecodeOptions, Decoder};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::schema::Schemas;
use lakehouse_samples::{SampleOptions, sample_csv, sample_zip};

const READ_SIZE: usize = 64 * 1024;

/// One archive of each form, with rows enough that starting costs nothing.
const ARCHIVES: [&str; 13] = [
    "data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2026-04.zip",
    "data/futures/cm/monthly/klines/BTCUSD_PERP/1m/BTCUSD_PERP-1m-2026-04.zip",
    "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2026-05-08.zip",
    "data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2026-05-08.zip",
    "data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2026-05-08.zip",
    "data/futures/um/daily/bookDepth/BTCUSDT/BTCUSDT-bookDepth-2026-05-08.zip",
    "data/futures/um/daily/bookTicker/BTCUSDT/BTCUSDT-bookTicker-2024-03-30.zip",
    "data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2026-04.zip",
    "data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2026-05-08.zip",
    "data/futures/um/monthly/markPriceKlines/BTCUSDT/1m/BTCUSDT-1m-2026-04.zip",
    concat!(
        "data/futures/cm/daily/liquidationSnapshot/BTCUSD_PERP/",
        "BTCUSD_PERP-liquidationSnapshot-2024-03-30.zip",
    ),
    "data/option/daily/BVOLIndex/BTCBVOLUSDT/BTCBVOLUSDT-BVOLIndex-2026-05-08.zip",
    "data/option/daily/EOHSummary/BTCUSDT/BTCUSDT-EOHSummary-2023-10-20.zip",
];

fn main() {
    divan::main();
}

#[divan::bench(args = ARCHIVES)]
fn decode(bencher: Bencher<'_, '_>, archive: &str) {
    let (matrix, schemas) = (Matrix::builtin().unwrap(), Schemas::builtin().unwrap());
    let key = matrix.identify(archive).unwrap();
    let schema = schemas.get(&matrix.get(key.market(), key.data_type()).unwrap().schema).unwrap();
    let csv = sample_csv(&key, &dense()).unwrap();
    let decode = || {
        let mut decoder =
            Decoder::new(schema, key.market(), key.symbol(), DecodeOptions::default()).unwrap();
        let mut rows = 0;
        for piece in csv.chunks(READ_SIZE) {
            decoder.push(piece).unwrap();
            while let Some(batch) = decoder.next_batch() {
                rows += black_box(batch).num_rows();
            }
        }
        decoder.finish().unwrap();
        rows + decoder.next_batch().map_or(0, |batch| black_box(batch).num_rows())
    };
    let rows = decode();
    assert!(rows > 0);
    let bencher =
        bencher.counter(BytesCount::of_slice(csv.as_slice())).counter(ItemsCount::new(rows));
    bencher.bench_local(|| assert_eq!(decode(), rows));
}

#[divan::bench(args = [ARCHIVES[0], ARCHIVES[3]])]
fn inflate(bencher: Bencher<'_, '_>, archive: &str) {
    let key: ArchiveKey = Matrix::builtin().unwrap().identify(archive).unwrap();
    let zip = sample_zip(&key, &dense()).unwrap();
    let csv = sample_csv(&key, &dense()).unwrap();
    let mut buffer = vec![0; READ_SIZE];
    bencher.counter(BytesCount::of_slice(csv.as_slice())).bench_local(|| {
        let mut member = open_archive(Cursor::new(zip.as_slice()), UnzipLimits::default()).unwrap();
        while member.fill(black_box(&mut buffer)).unwrap() > 0 {}
    });
}

/// Returns a density that gives each archive about a hundred thousand rows, where its grid does not
/// set them.
fn dense() -> SampleOptions {
    SampleOptions {
        trades_per_day: 100_000,
        quotes_per_day: 100_000,
        snapshots_per_day: 8_640,
        option_contracts: 4_000,
        ..SampleOptions::default()
    }
}
