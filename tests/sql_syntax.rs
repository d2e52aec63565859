//! What the parser reads otherwise than the dialect means it, and what it does not read.

use crate::support::dialect::Dialect;

#[tokio::test]
async fn distinct_from_binds_more_tightly_than_and() {
    Dialect::new()
        .expect(&[
            (
                "SELECT count(*) FROM (VALUES (1, NULL), (1, 1), (2, 1)) t(a, b)
                 WHERE a IS DISTINCT FROM b AND a = 1",
                "1",
            ),
            (
                "SELECT count(*) FROM (VALUES (1, NULL), (1, 1), (2, 1)) t(a, b)
                 WHERE NOT a IS DISTINCT FROM b AND a = 1 OR b IS NULL",
                "2",
            ),
            ("SELECT true IS NOT DISTINCT FROM (false AND true)", "false"),
            ("SELECT CASE WHEN 1 IS DISTINCT FROM 2 AND 1 = 2 THEN 'both' ELSE 'not' END", "not"),
        ])
        .await;
}

#[tokio::test]
async fn a_date_without_quotes_is_refused_with_the_date() {
    let dialect = Dialect::new();
    let rows = "(VALUES (DATE '2023-01-21')) t(date)";
    for condition in [
        "date = 2023-01-21",
        "date BETWEEN 2023-01-21 AND '2023-01-22'",
        "date IN (2023-01-21)",
        "date >= 2023-01-21 AND true",
    ] {
        let error = dialect.refusal(&format!("SELECT * FROM {rows} WHERE {condition}")).await;
        assert!(error.contains("write '2023-01-21'"), "{error}");
    }
    dialect
        .expect(&[("SELECT 2023-01-21", "2001"), ("SELECT 1 WHERE 2001 = 2023 - 1 - 21", "1")])
        .await;
}

#[tokio::test]
async fn a_sample_is_drawn() {
    let dialect = Dialect::new();
    let all = "(SELECT value AS x FROM generate_series(1, 10000))";
    let count = async |sample: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {all} AS t {sample}");
        dialect.rows(&sql).await.parse().unwrap()
    };
    // Ten standard deviations of a binomial distribution are 300.
    for sample in [
        "TABLESAMPLE BERNOULLI (10)",
        "TABLESAMPLE SYSTEM (10 PERCENT)",
        "TABLESAMPLE 10%",
        "USING SAMPLE 10%",
        "USING SAMPLE 10 PERCENT (bernoulli, 7)",
        "TABLESAMPLE BERNOULLI (10) REPEATABLE (42)",
    ] {
        let rows = count(sample).await;
        assert!((700..1300).contains(&rows), "{sample}: {rows}");
    }
    for sample in [
        "TABLESAMPLE (25 ROWS)",
        "TABLESAMPLE reservoir(25 ROWS) REPEATABLE (1)",
        "USING SAMPLE 25",
        "USING SAMPLE reservoir(25 ROWS)",
    ] {
        assert_eq!(count(sample).await, 25, "{sample}");
    }
    assert_eq!(count("TABLESAMPLE (100 PERCENT)").await, 10_000);
    assert_eq!(count("TABLESAMPLE (0 PERCENT)").await, 0);
    let sum = async |seed: u8| {
        let sql =
            format!("SELECT sum(x) FROM {all} AS t TABLESAMPLE BERNOULLI (5) REPEATABLE ({seed})");
        dialect.rows(&sql).await
    };
    assert_eq!(sum(1).await, sum(1).await);
    assert_ne!(sum(1).await, sum(2).await);
}

#[tokio::test]
async fn a_sample_that_is_not_understood_is_refused() {
    let dialect = Dialect::new();
    let cases = [
        ("SELECT * FROM (VALUES (1)) t TABLESAMPLE (10)", "say of what"),
        ("SELECT * FROM (VALUES (1)) t TABLESAMPLE BERNOULLI (200)", "from 0 to 100 PERCENT"),
        ("SELECT * FROM (VALUES (1)) t TABLESAMPLE much", "a sample has a size"),
        (
            "SELECT * FROM (VALUES (1)) a CROSS JOIN (VALUES (1)) b USING SAMPLE 10%",
            "a sample of joined tables",
        ),
    ];
    for (sql, expected) in cases {
        let error = dialect.refusal(sql).await;
        assert!(error.contains(expected), "{sql}: {error}");
    }
}

