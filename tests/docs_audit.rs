//! The page about checks, made from their headers: `UPDATE_DOCS=1 cargo test docs` writes it again.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use lakehouse::audit::load_checks;
use lakehouse::gold::load_models;
use lakehouse_core::audit::{Check, OutputTable};
use lakehouse_core::schema::Schemas;

#[test]
fn the_page_about_checks_says_what_their_headers_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/audit.md");
    let expected = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap();
    assert!(
        found == expected,
        "docs/audit.md is not what UPDATE_DOCS=1 cargo test docs would write"
    );
}

const INTRODUCTION: &str = "\
<!-- Made from schemas/audit/ by tests/docs_audit.rs: UPDATE_DOCS=1 cargo test docs -->

# Audits

A checksum proves that an archive arrived as it was published. It does not prove that the archive is
right. `lakehouse audit` looks at the rows: does a bar's low lie below its high, do ids continue, do
bars agree with the trades that they are made of?

```text
lakehouse audit [CHECK…] [selection] [--full] [--format json]
lakehouse audit list
lakehouse audit show CHECK
lakehouse ingest … --audit
lakehouse refresh --audit
```

The exit code is 0 if no finding of severity `error` is open, and 1 if one is, or if a check could
not run. A day is audited again only if an input of the check changed on it. Checks whose tables are
not in the lake are skipped.

What checks find is in two tables, [`meta.findings`](tables.md#metafindings) and
[`meta.gaps`](tables.md#metagaps). Nothing is deleted from them: a finding that no longer holds gets
a `closed_at`. The versions in `opened_at` and `closed_at` are those of the table itself.

```text
SELECT check_name, kind, severity, symbol, date, cases, found
FROM meta.findings
WHERE closed_at IS NULL AND severity = 'error'
ORDER BY date DESC
```

A check sums up: everything of one kind on one symbol's day is one finding, with the number of cases
and the first of them.

## Your own checks

A check is one `.sql` file in the folder that [`audit_checks`](configuration.md) names. Its header
has the keys that you see in [schemas/audit/](../schemas/audit), its `SELECT` returns the rows that
are wrong. Required columns are `market`, `date`, `symbol`, `from_time` and `found`. Optional ones
are `to_time`, `data_type`, `bar_interval`, `kind`, `expected`, `evidence` and `archive`.
[extending](extending.md#a-check) describes the header.

```sql audit/large_volumes.sql
-- Bars of an hour with a volume that nobody believes.
--
-- severity: warning
-- data type: klines
-- partitions: market, date
-- inputs: silver.klines
-- expected: less than 1,000,000 of the base asset in an hour
-- means: somebody should look at it
-- do: compare with another exchange
-- source: experience
SELECT market, date, symbol, bar_interval, open_time AS from_time, 'volume ' || volume AS found,
       archive
FROM silver.klines
WHERE bar_interval = '1h' AND volume > 1000000
```
";

fn page() -> String {
    let schemas = Schemas::builtin().unwrap();
    let models = load_models(&schemas, None).unwrap();
    let checks = load_checks(&schemas, &models, None).unwrap();
    assert_eq!(checks.broken(), []);
    let mut page = INTRODUCTION.to_owned();
    for (title, output) in [
        ("Checks that write findings", OutputTable::Findings),
        ("Checks that write gaps", OutputTable::Gaps),
    ] {
        let checks: Vec<&Check> = checks.iter().filter(|check| check.output() == output).collect();
        if !checks.is_empty() {
            write!(page, "\n## {title}\n").unwrap();
            let of_files = checks.chunk_by(|one, next| one.file_name() == next.file_name());
            of_files.for_each(|checks| section(&mut page, checks));
        }
    }
    page
}

/// Writes about a check, or those that one file makes for several data types.
fn section(page: &mut String, checks: &[&Check]) {
    let check = checks[0];
    write!(page, "\n### {}\n\n{}\n\n", check.file_name(), check.description()).unwrap();
    let inputs = checks.iter().flat_map(|check| check.inputs());
    let inputs: Vec<String> = inputs.map(|input| format!("`{input}`")).collect();
    let names: Vec<String> = checks.iter().map(|check| format!("`{}`", check.name())).collect();
    let names = if names.len() > 1 { names.join(", ") } else { String::new() };
    let facts = [
        ("Checks", names),
        ("Severity", check.severity().to_string()),
        ("Reads", inputs.join(", ")),
        ("Expected", check.expected().to_owned()),
        ("Means", check.means().to_owned()),
        ("What to do", check.remedy().to_owned()),
        ("Example", check.example().to_owned()),
        ("Known from", check.source().to_owned()),
    ];
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(page, "- {name}: {value}").unwrap();
    }
    page.push_str("\n| kind | what it is |\n|---|---|\n");
    for kind in check.kinds() {
        writeln!(page, "| `{}` | {} |", kind.name, kind.description).unwrap();
    }
}
