//! What bringing gold up to date costs: from nothing, when nothing changed, after a correction,
//! after a new day; and what an audit of the same costs.
//!
//! `cargo bench -p lakehouse --bench gold`; in the development profile, where the engine is not
//! optimised and figures only compare with each other, `cargo bench --profile dev -p lakehouse
//! --bench gold`. The lake holds one-minute bars and trades: `LAKEHOUSE_BENCH_DAYS` days of
//! `LAKEHOUSE_BENCH_SYMBOLS` symbols.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops when it cannot run, and prints figures"
)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use chrono::Days;
use lakehouse::audit::{Audit, CheckOutcome, load_checks};
use lakehouse::events::{ModelOutcome, Reporter, Silent};
use lakehouse::gold::{Gold, GoldReport, load_models};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::schema::Schemas;
use lakehouse_samples::SampleOptions;
use support::{Folders, Served, clock, day, lake, size};

fn main() {
    // As the program does, so that its figures are the same.
    lakehouse::system::limit_arenas();
    let folders = Folders::default();
    let folder = folders.empty();
    let days = size("LAKEHOUSE_BENCH_DAYS", 60);
    let publish = |keys: &[ArchiveKey], seed| {
        let served = Served::new(keys, &SampleOptions { seed, ..SampleOptions::small(1) });
        assert_eq!(served.ingest(&folder).archives.failed, 0);
        served
    };
    let served = publish(&keys(0..days), 1);
    println!("{:>18} {:>8} {:>11} {:>10} {:>9}", "", "models", "partitions", "rows", "seconds");
    measure("from nothing", &served, &folder);
    measure("nothing new", &served, &folder);
    publish(&keys(days / 2..days / 2 + 1)[..1], 2);
    measure("one day corrected", &served, &folder);
    publish(&keys(days..days + 1), 1);
    measure("one day more", &served, &folder);
}

fn measure(name: &str, served: &Served, folder: &Path) {
    let schemas = Arc::new(Schemas::builtin().unwrap());
    let models = Arc::new(load_models(&schemas, None).unwrap());
    let gold = Gold::new(lake(folder), models, schemas);
    let started = Instant::now();
    let reporter: Arc<dyn Reporter> = Arc::new(Silent);
    let report: GoldReport = served.runtime.block_on(gold.build(&reporter, &clock())).unwrap();
    let seconds = started.elapsed().as_secs_f64();
    assert!(!report.is_incomplete());
    let built = report.models.iter().filter(|model| model.outcome == ModelOutcome::Built);
    let (models, partitions, rows) = built.fold((0, 0, 0), |(models, partitions, rows), model| {
        (models + 1, partitions + model.partitions, rows + model.rows)
    });
    println!("{name:>18} {models:>8} {partitions:>11} {rows:>10} {seconds:>9.2}");
    measure_audit(served, folder);
}

/// Audits what changed, so that both can be compared.
fn measure_audit(served: &Served, folder: &Path) {
    let schemas = Schemas::builtin().unwrap();
    let models = load_models(&schemas, None).unwrap();
    let checks = Arc::new(load_checks(&schemas, &models, None).unwrap());
    let audit = Audit::new(lake(folder), checks);
    let started = Instant::now();
    let reporter: Arc<dyn Reporter> = Arc::new(Silent);
    let report = served.runtime.block_on(audit.run(&reporter, &clock())).unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let ran = report.checks.iter().filter(|check| check.outcome == CheckOutcome::Audited);
    let (checks, days) = ran.fold((0, 0), |(checks, days), check| (checks + 1, days + check.days));
    println!("{:>18} {checks:>8} {days:>11} {:>10} {seconds:>9.2}", "… its audit", "");
}

/// Returns the keys of one-minute bars and trades of every symbol, of the days with these numbers.
fn keys(days: std::ops::Range<u32>) -> Vec<ArchiveKey> {
    let matrix = Matrix::builtin().unwrap();
    let days = days.map(|number| day().checked_add_days(Days::new(number.into())).unwrap());
    let symbols = size("LAKEHOUSE_BENCH_SYMBOLS", 20);
    let mut keys = Vec::new();
    for day in days {
        for symbol in (0..symbols).map(|number| format!("S{number:02}USDT")) {
            let folder = format!("data/spot/daily/klines/{symbol}/1m");
            keys.push(format!("{folder}/{symbol}-1m-{day}.zip"));
            let folder = format!("data/spot/daily/trades/{symbol}");
            keys.push(format!("{folder}/{symbol}-trades-{day}.zip"));
        }
    }
    keys.iter().map(|key| matrix.identify(key).unwrap()).collect()
}
