//! A statement can fail, the process cannot: texts that are nested deeply, values that would be
//! huge, arguments at the ends of their types.

use futures::StreamExt;
use lakehouse::query::{Session, SessionOptions};

use crate::support::random::Random;
use crate::support::statements::{answer, open, open_with, refusal, value};

const TERMS: usize = 10_000;

/// Long chains and deep nests of everything that can be chained or nested.
fn deep_statements(terms: usize) -> Vec<String> {
    let chain = |term: &str, operator: &str| vec![term; terms].join(operator);
    let nested = |open: &str, inside: &str, close: &str| {
        format!("{}{inside}{}", open.repeat(terms), close.repeat(terms))
    };
    let from = "FROM (VALUES (1, 'a', TRUE)) AS t(x, s, b)";
    let steps: Vec<_> = (1..terms)
        .map(|step| format!("c{step} AS (SELECT x + 1 AS x FROM c{})", step - 1))
        .collect();
    let joins: Vec<_> =
        (0..terms).map(|join| format!("CROSS JOIN (VALUES (1)) AS t{join}(x{join})")).collect();
    vec![
        format!("SELECT count(*) {from} WHERE {}", chain("x = 2", " OR ")),
        format!("SELECT count(*) {from} WHERE {}", chain("x = 1", " AND ")),
        format!("SELECT count(*) {from} WHERE {}", chain("x = 1 AND s = 'a'", " OR ")),
        format!("SELECT count(*) {from} WHERE {}", nested("(x = 1 OR ", "b", ")")),
        format!("SELECT {} AS y {from}", chain("x", " + ")),
        format!("SELECT {} AS y {from}", chain("x::DOUBLE", " * ")),
        format!("SELECT {} AS y {from}", chain("s", " || ")),
        format!("SELECT {} AS y {from}", nested("(", "x", ")")),
        format!("SELECT {} AS y {from}", nested("abs(", "x", ")")),
        format!("SELECT array_ndims({}) AS y {from}", nested("[", "x", "]")),
        format!("SELECT {} AS y {from}", nested("CASE WHEN b THEN ", "x", " END")),
        format!("SELECT {} AS y {from}", nested("- ", "x", "")),
        format!("SELECT {} AS y {from}", nested("NOT ", "b", "")),
        format!("SELECT {} AS y {from}", nested("", "x", "::BIGINT")),
        format!("SELECT {} AS y {from}", nested("", "b", " IS NULL")),
        nested("SELECT * FROM (", "SELECT 1 AS y", ")"),
        nested("SELECT 1 AS y WHERE 1 IN (", "SELECT 1", ")"),
        nested("SELECT 1 AS y WHERE EXISTS (", "SELECT 1", ")"),
        chain("SELECT 1 AS y", " UNION ALL "),
        chain("SELECT 1 AS y", " UNION "),
        chain("SELECT 1 AS y", " EXCEPT "),
        format!("SELECT count(*) FROM (VALUES (1)) AS t(x) {}", joins.join(" ")),
        format!("WITH c0 AS (SELECT 1 AS x), {} SELECT x FROM c{}", steps.join(", "), terms - 1),
        format!("SELECT arrow_typeof(arrow_cast(NULL, '{}'))", nested("List(", "Int8", ")")),
    ]
}

async fn is_answered(session: &Session, sql: &str) -> bool {
    let text = match answer(session, sql).await {
        Ok(_) => return true,
        Err(error) => error.to_string(),
    };
    let start: String = sql.chars().take(60).collect();
    assert!(!text.contains("the engine has a fault"), "{start}: {text}");
    false
}

#[tokio::test]
async fn ten_thousand_terms_are_refused_in_words_or_answered() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    for sql in deep_statements(TERMS) {
        is_answered(&session, &sql).await;
    }
}

#[tokio::test]
async fn what_is_just_within_the_bounds_is_answered_without_an_overflow() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let mut answered = 0;
    for sql in deep_statements(30) {
        answered += usize::from(is_answered(&session, &sql).await);
    }
    assert!(answered > 18, "{answered}");
}

