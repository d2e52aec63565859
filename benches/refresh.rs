//! What a refresh costs when there is nothing new: time, memory and requests, on lakes of different
//! ages.
//!
//! `cargo bench -p lakehouse --bench refresh`; in the development profile `cargo bench --profile
//! dev -p lakehouse --bench refresh`. The program runs as a process of its own against a mirror on
//! this machine. The lakes hold the same series for more and more days; `LAKEHOUSE_BENCH_ARCHIVES`
//! is how many archives the oldest has. Their ledgers are written here, because the archives
//! themselves do not matter when none is fetched.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops when it cannot run, and prints figures"
)]

mod support;

use std::fs::File;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arrow::array::{
    ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt32Array,
};
use arrow::compute::take_record_batch;
use arrow::datatypes::Date32Type;
use chrono::{DateTime, Days, NaiveDate, Utc};
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TableReference};
use deltalake::kernel::{Action, Add};
use deltalake::protocol::{DeltaOperation, SaveMode};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_samples::SampleOptions;
use lakehouse_samples::mirror::{Bucket, Mirror, published_at};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};
use support::{Folders, Served, program, size};
use tokio::runtime::Runtime;

/// Series of the lakes: each is two folders to list, one of days and one of months.
const SERIES: u32 = 100;
/// What the mirror has in the place of every archive; nobody asks for it.
const BYTES: &[u8] = b"an archive that is not fetched";

fn main() {
    let archives = size("LAKEHOUSE_BENCH_ARCHIVES", 100_000);
    let folders = Folders::default();
    println!(
        "{:>10} {:>6} {:>9} {:>9} {:>12}",
        "archives", "days", "requests", "seconds", "peak memory"
    );
    for days in [archives / SERIES / 8, archives / SERIES] {
        let keys = keys(days);
        let folder = folders.empty();
        fill_ledger(&folder, &keys);
        let runtime = Runtime::new().unwrap();
        let mirror = runtime.block_on(Mirror::start(bucket(&keys))).unwrap();
        let mut costs: Vec<Cost> = (0..3).map(|_| refresh(&folder, &mirror)).collect();
        costs.sort_by_key(|cost| cost.time);
        let Cost { time, peak_kib, requests } = costs[1];
        let (seconds, peak) = (time.as_secs_f64(), peak_kib / 1024);
        println!("{:>10} {days:>6} {requests:>9} {seconds:>9.2} {peak:>8} MiB", keys.len());
    }
}

/// What one refresh cost.
struct Cost {
    time: Duration,
    peak_kib: u64,
    requests: u64,
}

fn refresh(lake: &Path, mirror: &Mirror) -> Cost {
    let (before, started) = (mirror.requests(), Instant::now());
    let mut program = program();
    program
        .args(["refresh", "-q", "--source", mirror.url(), "--lake"])
        .arg(lake)
        .stdout(Stdio::null());
    let mut process = program.spawn().unwrap();
    let peak_kib = watch(&mut process);
    assert!(process.wait().unwrap().success());
    Cost { time: started.elapsed(), peak_kib, requests: mirror.requests() - before }
}

/// Reads a process's highest use of memory until it ends.
fn watch(process: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", process.id());
    let mut peak = 0;
    while process.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    peak
}

/// Returns the keys of hourly bars of every series, for so many days up to the day before
/// yesterday.
fn keys(days: u32) -> Vec<ArchiveKey> {
    let matrix = Matrix::builtin().unwrap();
    let last = today().checked_sub_days(Days::new(2)).unwrap();
    let key = |series: u32, day: NaiveDate| {
        let symbol = format!("S{series:03}USDT");
        matrix
            .identify(&format!("data/spot/daily/klines/{symbol}/1h/{symbol}-1h-{day}.zip"))
            .unwrap()
    };
    let days = (0..days)
        .map(|back| last.checked_sub_days(Days::new(back.into())).unwrap())
        .collect::<Vec<_>>();
    (0..SERIES)
        .flat_map(|series| days.iter().map(move |day| (series, *day)))
        .map(|(series, day)| key(series, day))
        .collect()
}

