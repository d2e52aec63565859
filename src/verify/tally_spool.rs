//! Tallies of all archives of a table in the order of their keys, with as many of them in memory as
//! a chunk has, and the others in temporary files.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use arrow::datatypes::Date32Type;
use chrono::NaiveDate;

use super::fingerprint::{Fingerprint, Tally};

/// Archives and days of a chunk.
const CHUNK: usize = 128 << 10;
/// Bytes of a key that a temporary file may have; the program writes no longer ones.
const LONGEST_KEY: usize = 64 << 10;

/// What was found of one archive.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ArchiveTally {
    pub(super) archive: Arc<str>,
    pub(super) days: BTreeMap<NaiveDate, Fingerprint>,
    /// Whether rows of it are in a data file that another program wrote.
    pub(super) is_foreign: bool,
}

impl ArchiveTally {
    /// Returns how many rows were found on all days.
    pub(super) fn rows(&self) -> u64 {
        self.days.values().map(|day| day.rows).sum()
    }
}

/// What was found of an archive on a day, in one part of a table.
#[derive(Clone, Debug)]
struct Record {
    archive: Arc<str>,
    /// From the first day of 1970.
    day: i32,
    found: Fingerprint,
    is_foreign: bool,
}

/// All that was found so far.
#[derive(Debug, Default)]
pub(super) struct TallySpool {
    newest: Tally,
    entries: usize,
    /// Each in the order of archives.
    chunks: Vec<File>,
}

impl TallySpool {
    /// Adds what was found in a part of the table.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub(super) fn add(&mut self, found: Tally) -> io::Result<()> {
        self.entries += found.archives.values().map(BTreeMap::len).sum::<usize>();
        self.newest.merge(found);
        if self.entries < CHUNK {
            return Ok(());
        }
        self.entries = 0;
        let mut writer = BufWriter::new(tempfile::tempfile()?);
        for record in records(std::mem::take(&mut self.newest)) {
            record.write(&mut writer)?;
        }
        self.chunks.push(writer.into_inner().map_err(io::IntoInnerError::into_error)?);
        Ok(())
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub(super) fn by_archive(self) -> io::Result<TalliesByArchive> {
        let mut sources = Vec::with_capacity(self.chunks.len() + 1);
        for mut chunk in self.chunks {
            chunk.seek(SeekFrom::Start(0))?;
            sources.push(Source::Disk(BufReader::new(chunk)));
        }
        sources.push(Source::Memory(records(self.newest).into_iter()));
        TalliesByArchive::new(sources)
    }
}

/// Returns what a tally says in the order of archives.
fn records(tally: Tally) -> Vec<Record> {
    let mut records = Vec::new();
    for (archive, days) in tally.archives {
        let is_foreign = tally.foreign.contains(&archive);
        for (day, found) in days {
            let day = Date32Type::from_naive_date(day);
            records.push(Record { archive: Arc::clone(&archive), day, found, is_foreign });
        }
    }
    records.sort_unstable_by(|a, b| (&a.archive, a.day).cmp(&(&b.archive, b.day)));
    records
}

impl Record {
    fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        let length = u32::try_from(self.archive.len()).map_err(io::Error::other)?;
        writer.write_all(&length.to_le_bytes())?;
        writer.write_all(self.archive.as_bytes())?;
        writer.write_all(&self.day.to_le_bytes())?;
        writer.write_all(&self.found.rows.to_le_bytes())?;
        writer.write_all(&self.found.sum.to_le_bytes())?;
        writer.write_all(&[u8::from(self.is_foreign)])
    }

    fn read(reader: &mut impl Read) -> io::Result<Option<Self>> {
        let length = match array(reader) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            length => u32::from_le_bytes(length?) as usize,
        };
        if length > LONGEST_KEY {
            return Err(io::Error::other("a temporary file was changed"));
        }
        let mut archive = vec![0; length];
        reader.read_exact(&mut archive)?;
        let archive = String::from_utf8(archive).map_err(io::Error::other)?.into();
        let day = i32::from_le_bytes(array(reader)?);
        let rows = u64::from_le_bytes(array(reader)?);
        let sum = u128::from_le_bytes(array(reader)?);
        let is_foreign = array(reader)? == [1];
        Ok(Some(Self { archive, day, found: Fingerprint { rows, sum }, is_foreign }))
    }
}

