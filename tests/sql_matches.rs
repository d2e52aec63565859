//! IN, NOT IN, EXISTS and NOT EXISTS over keys that repeat and keys that are NULL.

use crate::support::statements::{answer, lines, open};

/// Rows to look for, and a list in which every key is there a thousand times.
const OUTER: &str = "outer_rows(k, v) AS (VALUES (1, 10), (2, 20), (2, 21), (3, 30), (NULL, 40))";
const INNER: &str = "inner_rows(k, w) AS (SELECT CASE WHEN value % 3 = 0 THEN 2 ELSE 1 END, \
                     value FROM generate_series(1, 3000))";

#[tokio::test]
async fn repeated_keys_do_not_change_what_matches() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let found = async |condition: &str| {
        let sql = format!(
            "WITH {OUTER}, {INNER} SELECT v FROM outer_rows o WHERE {condition} ORDER BY v"
        );
        lines(&session, &sql).await.join(" ")
    };
    let inner = "SELECT k FROM inner_rows";
    assert_eq!(found(&format!("k IN ({inner})")).await, "10 20 21");
    assert_eq!(found(&format!("k NOT IN ({inner})")).await, "30");
    assert_eq!(found("EXISTS (SELECT 1 FROM inner_rows i WHERE i.k = o.k)").await, "10 20 21");
    assert_eq!(found("NOT EXISTS (SELECT 1 FROM inner_rows i WHERE i.k = o.k)").await, "30 40");
    let with_null = "SELECT CASE WHEN k = 1 THEN k END FROM inner_rows";
    assert_eq!(found(&format!("k NOT IN ({with_null})")).await, "");
    assert_eq!(found(&format!("k IN ({with_null})")).await, "10");
    assert_eq!(found(&format!("k NOT IN ({inner} WHERE w > 9999)")).await, "10 20 21 30 40");
    assert_eq!(found(&format!("k IN ({inner}) OR v = 30")).await, "10 20 21 30");
    let further = "EXISTS (SELECT 1 FROM inner_rows i WHERE i.k = o.k AND i.w * 2 = o.v)";
    assert_eq!(found(further).await, "10");
    let only_further = "EXISTS (SELECT 1 FROM inner_rows i WHERE i.w < o.v - 20)";
    assert_eq!(found(only_further).await, "30 40");
    assert_eq!(found("EXISTS (SELECT 1 FROM inner_rows)").await, "10 20 21 30 40");
}

#[tokio::test]
async fn the_inner_side_is_reduced_to_its_keys_before_it_is_joined() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    for condition in ["k IN (SELECT k FROM inner_rows)", "k NOT IN (SELECT k FROM inner_rows)"] {
        let sql =
            format!("EXPLAIN WITH {OUTER}, {INNER} SELECT v FROM outer_rows WHERE {condition}");
        let plan = answer(&session, &sql).await.unwrap();
        assert_eq!(plan.matches("Aggregate: groupBy").count(), 1, "{plan}");
    }
    let distinct = format!(
        "EXPLAIN WITH {OUTER}, {INNER} SELECT v FROM outer_rows WHERE k IN \
         (SELECT DISTINCT k FROM inner_rows)"
    );
    let plan = answer(&session, &distinct).await.unwrap();
    assert_eq!(plan.matches("Aggregate: groupBy").count(), 1, "{plan}");
}