/// The deepest trees that are accepted, without those that take the engine long to plan.
#[tokio::test]
async fn what_is_as_deep_as_it_may_be_is_answered() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let chain = |term: &str, operator: &str| vec![term; 480].join(operator);
    let from = "FROM (VALUES (1, 'a', TRUE)) AS t(x, s, b)";
    let condition = |chain: String| format!("SELECT count(*) {from} WHERE {chain}");
    let numbers: Vec<_> = (0..480).map(|number| format!("x = {number}")).collect();
    for sql in [
        condition(numbers.join(" OR ")),
        condition(chain("x = 1", " AND ")),
        format!("SELECT length({}) AS y {from}", chain("s", " || ")),
        format!("SELECT x{} AS y {from}", "::BIGINT".repeat(480)),
        format!("SELECT count(*) FROM ({})", chain("SELECT 1 AS y", " UNION ALL ")),
    ] {
        assert!(is_answered(&session, &sql).await, "{}", &sql[..60]);
    }
}

#[tokio::test]
async fn long_lists_are_answered() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let numbers: Vec<_> = (0..TERMS).map(|number| number.to_string()).collect();
    let list = numbers.join(", ");
    let sql = format!("SELECT count(*) FROM (VALUES (1), (-1)) AS t(x) WHERE x IN ({list})");
    assert_eq!(value(&session, &sql).await, "1");
    let sql = format!("SELECT count(*) FROM (VALUES ({})) AS t(x)", numbers.join("), ("));
    assert_eq!(value(&session, &sql).await, TERMS.to_string());
}

/// Functions that make far more than they are given.
const HUGE: [&str; 19] = [
    "length(repeat('x', 3000000000))",
    "length(repeat(repeat('x', 100000), 100000))",
    "length(lpad('x', 2147483647, 'y'))",
    "length(rpad('x', 2147483647))",
    "length(replace(repeat('x', 100000), 'x', repeat('y', 100000)))",
    "length(replace(repeat('x', 100000), '', repeat('y', 100000)))",
    "length(regexp_replace(repeat('x', 100000), '.', repeat('y', 100000), 'g'))",
    "array_length(array_repeat(1, 3000000000))",
    "array_length(array_repeat(array_repeat(1, 100000), 100000))",
    "array_length(array_resize([1], 3000000000))",
    "array_length(range(0, 100000000000))",
    "array_length(range(-9223372036854775808, 9223372036854775807))",
    "array_length(generate_series(0, 100000000000))",
    "array_length(generate_series(100000000000, 0, -1))",
    "array_length(generate_series(DATE '-4000-01-01', DATE '9999-01-01', INTERVAL '1 day'))",
    "array_length(generate_series(TIMESTAMP '2000-01-01', TIMESTAMP '2020-01-01', \
     INTERVAL '1 microsecond'))",
    "arrow_cast('x', 'FixedSizeBinary(2147483647)')",
    "arrow_cast([1], 'FixedSizeList(2147483647, Int64)')",
    "concat(repeat('x', 7000000), repeat('x', 7000000))",
];

#[tokio::test]
async fn a_function_is_refused_what_does_not_fit_in_memory_before_it_is_made() {
    let lake = tempfile::tempdir().unwrap();
    let options = SessionOptions { memory_limit: Some(64 << 20), ..SessionOptions::default() };
    let session = open_with(lake.path(), options);
    for call in HUGE {
        let text = refusal(&session, &format!("SELECT {call}")).await;
        assert!(!text.contains("the engine has a fault"), "{call}: {text}");
    }
    let rows = "SELECT count(s) FROM (SELECT repeat('x' || x::VARCHAR, 1000000) AS s FROM \
                generate_series(1, 100) AS t(x))";
    let text = refusal(&session, rows).await;
    assert!(text.contains("`repeat` would make about") && text.contains("may make"), "{text}");
}

