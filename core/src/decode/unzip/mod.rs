//! Opens an archive: a zip with exactly one CSV in it, and nothing else.
//!
//! The directory is read by the `zip` crate, whose reader reports a wrong checksum or size without
//! their values; inflating and checking is therefore done here. What the CSV says belongs to
//! [`super`].

use std::fmt;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use thiserror::Error;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::foreign::shown;

/// Bytes of the zip that are read at a time.
const READ_SIZE: usize = 64 * 1024;

/// How much an archive may unpack to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnzipLimits {
    /// Bytes of the CSV.
    pub size: u64,
    /// Bytes of the CSV for each byte of the zip. Deflate cannot exceed 1032; CSVs of the archive
    /// stay below 50.
    pub ratio: u64,
}

impl Default for UnzipLimits {
    /// Allows 256 GiB, which is more than ten times the largest archive, and a ratio of 500.
    fn default() -> Self {
        Self { size: 256 << 30, ratio: 500 }
    }
}

/// Why a zip cannot be read as an archive.
#[derive(Debug, Error)]
pub enum UnzipError {
    /// It is no zip, or its end, where the directory stands, is missing.
    #[error("no zip directory found in {size} bytes, the file may be cut short: {reason}")]
    Directory { size: u64, reason: String },
    #[error("the zip is empty; expected one CSV")]
    NoEntry,
    #[error("expected one CSV in the zip, found {}", names.join(", "))]
    ManyEntries { names: Vec<String> },
    /// A folder, another kind of file, or a name that leads elsewhere.
    #[error("the zip's entry is `{name}`; expected a file *.csv that lies in no folder")]
    Name { name: String },
    #[error("the zip's entry `{name}` is encrypted")]
    Encrypted { name: String },
    #[error("the zip's entry `{name}` is compressed with {method}; expected Stored or Deflated")]
    Method { name: String, method: String },
    #[error("the zip's entry `{name}` unpacks to {size} bytes or more, the limit is {limit}")]
    TooLarge { name: String, size: u64, limit: u64 },
    #[error(
        "the zip's entry `{name}` unpacks {packed} bytes to {size}, more than {limit} times as many"
    )]
    Ratio { name: String, packed: u64, size: u64, limit: u64 },
    /// The local header is damaged, or lies where the directory does not say.
    #[error("the header of the zip's entry `{name}` at byte {offset} cannot be read: {reason}")]
    Header { name: String, offset: u64, reason: String },
    #[error("the zip's entry `{name}` ends after {got} of {expected} packed bytes")]
    Truncated { name: String, expected: u64, got: u64 },
    #[error("the zip's entry `{name}` is corrupt at its packed byte {offset}")]
    Corrupt { name: String, offset: u64 },
    #[error("the zip's entry `{name}` unpacks to {got} bytes, its directory says {expected}")]
    Size { name: String, expected: u64, got: u64 },
    #[error("the zip's entry `{name}` has the CRC-32 {got:08x}, its directory says {expected:08x}")]
    Crc { name: String, expected: u32, got: u32 },
    /// The zip could not be read: a failure of the disk or the network, not of the archive.
    #[error("the zip could not be read: {0}")]
    Io(#[from] io::Error),
}

/// Opens the one CSV of a zip.
///
/// # Errors
///
/// Whatever makes the zip no archive and can be found without unpacking it.
pub fn open_archive<R: Read + Seek>(
    mut reader: R,
    limits: UnzipLimits,
) -> Result<ArchiveMember<R>, UnzipError> {
    let size = reader.seek(SeekFrom::End(0))?;
    let mut archive = ZipArchive::new(reader).map_err(|error| directory_error(error, size))?;
    let entry = check_entry(&mut archive, limits)?;
    let offset = content_start(&mut archive, &entry)?;
    let mut reader = archive.into_inner();
    reader.seek(SeekFrom::Start(offset))?;
    let packed = BufReader::with_capacity(READ_SIZE, reader.take(entry.packed));
    let content = match entry.method {
        CompressionMethod::Stored => Content::Stored(packed),
        _ => Content::Deflated(Box::new(DeflateDecoder::new(packed))),
    };
    Ok(ArchiveMember { entry, content, crc: Crc::new(), total: 0, limits })
}

fn directory_error(error: ZipError, size: u64) -> UnzipError {
    match error {
        // The zip crate reads records past the end of a short file; every other kind is the
        // medium's.
        ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            UnzipError::Io(error)
        }
        other => UnzipError::Directory { size, reason: other.to_string() },
    }
}

/// Names of entries that an error lists.
const SHOWN_NAMES: usize = 5;

/// What the directory says of the CSV.
#[derive(Debug)]
struct ZipEntry {
    name: String,
    method: CompressionMethod,
    packed: u64,
    size: u64,
    crc: u32,
    header_start: u64,
}

fn check_entry<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    limits: UnzipLimits,
) -> Result<ZipEntry, UnzipError> {
    let entries = archive.file_names_raw().count();
    let raw_names = archive.file_names_raw().take(SHOWN_NAMES).map(String::from_utf8_lossy);
    let mut names: Vec<String> = raw_names.map(|name| shown(&name)).collect();
    // The crate keeps entries by name, so that two of the same name look like one.
    if entries > 1 || archive.has_duplicate_names() {
        if entries > SHOWN_NAMES {
            names.push(format!("and {} more", entries - SHOWN_NAMES));
        }
        return Err(UnzipError::ManyEntries { names });
    }
    let Some(name) = names.into_iter().next() else { return Err(UnzipError::NoEntry) };
    // What the directory says is read without touching the content, so that a bomb is refused
    // before a byte of it is unpacked.
    let data = archive
        .by_index_data(0)
        .map_err(|error| UnzipError::Directory { size: 0, reason: error.to_string() })?;
    if !data.is_file() || !is_plain_csv(&name) {
        return Err(UnzipError::Name { name });
    }
    if data.encrypted() {
        return Err(UnzipError::Encrypted { name });
    }
    let method = data.compression();
    if !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
        return Err(UnzipError::Method { name, method: method.to_string() });
    }
    let (packed, size, crc) = (data.compressed_size(), data.size(), data.crc32());
    let entry = ZipEntry { name, method, packed, size, crc, header_start: data.header_start() };
    entry.check_limits(size, limits).map(|()| entry)
}

