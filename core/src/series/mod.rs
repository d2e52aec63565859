//! What is known of the archives of a series as a whole: which are published, which the lake holds,
//! and why it leaves the others alone.
//!
//! A series has thousands of archives that stand alike for years, so what is known is kept by
//! stretches of periods. A run knows a part of a series: the days that it listed, and the archives
//! that it fetched. Here parts are put together; the table that keeps them is the business of the
//! shell.

mod looks;
mod state;
mod stretches;

pub use self::looks::{SeriesLook, SeriesLooks};
pub use self::state::ArchiveState;
pub use self::stretches::{Stretch, Stretches};
