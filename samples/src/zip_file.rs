//! The zip around a CSV, and the file with its checksum, as the archive publishes them.

use std::io::{Cursor, Seek, Write};

use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::market::Market;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::{GenerateError, SampleOptions, write_csv};

/// Writes one archive: a zip with one deflated entry, named like the zip with `.csv`.
///
/// The entry has a fixed time, so that the same options always give the same bytes. Memory does not
/// depend on the archive's size if `out` is a file.
///
/// # Errors
///
/// Returns [`GenerateError`] if the key's data type or interval has no samples, or `out` fails.
pub fn write_zip<W: Write + Seek>(
    key: &ArchiveKey,
    options: &SampleOptions,
    out: W,
) -> Result<W, GenerateError> {
    let mut zip = ZipWriter::new(out);
    let stem = key.file_name().strip_suffix(".zip").unwrap_or(key.file_name());
    let entry = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    zip.start_file(format!("{stem}.csv"), entry)?;
    write_csv(key, options, &mut zip)?;
    Ok(zip.finish()?)
}

/// Returns the bytes of one archive.
///
/// # Errors
///
/// Returns [`GenerateError`] if the key's data type or interval has no samples.
pub fn sample_zip(key: &ArchiveKey, options: &SampleOptions) -> Result<Vec<u8>, GenerateError> {
    Ok(write_zip(key, options, Cursor::new(Vec::new()))?.into_inner())
}

/// Returns what the archive's `.CHECKSUM` file holds: spot ends without a newline, the others with
/// one.
#[must_use]
pub fn sample_checksum(key: &ArchiveKey, zip: &[u8]) -> Vec<u8> {
    let mut text = hex::encode(Sha256::digest(zip));
    text.push_str("  ");
    text.push_str(key.file_name());
    if key.market() != Market::Spot {
        text.push('\n');
    }
    text.into_bytes()
}
