//! Statements that were answered otherwise than in PostgreSQL and DuckDB, found by comparing.

use crate::support::statements::{answer, lines, open, refusal, value};

async fn expect(expected: &[(&str, &str)]) {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    for (expression, result) in expected {
        let found = value(&session, &format!("SELECT {expression}")).await;
        assert_eq!(found, *result, "{expression}");
    }
}

#[tokio::test]
async fn a_cast_to_an_integer_rounds() {
    expect(&[
        ("CAST(2.7 AS BIGINT)", "3"),
        ("CAST(2.5 AS BIGINT)", "3"),
        ("CAST(-2.5 AS INTEGER)", "-3"),
        ("CAST(2.4999 AS INTEGER)", "2"),
        ("CAST(0.5 AS SMALLINT)", "1"),
        ("112419.55::BIGINT", "112420"),
        ("CAST(2.5::double AS BIGINT)", "2"),
        ("CAST(3.5::double AS BIGINT)", "4"),
        ("CAST(-2.5::double AS BIGINT)", "-2"),
        ("CAST(2.7::double AS INTEGER)", "3"),
        ("TRY_CAST(2.5 AS BIGINT)", "3"),
        ("TRY_CAST(1e300 AS BIGINT) IS NULL", "true"),
        ("CAST(9223372036854775806.5 AS BIGINT)", "9223372036854775807"),
        ("(SELECT sum(CAST(x AS BIGINT)) FROM (VALUES (0.5), (1.5), (NULL)) AS t(x))", "3"),
        ("(SELECT sum(CAST(x AS BIGINT)) FROM (VALUES (0.5::double), (1.5)) AS t(x))", "2"),
    ])
    .await;
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    for outside in ["9223372036854775807.5", "1e300", "'nan'::double", "'inf'::double"] {
        refusal(&session, &format!("SELECT CAST({outside} AS BIGINT)")).await;
    }
}

#[tokio::test]
async fn a_comparison_with_a_cast_is_one_with_the_rounded_number() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let rows = "(VALUES (4.4), (4.5), (5.4), (5.5)) AS t(x)";
    for whole in ["BIGINT", "DECIMAL(10, 0)"] {
        let sql = format!("SELECT x FROM {rows} WHERE CAST(x AS {whole}) = 5 ORDER BY x");
        assert_eq!(lines(&session, &sql).await, ["4.5", "5.4"], "{whole}");
        let sql = format!("SELECT x FROM {rows} WHERE CAST(x AS {whole}) > 4 ORDER BY x");
        assert_eq!(lines(&session, &sql).await, ["4.5", "5.4", "5.5"], "{whole}");
        let sql = format!(
            "SELECT CAST(x AS {whole}), count(*) FROM {rows} GROUP BY CAST(x AS {whole}) ORDER BY 1"
        );
        assert_eq!(lines(&session, &sql).await, ["4|1", "5|2", "6|1"], "{whole}");
    }
}

#[tokio::test]
async fn a_date_and_an_interval_are_a_time() {
    let time = "timestamp '2025-08-15 00:17:00'";
    expect(&[
        ("DATE '2025-08-15' + INTERVAL '17 minutes'", "2025-08-15T00:17:00"),
        ("INTERVAL '17 minutes' + DATE '2025-08-15'", "2025-08-15T00:17:00"),
        ("DATE '2025-08-15' - INTERVAL '1 hour'", "2025-08-14T23:00:00"),
        ("DATE '2025-08-15' + INTERVAL '1 day'", "2025-08-16T00:00:00"),
        ("DATE '2024-01-31' + INTERVAL '1 month'", "2024-02-29T00:00:00"),
        ("CAST(DATE '2025-08-15' + INTERVAL '1 day' AS DATE)", "2025-08-16"),
        (&format!("DATE '2025-08-15' + INTERVAL '17 minutes' = {time}"), "true"),
        ("DATE '2025-08-16' = DATE '2025-08-15' + INTERVAL '1 day'", "true"),
        (
            "(SELECT count(*) FROM (VALUES (DATE '2025-08-15')) AS a(d) JOIN \
          (VALUES (DATE '2025-08-16')) AS b(d) ON b.d = a.d + INTERVAL '1 day')",
            "1",
        ),
    ])
    .await;
}

