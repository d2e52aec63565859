//! What a source of archives answers besides the archives: listings and checksums.

use lakehouse_core::listing::checksum::{Sha256Hex, parse_checksum};
use lakehouse_core::listing::{inventory, parse_page};

use super::MATRIX;

/// The archive whose checksum is read.
const FILE_NAME: &str = "BTCUSDT-1h-2026-05-08.zip";

/// Characters of the longest message, which quotes a part of the input at most.
const LONGEST_MESSAGE: usize = 400;

/// A page of a listing: every object is an archive, the checksum of one, or reported as unknown.
pub fn listing(bytes: &[u8]) {
    let page = match parse_page(bytes) {
        Ok(page) => page,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_ne!(page.next_marker.as_deref(), Some(""), "a listing would start again");
    let objects = page.objects.len();
    let found = inventory(page.objects, &MATRIX);
    assert!(found.archives.len() + found.unknown.len() <= objects);
    assert!(found.unknown.is_sorted());
    for archive in found.archives {
        let identified = MATRIX.identify(archive.key.path()).expect("its key is known");
        assert_eq!(identified, archive.key);
    }
}

/// A checksum file: the sum that is read is in the file and reads back the same.
pub fn checksum(bytes: &[u8]) {
    match parse_checksum(bytes, FILE_NAME) {
        Ok(sum) => {
            let text = String::from_utf8(bytes.to_vec()).expect("a sum was found in text");
            assert!(text.to_lowercase().contains(&sum.to_string()));
            assert_eq!(sum.to_string().parse::<Sha256Hex>(), Ok(sum));
        }
        Err(error) => assert!(error.to_string().chars().count() <= LONGEST_MESSAGE),
    }
}
