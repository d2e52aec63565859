//! Delta tables as the lake writes them: created once, filled by commits that are decided on the
//! newest snapshot and land whole or not at all.
//!
//! The library's own writers, merge and optimize are not used on these tables: they collect batches
//! in memory, round decimal statistics and lose order and lineage. What a table means is the
//! business of [`crate::silver`] and [`crate::meta::archives`].

pub(crate) mod checkpoint;
mod columns;
pub(crate) mod commit;
pub(crate) mod commit_time;
pub(crate) mod create;
pub(crate) mod damage;
mod decimal_bounds;
pub(crate) mod descriptions;
mod error;
pub(crate) mod file;
mod hiding_store;
pub(crate) mod log;
pub(crate) mod log_files;
mod obstacle;
pub(crate) mod open;
pub(crate) mod replacement;
pub(crate) mod table;

pub use self::error::TableError;
pub(crate) use self::error::Verb;