#[tokio::test]
async fn at_time_zone_changes_between_instants_and_what_clocks_show() {
    expect(&[
        (
            "arrow_typeof(CAST('2025-04-30T00:00:00Z' AS TIMESTAMP WITH TIME ZONE) \
             AT TIME ZONE 'Europe/London')",
            "Timestamp(ns)",
        ),
        (
            "CAST('2025-04-30T00:00:00Z' AS TIMESTAMP WITH TIME ZONE) \
             AT TIME ZONE 'Europe/London'",
            "2025-04-30T01:00:00",
        ),
        ("TIMESTAMP '2025-04-30 01:00:00' AT TIME ZONE 'Europe/London'", "2025-04-30T00:00:00Z"),
        (
            "TIMESTAMP '2024-07-01 09:30:00' AT TIME ZONE 'America/New_York' \
             AT TIME ZONE 'Asia/Tokyo'",
            "2024-07-01T22:30:00",
        ),
        // Noon is noon again after the clocks have been put forward.
        (
            "((CAST('2024-03-09T17:00:00Z' AS TIMESTAMP WITH TIME ZONE) AT TIME ZONE \
             'America/New_York') + INTERVAL '1 day') AT TIME ZONE 'America/New_York'",
            "2024-03-10T16:00:00Z",
        ),
        ("timezone('Asia/Kolkata', TIMESTAMP '2024-01-01 05:30:00')", "2024-01-01T00:00:00Z"),
        ("(NULL::TIMESTAMP AT TIME ZONE 'UTC') IS NULL", "true"),
    ])
    .await;
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let unknown = "SELECT TIMESTAMP '2024-01-01 00:00:00' AT TIME ZONE 'Europe/Atlantis'";
    let message = refusal(&session, unknown).await;
    assert!(message.contains("`Europe/Atlantis` is no time zone"), "{message}");
}

#[tokio::test]
async fn the_sign_of_a_number_is_exact() {
    expect(&[
        ("sign(-2.5)", "-1"),
        ("sign(0.00000000000000000000000000000000000001)", "1"),
        ("sign(0.0)", "0"),
        ("sign(-7)", "-1"),
        ("sign(0)", "0"),
        ("sign(-2.5::double)", "-1.0"),
        ("sign(-0.0::double) = 0", "true"),
        ("sign(NULL::DECIMAL(10, 2)) IS NULL", "true"),
        ("(SELECT sum(sign(x) * 10) FROM (VALUES (-1.5), (2.5), (3.5)) AS t(x))", "10"),
    ])
    .await;
}

#[tokio::test]
async fn the_inner_side_of_a_condition_below_or_is_reduced_to_its_keys() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let rows = "WITH o(k) AS (SELECT value % 5 FROM generate_series(1, 20000)), \
                i(k) AS (SELECT value % 3 FROM generate_series(1, 20000))";
    for condition in [
        "k IN (SELECT k FROM i) OR k > 3",
        "k NOT IN (SELECT k FROM i) OR k < 2",
        "EXISTS (SELECT 1 FROM i WHERE i.k = o.k) OR k > 3",
    ] {
        let sql = format!("EXPLAIN {rows} SELECT k FROM o WHERE {condition}");
        let plan = answer(&session, &sql).await.unwrap();
        assert!(plan.contains("Mark Join"), "{plan}");
        assert_eq!(plan.matches("Aggregate: groupBy").count(), 1, "{plan}");
        // Pairs of all rows with all of their matches would be a hundred million.
        let sql = format!("{rows} SELECT count(*) FROM o WHERE {condition}");
        assert_eq!(value(&session, &sql).await, "16000", "{condition}");
    }
}