fn array<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Records in the order of archives.
#[derive(Debug)]
enum Source {
    Disk(BufReader<File>),
    Memory(std::vec::IntoIter<Record>),
}

impl Source {
    fn next(&mut self) -> io::Result<Option<Record>> {
        match self {
            Self::Disk(file) => Record::read(file),
            Self::Memory(records) => Ok(records.next()),
        }
    }
}

/// What was found of one archive after the other, in the order of keys.
#[derive(Debug)]
pub(super) struct TalliesByArchive {
    sources: Vec<Source>,
    next: Vec<Option<Record>>,
    /// The next archive of each source that has one; the least is on top.
    heads: BinaryHeap<Reverse<(Arc<str>, usize)>>,
}

impl TalliesByArchive {
    fn new(sources: Vec<Source>) -> io::Result<Self> {
        let next = sources.iter().map(|_| None).collect();
        let mut tallies = Self { sources, next, heads: BinaryHeap::new() };
        for source in 0..tallies.sources.len() {
            tallies.advance(source)?;
        }
        Ok(tallies)
    }

    /// Returns the key of the next archive.
    pub(super) fn archive(&self) -> Option<&str> {
        self.heads.peek().map(|Reverse((archive, _))| archive.as_ref())
    }

    /// Returns what was found of the next archive.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Option<ArchiveTally>> {
        let Some(Reverse((archive, _))) = self.heads.peek() else { return Ok(None) };
        let archive = Arc::clone(archive);
        let mut tally = ArchiveTally { archive, ..ArchiveTally::default() };
        while self.archive() == Some(&tally.archive) {
            let Some(Reverse((_, source))) = self.heads.pop() else { break };
            let record = self.next.get_mut(source).and_then(Option::take);
            if let Some(record) = record {
                let day = Date32Type::to_naive_date_opt(record.day).unwrap_or_default();
                *tally.days.entry(day).or_default() += record.found;
                tally.is_foreign |= record.is_foreign;
            }
            self.advance(source)?;
        }
        Ok(Some(tally))
    }

    fn advance(&mut self, source: usize) -> io::Result<()> {
        let Some(from) = self.sources.get_mut(source) else { return Ok(()) };
        if let Some(record) = from.next()? {
            self.heads.push(Reverse((Arc::clone(&record.archive), source)));
            if let Some(next) = self.next.get_mut(source) {
                *next = Some(record);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: u32) -> NaiveDate {
        NaiveDate::from_yo_opt(2024, number).unwrap()
    }

    #[test]
    fn parts_are_added_up_whether_they_were_in_memory_or_on_disk() {
        let mut spool = TallySpool::default();
        let parts = 3;
        let archives = CHUNK / 2 + 1;
        for part in 0..parts {
            let mut tally = Tally::default();
            for number in 0..archives {
                let archive: Arc<str> = format!("archive-{number}").into();
                let found = Fingerprint { rows: 1, sum: number as u128 };
                let days = BTreeMap::from([(day(1), found), (day(2 + part), found)]);
                tally.archives.insert(archive, days);
            }
            tally.foreign.extend((part == 1).then(|| "archive-7".into()));
            spool.add(tally).unwrap();
        }
        assert!(!spool.chunks.is_empty());
        let mut tallies = spool.by_archive().unwrap();
        let mut before = String::new();
        let mut count = 0;
        while let Some(tally) = tallies.next().unwrap() {
            assert!(before.as_str() < &*tally.archive);
            before = tally.archive.to_string();
            let number: u128 = tally.archive.strip_prefix("archive-").unwrap().parse().unwrap();
            assert_eq!(tally.rows(), 2 * u64::from(parts));
            assert_eq!(tally.days[&day(1)], Fingerprint { rows: 3, sum: 3 * number });
            assert_eq!(tally.days.len(), 4);
            assert_eq!(tally.is_foreign, number == 7);
            count += 1;
        }
        assert_eq!(count, archives);
    }
}
