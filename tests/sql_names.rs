//! Names that a statement gives: of windows, and of columns that two tables have in common.

use crate::support::test_lake::TestLake;

const LEFT: &str = "(VALUES (1, 10), (2, 20)) AS a(x, y)";
const RIGHT: &str = "(VALUES (2, 6), (3, 7)) AS b(x, z)";

#[track_caller]
fn assert_rows(statement: &str, rows: &[&str]) {
    let run = TestLake::new().run("query", &["--format", "csv", statement]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(run.stdout.lines().skip(1).collect::<Vec<_>>(), rows, "{statement}");
}

#[test]
fn a_window_has_its_name_in_qualify_and_order_by() {
    assert_rows(
        "SELECT x, count(*) OVER w FROM (VALUES (1, 'a'), (2, 'a'), (3, 'b'), (4, 'c'), (5, 'c')) \
         AS t(x, y) WINDOW w AS (PARTITION BY y) QUALIFY count(*) OVER W = 2 \
         ORDER BY max(x) OVER w DESC, x",
        &["4,2", "5,2", "1,2", "2,2"],
    );
}

#[test]
fn a_column_of_using_needs_no_table_in_where() {
    let joined = |kind: &str| format!("SELECT a.y, b.z FROM {LEFT} {kind} JOIN {RIGHT} USING (x)");
    assert_rows(&format!("{} WHERE x > 1", joined("INNER")), &["20,6"]);
    assert_rows(&format!("{} WHERE x < 2", joined("LEFT")), &["10,"]);
    assert_rows(&format!("{} WHERE x > 2", joined("RIGHT")), &[",7"]);
}

#[test]
fn a_statement_inside_where_has_its_own_names() {
    assert_rows(
        &format!(
            "SELECT a.y FROM {LEFT} JOIN {RIGHT} USING (x) \
             WHERE x IN (SELECT x FROM (VALUES (2), (9)) AS c(x) WHERE x < 9)"
        ),
        &["20"],
    );
}

#[test]
fn keys_of_grouping_sets_keep_their_names_where_numbers_get_a_common_type() {
    assert_rows(
        "SELECT CASE WHEN y < 15.5 THEN 'a' ELSE 'b' END AS c, count(*) \
         FROM (VALUES (1, CAST(10 AS DECIMAL(18, 8))), (2, CAST(20 AS DECIMAL(18, 8)))) AS t(x, y) \
         GROUP BY ROLLUP (CASE WHEN y < 15.5 THEN 'a' ELSE 'b' END) ORDER BY c",
        &["a,1", "b,1", ",2"],
    );
}