#[tokio::test]
async fn grouping_sets_are_sorted_by_a_key_that_a_filter_leaves_one_value() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let rows = "(VALUES ('a', 1), ('a', 2), ('b', 1)) AS t(s, i)";
    let sets = async |sets: &str, rest: &str| {
        let sql = format!(
            "SELECT s, i, count(*) FROM {rows} WHERE s = 'a' GROUP BY {sets} ORDER BY 1, 2{rest}"
        );
        lines(&session, &sql).await
    };
    assert_eq!(sets("ROLLUP (s, i)", "").await, ["a|1|1", "a|2|1", "a||2", "||2"]);
    assert_eq!(sets("ROLLUP (s, i)", " LIMIT 3").await, ["a|1|1", "a|2|1", "a||2"]);
    assert_eq!(sets("CUBE (s, i)", "").await, ["a|1|1", "a|2|1", "a||2", "|1|1", "|2|1", "||2"]);
    assert_eq!(sets("GROUPING SETS ((s), (i), ())", "").await, ["a||2", "|1|1", "|2|1", "||2"]);
    let of_expression = format!(
        "SELECT upper(s), count(*), grouping(upper(s)) FROM {rows} WHERE s = 'a' \
         GROUP BY ROLLUP (upper(s)) ORDER BY 1 NULLS FIRST"
    );
    assert_eq!(lines(&session, &of_expression).await, ["|2|1", "A|2|0"]);
    let of_aggregate = format!(
        "SELECT s, max(s), sum(i) FROM {rows} WHERE s = 'a' GROUP BY ROLLUP (s) ORDER BY s DESC"
    );
    assert_eq!(lines(&session, &of_aggregate).await, ["|a|3", "a|a|3"]);
}

#[tokio::test]
async fn ranks_are_signed_numbers() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let rows = "(VALUES (10), (20)) AS t(x)";
    let sql = format!(
        "SELECT - row_number() OVER w, - rank() OVER w, -dense_rank() OVER w, - ntile(2) OVER w, \
         row_number() OVER w - 5, arrow_typeof(row_number() OVER w) \
         FROM {rows} WINDOW w AS (ORDER BY x) ORDER BY x"
    );
    let first = "-1|-1|-1|-1|-4|Int64";
    assert_eq!(lines(&session, &sql).await, [first, "-2|-2|-2|-2|-3|Int64"]);
    let sql = format!(
        "SELECT x FROM {rows} QUALIFY row_number() OVER (ORDER BY x DESC) = 1 \
         ORDER BY - rank() OVER (ORDER BY x)"
    );
    assert_eq!(lines(&session, &sql).await, ["20"]);
}

#[tokio::test]
async fn a_quantile_between_two_values_is_exact() {
    let rows = "(VALUES (314.82), (317.99), (300.00), (NULL), (320.00)) AS t(x)";
    let of = |call: &str| format!("(SELECT {call} FROM {rows})");
    expect(&[
        (&of("quantile_cont(x, 0.3666666)"), "315.136999366"),
        (&of("quantile_cont(x, 0.1)"), "304.446"),
        (&of("quantile_cont(x, 0)"), "300.0"),
        (&of("quantile_cont(x, 1)"), "320.0"),
        (&of("percentile_cont(0.1) WITHIN GROUP (ORDER BY x)"), "304.446"),
        (&of("percentile_cont(0.9) WITHIN GROUP (ORDER BY x DESC)"), "304.446"),
        (&of("quantile_cont(x::double, 0.5)"), "316.405"),
        (&of("quantile_cont(x, 0.5) FILTER (WHERE x > 1000) IS NULL"), "true"),
        ("(SELECT quantile_cont(x, 0.25) FROM (VALUES (1), (2), (4)) AS t(x))", "1.5"),
        ("(SELECT quantile_cont(DISTINCT x, 0.5) FROM (VALUES (1), (1), (4)) AS t(x))", "2.5"),
    ])
    .await;
}

#[tokio::test]
async fn the_whole_number_next_to_a_decimal_has_room_for_one_more_digit() {
    expect(&[
        ("ceil(9999999999.99999999)", "10000000000"),
        ("floor(-9999999999.99999999)", "-10000000000"),
        ("ceiling(0.00000001)", "1"),
        ("floor(0.99999999)", "0"),
        ("ceil(-0.5)", "0"),
        ("floor(9007199254740993)", "9007199254740993"),
        ("floor(-2.5::double)", "-3.0"),
        ("ceil(2.0)", "2"),
        ("floor(NULL) IS NULL", "true"),
        ("arrow_typeof(ceil(CAST(1.5 AS DECIMAL(18, 8)))) = 'Decimal128(11, 0)'", "true"),
    ])
    .await;
}

