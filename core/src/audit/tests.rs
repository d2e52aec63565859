use std::collections::BTreeSet;

use super::{Check, Checks, OutputTable, Severity};
use crate::gold::Partitioning;
use crate::names::table::{Layer, TableName};
use crate::schema::Schemas;

const CHECK: &str = "\
-- A bar's low is above its high.
--
-- severity: error
-- data type: klines
-- partitions: market, date
-- split by: symbol
-- inputs: silver.klines
-- lookback: 1 day
-- expected: low <= high
-- means: The bar is wrong,
--   whatever it was made of.
-- do: Use the monthly copy.
-- source: arithmetic
-- example: low 2, high 1
-- kinds:
--   crossed: low above high,
--     by any amount
--   equal: low is high
SELECT 1
";

fn error_of(text: &str) -> String {
    Check::parse("checks/mine.sql", text).unwrap_err().to_string()
}

#[test]
fn a_header_is_read_whole() {
    let check = Check::parse("checks/mine.sql", CHECK).unwrap().remove(0);
    assert_eq!(check.name(), "mine");
    assert_eq!(check.severity(), Severity::Error);
    assert_eq!(check.output(), OutputTable::Findings);
    assert_eq!(check.partitioning(), Partitioning::MarketAndDate);
    assert_eq!(check.inputs(), [TableName::new(Layer::Silver, "klines")]);
    assert_eq!(check.statement().lookback(), 1);
    assert!(check.is_split_by_symbol());
    assert_eq!(check.data_type(), "klines");
    assert_eq!(check.means(), "The bar is wrong, whatever it was made of.");
    assert_eq!(check.remedy(), "Use the monthly copy.");
    let kinds: Vec<_> = check.kinds().iter().map(|kind| kind.name.as_str()).collect();
    assert_eq!(kinds, ["crossed", "equal"]);
    assert_eq!(check.kinds()[0].description, "low above high, by any amount");
    assert_eq!(check.statement().select(), "SELECT 1");
}

#[test]
fn errors_of_headers_name_file_and_line() {
    let wrong_severity = CHECK.replace("severity: error", "severity: awful");
    assert_eq!(
        error_of(&wrong_severity),
        "checks/mine.sql, line 3: `severity`: expected one of info, warning, error, found `awful`"
    );
    let wrong_split = CHECK.replace("split by: symbol", "split by: day");
    assert_eq!(
        error_of(&wrong_split),
        "checks/mine.sql, line 6: `split by`: expected one of symbol, found `day`"
    );
    let no_source = CHECK.replace("-- source: arithmetic\n", "");
    assert_eq!(
        error_of(&no_source),
        "checks/mine.sql, line 18: the header above does not say `source`"
    );
    let no_statement = CHECK.replace("SELECT 1\n", "");
    assert_eq!(
        error_of(&no_statement),
        "checks/mine.sql, line 18: expected a SELECT below the header"
    );
    let unknown_key = CHECK.replace("-- do:", "-- hint:");
    assert!(error_of(&unknown_key).starts_with("checks/mine.sql, line 12: expected one of"));
    let whole = CHECK.replace("partitions: market, date", "partitions: none");
    assert!(error_of(&whole).starts_with("checks/mine.sql, line 8: `lookback`"));
}

#[test]
fn a_check_with_an_unknown_input_is_broken_and_the_others_stay() {
    let tables = BTreeSet::from([TableName::new(Layer::Silver, "klines")]);
    let unknown = CHECK.replace("silver.klines", "silver.candles");
    let files = [("good.sql", CHECK), ("bad.sql", unknown.as_str())];
    let files = files.map(|(file, text)| (file.to_owned(), text.to_owned()));
    let checks = Checks::parse(&files, &tables);
    assert_eq!(checks.iter().map(Check::name).collect::<Vec<_>>(), ["good"]);
    let error = checks.broken()[0].error.to_string();
    assert_eq!(error, "bad.sql, line 7: there is no table `silver.candles`");
}

#[test]
fn a_file_of_several_data_types_makes_a_check_for_each_over_its_own_table() {
    let text = CHECK
        .replace("data type: klines", "data type: klines, markPriceKlines")
        .replace("inputs: silver.klines", "inputs: silver.klines, silver.mark_price_klines")
        .replace("SELECT 1", "SELECT 1 FROM silver.klines JOIN silver.klines_of_mine");
    let checks = Check::parse("checks/mine.sql", &text).unwrap();
    let names: Vec<_> = checks.iter().map(Check::name).collect();
    assert_eq!(names, ["mine_klines", "mine_mark_price_klines"]);
    assert_eq!(checks[1].data_type(), "markPriceKlines");
    assert_eq!(checks[1].inputs(), [TableName::new(Layer::Silver, "mark_price_klines")]);
    assert_eq!(
        checks[1].statement().select(),
        "SELECT 1 FROM silver.mark_price_klines JOIN silver.klines_of_mine"
    );
    assert_eq!(
        checks[0].statement().select(),
        "SELECT 1 FROM silver.klines JOIN silver.klines_of_mine"
    );
    let one_table = text.replace(", silver.mark_price_klines", "");
    assert_eq!(
        error_of(&one_table),
        "checks/mine.sql, line 4: `data type`: a check of 2 data types has a table for each of \
         them in `inputs`, and there are 1"
    );
    let tables = BTreeSet::from(
        ["klines", "mark_price_klines"].map(|name| TableName::new(Layer::Silver, name)),
    );
    let all = Checks::parse(&[("mine.sql".to_owned(), text)], &tables);
    assert_eq!(all.named("mine").count(), 2);
    assert_eq!(all.named("mine_klines").count(), 1);
}

#[test]
fn a_fingerprint_changes_with_the_statement_and_the_severity_but_not_with_words() {
    let check = |text: &str| Check::parse("mine.sql", text).unwrap()[0].fingerprint();
    assert_ne!(check(CHECK), check(&CHECK.replace("SELECT 1", "SELECT 2")));
    assert_ne!(check(CHECK), check(&CHECK.replace("severity: error", "severity: info")));
    assert_eq!(check(CHECK), check(&CHECK.replace("do: Use", "do: Take")));
}

#[test]
fn every_check_of_the_program_can_be_read_and_says_what_it_is_for() {
    let schemas = Schemas::builtin().unwrap();
    let silver = schemas.iter().map(|schema| TableName::new(Layer::Silver, schema.table()));
    let archives = TableName::new(Layer::Meta, "archives");
    let checks = Checks::new(&[], &silver.chain([archives]).collect());
    assert_eq!(checks.broken(), []);
    for check in checks.iter() {
        assert!(!check.description().is_empty(), "{}", check.name());
        assert!(!check.example().is_empty(), "{}", check.name());
        let kinds = check.kinds().iter();
        assert!(kinds.clone().all(|kind| !kind.description.is_empty()), "{}", check.name());
    }
}
