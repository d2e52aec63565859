//! Files that people write: configurations, and the data files of `matrix/` and `schemas/`.
//!
//! Here they become trees and values that know their lines, so that every message names file, line
//! and key. Flags and environment variables belong to the program.

pub mod data_file;
pub mod options;
mod tree;
