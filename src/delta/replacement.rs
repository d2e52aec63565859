//! Commits that do nothing: what repair puts in the place of a commit that is damaged.
//!
//! Readers of Delta tables pass over them. What they do not hold any more is found by comparing the
//! table with the ledger, which is the business of maintenance.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::damage::ACTIONS_KEY;

/// What such a commit says it did.
const OPERATION: &str = "SET ASIDE";

/// Returns a commit that does nothing.
pub(crate) fn empty_commit(at: DateTime<Utc>) -> Bytes {
    let info = json!({"commitInfo": {
        "timestamp": at.timestamp_millis(),
        "operation": OPERATION,
        "operationParameters": {},
        "engineInfo": concat!("lakehouse/", env!("CARGO_PKG_VERSION")),
        (ACTIONS_KEY): 1,
    }});
    info.to_string().into()
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "commitInfo")]
    info: Info,
}

#[derive(Deserialize)]
struct Info {
    operation: String,
}

/// Returns whether a commit is one that does nothing.
pub(crate) fn is_empty_commit(commit: &[u8]) -> bool {
    serde_json::from_slice::<Line>(commit).is_ok_and(|line| line.info.operation == OPERATION)
}
