//! What fuzz tests call and is private otherwise.

use bytes::Bytes;
use deltalake::kernel::Action;
use deltalake::logstore::get_actions;

use crate::delta::damage::commit_damage;
use crate::delta::log::record_in;

/// Reads one commit of a Delta log, of this program or another, as the program does.
///
/// Returns the lake's own record as JSON, if the commit has one. It is what the record is written
/// as, so reading it again has to give the same.
#[must_use]
pub fn read_commit(commit: &[u8]) -> Option<String> {
    let _ = commit_damage(commit);
    let version = 1;
    let actions = get_actions(version, &Bytes::copy_from_slice(commit)).unwrap_or_default();
    for action in &actions {
        if let Action::Add(add) = action {
            let _ = add.get_stats();
        }
    }
    let record = record_in(commit).ok().flatten()?;
    let corrections = record.logged_corrections(1).count();
    debug_assert_eq!(corrections, record.corrections.len());
    serde_json::to_string(&record).ok()
}
