//! Good archives: a few rows by hand, or generated ones in a folder that is laid out like the
//! archive.

use std::fs;
use std::path::Path;

use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_samples::{SampleOptions, sample_checksum, sample_zip};
use tempfile::TempDir;

use crate::support::zips::zip_of;

/// Names the archive of a spot symbol's trades of one day.
pub(crate) fn trades_key(symbol: &str, day: &str) -> String {
    format!("data/spot/daily/trades/{symbol}/{symbol}-trades-{day}.zip")
}

/// Returns the CSV of spot trades, one for each id and one second apart, from the start of a day.
pub(crate) fn trades_csv(day: &str, ids: std::ops::Range<i64>) -> String {
    let start = day
        .parse::<chrono::NaiveDate>()
        .unwrap()
        .and_hms_opt(0, 0, 0)
        .unwrap()
        .and_utc()
        .timestamp_millis();
    let row = |(at, id): (i64, i64)| format!("{id},1.5,2,3,{},True,True\n", start + at * 1000);
    (0..).zip(ids).map(row).collect()
}

/// Returns an archive of spot trades.
pub(crate) fn trades(key: &str, day: &str, ids: std::ops::Range<i64>) -> Vec<u8> {
    zip_of(&csv_name(key), trades_csv(day, ids).as_bytes())
}

/// Names the file that an archive holds.
pub(crate) fn csv_name(key: &str) -> String {
    key.rsplit('/').next().unwrap().replace(".zip", ".csv")
}

/// Makes a folder with generated archives and their checksums.
pub(crate) fn sample_folder(keys: &[ArchiveKey]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for key in keys {
        put_sample(folder.path(), key);
    }
    folder
}

/// Returns the key of an archive that the built-in matrix knows.
pub(crate) fn identify(key: &str) -> ArchiveKey {
    Matrix::builtin().unwrap().identify(key).unwrap_or_else(|error| panic!("{error}"))
}

fn put_sample(folder: &Path, key: &ArchiveKey) {
    let file = folder.join(key.path());
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let zip =
        sample_zip(key, &SampleOptions { trades_per_day: 100, ..SampleOptions::small(7) }).unwrap();
    fs::write(folder.join(format!("{key}.CHECKSUM")), sample_checksum(key, &zip)).unwrap();
    fs::write(file, zip).unwrap();
}