fn bucket(keys: &[ArchiveKey]) -> Bucket {
    let mut bucket = Bucket::default();
    for key in keys {
        bucket.put(key.path(), BYTES, published_at(key));
        bucket.put(&key.checksum_path(), BYTES, published_at(key));
    }
    bucket
}

/// Makes a lake by ingesting one archive, and gives its ledger a row like that one's for every
/// other key.
fn fill_ledger(lake: &Path, keys: &[ArchiveKey]) {
    let served = Served::new(&keys[..1], &SampleOptions::small(1));
    served.ingest(lake);
    let folder = lake.join("meta/archives");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let file = files
        .into_iter()
        .find(|file| file.extension().is_some_and(|ending| ending == "parquet"))
        .unwrap();
    let mut rows = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap())
        .unwrap()
        .build()
        .unwrap();
    let rows = rows_like(&rows.next().unwrap().unwrap(), keys);
    let path = "part-bench.parquet";
    let mut writer =
        ArrowWriter::try_new(File::create(folder.join(path)).unwrap(), rows.schema(), None)
            .unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    served.runtime.block_on(replace_files(&folder, path));
}

/// Returns a row for every key that says what the mirror tells of its archive.
fn rows_like(template: &RecordBatch, keys: &[ArchiveKey]) -> RecordBatch {
    let rows = take_record_batch(template, &UInt32Array::from(vec![0; keys.len()])).unwrap();
    let texts = |value: &dyn Fn(&ArchiveKey) -> String| -> ArrayRef {
        Arc::new(keys.iter().map(|key| Some(value(key))).collect::<StringArray>())
    };
    let date = |value: &dyn Fn(&ArchiveKey) -> NaiveDate| -> ArrayRef {
        Arc::new(
            keys.iter()
                .map(|key| Some(Date32Type::from_naive_date(value(key))))
                .collect::<Date32Array>(),
        )
    };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let etag = hex(&Sha256::digest(BYTES)[..16]);
    let modified = keys.iter().map(|key| Some(published_at(key).timestamp_micros()));
    let size = i64::try_from(BYTES.len()).unwrap();
    let schema = rows.schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            "archive" => texts(&|key| key.path().to_owned()),
            "symbol" => texts(&|key| key.symbol().to_string()),
            "period_start" => date(&|key| key.period().start()),
            "period_end" => date(&|key| key.period().end()),
            "size" => Arc::new(Int64Array::from(vec![size; keys.len()])),
            "etag" => texts(&|_| etag.clone()),
            "last_modified" => Arc::new(
                modified.clone().collect::<TimestampMicrosecondArray>().with_timezone("UTC"),
            ),
            "sha256" => texts(&|key| hex(&Sha256::digest(key.path()))),
            other => Arc::clone(rows.column_by_name(other).unwrap()),
        }
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

/// Makes a file the only one of a table.
async fn replace_files(folder: &Path, path: &str) {
    let url = url::Url::from_directory_path(folder).unwrap();
    let table = deltalake::open_table(url).await.unwrap();
    let snapshot = table.snapshot().unwrap();
    let old = snapshot.log_data().into_iter().map(|file| Action::Remove(file.remove_action(true)));
    let size = i64::try_from(std::fs::metadata(folder.join(path)).unwrap().len()).unwrap();
    let add = Add { path: path.to_owned(), size, data_change: true, ..Add::default() };
    let actions: Vec<Action> = old.chain([Action::Add(add)]).collect();
    let operation =
        DeltaOperation::Write { mode: SaveMode::Overwrite, partition_by: None, predicate: None };
    CommitBuilder::from(CommitProperties::default())
        .with_actions(actions)
        .build(Some(snapshot as &dyn TableReference), table.log_store(), operation)
        .await
        .unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the program that is measured reads the same clock")]
fn today() -> NaiveDate {
    DateTime::<Utc>::from(SystemTime::now()).date_naive()
}
