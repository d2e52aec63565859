//! stub
use crate::archive::ArchiveKey;
use chrono::{DateTime, Utc};
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    pub key: ArchiveKey,
    pub size: Option<u64>,
    pub etag: Option<String>,
    pub last_modified: Option<DateTime<Utc>>,
    pub checksum_modified: Option<DateTime<Utc>>,
    pub has_checksum: Option<bool>,
}
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    pub archives: Vec<Published>,
    pub unknown: Vec<String>,
}
