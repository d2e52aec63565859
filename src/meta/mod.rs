//! The lake's tables about itself: `meta.archives` (the ledger), `meta.changes`, `meta.rejects` and
//! `meta.runs`.
//!
//! The first two are indexes of what silver's log says and can be rebuilt from it
//! (`silver_history`, `rebuild`). What an archive's status means for a plan is decided in
//! `lakehouse_core`.

pub(crate) mod archives;
pub(crate) mod changes;
mod columns;
pub(crate) mod rebuild;
pub(crate) mod rejects;
pub(crate) mod runs;
pub mod scope;
mod silver_history;
pub(crate) mod silver_index;
