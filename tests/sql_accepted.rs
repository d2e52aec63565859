//! Statements that PostgreSQL takes, and what they answer here.

use crate::support::statements::{answer, lines, open, refusal, value};

#[tokio::test]
async fn parts_of_a_difference_of_times_keep_their_fractions() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let part = async |part: &str| {
        let sql = format!(
            "SELECT extract({part} FROM b - a), date_part('{part}', b - a) FROM (VALUES \
             (TIMESTAMP '2024-01-01 00:00:00.000001', TIMESTAMP '2024-01-02 01:02:03.614661')) \
             AS t(a, b)"
        );
        let found = value(&session, &sql).await;
        let (one, other) = found.split_once('|').unwrap();
        assert_eq!(one, other);
        one.to_owned()
    };
    assert_eq!(part("epoch").await, "90123.61466");
    assert_eq!(part("second").await, "3.61466");
    assert_eq!(part("milliseconds").await, "3614.66");
    assert_eq!(part("microseconds").await, "3614660");
    assert_eq!(part("minute").await, "2");
    assert_eq!(part("hour").await, "1");
    assert_eq!(part("day").await, "1");
}

#[tokio::test]
async fn parts_of_intervals_and_of_times_stay_what_they_are() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let sql = "SELECT extract(epoch FROM INTERVAL '15 minutes'), \
               extract(second FROM INTERVAL '1 hour 5.25 seconds'), \
               extract(month FROM INTERVAL '14 months'), \
               extract(year FROM TIMESTAMP '2024-05-06 07:08:09.5'), \
               extract(second FROM TIMESTAMP '2024-05-06 07:08:09.5'), \
               extract(epoch FROM TIMESTAMP '2024-05-06 07:08:09.5')";
    assert_eq!(value(&session, sql).await, "900.0|5.25|2|2024|9|1714979289.5");
    let text = refusal(&session, "SELECT extract(dow FROM INTERVAL '1 day')").await;
    assert!(text.contains("a length of time has no part `dow`"), "{text}");
}

#[tokio::test]
async fn the_default_of_lag_and_lead_may_come_from_the_row() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let sql = "SELECT lag(x, 1, x * 100) OVER (ORDER BY i), lead(x, 2, i) OVER (ORDER BY i), \
               lag(x, 1, x) IGNORE NULLS OVER (ORDER BY i), lag(x, 1, 7) OVER (ORDER BY i) \
               FROM (VALUES (1, 5), (2, NULL), (3, 6)) AS t(i, x) ORDER BY i";
    assert_eq!(lines(&session, sql).await, ["500|6|5|7", "5|2|5|5", "|3|5|"]);
}

#[tokio::test]
async fn a_frame_far_beyond_the_table_is_the_whole_table() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let over = async |frame: &str| {
        let sql = format!(
            "SELECT sum(i) OVER (ORDER BY i {frame}) FROM (VALUES (1), (2), (3)) AS t(i) \
             ORDER BY i"
        );
        lines(&session, &sql).await.join(" ")
    };
    let far = "18446744073709551615";
    let frame = format!("ROWS BETWEEN {far} PRECEDING AND {far} FOLLOWING");
    assert_eq!(over(&frame).await, "6 6 6");
    assert_eq!(over(&frame.replace("ROWS", "GROUPS")).await, "6 6 6");
    assert_eq!(over(&format!("ROWS BETWEEN 1 FOLLOWING AND {far} FOLLOWING")).await, "5 3 ");
    assert_eq!(over("ROWS BETWEEN 1 PRECEDING AND 2 PRECEDING").await, "  ");
    assert_eq!(over("ROWS BETWEEN 9 FOLLOWING AND 2 FOLLOWING").await, "  ");
    let sql = "SELECT sum(1) OVER (ROWS BETWEEN 1 FOLLOWING AND 1 PRECEDING) FROM (VALUES (1))";
    let text = refusal(&session, sql).await;
    assert!(text.contains("ends before it starts"), "{text}");
}

#[tokio::test]
async fn a_count_of_distinct_values_stands_beside_a_comparison_of_a_sum() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let sql = "SELECT g, count(DISTINCT x) FROM (VALUES (1, 1.5), (1, 1.5), (2, 0.5)) AS t(g, x) \
               GROUP BY g HAVING sum(x) > 1 ORDER BY g";
    assert_eq!(lines(&session, sql).await, ["1|1"]);
    let sql = "SELECT count(DISTINCT g), sum(x) > 1.0, sum(x) / 2 \
               FROM (VALUES (1, 1.5), (1, 1.5), (2, 0.5)) AS t(g, x)";
    assert!(value(&session, sql).await.starts_with("2|true|1.75"));
}

#[tokio::test]
async fn several_lists_of_distinct_texts_have_their_own_order() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let sql = "SELECT string_agg(DISTINCT a, '+' ORDER BY a) AS up, \
               string_agg(DISTINCT b, '-' ORDER BY b DESC) AS down, \
               string_agg(DISTINCT a, '' ORDER BY a DESC) AS back, count(*) AS n \
               FROM (VALUES ('x', 'q'), ('y', 'p'), ('x', 'r'), (NULL, 'q')) AS t(a, b)";
    assert_eq!(value(&session, sql).await, "x+y|r-q-p|yx|4");
    let grouped = "SELECT g, string_agg(DISTINCT a, '+' ORDER BY a), \
                   string_agg(DISTINCT b, '+' ORDER BY b DESC) \
                   FROM (VALUES (1, 'x', 'q'), (1, 'w', 'p'), (2, 'z', 'z')) AS t(g, a, b) \
                   GROUP BY g ORDER BY g";
    assert_eq!(lines(&session, grouped).await, ["1|w+x|q+p", "2|z|z"]);
}

