//! Pages as a bucket sends them, and what an inventory makes of them.

use super::*;
use crate::matrix::Matrix;

fn page(inner: &str) -> ListingPage {
    parse_page(document(inner).as_bytes()).unwrap()
}

fn document(inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>data.binance.vision</Name>\
         <Prefix>data/</Prefix><Marker/><MaxKeys>1000</MaxKeys>{inner}</ListBucketResult>"
    )
}

fn contents(key: &str) -> String {
    format!(
        "<Contents><Key>{key}</Key><LastModified>2026-05-09T06:49:08.000Z</LastModified>\
         <ETag>&quot;0f343b0931126a20f133d67c2b018a3b&quot;</ETag><Size>1024</Size>\
         <Owner><ID>7</ID></Owner><StorageClass>STANDARD</StorageClass></Contents>"
    )
}

fn error(xml: &str) -> ListingError {
    parse_page(xml.as_bytes()).unwrap_err()
}

#[test]
fn a_page_gives_keys_and_folders_and_ends_the_listing() {
    let folders = "\n  <CommonPrefixes>\n    <Prefix>data/spot/</Prefix>\n  </CommonPrefixes>\n";
    let page =
        page(&format!("<IsTruncated>false</IsTruncated>{}{folders}", contents("data/a.zip")));
    assert_eq!(page.prefixes, ["data/spot/"]);
    assert_eq!(page.next_marker, None);
    let [object] = &page.objects[..] else { panic!("{page:?}") };
    assert_eq!((object.key.as_str(), object.size), ("data/a.zip", 1024));
    assert_eq!(object.etag.as_deref(), Some("0f343b0931126a20f133d67c2b018a3b"));
    assert_eq!(object.last_modified.unwrap().to_rfc3339(), "2026-05-09T06:49:08+00:00");
}

#[test]
fn a_page_may_be_empty() {
    assert_eq!(page("<IsTruncated>false</IsTruncated>"), ListingPage::default());
}

#[test]
fn the_marker_is_the_servers_or_the_last_thing_listed() {
    let truncated = "<IsTruncated>true</IsTruncated>";
    let keys = format!("{truncated}{}{}", contents("data/a.zip"), contents("data/b.zip"));
    assert_eq!(page(&keys).next_marker.as_deref(), Some("data/b.zip"));
    assert_eq!(
        page(&format!("{keys}<NextMarker>data/c</NextMarker>")).next_marker.as_deref(),
        Some("data/c")
    );
    let folders = "<CommonPrefixes><Prefix>data/z/</Prefix></CommonPrefixes>";
    assert_eq!(page(&format!("{keys}{folders}")).next_marker.as_deref(), Some("data/z/"));
    assert_eq!(error(&document(truncated)), ListingError::NoMarker);
}

#[test]
fn a_marker_of_a_listing_that_is_complete_is_not_followed() {
    assert_eq!(
        page("<NextMarker>data/c</NextMarker><IsTruncated>false</IsTruncated>").next_marker,
        None
    );
}

#[test]
fn keys_are_freed_of_entities_and_of_the_encoding_that_the_page_declares() {
    let key = "data/&amp;&#x5e01;%2B+.zip";
    assert_eq!(page(&contents(key)).objects[0].key, "data/&币%2B+.zip");
    let encoded = "data/%E5%B8%81%E5%AE%89USDT/x%2By+z.zip";
    let decoded = page(&format!(
        "{}<NextMarker>%E5%B8%81</NextMarker><IsTruncated>true</IsTruncated>\
         <EncodingType>url</EncodingType>",
        contents(encoded)
    ));
    assert_eq!(decoded.objects[0].key, "data/币安USDT/x+y z.zip");
    assert_eq!(decoded.next_marker.as_deref(), Some("币"));
    for broken in ["%E5", "%zz", "%", "%+1"] {
        let broken = document(&format!("<EncodingType>url</EncodingType>{}", contents(broken)));
        assert!(matches!(error(&broken), ListingError::Value { .. }), "{broken}");
    }
}

#[test]
fn an_error_document_is_an_error_with_its_code() {
    let refused = error(
        "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access \
        &lt;Denied&gt;</Message>\
         <RequestId>1</RequestId></Error>",
    );
    assert_eq!(refused.to_string(), "the listing was refused: AccessDenied: Access <Denied>");
}

#[test]
fn what_is_no_page_is_named_as_what_it_is() {
    let foreign = error("<!DOCTYPE html><html><body>Welcome</body></html>");
    assert_eq!(foreign, ListingError::Foreign { root: "html".to_owned() });
    assert_eq!(error(""), ListingError::CutShort);
    assert_eq!(error("upstream timed out"), ListingError::CutShort);
    let whole = document(&contents("data/a.zip"));
    assert_eq!(error(&whole[..whole.len() - 30]), ListingError::CutShort);
    assert!(matches!(
        error("<ListBucketResult></Contents></ListBucketResult>"),
        ListingError::Xml { .. }
    ));
    assert!(matches!(error(&document("&nbsp;")), ListingError::Xml { .. }));
}

