//! The data files of this build, as text.
//!
//! `build.rs` collects them, so that adding a data type or a gold table is adding a file. What they
//! mean is read by [`crate::matrix`], [`crate::schema`] and the package that runs SQL.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_sorted_by_name_and_not_empty() {
        assert!(!MATRIX_FILES.is_empty());
        for files in [MATRIX_FILES, SCHEMA_FILES, GOLD_FILES, AUDIT_FILES] {
            assert!(files.is_sorted());
            assert!(files.iter().all(|(_, text)| !text.trim().is_empty()));
        }
    }
}