#[tokio::test]
async fn what_is_selected_twice_gets_a_name_of_its_own() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let header = async |sql: &str| {
        let csv = answer(&session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        csv.lines().next().unwrap().to_owned()
    };
    let one = "(VALUES (1, 2)) AS one(x, y)";
    let other = "(VALUES (1, 3)) AS other(x, y)";
    assert_eq!(header(&format!("SELECT x, x FROM {one}")).await, "x,x_1");
    assert_eq!(
        header(&format!("SELECT x, X, one.x, x_1 FROM (SELECT x, x AS x_1 FROM {one}) AS one"))
            .await,
        "x,x_1,x_2,x_1_1"
    );
    assert_eq!(
        header(&format!("SELECT x + 1, x + 1 AS z, x + 1 FROM {one}")).await.matches(',').count(),
        2
    );
    assert_eq!(header(&format!("SELECT y AS x, x FROM {one}")).await, "x,x_1");
    assert_eq!(header(&format!("SELECT *, x FROM {one}")).await, "x,y,x_1");
    let joined = format!("FROM {one} JOIN {other} ON one.x = other.x");
    assert_eq!(header(&format!("SELECT one.x, other.x {joined}")).await, "x,x_1");
    assert_eq!(header(&format!("SELECT * {joined}")).await, "x,y,x_1,y_1");
    assert_eq!(
        header(&format!("SELECT x, x FROM {one} UNION ALL SELECT y, y FROM {one}")).await,
        "x,x_1"
    );
    let counted = format!("SELECT count(*), count(*) FROM {one} GROUP BY x ORDER BY count(*)");
    assert_eq!(lines(&session, &counted).await, ["1|1"]);
}

#[tokio::test]
async fn times_may_be_written_without_seconds() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let sql = "SELECT count(*) FROM (VALUES (TIMESTAMP '2023-01-21 12:00:00'), \
               (TIMESTAMP '2023-01-21 11:59')) AS t(at) WHERE at >= '2023-01-21 12:00' \
               AND at < '2023-01-21T12:01' AND at BETWEEN '2023-01-21 11:00' AND \
               '2023-01-21 13:00' AND at IN ('2023-01-21 12:00') \
               AND at = CAST('2023-01-21 12:00' AS TIMESTAMP)";
    assert_eq!(value(&session, sql).await, "1");
}

#[tokio::test]
async fn a_time_in_a_zone_that_is_cast_is_what_its_clocks_show() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let sql = "SELECT CAST(t AT TIME ZONE 'America/New_York' AS TIMESTAMP), \
               (t AT TIME ZONE 'Asia/Kolkata')::TIMESTAMP, \
               CAST(t AT TIME ZONE 'Asia/Kolkata' AS DATE), \
               CAST(t AT TIME ZONE 'UTC' AS TIMESTAMP) \
               FROM (SELECT TIMESTAMP '2024-07-01 20:00:00' AT TIME ZONE 'UTC' AS t)";
    assert_eq!(
        value(&session, sql).await,
        "2024-07-01T16:00:00|2024-07-02T01:30:00|2024-07-02|2024-07-01T20:00:00"
    );
}

#[tokio::test]
async fn a_local_time_that_is_skipped_or_comes_twice_is_what_postgresql_takes_it_for() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let zone = "AT TIME ZONE 'America/New_York'";
    let utc = async |time: &str| {
        let sql = format!("SELECT CAST({time} AS TIMESTAMP WITH TIME ZONE)");
        value(&session, &sql).await
    };
    let skipped = "2024-03-10T07:30:00Z";
    assert_eq!(utc(&format!("TIMESTAMP '2024-03-10 02:30:00' {zone}")).await, skipped);
    assert_eq!(utc(&format!("'2024-03-10 02:30:00' {zone}")).await, skipped);
    assert_eq!(utc(&format!("'2024-03-10 02:30' {zone}")).await, skipped);
    let day = "INTERVAL '1 day'";
    let zoned = |time: &str| {
        let instant = format!("TIMESTAMP '{time}' {zone}");
        format!("arrow_cast({instant}, 'Timestamp(Nanosecond, Some(\"America/New_York\"))')")
    };
    let before = zoned("2024-03-09 02:30:00");
    assert_eq!(utc(&format!("{before} + {day}")).await, skipped);
    assert_eq!(utc(&format!("{day} + {before}")).await, skipped);
    assert_eq!(utc(&format!("{before} + INTERVAL '24 hours'")).await, "2024-03-10T07:30:00Z");
    let after = zoned("2024-03-11 02:30:00");
    assert_eq!(utc(&format!("{after} - {day}")).await, skipped);
    assert_eq!(utc(&format!("{after} - INTERVAL '24 hours'")).await, "2024-03-10T06:30:00Z");
    let twice = format!("TIMESTAMP '2024-11-03 01:30:00' {zone}");
    assert_eq!(utc(&twice).await, "2024-11-03T06:30:00Z");
    let rows = "SELECT t AT TIME ZONE 'America/Sao_Paulo' FROM (VALUES \
                (TIMESTAMP '2018-11-04 00:30:00'), (NULL)) AS v(t)";
    assert_eq!(lines(&session, rows).await, ["2018-11-04T03:30:00Z", ""]);
}
