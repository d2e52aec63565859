//! The archives that a plan fetches, each in some sixty bytes: a plan of the whole archive has
//! millions of them.
//!
//! What archives of a series have in common is kept once, and keys are rendered again when they are
//! needed. Nothing is decided here.

use std::cmp::Reverse;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use super::{Batch, BatchLimits, FetchReason, Planned};
use crate::listing::Published;
use crate::names::archive::{ArchiveKey, Series};
use crate::names::market::Frequency;
use crate::names::pattern::KeyPattern;
use crate::names::period::Period;

/// Archives to fetch: by table, month, day, market, symbol and interval once they are sorted, so
/// that neighbours share partitions.
#[derive(Clone, Debug, Default)]
pub struct FetchList {
    series: Vec<FetchedSeries>,
    archives: Vec<FetchedArchive>,
    /// Entity tags that are no MD5 sum.
    other_tags: Vec<Box<str>>,
}

/// What the archives of one series share.
#[derive(Clone, Debug)]
pub(super) struct FetchedSeries {
    pub(super) series: Series,
    /// The silver table that the rows belong to.
    pub(super) table: Arc<str>,
    pub(super) pattern: Arc<KeyPattern>,
}

/// Without places for what is unknown, because there are millions of these.
#[derive(Clone, Copy, Debug)]
struct FetchedArchive {
    /// A place in the list of series.
    series: u32,
    reason: FetchReason,
    period: Period,
    size: u64,
    /// Microseconds.
    last_modified: i64,
    etag: Tag,
    checksum_tag: Tag,
}

/// What stands for an unknown size and an unknown time.
const UNKNOWN_SIZE: u64 = u64::MAX;
const UNKNOWN_TIME: i64 = i64::MIN;

/// An entity tag; of archives and their checksums it is nearly always the MD5 sum of the bytes.
#[derive(Clone, Copy, Debug)]
enum Tag {
    Unknown,
    Md5([u8; 16]),
    /// A place in the list of other tags, as bytes.
    Other([u8; 4]),
}

impl FetchList {
    /// Adds archives of one series with the reasons for which they are fetched.
    pub(super) fn add<'p>(
        &mut self,
        series: FetchedSeries,
        archives: impl IntoIterator<Item = (&'p Published, FetchReason)>,
    ) {
        let place = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        let before = self.archives.len();
        for (published, reason) in archives {
            let modified = published.last_modified.map(|time| time.timestamp_micros());
            let archive = FetchedArchive {
                series: place,
                reason,
                period: published.key.period(),
                size: published.size.unwrap_or(UNKNOWN_SIZE),
                last_modified: modified.unwrap_or(UNKNOWN_TIME),
                etag: self.compact(published.etag.as_deref()),
                checksum_tag: self.compact(published.checksum_tag.as_deref()),
            };
            self.archives.push(archive);
        }
        if self.archives.len() > before {
            self.series.push(series);
        }
    }

    /// Adds the archives of another list; the whole is to be sorted again.
    pub(super) fn append(&mut self, other: Self) {
        let first_series = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        let first_tag = u32::try_from(self.other_tags.len()).unwrap_or(u32::MAX);
        self.series.extend(other.series);
        self.other_tags.extend(other.other_tags);
        for mut archive in other.archives {
            archive.series += first_series;
            for tag in [&mut archive.etag, &mut archive.checksum_tag] {
                if let Tag::Other(place) = tag {
                    *place = (u32::from_ne_bytes(*place) + first_tag).to_ne_bytes();
                }
            }
            self.archives.push(archive);
        }
    }

    /// Brings the archives into the order in which they are fetched.
    pub(super) fn sort(&mut self) {
        let ranks = self.ranks();
        let place = |archive: &FetchedArchive| {
            let rank = ranks.get(archive.series as usize).copied().unwrap_or_default();
            Place {
                table: rank.table,
                month: archive.period.month().start(),
                frequency: Reverse(archive.period.frequency()),
                day: archive.period.start(),
                series: rank.series,
            }
        };
        self.archives.sort_unstable_by_key(place);
    }