fn is_plain_csv(name: &str) -> bool {
    let leads_elsewhere = name.contains(['/', '\\', '\0', ':']) || name.starts_with('.');
    !leads_elsewhere && name.len() > 4 && name.ends_with(".csv")
}

fn content_start<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    entry: &ZipEntry,
) -> Result<u64, UnzipError> {
    let unreadable = |reason: String| UnzipError::Header {
        name: entry.name.clone(),
        offset: entry.header_start,
        reason,
    };
    let start = archive.by_index_raw(0).map(|file| file.data_start());
    start
        .map_err(|error| unreadable(error.to_string()))?
        .ok_or_else(|| unreadable("no content".to_owned()))
}

impl ZipEntry {
    fn check_limits(&self, size: u64, limits: UnzipLimits) -> Result<(), UnzipError> {
        let name = || self.name.clone();
        if size > limits.size {
            return Err(UnzipError::TooLarge { name: name(), size, limit: limits.size });
        }
        // Small files may repeat themselves as they like.
        if size > READ_SIZE as u64 && size / limits.ratio > self.packed {
            return Err(UnzipError::Ratio {
                name: name(),
                packed: self.packed,
                size,
                limit: limits.ratio,
            });
        }
        Ok(())
    }
}

enum Content<R> {
    Stored(BufReader<Take<R>>),
    Deflated(Box<DeflateDecoder<BufReader<Take<R>>>>),
}

/// The CSV of an archive as a stream. Once a read has returned 0, size and CRC-32 have been
/// verified.
pub struct ArchiveMember<R> {
    entry: ZipEntry,
    content: Content<R>,
    crc: Crc,
    total: u64,
    limits: UnzipLimits,
}

impl<R: Read> ArchiveMember<R> {
    /// Returns the name of the CSV.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// Returns the bytes of the CSV as the zip's directory states them.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.entry.size
    }

    /// Fills `buffer` from its start and returns how many bytes it holds; fewer than requested only
    /// at the end, and 0 only once everything was read and verified.
    ///
    /// # Errors
    ///
    /// Damage to the content, or content that is not what the directory says.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, UnzipError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.content.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.content_error(error)),
            }
        }
        self.crc.update(&buffer[..filled]);
        self.total += filled as u64;
        // The directory may lie about the size: what comes out counts too.
        self.check_growth()?;
        if filled < buffer.len() {
            self.verify()?;
        }
        Ok(filled)
    }

    fn check_growth(&self) -> Result<(), UnzipError> {
        self.entry.check_limits(self.total, self.limits)?;
        if self.total > self.entry.size {
            return Err(UnzipError::Size {
                name: self.entry.name.clone(),
                expected: self.entry.size,
                got: self.total,
            });
        }
        Ok(())
    }

    fn verify(&self) -> Result<(), UnzipError> {
        let name = || self.entry.name.clone();
        let expected = self.entry.size;
        let got = self.total;
        // A stored file that is cut short ends like a whole one; deflate notices by itself.
        let unread = self.content.unread();
        if got < expected && unread > 0 && self.content.is_stored() {
            return Err(UnzipError::Truncated {
                name: name(),
                expected: self.entry.packed,
                got: self.entry.packed - unread,
            });
        }
        if got != expected {
            return Err(UnzipError::Size { name: name(), expected, got });
        }
        if self.crc.sum() != self.entry.crc {
            return Err(UnzipError::Crc {
                name: name(),
                expected: self.entry.crc,
                got: self.crc.sum(),
            });
        }
        Ok(())
    }

    /// flate2 reports what the medium says as it is, an early end as `UnexpectedEof` and damage as
    /// `InvalidInput`.
    fn content_error(&self, error: io::Error) -> UnzipError {
        let name = self.entry.name.clone();
        let got = self.entry.packed - self.content.unread();
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                UnzipError::Truncated { name, expected: self.entry.packed, got }
            }
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                UnzipError::Corrupt { name, offset: got }
            }
            // The disk or the network failed: the archive itself may be whole.
            _ => UnzipError::Io(error),
        }
    }
}

impl<R: Read> Read for ArchiveMember<R> {
    /// As [`ArchiveMember::fill`]; the error holds the [`UnzipError`].
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill(buffer).map_err(|error| match error {
            UnzipError::Io(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        })
    }
}

impl<R: Read> Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(reader) => reader.read(buffer),
            Self::Deflated(reader) => reader.read(buffer),
        }
    }

    const fn is_stored(&self) -> bool {
        matches!(self, Self::Stored(_))
    }

    /// Returns how many packed bytes the directory promises beyond those that were used.
    fn unread(&self) -> u64 {
        let packed = match self {
            Self::Stored(reader) => reader,
            Self::Deflated(reader) => reader.get_ref(),
        };
        packed.get_ref().limit() + packed.buffer().len() as u64
    }
}

impl<R> fmt::Debug for ArchiveMember<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveMember").field("entry", &self.entry).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
