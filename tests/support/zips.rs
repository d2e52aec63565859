//! Zips as they should not be: every way in which an archive's bytes can be no archive.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Bytes of the record that ends a zip without a comment.
const END_RECORD: usize = 22;

/// A zip that no archive may be, and what is said of it.
pub(crate) struct BadZip {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) reason: &'static str,
}

/// Returns a zip of one file.
pub(crate) fn zip_of(name: &str, content: &[u8]) -> Vec<u8> {
    zip_with(&[(name, content)], CompressionMethod::Deflated)
}

/// Returns every kind of bad zip around a good CSV whose file ought to be called `name`.
pub(crate) fn bad_zips(name: &str, csv: &[u8]) -> Vec<BadZip> {
    let good = zip_of(name, csv);
    let bad = |name, bytes, reason| BadZip { name, bytes, reason };
    let second = zip_with(&[(name, csv), ("second.csv", csv)], CompressionMethod::Deflated);
    vec![
        bad("TWOENTRIES", second, "expected one CSV in the zip, found "),
        bad(
            "NOENTRY",
            zip_with(&[], CompressionMethod::Stored),
            "the zip is empty; expected one CSV",
        ),
        bad("WRONGCRC", with_wrong_content(name, csv), "its directory says "),
        bad("WRONGSIZE", patched(good.clone(), 24, &[1, 0, 0, 0]), " unpacks to "),
        bad("CUTSHORT", good[..good.len() - 10].to_vec(), "no zip directory found in "),
        bad("CUTINSIDE", cut_inside(good.clone()), " of 20 packed bytes"),
        bad("ENCRYPTED", encrypted(good.clone()), " is encrypted"),
        bad(
            "ABSOLUTE",
            zip_of("/etc/evil.csv", csv),
            "the zip's entry is `/etc/evil.csv`; expected a file *.csv",
        ),
        bad(
            "PARENT",
            zip_of("../evil.csv", csv),
            "the zip's entry is `../evil.csv`; expected a file *.csv",
        ),
        bad(
            "FOLDER",
            zip_of("folder/", b""),
            "the zip's entry is `folder/`; expected a file *.csv",
        ),
        bad("BOMB", zip_of(name, &vec![b'1'; 1 << 20]), ", more than 500 times as many"),
        bad("UNDERSTATED", understated_bomb(name), " unpacks to "),
        bad("NOZIP", b"<html>not found</html>".to_vec(), "no zip directory found in 22 bytes"),
        bad("NOBYTES", Vec::new(), "no zip directory found in 0 bytes"),
    ]
}

/// Returns a zip of one file, one byte of which is not what its checksum was made of.
pub(crate) fn with_wrong_content(name: &str, content: &[u8]) -> Vec<u8> {
    let mut zip = zip_with(&[(name, content)], CompressionMethod::Stored);
    let start =
        ZipArchive::new(Cursor::new(&zip)).unwrap().by_index(0).unwrap().data_start().unwrap();
    let last = usize::try_from(start).unwrap() + content.len() - 1;
    zip[last] ^= 1;
    zip
}

/// Returns a zip of one deflated file that its directory says to be other bytes.
pub(crate) fn with_wrong_checksum(name: &str, content: &[u8]) -> Vec<u8> {
    patched(zip_of(name, content), 16, &[1, 2, 3, 4])
}

fn zip_with(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in entries {
        match name.strip_suffix('/') {
            Some(folder) => writer.add_directory(folder, options).unwrap(),
            None => writer.start_file(*name, options).unwrap(),
        }
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Says in the directory that there are fewer packed bytes than the content needs.
fn cut_inside(zip: Vec<u8>) -> Vec<u8> {
    patched(zip, 20, &20_u32.to_le_bytes())
}

/// Sets the flag of encryption in both headers.
fn encrypted(mut zip: Vec<u8>) -> Vec<u8> {
    zip[6] |= 1;
    patched(zip, 8, &[1])
}

/// Returns a bomb whose directory says that it is none.
fn understated_bomb(name: &str) -> Vec<u8> {
    patched(zip_of(name, &vec![b'1'; 1 << 20]), 24, &1_000_u32.to_le_bytes())
}

/// Overwrites bytes of the only entry's record in the directory.
fn patched(mut zip: Vec<u8>, offset: usize, bytes: &[u8]) -> Vec<u8> {
    let end = zip.len() - END_RECORD;
    let directory = u32::from_le_bytes(zip[end + 16..end + 20].try_into().unwrap()) as usize;
    let at = directory + offset;
    zip[at..at + bytes.len()].copy_from_slice(bytes);
    zip
}