#[tokio::test]
async fn all_columns_can_be_named_at_once() {
    Dialect::new()
        .expect(&[
            (
                "SELECT * FROM (VALUES (2, 'b'), (1, 'c'), (1, 'a')) t(x, y) ORDER BY ALL",
                "1,a\n1,c\n2,b",
            ),
            (
                "SELECT x % 2, sum(x) FROM (VALUES (2), (1), (3)) t(x)
                 GROUP BY ALL ORDER BY ALL DESC",
                "1,4\n0,2",
            ),
            ("SELECT 2 AS x UNION ALL SELECT 1 ORDER BY ALL", "1\n2"),
            ("FROM (VALUES (1, 'a')) t(x, y)", "1,a"),
            ("SELECT x FROM (VALUES (2), (1)) t(x) ORDER BY x FETCH FIRST 1 ROW ONLY", "1"),
        ])
        .await;
}

#[tokio::test]
async fn a_table_or_query_is_summarized_by_column() {
    let dialect = Dialect::new();
    let sql =
        "SUMMARIZE SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (3, NULL), (NULL, 'b')) t(n, word)";
    let summary = dialect.rows(sql).await;
    let (numbers, words) = summary.split_once('\n').unwrap();
    assert_eq!(words, "word,text,a,b,2,,,,,,4,25.0");
    // The quartiles of few values are a matter of definition.
    let values: Vec<&str> = numbers.split(',').collect();
    assert_eq!(values[..7], ["n", "bigint", "1", "3", "3", "2.0", "1.0"]);
    assert_eq!(values[8], "2.0");
    assert_eq!(values[10..], ["4", "25.0"]);
    let described = dialect.rows("DESCRIBE SELECT 1 AS one, 'x' AS two").await;
    assert!(described.contains("one,") && described.contains("two,"), "{described}");
}

#[tokio::test]
async fn what_would_be_read_over_is_refused() {
    let dialect = Dialect::new();
    let rows = "(VALUES (1, 'a'), (2, 'a')) t(x, k)";
    for (clause, instead) in [
        ("PREWHERE x = 1", "write WHERE"),
        ("SETTINGS max_threads = 1", "leave them out"),
        ("FORMAT JSON", "--format"),
        ("LIMIT 1 BY k", "QUALIFY"),
        ("FOR UPDATE", "only read"),
        ("CONNECT BY PRIOR x = x", "WITH RECURSIVE"),
        ("ORDER BY x FETCH FIRST 50 PERCENT ROWS ONLY", "write LIMIT"),
    ] {
        let error = dialect.refusal(&format!("SELECT * FROM {rows} {clause}")).await;
        assert!(error.contains(instead), "{clause}: {error}");
    }
    let error = dialect.refusal(&format!("SELECT TOP 1 * FROM {rows}")).await;
    assert!(error.contains("write LIMIT"), "{error}");
    for modifier in ["WITH ROLLUP", "WITH TOTALS"] {
        let sql = format!("SELECT k, sum(x) FROM {rows} GROUP BY k {modifier}");
        let error = dialect.refusal(&sql).await;
        assert!(error.contains("write GROUP BY ROLLUP"), "{error}");
    }
    let error =
        dialect.refusal("SELECT * FROM (VALUES (1)) a SEMI JOIN (VALUES (1)) b ON true").await;
    assert_eq!(error, "unsupported JOIN operator Semi");
    let error = dialect
        .refusal("SELECT * FROM (VALUES (1)) a GLOBAL LEFT JOIN (VALUES (1)) b ON true")
        .await;
    assert!(error.contains("GLOBAL has no meaning"), "{error}");
}
