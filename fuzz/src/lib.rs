//! Fuzz targets: one function for each input of `lakehouse-core` that somebody else writes.
//!
//! A function panics if the input is handled wrongly: the code under test panics, or a property
//! does not hold that is checked here. libFuzzer calls these functions through `targets/`, and
//! `core/tests/fuzz_corpus.rs` calls them with every file in `corpus/`. Inputs of the program
//! itself, such as arguments and commits, are in `tests/fuzz.rs`.

use std::sync::LazyLock;

use lakehouse_core::matrix::Matrix;

mod archive;
mod configuration;
mod lake;
mod names;
mod source;

pub use archive::{csv, zip};
pub use configuration::{collection, matrix, model, settings};
pub use lake::format;
pub use names::key;
pub use source::{checksum, listing};

/// The matrix, which takes longer to read than most inputs.
static MATRIX: LazyLock<Matrix> =
    LazyLock::new(|| Matrix::builtin().expect("the built-in matrix is valid"));

/// Takes any bytes, and panics if they are handled wrongly.
pub type Target = fn(&[u8]);

/// All targets, each with the name of its folder in `corpus/`.
pub const TARGETS: [(&str, Target); 10] = [
    ("checksum", checksum),
    ("collection", collection),
    ("csv", csv),
    ("format", format),
    ("key", key),
    ("listing", listing),
    ("matrix", matrix),
    ("model", model),
    ("settings", settings),
    ("zip", zip),
];
