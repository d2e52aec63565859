use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

const CSV: &[u8] =
    b"1662508800000,18790.61000000,18873.17000000\n1662512400000,18833.11000000,18861.22000000\n";

/// Offsets within a local header, and from the end of a zip with one entry whose name has `name`
/// bytes.
const LOCAL_HEADER: usize = 30;
const END_RECORD: usize = 22;

fn zip_of(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in entries {
        if let Some(folder) = name.strip_suffix('/') {
            writer.add_directory(folder, options).unwrap();
        } else {
            writer.start_file(*name, options).unwrap();
            writer.write_all(content).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

fn deflated(name: &str) -> Vec<u8> {
    zip_of(&[(name, CSV)], CompressionMethod::Deflated)
}

fn stored() -> Vec<u8> {
    zip_of(&[("a.csv", CSV)], CompressionMethod::Stored)
}

/// Where the one entry's record in the directory of a zip begins.
fn directory(zip: &[u8]) -> usize {
    let end = zip.len() - END_RECORD;
    u32::from_le_bytes(zip[end + 16..end + 20].try_into().unwrap()) as usize
}

/// Overwrites bytes of the record in the directory.
fn patched(mut zip: Vec<u8>, offset: usize, bytes: &[u8]) -> Vec<u8> {
    let at = directory(&zip) + offset;
    zip[at..at + bytes.len()].copy_from_slice(bytes);
    zip
}

fn unzip_within(zip: &[u8], limits: UnzipLimits) -> Result<Vec<u8>, UnzipError> {
    let mut member = open_archive(Cursor::new(zip), limits)?;
    let (mut content, mut buffer) = (Vec::new(), [0; 1000]);
    loop {
        match member.fill(&mut buffer)? {
            0 => return Ok(content),
            count => content.extend_from_slice(&buffer[..count]),
        }
    }
}

fn unzip(zip: &[u8]) -> Result<Vec<u8>, UnzipError> {
    unzip_within(zip, UnzipLimits::default())
}

fn error(zip: &[u8]) -> String {
    unzip(zip).unwrap_err().to_string()
}

#[test]
fn one_csv_is_read_whether_stored_or_deflated() {
    assert_eq!(unzip(&deflated("BTCUSDT-1h-2022-09-07.csv")).unwrap(), CSV);
    assert_eq!(unzip(&stored()).unwrap(), CSV);
    let zip = deflated("a.csv");
    let mut member = open_archive(Cursor::new(&zip), UnzipLimits::default()).unwrap();
    assert_eq!((member.name(), member.size()), ("a.csv", CSV.len() as u64));
    let mut content = Vec::new();
    member.read_to_end(&mut content).unwrap();
    assert_eq!(content, CSV);
    assert_eq!(member.read(&mut [0; 10]).unwrap(), 0);
}

#[test]
fn an_empty_csv_is_a_csv() {
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        assert_eq!(unzip(&zip_of(&[("a.csv", b"")], method)).unwrap(), b"");
    }
}

#[test]
fn a_zip_that_holds_nothing_is_refused() {
    assert!(matches!(unzip(&zip_of(&[], CompressionMethod::Stored)), Err(UnzipError::NoEntry)));
}

#[test]
fn two_entries_are_refused_by_name_even_if_the_second_repeats_the_first() {
    let second = "fsx-data/collector_data/data/spot/monthly/aggTrades/BTCUSDT/a.csv";
    let zip = zip_of(&[("a.csv", CSV), (second, CSV)], CompressionMethod::Deflated);
    assert_eq!(error(&zip), format!("expected one CSV in the zip, found a.csv, {second}"));
    let with_folder = zip_of(&[("data/", b""), ("a.csv", CSV)], CompressionMethod::Stored);
    assert!(
        matches!(unzip(&with_folder), Err(UnzipError::ManyEntries { names }) if names.len() == 2)
    );
}

#[test]
fn two_entries_of_the_same_name_are_two() {
    let mut zip = zip_of(&[("a.csv", CSV), ("b.csv", b"1,2\n")], CompressionMethod::Stored);
    let places: Vec<usize> =
        (0..zip.len() - 5).filter(|at| &zip[*at..at + 5] == b"b.csv").collect();
    for at in places {
        zip[at] = b'a';
    }
    assert!(matches!(unzip(&zip), Err(UnzipError::ManyEntries { .. })));
}

#[test]
fn a_name_that_is_no_plain_csv_is_refused() {
    for name in [
        "a.txt",
        "a.CSV.gz",
        ".csv",
        "data/a.csv",
        "/a.csv",
        "../a.csv",
        "..\\a.csv",
        "C:a.csv",
        "a",
        "..csv",
    ] {
        let zip = deflated(name);
        assert!(matches!(unzip(&zip), Err(UnzipError::Name { .. })), "{name}: {:?}", unzip(&zip));
    }
    let folder = zip_of(&[("a.csv/", b"")], CompressionMethod::Stored);
    assert!(matches!(unzip(&folder), Err(UnzipError::Name { .. })));
}

#[test]
fn an_encrypted_entry_is_refused() {
    assert_eq!(error(&patched(deflated("a.csv"), 8, &[1])), "the zip's entry `a.csv` is encrypted");
}

#[test]
fn an_unknown_method_is_refused_by_name() {
    let message = error(&patched(deflated("a.csv"), 10, &[12, 0]));
    assert!(
        message.starts_with("the zip's entry `a.csv` is compressed with ")
            && message.ends_with("expected Stored or Deflated"),
        "{message}"
    );
}

#[test]
fn a_wrong_checksum_is_found_with_both_values() {
    let mut damaged = stored();
    damaged[LOCAL_HEADER + 5 + 3] ^= 1;
    let mut crc = Crc::new();
    crc.update(CSV);
    let message = error(&damaged);
    assert!(message.ends_with(&format!("its directory says {:08x}", crc.sum())), "{message}");
    assert!(matches!(
        unzip(&patched(deflated("a.csv"), 16, &[1, 2, 3, 4])),
        Err(UnzipError::Crc { expected: 0x0403_0201, .. })
    ));
}

#[test]
fn a_size_that_the_directory_does_not_say_is_found_in_either_direction() {
    let size = CSV.len() as u64;
    for stated in [size - 1, size + 1] {
        let zip = patched(deflated("a.csv"), 24, &u32::try_from(stated).unwrap().to_le_bytes());
        assert!(
            matches!(unzip(&zip), Err(UnzipError::Size { expected, got,
            .. }) if expected == stated && got == size),
            "{stated}"
        );
    }
}

#[test]
fn a_zip_that_is_cut_short_has_no_directory() {
    let zip = deflated("a.csv");
    for length in
        [0, 1, LOCAL_HEADER, zip.len() / 2, directory(&zip), zip.len() - END_RECORD, zip.len() - 1]
    {
        let size = length as u64;
        assert!(
            matches!(unzip(&zip[..length]), Err(UnzipError::Directory { size: found,
            .. }) if found == size),
            "{length}"
        );
    }
    assert!(matches!(unzip(b"<html>404</html>"), Err(UnzipError::Directory { .. })));
}

#[test]
fn content_that_ends_early_is_truncated_where_it_ends() {
    // The directory claims more packed bytes than the file has.
    let zip = stored();
    let more = patched(patched(zip, 20, &10_000_u32.to_le_bytes()), 24, &10_000_u32.to_le_bytes());
    assert!(
        matches!(unzip(&more), Err(UnzipError::Truncated { expected: 10_000, .. })),
        "{:?}",
        unzip(&more)
    );
    // The directory claims fewer packed bytes than the deflated content needs.
    let fewer = patched(deflated("a.csv"), 20, &20_u32.to_le_bytes());
    assert!(
        matches!(unzip(&fewer), Err(UnzipError::Truncated { expected: 20, got: 20, .. })),
        "{:?}",
        unzip(&fewer)
    );
}

#[test]
fn content_that_is_no_deflate_stream_is_corrupt() {
    let mut zip = deflated("a.csv");
    zip[LOCAL_HEADER + 5] = 0xFF;
    assert!(matches!(unzip(&zip), Err(UnzipError::Corrupt { .. })), "{:?}", unzip(&zip));
}

#[test]
fn a_damaged_local_header_is_found_with_its_place() {
    let mut zip = deflated("a.csv");
    zip[0] = b'X';
    assert!(matches!(unzip(&zip), Err(UnzipError::Header { offset: 0, .. })), "{:?}", unzip(&zip));
}

#[test]
fn a_bomb_is_refused_by_what_it_states_and_by_what_it_does() {
    let zeros = vec![b'0'; 1_000_000];
    let zip = zip_of(&[("a.csv", &zeros)], CompressionMethod::Deflated);
    let limits = UnzipLimits { size: 999_999, ratio: 10_000 };
    assert!(matches!(
        unzip_within(&zip, limits),
        Err(UnzipError::TooLarge { size: 1_000_000, limit: 999_999, .. })
    ));
    assert!(matches!(unzip(&zip), Err(UnzipError::Ratio { size: 1_000_000, limit: 500, .. })));
    // One that states less is stopped once it unpacks to more.
    let modest = patched(zip, 24, &1000_u32.to_le_bytes());
    assert!(
        matches!(unzip(&modest), Err(UnzipError::Size { expected: 1000, got, .. }) if got <= 2000)
    );
}

#[test]
fn an_error_of_the_medium_is_not_blamed_on_the_archive() {
    struct Broken(Cursor<Vec<u8>>);
    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.position() == (LOCAL_HEADER + 5) as u64 {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the disk is gone"));
            }
            self.0.read(buffer)
        }
    }
    impl Seek for Broken {
        fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
            self.0.seek(position)
        }
    }
    let mut member = open_archive(Broken(Cursor::new(stored())), UnzipLimits::default()).unwrap();
    assert!(matches!(member.fill(&mut [0; 10]),
        Err(UnzipError::Io(error)) if error.kind() == io::ErrorKind::TimedOut));
    let mut member = open_archive(Broken(Cursor::new(stored())), UnzipLimits::default()).unwrap();
    assert_eq!(member.read(&mut [0; 10]).unwrap_err().kind(), io::ErrorKind::TimedOut);
}