    /// Returns the number of archives.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.archives.len()
    }

    /// Returns whether there is nothing to fetch.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.archives.is_empty()
    }

    /// Returns the sizes that are published, in bytes.
    pub fn sizes(&self) -> impl Iterator<Item = u64> {
        self.archives.iter().filter_map(FetchedArchive::size)
    }

    /// Returns the archives in their order.
    pub fn iter(&self) -> impl Iterator<Item = Planned> {
        self.archives.iter().filter_map(|archive| self.planned(archive))
    }

    /// Returns series, period, size and reason of each archive, without rendering keys.
    pub(super) fn outlines(&self) -> impl Iterator<Item = Outline<'_>> {
        self.archives.iter().filter_map(|archive| {
            let series = &self.series.get(archive.series as usize)?.series;
            let FetchedArchive { period, reason, .. } = *archive;
            Some(Outline { series, period, reason, size: archive.size() })
        })
    }

    /// Returns the batch that begins at a place: archives of one table, as many as the limits
    /// allow.
    fn batch(&self, start: usize, limits: BatchLimits) -> Option<Batch> {
        let rest = self.archives.get(start..)?;
        let table = self.table(rest.first()?)?;
        let mut archives = Vec::new();
        let mut bytes: u64 = 0;
        for archive in rest.iter().take(limits.archives.max(1)) {
            let is_of_table =
                self.table(archive).is_some_and(|it| Arc::ptr_eq(it, table) || it == table);
            bytes = bytes.saturating_add(archive.size().unwrap_or_default());
            // One archive is a batch however large it is.
            if !is_of_table || (bytes > limits.bytes && !archives.is_empty()) {
                break;
            }
            archives.extend(self.planned(archive));
        }
        Some(Batch { table: Arc::clone(table), archives })
    }

    fn table(&self, archive: &FetchedArchive) -> Option<&Arc<str>> {
        self.series.get(archive.series as usize).map(|series| &series.table)
    }

    fn planned(&self, archive: &FetchedArchive) -> Option<Planned> {
        let FetchedSeries { series, table, pattern } = self.series.get(archive.series as usize)?;
        let path = pattern.render(&series.symbol, series.interval, archive.period);
        let published = Published {
            key: ArchiveKey::new(series.clone(), archive.period, &path),
            size: archive.size(),
            etag: self.tag(archive.etag),
            last_modified: archive.last_modified(),
            checksum_tag: self.tag(archive.checksum_tag),
            has_checksum: None,
        };
        Some(Planned { published, table: Arc::clone(table), reason: archive.reason })
    }

    fn compact(&mut self, tag: Option<&str>) -> Tag {
        let Some(tag) = tag else { return Tag::Unknown };
        let mut sum = [0; 16];
        // A tag in upper case would not come back as it was.
        let is_lower_case = !tag.bytes().any(|byte| byte.is_ascii_uppercase());
        if is_lower_case && hex::decode_to_slice(tag, &mut sum).is_ok() {
            return Tag::Md5(sum);
        }
        let place = u32::try_from(self.other_tags.len()).unwrap_or(u32::MAX);
        self.other_tags.push(tag.into());
        Tag::Other(place.to_ne_bytes())
    }

    fn tag(&self, tag: Tag) -> Option<String> {
        match tag {
            Tag::Unknown => None,
            Tag::Md5(sum) => Some(hex::encode(sum)),
            Tag::Other(place) => {
                let tag = self.other_tags.get(u32::from_ne_bytes(place) as usize)?;
                Some(tag.clone().into_string())
            }
        }
    }

    /// Returns where each series, and its table, stand in the order of all.
    fn ranks(&self) -> Vec<SeriesRank> {
        let mut places: Vec<usize> = (0..self.series.len()).collect();
        let key = |place: &usize| self.series.get(*place).map(|it| (&it.table, &it.series));
        places.sort_unstable_by_key(key);
        let mut ranks = vec![SeriesRank::default(); places.len()];
        let mut rank = SeriesRank::default();
        let mut table = None;
        for place in places {
            let own = self.series.get(place).map(|it| &it.table);
            if table.is_some() && table != own {
                rank.table += 1;
            }
            table = own;
            if let Some(slot) = ranks.get_mut(place) {
                *slot = rank;
            }
            rank.series += 1;
        }
        ranks
    }
}

impl FetchedArchive {
    fn size(&self) -> Option<u64> {
        (self.size != UNKNOWN_SIZE).then_some(self.size)
    }

    fn last_modified(&self) -> Option<DateTime<Utc>> {
        let micros = Some(self.last_modified).filter(|micros| *micros != UNKNOWN_TIME);
        micros.and_then(DateTime::from_timestamp_micros)
    }
}

/// One archive of a list, without its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outline<'a> {
    pub(super) series: &'a Series,
    pub(super) period: Period,
    pub(super) reason: FetchReason,
    pub(super) size: Option<u64>,
}

/// The places of a series and of its table among all.
#[derive(Clone, Copy, Debug, Default)]
struct SeriesRank {
    table: u32,
    series: u32,
}

/// Where an archive stands among those to fetch: neighbours touch the same partitions.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    table: u32,
    month: NaiveDate,
    /// A month's own archives come before those of its days.
    frequency: Reverse<Frequency>,
    day: NaiveDate,
    /// The place of the series in the order of market, symbol and interval.
    series: u32,
}

/// The batches of a list, made one by one.
#[derive(Clone, Debug)]
pub struct Batches {
    list: Arc<FetchList>,
    limits: BatchLimits,
    next: usize,
}

impl Batches {
    /// Cuts a list into batches within limits, each of one table.
    #[must_use]
    pub const fn new(list: Arc<FetchList>, limits: BatchLimits) -> Self {
        Self { list, limits, next: 0 }
    }
}

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let batch = self.list.batch(self.next, self.limits)?;
        self.next += batch.archives.len();
        Some(batch)
    }
}
