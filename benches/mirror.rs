//! Archives for comparisons with other programs: made in a folder, and served over HTTP on this
//! machine.
//!
//! `cargo bench -p lakehouse --bench mirror -- FOLDER [SERVED]` makes `FOLDER/large`, one archive
//! of trades, `FOLDER/larger`, one four times as large, `FOLDER/small`, a day of small archives,
//! `FOLDER/mixed`, the same with a few large ones among them, and `FOLDER/days`, bars of two
//! symbols day by day, each laid out like the public archive. It then serves `small`, or the folder
//! of them that `SERVED` names, prints the address, and ends when its standard input does.
//! `LAKEHOUSE_BENCH_ROWS`, `LAKEHOUSE_BENCH_ARCHIVES` and `LAKEHOUSE_BENCH_DAYS` are the sizes,
//! `LAKEHOUSE_BENCH_LATENCY` is how many milliseconds each answer takes.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run says why best by stopping")]
#![expect(clippy::print_stdout, reason = "the address is its result")]

mod support;

use std::fs::File;
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::Days;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_samples::mirror::{Bucket, Mirror};
use lakehouse_samples::{SampleOptions, sample_checksum, small_archives, write_zip};
use support::{day, size};
use tokio::runtime::Runtime;

fn main() {
    // As the program does, so that its figures are the same.
    lakehouse::system::limit_arenas();
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let folder = arguments.next();
    let served = arguments.next().unwrap_or_else(|| "small".to_owned());
    // `cargo bench` without a folder runs every bench; this one has nothing to measure.
    let Some(folder) = folder.map(PathBuf::from) else { return };
    let rows = size("LAKEHOUSE_BENCH_ROWS", 5_000_000);
    make(
        &folder.join("days"),
        &bars_of_days(size("LAKEHOUSE_BENCH_DAYS", 2_000)),
        &SampleOptions::small(1),
    );
    make(
        &folder.join("large"),
        &[trades()],
        &SampleOptions { trades_per_day: rows, ..SampleOptions::default() },
    );
    make(
        &folder.join("larger"),
        &[trades()],
        &SampleOptions { trades_per_day: 4 * rows, ..SampleOptions::default() },
    );
    let archives = size("LAKEHOUSE_BENCH_ARCHIVES", 3_134) as usize;
    let keys = small_archives(&Matrix::builtin().unwrap(), day(), archives);
    make(&folder.join("small"), &keys, &SampleOptions::small(1));
    make(&folder.join("mixed"), &keys, &SampleOptions::small(1));
    for (number, key) in large_ones().iter().enumerate() {
        // Each has two thirds of the rows of the one before, as symbols are traded.
        let trades = (f64::from(rows) * 0.1 * 0.66_f64.powi(number as i32)) as u32;
        let options = SampleOptions { trades_per_day: trades, ..SampleOptions::small(1) };
        add(&folder.join("mixed"), key, &options);
    }
    let runtime = Runtime::new().unwrap();
    let latency = Duration::from_millis(size("LAKEHOUSE_BENCH_LATENCY", 0).into());
    let mirror =
        runtime.block_on(Mirror::start_far_away(bucket(&folder.join(served)), latency)).unwrap();
    println!("{}", mirror.url());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn trades() -> ArchiveKey {
    let path = format!("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-{}.zip", day());
    Matrix::builtin().unwrap().identify(&path).unwrap()
}

/// What makes a real day uneven: aggregate trades of symbols that are traded most.
fn large_ones() -> Vec<ArchiveKey> {
    let matrix = Matrix::builtin().unwrap();
    let key = |number: u32| {
        let symbol = format!("COIN{number:04}USDT");
        let day = day();
        format!("data/spot/daily/aggTrades/{symbol}/{symbol}-aggTrades-{day}.zip")
    };
    (0..20).map(|number| matrix.identify(&key(number)).unwrap()).collect()
}

/// Bars of five minutes, of two symbols: silver has a file for each day.
fn bars_of_days(count: u32) -> Vec<ArchiveKey> {
    let matrix = Matrix::builtin().unwrap();
    let days = (0..count).map(|ago| day() - Days::new(ago.into()));
    let key = |symbol, day| format!("data/spot/daily/klines/{symbol}/5m/{symbol}-5m-{day}.zip");
    let keys = days.flat_map(|day| [key("BTCUSDT", day), key("ETHUSDT", day)]);
    keys.map(|path| matrix.identify(&path).unwrap()).collect()
}

/// Makes archives with their checksums, unless the folder is there.
fn make(folder: &Path, keys: &[ArchiveKey], options: &SampleOptions) {
    if folder.exists() {
        return;
    }
    keys.iter().for_each(|key| add(folder, key, options));
}

/// Makes an archive with its checksum, unless it is there.
fn add(folder: &Path, key: &ArchiveKey, options: &SampleOptions) {
    let file = folder.join(key.path());
    if file.exists() {
        return;
    }
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    write_zip(key, options, BufWriter::new(File::create(&file).unwrap())).unwrap();
    let checksum = sample_checksum(key, &std::fs::read(&file).unwrap());
    std::fs::write(folder.join(key.checksum_path()), checksum).unwrap();
}

fn bucket(folder: &Path) -> Bucket {
    let modified = "2026-05-07T08:00:00Z".parse().unwrap();
    let (mut bucket, mut folders) = (Bucket::default(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let key = path.strip_prefix(folder).unwrap().to_str().unwrap();
                bucket.put(key, std::fs::read(&path).unwrap(), modified);
            }
        }
    }
    bucket
}
