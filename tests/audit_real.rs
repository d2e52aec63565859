//! What audits find in real archives: each finding was looked at, and is explained in the list.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::archive_server::ArchiveServer;
use crate::support::shared::real_archives;
use crate::support::test_lake::TestLake;

/// The list: one finding or gap a line, after what it is.
const LIST: &str = "tests/fixtures/audit-of-real-archives.txt";

#[test]
#[cfg_attr(not(real_archives), ignore = "needs real archives beside the checkout")]
fn findings_in_real_archives_are_those_that_were_looked_at() {
    let archives = real_archives();
    let server = ArchiveServer::of_folder(archives.path());
    let lake = TestLake::new();
    lake.run("ingest", &["--all", "--stage", "silver", "--source", server.url()]);
    let audited = lake.run("audit", &["--format", "json"]);
    assert!(!audited.stdout.contains("\"failed\""), "{}", audited.stdout);
    // The archives are single days, between which nothing is published.
    let findings = "SELECT check_name, kind, market, symbol, coalesce(bar_interval, ''), date, \
                    CAST(cases AS VARCHAR) FROM meta.findings \
                    WHERE closed_at IS NULL AND check_name <> 'symbol_used_again'";
    let gaps = "SELECT check_name, class, market, symbol, coalesce(bar_interval, ''), date, \
                CAST(missing AS VARCHAR) FROM meta.gaps \
                WHERE closed_at IS NULL AND class <> 'not_published'";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rows = runtime.block_on(lake.rows(&format!("{findings} UNION ALL {gaps}")));
    let found: BTreeSet<String> = rows.into_iter().collect();
    let list = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(LIST)).unwrap();
    let is_row = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let explained: BTreeSet<String> = list.lines().filter(is_row).map(str::to_owned).collect();
    let new: Vec<_> = found.difference(&explained).collect();
    let gone: Vec<_> = explained.difference(&found).collect();
    assert!(new.is_empty() && gone.is_empty(), "new: {new:#?}\ngone: {gone:#?}");
}
