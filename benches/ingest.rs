//! How fast archives become a lake, end to end: listed, downloaded over HTTP from this machine,
//! checked against their checksums, decoded and committed.
//!
//! `cargo bench -p lakehouse --bench ingest`; in the development profile, which has the hot code
//! optimised and saves a build, `cargo bench --profile dev -p lakehouse --bench ingest`.
//! `LAKEHOUSE_BENCH_ARCHIVES` is how many small archives a day has, `LAKEHOUSE_BENCH_ROWS` how many
//! rows the large one.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run says why best by stopping")]

mod support;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_samples::{SampleOptions, sample_csv, small_archives};
use support::{Folders, Served, day, size};

fn main() {
    // As the program does, so that its figures are the same.
    lakehouse::system::limit_arenas();
    divan::main();
}

/// Archives per second of a day on which every series has a small archive.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn day_of_small_archives(bencher: Bencher<'_, '_>) {
    let keys = small_keys();
    let served = Served::new(&keys, &SampleOptions::small(1));
    let folders = Folders::default();
    bencher
        .counter(ItemsCount::new(keys.len()))
        .with_inputs(|| folders.empty())
        .bench_local_values(|folder| {
            let summary = served.ingest(&folder);
            assert_eq!(summary.archives.new, keys.len() as u64);
        });
}

/// The same day once more, when the lake holds it already.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn day_with_nothing_new(bencher: Bencher<'_, '_>) {
    let keys = small_keys();
    let served = Served::new(&keys, &SampleOptions::small(1));
    let folders = Folders::default();
    let folder = folders.empty();
    served.ingest(&folder);
    bencher.counter(ItemsCount::new(keys.len())).bench_local(|| {
        let summary = served.ingest(&folder);
        assert_eq!((summary.archives.skipped, summary.bytes), (keys.len() as u64, 0));
    });
}

/// Rows, and bytes of CSV, per second of one large archive.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn large_archive(bencher: Bencher<'_, '_>) {
    let rows = size("LAKEHOUSE_BENCH_ROWS", 1_000_000);
    let options = SampleOptions { trades_per_day: rows, ..SampleOptions::default() };
    let path = format!("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-{}.zip", day());
    let key: ArchiveKey = Matrix::builtin().unwrap().identify(&path).unwrap();
    let csv = sample_csv(&key, &options).unwrap().len();
    let served = Served::new(&[key], &options);
    let folders = Folders::default();
    let bencher = bencher.counter(ItemsCount::new(rows)).counter(BytesCount::new(csv));
    bencher.with_inputs(|| folders.empty()).bench_local_values(|folder| {
        let summary = served.ingest(&folder);
        assert_eq!(summary.rows, u64::from(rows));
    });
}

fn small_keys() -> Vec<ArchiveKey> {
    let archives = size("LAKEHOUSE_BENCH_ARCHIVES", 400);
    small_archives(&Matrix::builtin().unwrap(), day(), archives as usize)
}