#[tokio::test]
async fn intersect_all_and_except_all_count_equal_rows() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let left = "(VALUES (1, 'a'), (1, 'a'), (1, 'a'), (2, NULL), (2, NULL), (3, 'c')) AS l(k, t)";
    let right = "(VALUES (1, 'a'), (1, 'a'), (2, NULL), (4, 'd')) AS r(k, t)";
    let found = async |sql: String| lines(&session, &sql).await.join(" ");
    let both = |operator: &str| format!("SELECT * FROM {left} {operator} SELECT * FROM {right}");
    let ordered = |operator: &str| format!("{} ORDER BY k, t", both(operator));
    assert_eq!(found(ordered("INTERSECT ALL")).await, "1|a 1|a 2|");
    assert_eq!(found(ordered("EXCEPT ALL")).await, "1|a 2| 3|c");
    assert_eq!(found(ordered("INTERSECT")).await, "1|a 2|");
    assert_eq!(found(ordered("EXCEPT")).await, "3|c");
    let chain = format!("{} EXCEPT ALL SELECT 1, 'a' ORDER BY k", both("INTERSECT ALL"));
    assert_eq!(found(chain).await, "1|a 2|");
    let nested = format!("SELECT count(*), sum(k) FROM ({}) AS s", both("EXCEPT ALL"));
    assert_eq!(found(nested).await, "3|6");
    let with = format!("WITH a AS (SELECT k FROM {left}) SELECT k FROM a EXCEPT ALL SELECT 1.0");
    assert_eq!(found(format!("{with} ORDER BY 1 DESC LIMIT 2")).await, "3 2");
}

#[tokio::test]
async fn a_filter_after_an_outer_join_is_about_the_column_that_it_names() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let left = "(SELECT 'a_b' AS k, 1 AS v) AS l";
    let right = "(SELECT k FROM (VALUES ('a_b'), ('c_d'), ('e')) AS t(k) GROUP BY k) AS r";
    let sql = format!(
        "SELECT l.v, l.k FROM {left} RIGHT JOIN {right} ON l.k = r.k WHERE contains(l.k, '_')"
    );
    assert_eq!(lines(&session, &sql).await, ["1|a_b"]);
}

#[tokio::test]
async fn the_least_rows_of_joined_tables_are_those_by_the_column_that_is_named() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let orders = "(SELECT value AS id, value AS amount FROM generate_series(1, 3000)) AS o";
    let payments =
        "(SELECT value AS id, 3001 - value AS amount FROM generate_series(1, 3000)) AS p";
    let clients = "(SELECT value AS id FROM generate_series(1, 3000)) AS c";
    let sql = format!(
        "SELECT o.amount, p.amount FROM {orders} JOIN {payments} ON o.id = p.id \
         JOIN {clients} ON p.id = c.id ORDER BY p.amount LIMIT 2"
    );
    assert_eq!(lines(&session, &sql).await, ["3000|1", "2999|2"]);
}

#[tokio::test]
async fn calls_that_differ_in_a_cast_are_two_columns() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let rows = "(VALUES (1.25), (2.5)) AS t(x)";
    let found = async |columns: &str| {
        lines(&session, &format!("SELECT {columns} FROM {rows}")).await.join(" ")
    };
    assert_eq!(found("sum(x), sum(CAST(x AS DOUBLE))").await, "3.75|3.75");
    assert_eq!(
        found("sum(x::bigint) AS a, sum(x::decimal(9, 1)) AS b, sum(x)").await,
        "4|3.8|3.75"
    );
    assert_eq!(found("sum(x::bigint) / sum(x), max(x)").await, "1.0666666666666667|2.50");
    let sorted = "min(CAST(x AS BIGINT)) + min(CAST(x AS DECIMAL(9, 1))) AS low";
    assert_eq!(found(sorted).await, "2.3");
    let windows = "sum(x) OVER (ORDER BY x), sum(CAST(x AS DOUBLE)) OVER (ORDER BY x)";
    assert_eq!(found(windows).await, "1.25|1.25 3.75|3.75");
    let having = format!(
        "SELECT sum(x::bigint) AS a FROM {rows} GROUP BY x HAVING sum(x::bigint) > 1 \
         AND sum(x) > 2 ORDER BY sum(x::bigint)"
    );
    assert_eq!(lines(&session, &having).await, ["3"]);
}

