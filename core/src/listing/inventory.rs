//! Turns listed keys into published archives: zips with what is known of their checksum files.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::Listed;
use crate::foreign::shown;
use crate::matrix::Matrix;
use crate::names::archive::{ArchiveKey, CHECKSUM_SUFFIX, Series};
use crate::names::market::Frequency;
use crate::names::period::DateRange;

/// An archive as a source lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub key: ArchiveKey,
    /// Bytes of the zip; nothing if only the existence was checked.
    pub size: Option<u64>,
    pub etag: Option<String>,
    pub last_modified: Option<DateTime<Utc>>,
    /// What distinguishes one state of its checksum file from another: the entity tag, or the time
    /// of the last change where the source has no tags.
    pub checksum_tag: Option<String>,
    /// Nothing if the source did not say.
    pub has_checksum: Option<bool>,
}

impl Published {
    /// Describes an archive of which nothing but its key is known.
    #[must_use]
    pub const fn unlisted(key: ArchiveKey) -> Self {
        Self {
            key,
            size: None,
            etag: None,
            last_modified: None,
            checksum_tag: None,
            has_checksum: None,
        }
    }
}

/// What the listing of one series shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesListing {
    pub series: Series,
    /// The days that were listed at each frequency; others could not be listed, or need not be.
    pub listed: Vec<(Frequency, DateRange)>,
    /// Those that were listed, and those that were found otherwise.
    pub archives: Vec<Published>,
}

/// What a listing holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// In the order in which they were listed.
    pub archives: Vec<Published>,
    /// Keys that fit no pattern, and checksum files without their archive, sorted. The checksum
    /// file of a key that is here already is not repeated.
    pub unknown: Vec<String>,
}

/// Pairs archives with their checksum files; both must be among `objects`, in whatever order.
pub fn inventory(objects: impl IntoIterator<Item = Listed>, matrix: &Matrix) -> Inventory {
    let mut found = Inventory::default();
    let mut checksums: HashMap<String, Option<String>> = HashMap::new();
    let mut others = Vec::new();
    for object in objects {
        match object.key.strip_suffix(CHECKSUM_SUFFIX) {
            Some(archive) => {
                let archive = archive.to_owned();
                checksums.insert(archive, tag(object));
            }
            None => others.push(object),
        }
    }
    for object in others {
        let checksum = checksums.remove(&object.key);
        match matrix.identify(&object.key) {
            Ok(key) => found.archives.push(published(key, object, checksum)),
            Err(unknown) => found.unknown.push(shown(&unknown.key)),
        }
    }
    let lonely = checksums.into_keys().map(|archive| shown(&(archive + CHECKSUM_SUFFIX)));
    found.unknown.extend(lonely);
    found.unknown.sort_unstable();
    found
}

fn published(key: ArchiveKey, object: Listed, checksum: Option<Option<String>>) -> Published {
    Published {
        key,
        size: Some(object.size),
        etag: object.etag,
        last_modified: object.last_modified,
        has_checksum: Some(checksum.is_some()),
        checksum_tag: checksum.flatten(),
    }
}

fn tag(checksum: Listed) -> Option<String> {
    let time = checksum.last_modified.map(|time| time.to_rfc3339());
    checksum.etag.or(time)
}