#[test]
fn an_object_that_lacks_something_is_not_taken() {
    let missing = |element| ListingError::Missing { element };
    assert_eq!(error(&document("<Contents><Key>a</Key></Contents>")), missing("Size"));
    assert_eq!(error(&document("<Contents><Size>1</Size></Contents>")), missing("Key"));
    let message = error(&document("<Contents><Key>a</Key><Size>-1</Size></Contents>")).to_string();
    assert_eq!(message, "the listing says `-1` for Size; expected a number of bytes");
    assert!(matches!(
        error(&document("<IsTruncated>maybe</IsTruncated>")),
        ListingError::Value { .. }
    ));
    let yesterday = document("<Contents><LastModified>yesterday</LastModified></Contents>");
    assert!(matches!(error(&yesterday), ListingError::Value { .. }));
}

#[test]
fn an_archive_is_paired_with_its_checksum_file_in_any_order() {
    let folder = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05-";
    let names =
        ["08.zip", "09.zip.CHECKSUM", "09.zip"].map(|name| contents(&format!("{folder}{name}")));
    let found = inventory(page(&names.concat()).objects, &Matrix::builtin().unwrap());
    assert!(found.unknown.is_empty());
    let [bare, paired] = &found.archives[..] else { panic!("{found:?}") };
    assert_eq!((bare.has_checksum, bare.checksum_tag.as_ref()), (Some(false), None));
    assert_eq!((paired.has_checksum, &paired.checksum_tag), (Some(true), &paired.etag));
    let dated = |name: &str| Listed {
        key: format!("{folder}{name}"),
        size: 1,
        etag: None,
        last_modified: Some(DateTime::UNIX_EPOCH),
    };
    let found = inventory(["09.zip", "09.zip.CHECKSUM"].map(dated), &Matrix::builtin().unwrap());
    let tag = found.archives[0].checksum_tag.as_deref();
    assert_eq!(tag, Some("1970-01-01T00:00:00+00:00"), "the time, where there is no tag");
    assert_eq!((paired.key.file_name(), paired.size), ("BTCUSDT-1h-2026-05-09.zip", Some(1024)));
}

#[test]
fn keys_that_fit_no_pattern_are_kept_as_unknown() {
    let folder = "data/futures/um/monthly/aggTrades/BTCUSDT/";
    let keys = [
        format!("{folder}BTCUSDT-aggTrades-2020-8.zip"),
        format!("{folder}BTCUSDT-aggTrades-2020-8.zip.CHECKSUM"),
        format!("{folder}BTCUSDT-aggTrades-2020-09.zip.CHECKSUM"),
        format!("{folder}part-00000-0d.zip"),
        "/data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2021-01-01.zip".to_owned(),
    ];
    let listed = keys.iter().map(|key| contents(key)).collect::<String>();
    let found = inventory(page(&listed).objects, &Matrix::builtin().unwrap());
    assert!(found.archives.is_empty());
    assert_eq!(found.unknown, [&keys[4], &keys[2], &keys[0], &keys[3]].map(String::as_str));
}

#[test]
fn elements_that_have_no_meaning_are_passed_over_however_deep_they_are() {
    let nested = format!("{}{}", "<x>".repeat(200_000), "</x>".repeat(200_000));
    let found = page(&format!("{nested}{}", contents("data/a.zip")));
    assert_eq!(found.objects.len(), 1);
    let inside = "<Contents><Owner><Key>b</Key></Owner><Key>a</Key><Size>1</Size></Contents>";
    assert_eq!(page(inside).objects[0].key, "a");
}

#[test]
fn a_page_that_is_endless_in_an_element_is_refused() {
    let long = format!("<Contents><Key>{}</Key></Contents>", "k".repeat(1_000_000));
    assert!(error(&document(&long)).to_string().contains("bytes of text"));
    let many = "<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>".repeat(30_000);
    assert!(error(&document(&many)).to_string().contains("entries"));
}

#[test]
fn an_entity_tag_of_kilobytes_is_none() {
    let tagged = |etag: &str| {
        let tag = format!("<Key>k</Key><ETag>&quot;{etag}&quot;</ETag><Size>1</Size>");
        page(&format!("<Contents>{tag}</Contents>")).objects[0].etag.clone()
    };
    assert_eq!(tagged("abc-2").as_deref(), Some("abc-2"));
    assert_eq!(tagged(&"a".repeat(4000)), None);
}

#[test]
fn what_a_server_says_is_shown_without_its_control_characters() {
    let esc = "\u{1b}[2J\u{202e}";
    let refused = format!("<Error><Code>{esc}</Code><Message>{esc}\nline</Message></Error>");
    let message = error(&refused).to_string();
    let expected = "the listing was refused: \\u{1b}[2J\\u{202e}: \\u{1b}[2J\\u{202e}\\u{a}line";
    assert_eq!(message, expected);
    let size = format!("<Contents><Key>k</Key><Size>{esc}</Size></Contents>");
    assert!(!error(&document(&size)).to_string().contains('\u{1b}'));
    let key = format!("data/spot/{esc}.zip");
    let found = inventory(page(&contents(&key)).objects, &Matrix::builtin().unwrap());
    assert_eq!(found.unknown, ["data/spot/\\u{1b}[2J\\u{202e}.zip"]);
}