#[tokio::test]
async fn a_rounded_decimal_is_compared_with_what_it_was() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let rows = "(VALUES (1.25), (1.4), (2.5)) AS t(x)";
    let found = async |condition: &str| {
        let sql = format!("SELECT x FROM {rows} WHERE {condition} ORDER BY x");
        lines(&session, &sql).await.join(" ")
    };
    assert_eq!(found("round(x, 2) = x").await, "1.25 1.40 2.50");
    assert_eq!(found("round(x, 2) > x").await, "");
    assert_eq!(found("round(x, 1) > x").await, "1.25");
    assert_eq!(found("round(x, 3) >= coalesce(x, 0)").await, "1.25 1.40 2.50");
    assert_eq!(found("trunc(x, 1) < x").await, "1.25");
    assert_eq!(found("round(x, 2) IN (1.4, x + 1)").await, "1.40");
}

#[tokio::test]
async fn keys_that_differ_in_a_cast_are_two_columns() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let rows = "(VALUES (1.25), (1.4), (2.5)) AS t(x)";
    let found =
        async |statement: &str| lines(&session, &statement.replace("ROWS", rows)).await.join(" ");
    let keys = "SELECT x, CAST(x AS BIGINT) AS n FROM ROWS GROUP BY";
    for by in ["x, CAST(x AS BIGINT)", "1, 2", "x, n", "ALL"] {
        assert_eq!(found(&format!("{keys} {by} ORDER BY x")).await, "1.25|1 1.40|1 2.50|3", "{by}");
    }
    let cast = "CAST(x AS BIGINT)";
    let ordered = format!(
        "SELECT {cast}, x, max({cast}), max(x) FROM ROWS GROUP BY {cast}, x \
         HAVING {cast} < 3 ORDER BY {cast}, x DESC"
    );
    assert_eq!(found(&ordered).await, "1|1.40|1|1.40 1|1.25|1|1.25");
    let sets = format!(
        "SELECT x, {cast} AS n, count(*) FROM ROWS GROUP BY ROLLUP ({cast}, x) ORDER BY n, x"
    );
    assert_eq!(found(&sets).await, "1.25|1|1 1.40|1|1 |1|2 2.50|3|1 |3|1 ||3");
}

#[tokio::test]
async fn keys_of_grouping_sets_may_be_constant() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let rows = "(VALUES (1), (2), (2)) AS t(x)";
    let constant = "CASE WHEN CAST(-3 AS DOUBLE) > -0.27 THEN 'a' ELSE 'b' END";
    let unknown = "CASE WHEN x NOT IN (1, NULL) THEN 'a' ELSE 'b' END";
    for key in [constant, unknown] {
        for kind in ["CUBE", "ROLLUP"] {
            let sql = format!("SELECT {key} AS k FROM {rows} GROUP BY {kind} ({key}) ORDER BY 1");
            assert_eq!(lines(&session, &sql).await, ["b", ""], "{sql}");
        }
    }
    let time = "CAST('2025-08-15' AS TIMESTAMP)";
    let later = format!("{time} + INTERVAL '1 hour'");
    let listed =
        "NOT (CAST('2025-08-15' AS DATE) + x NOT IN (DATE '2020-01-01', DATE '2021-01-17'))";
    for key in [time, &later, listed] {
        let sql = format!("SELECT count(*) FROM {rows} GROUP BY ROLLUP ({key}, x) ORDER BY 1");
        assert_eq!(lines(&session, &sql).await, ["1", "2", "3", "3"], "{sql}");
    }
    let sql = format!(
        "SELECT x % 2 AS k, 'c' AS c, count(*) FROM {rows} \
         GROUP BY GROUPING SETS ((x % 2, 'c'), ()) ORDER BY 1"
    );
    assert_eq!(lines(&session, &sql).await, ["0|c|2", "1|c|1", "||3"]);
}

#[tokio::test]
async fn distinct_conditions_that_are_never_unknown_can_be_sorted() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let sql = "SELECT DISTINCT ((x IN (1.5, 2.5, 3.5)) IS NOT TRUE) AS c \
               FROM (VALUES (1.5), (2), (NULL)) AS t(x) ORDER BY 1";
    assert_eq!(lines(&session, sql).await, ["false", "true"]);
}