#[tokio::test]
async fn bounded_functions_answer_as_before() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let sql = "SELECT repeat('ab', 2), lpad('x', 3, 'ab'), rpad('x', 3, '-'), \
               replace('aXa', 'a', 'bb'), regexp_replace('aXa', 'a', 'b', 'g'), \
               concat('a', NULL, 1), concat_ws('-', 'a', 'b'), array_length(range(5)), \
               array_length(generate_series(1, 9, 2)), array_length(array_repeat('x', 4)), \
               arrow_typeof(arrow_cast(1, 'Int8')), \
               array_length(range(DATE '2024-01-01', DATE '2024-03-01', INTERVAL '1 month'))";
    let found = value(&session, sql).await;
    assert_eq!(found, "abab|abx|x--|bbXbb|bXb|a1|a-b|5|5|4|Int8|2");
}

/// Values at the ends of their types, and texts that are taken for something else.
const EXTREMES: [&str; 26] = [
    "NULL",
    "0",
    "-1",
    "1",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "99999999999999999999999999999999999999",
    "0.00000000000000000001",
    "1e308::DOUBLE",
    "'NaN'::DOUBLE",
    "'-inf'::DOUBLE",
    "TRUE",
    "''",
    "'x'",
    "'second'",
    "'((((((((('",
    "'%Y %q %'",
    "'\u{10FFFF}é'",
    "DATE '9999-12-31'",
    "DATE '0001-01-01'",
    "TIMESTAMP '2262-04-11 23:47:16.854775'",
    "TIMESTAMP '1677-09-21 00:12:44'",
    "INTERVAL '2147483647 months'",
    "[1, NULL]",
    "(TIMESTAMP '2024-01-02' - TIMESTAMP '2024-01-01')",
];

/// Calls of each function that is tried; with more of them, more is found by hand.
fn rounds() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a switch of the test")]
    let given = std::env::var("SQL_BOUNDS_ROUNDS").ok();
    given.and_then(|rounds| rounds.parse().ok()).unwrap_or(12)
}

#[tokio::test]
async fn every_function_answers_whatever_its_arguments_are() {
    let lake = tempfile::tempdir().unwrap();
    let options = SessionOptions { memory_limit: Some(64 << 20), ..SessionOptions::default() };
    let session = open_with(lake.path(), options);
    let state = session.context().state();
    let mut names: Vec<_> = state.scalar_functions().keys().cloned().collect();
    names.sort();
    assert!(names.len() > 200, "{}", names.len());
    let mut random = Random::new(1);
    for name in names {
        for round in 0..rounds() {
            let arguments: Vec<_> = (0..round % 4 + 1).map(|_| *random.pick(&EXTREMES)).collect();
            let sql = format!("SELECT \"{name}\"({})", arguments.join(", "));
            // A fault of the engine is an answer too: the process goes on.
            if let Ok(rows) = Box::pin(session.sql(&sql)).await {
                rows.for_each(|_| std::future::ready(())).await;
            }
        }
    }
    assert_eq!(value(&session, "SELECT 1").await, "1");
}

#[tokio::test]
async fn a_fault_of_the_engine_is_an_error_in_words() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    panicking::register(&session);
    for sql in [
        "SELECT panicking(1)",
        "SELECT panicking(value) FROM generate_series(1, 10)",
        "SELECT count(*) FROM (SELECT panicking(value) AS p FROM generate_series(1, 100000)) \
         WHERE p > 0",
    ] {
        let text = refusal(&session, sql).await;
        assert!(text.contains("the engine has a fault") && text.contains("out of order"), "{text}");
    }
    assert_eq!(value(&session, "SELECT 1").await, "1");
}

/// A function that panics.
mod panicking {
    use arrow::datatypes::DataType;
    use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
    use lakehouse::query::Session;
    use std::sync::Arc;

    pub(super) fn register(session: &Session) {
        let panics = |_: &[ColumnarValue]| -> datafusion::error::Result<ColumnarValue> {
            panic!("out of order")
        };
        let function = create_udf(
            "panicking",
            vec![DataType::Int64],
            DataType::Int64,
            Volatility::Volatile,
            Arc::new(panics),
        );
        session.context().register_udf(function);
    }
}
