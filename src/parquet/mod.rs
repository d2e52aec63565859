//! Data files: how rows are encoded as Parquet, read back, and rewritten without some of them.
//!
//! Files are sorted, carry exact statistics, and list in their footers the archives that their rows
//! come from. Which files belong to a table is a matter of its log ([`crate::delta`]).

mod decimals;
mod encode;
mod encodings;
pub(crate) mod reader;
pub(crate) mod rewrite;
pub(crate) mod row_hash;
mod runs;
mod statistics;
pub(crate) mod writer;
