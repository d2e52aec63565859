//! The entries of a silver table's log sorted by archive, with as many of them in memory as a chunk
//! has, and the others in temporary files.
//!
//! What an entry means is not known here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};

use crate::delta::log::LogEntry;
use crate::delta::{TableError, Verb};
use crate::storage::lake::TableName;

/// Entries of a chunk.
const CHUNK: usize = 16 << 10;
/// What an error says that could not be written or read.
const COPY: &str = "a temporary copy of its log";

/// An entry, with the commit that it is from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SpooledEntry {
    pub(super) version: i64,
    pub(super) run: String,
    pub(super) entry: LogEntry,
}

/// All entries that were read so far.
#[derive(Debug)]
pub(super) struct LogSpool {
    table: TableName,
    newest: Vec<SpooledEntry>,
    /// Each sorted by archive, and by the order of commits.
    chunks: Vec<File>,
}

impl LogSpool {
    pub(super) const fn new(table: TableName) -> Self {
        Self { table, newest: Vec::new(), chunks: Vec::new() }
    }

    /// Adds an entry, which comes after those before.
    pub(super) fn push(&mut self, entry: SpooledEntry) -> Result<(), TableError> {
        self.newest.push(entry);
        if self.newest.len() < CHUNK {
            return Ok(());
        }
        let failed = TableError::cannot(Verb::Write, &self.table, COPY);
        let chunk = write_chunk(sorted(std::mem::take(&mut self.newest))).map_err(failed)?;
        self.chunks.push(chunk);
        Ok(())
    }

    /// Begins to read all entries, archive by archive. Only one reader may be in use at a time.
    pub(super) fn by_archive(&self) -> Result<EntriesByArchive, TableError> {
        let mut sources = Vec::with_capacity(self.chunks.len() + 1);
        for chunk in &self.chunks {
            let failed = TableError::cannot(Verb::Read, &self.table, COPY);
            sources.push(Source::Disk(read_chunk(chunk).map_err(failed)?));
        }
        sources.push(Source::Memory(sorted(self.newest.clone()).into_iter()));
        EntriesByArchive::new(self.table.clone(), sources)
    }
}

fn sorted(mut entries: Vec<SpooledEntry>) -> Vec<SpooledEntry> {
    // Stable: the entries of a commit take effect in their order.
    entries.sort_by(|a, b| (a.entry.archive(), a.version).cmp(&(b.entry.archive(), b.version)));
    entries
}

fn write_chunk(entries: Vec<SpooledEntry>) -> std::io::Result<File> {
    let mut writer = BufWriter::new(tempfile::tempfile()?);
    for entry in entries {
        serde_json::to_writer(&mut writer, &entry)?;
        writer.write_all(b"\n")?;
    }
    writer.into_inner().map_err(std::io::IntoInnerError::into_error)
}

fn read_chunk(chunk: &File) -> std::io::Result<BufReader<File>> {
    let mut file = chunk.try_clone()?;
    file.seek(SeekFrom::Start(0))?;
    Ok(BufReader::new(file))
}

/// Entries in the order of archives.
enum Source {
    Disk(BufReader<File>),
    Memory(std::vec::IntoIter<SpooledEntry>),
}

impl Source {
    fn next(&mut self) -> std::io::Result<Option<SpooledEntry>> {
        let Self::Disk(file) = self else {
            let Self::Memory(entries) = self else { return Ok(None) };
            return Ok(entries.next());
        };
        let mut line = String::new();
        if file.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(serde_json::from_str(&line)?))
    }
}

/// All entries of one archive after the other, each archive's in the order of commits.
pub(super) struct EntriesByArchive {
    table: TableName,
    sources: Vec<Source>,
    next: Vec<Option<SpooledEntry>>,
    /// The next archive and version of each source that has one; the least is on top.
    heads: BinaryHeap<Reverse<(String, i64, usize)>>,
}

impl EntriesByArchive {
    fn new(table: TableName, sources: Vec<Source>) -> Result<Self, TableError> {
        let next = sources.iter().map(|_| None).collect();
        let mut entries = Self { table, sources, next, heads: BinaryHeap::new() };
        for source in 0..entries.sources.len() {
            entries.advance(source)?;
        }
        Ok(entries)
    }

    /// Returns the next archive.
    pub(super) fn archive(&self) -> Option<&str> {
        self.heads.peek().map(|Reverse((archive, ..))| archive.as_str())
    }

    /// Returns the entries of the next archive.
    pub(super) fn next_archive(&mut self) -> Result<Vec<SpooledEntry>, TableError> {
        let mut entries = Vec::new();
        let Some(archive) = self.archive().map(str::to_owned) else { return Ok(entries) };
        while self.archive() == Some(archive.as_str()) {
            let Some(Reverse((_, _, source))) = self.heads.pop() else { break };
            entries.extend(self.next.get_mut(source).and_then(Option::take));
            self.advance(source)?;
        }
        Ok(entries)
    }

    fn advance(&mut self, source: usize) -> Result<(), TableError> {
        let Some(entries) = self.sources.get_mut(source) else { return Ok(()) };
        let next = entries.next().map_err(TableError::cannot(Verb::Read, &self.table, COPY))?;
        if let Some(entry) = &next {
            let head = (entry.entry.archive().to_owned(), entry.version, source);
            self.heads.push(Reverse(head));
        }
        if let Some(place) = self.next.get_mut(source) {
            *place = next;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::log::ComparedRecord;
    use crate::storage::lake::Layer;

    fn entry(archive: usize, version: i64, rows: u64) -> SpooledEntry {
        let compared = ComparedRecord {
            archive: format!("archive {archive:05}"),
            sha256: "00".to_owned(),
            rows,
            days: None,
            competing_version: None,
            yielded: false,
            removed: false,
            outside: None,
            reason: "compared".to_owned(),
        };
        SpooledEntry { version, run: "run".to_owned(), entry: LogEntry::Compared(compared) }
    }

    #[test]
    fn entries_of_many_chunks_come_archive_by_archive_in_the_order_of_commits() {
        let archives = CHUNK / 3;
        let mut spool = LogSpool::new(TableName::new(Layer::Silver, "trades"));
        for version in 0..7 {
            for archive in (0..archives).rev() {
                spool.push(entry(archive, version, 0)).unwrap();
                spool.push(entry(archive, version, 1)).unwrap();
            }
        }
        for _ in 0..2 {
            let mut entries = spool.by_archive().unwrap();
            for archive in 0..archives {
                let expected: Vec<SpooledEntry> = (0..7)
                    .flat_map(|version| [entry(archive, version, 0), entry(archive, version, 1)])
                    .collect();
                assert_eq!(entries.next_archive().unwrap(), expected);
            }
            assert_eq!(entries.archive(), None);
        }
    }
}
