//! Gold models: what a gold table is made of, in which order tables are built, and which parts of
//! one to rebuild.
//!
//! A model is one file: a header of SQL comments and one `SELECT`. Reading the header, ordering
//! models by their inputs and deciding what a change of an input makes stale are pure and here; SQL
//! is a text to this module, and running it is the business of the package that runs SQL.

mod error;
mod header;
mod inputs;
mod model;
mod order;
mod recompute;
mod table;
pub(crate) mod values;

pub use error::ModelError;
pub(crate) use header::HeaderLines;
pub use model::Model;
pub(crate) use model::Statement;
pub use order::{BrokenModel, Models};
pub use recompute::{Changed, InputState, Recompute, recompute};
pub use table::{ColumnKind, ModelColumn, Partitioning};

#[cfg(test)]
mod tests;
