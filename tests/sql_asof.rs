//! ASOF joins: funding in force, quotes at trades, metrics at bars; against a join by hand.

use std::fmt::Write;

use crate::support::dialect::Dialect;
use crate::support::random::Random;

/// Trades and quotes: a quote at the time of a trade, two at the same time, and NULLs.
const TABLES: &str = "
    WITH trades(symbol, time, price) AS (VALUES
        ('A', TIMESTAMP '2024-01-01 00:00:05', 1.5), ('A', TIMESTAMP '2024-01-01 00:00:10', 1.6),
        ('A', TIMESTAMP '2024-01-01 00:00:00', 1.4), ('B', TIMESTAMP '2024-01-01 00:00:07', 2.5),
        ('C', TIMESTAMP '2024-01-01 00:00:07', 3.5), (NULL, TIMESTAMP '2024-01-01 00:00:07', 4.5),
        ('A', NULL, 5.5)),
    quotes(symbol, time, bid) AS (VALUES
        ('A', TIMESTAMP '2024-01-01 00:00:04', 1.41), ('A', TIMESTAMP '2024-01-01 00:00:10', 1.51),
        ('A', TIMESTAMP '2024-01-01 00:00:10', 1.52), ('B', TIMESTAMP '2024-01-01 00:00:01', NULL),
        ('B', NULL, 2.9), (NULL, TIMESTAMP '2024-01-01 00:00:01', 9.9))";

fn of_tables(query: &str) -> String {
    format!("{TABLES} {query}")
}

#[tokio::test]
async fn a_trade_finds_the_quote_in_force() {
    let dialect = Dialect::new();
    let inner = "1.5,1.41\n1.6,1.52\n2.5,";
    let forms = [
        "ASOF JOIN quotes q ON t.symbol = q.symbol AND t.time >= q.time",
        "ASOF INNER JOIN quotes q ON q.time <= t.time AND q.symbol = t.symbol",
        "ASOF JOIN quotes q MATCH_CONDITION (t.time >= q.time) ON t.symbol = q.symbol",
        "ASOF JOIN quotes q MATCH_CONDITION (t.time >= q.time) USING (symbol)",
        "ASOF JOIN quotes q USING (symbol, time)",
    ];
    for form in forms {
        let sql = of_tables(&format!("SELECT price, bid FROM trades t {form} ORDER BY price"));
        assert_eq!(dialect.rows(&sql).await, inner, "{form}");
    }
    let outer = "1.4,\n1.5,1.41\n1.6,1.52\n2.5,\n3.5,\n4.5,\n5.5,";
    let forms = [
        "ASOF LEFT JOIN quotes q ON t.symbol = q.symbol AND t.time >= q.time",
        "ASOF LEFT OUTER JOIN quotes q USING (symbol, time)",
        "ASOF LEFT JOIN quotes q MATCH_CONDITION (t.time >= q.time) ON t.symbol = q.symbol",
    ];
    for form in forms {
        let sql = of_tables(&format!("SELECT price, bid FROM trades t {form} ORDER BY price"));
        assert_eq!(dialect.rows(&sql).await, outer, "{form}");
    }
}

#[tokio::test]
async fn a_match_can_lie_before_or_after() {
    let dialect = Dialect::new();
    let cases = [(">=", "4\n10"), (">", "4\n4"), ("<=", "10\n10"), ("<", "10\n")];
    for (operator, expected) in cases {
        let sql = of_tables(&format!(
            "SELECT second(q.time) FROM trades t
             ASOF LEFT JOIN quotes q ON t.symbol = q.symbol AND t.time {operator} q.time
             WHERE t.price IN (1.5, 1.6) ORDER BY price"
        ));
        assert_eq!(dialect.rows(&sql).await, expected.trim_end(), "{operator}");
    }
}

#[tokio::test]
async fn columns_keep_their_names_and_joins_can_follow() {
    let dialect = Dialect::new();
    let sql = of_tables(
        "SELECT t.*, q.*, f.x FROM trades AS t
         ASOF JOIN quotes AS q ON t.symbol = q.symbol AND t.time >= q.time
         JOIN (VALUES ('A', 'first')) f(symbol, x) ON f.symbol = t.symbol
         ASOF LEFT JOIN (VALUES ('A', 1.55)) p(symbol, price)
             ON p.symbol = t.symbol AND t.price >= p.price
         WHERE p.price IS NOT NULL",
    );
    assert_eq!(
        dialect.rows(&sql).await,
        "A,2024-01-01T00:00:10,1.6,A,2024-01-01T00:00:10,1.52,first"
    );
    let using =
        of_tables("SELECT * FROM trades ASOF JOIN quotes USING (symbol, time) WHERE price = 1.5");
    assert_eq!(dialect.rows(&using).await, "A,2024-01-01T00:00:05,1.5,1.41");
    let keyless =
        "SELECT a, b FROM (VALUES (1), (5)) l(a) ASOF JOIN (VALUES (0), (3)) r(b) ON a >= b
                   ORDER BY a";
    assert_eq!(dialect.rows(keyless).await, "1,0\n5,3");
}

#[tokio::test]
async fn an_asof_join_that_is_not_one_is_refused_in_words() {
    let dialect = Dialect::new();
    let conditions = [
        "t.symbol = q.symbol",
        "t.symbol = q.symbol AND t.time >= q.time AND t.price >= q.bid",
        "t.symbol = q.symbol OR t.time >= q.time",
        "t.symbol = q.symbol AND t.time >= q.time AND t.price > 1",
    ];
    for condition in conditions {
        let sql = of_tables(&format!("SELECT * FROM trades t ASOF JOIN quotes q ON {condition}"));
        let error = dialect.refusal(&sql).await;
        assert!(error.contains("an ASOF join has equalities"), "{condition}: {error}");
        assert!(!error.contains("Span"), "{error}");
    }
    let error =
        dialect.refusal(&of_tables("SELECT 1 FROM trades ASOF RIGHT JOIN quotes ON true")).await;
    assert!(error.contains("ASOF LEFT JOIN"), "{error}");
    let limited = "SELECT 1 FROM (VALUES (1)) l(a)
                   ASOF JOIN (SELECT * FROM (VALUES (1), (2)) r(b) LIMIT 1) r ON a >= b";
    assert!(dialect.refusal(limited).await.contains("depend on chance"));
}

#[tokio::test]
async fn a_subquery_that_cannot_be_planned_names_the_join_to_write() {
    let dialect = Dialect::new();
    for subquery in [
        "(SELECT bid FROM quotes q WHERE q.symbol = x.symbol AND q.time <= x.time
          ORDER BY q.time DESC LIMIT 1)",
        "(SELECT max(bid) FROM quotes q WHERE q.symbol = x.symbol AND q.time <= x.time)",
    ] {
        let error =
            dialect.refusal(&of_tables(&format!("SELECT price, {subquery} FROM trades x"))).await;
        assert!(error.contains("FROM a ASOF LEFT JOIN b ON"), "{subquery}: {error}");
    }
    let equal = "SELECT (SELECT max(bid) FROM quotes q WHERE q.symbol = x.symbol) FROM trades x
                 WHERE price = 1.5";
    assert_eq!(dialect.rows(&of_tables(equal)).await, "1.52");
    let any = "SELECT count(*) FROM trades x
               WHERE EXISTS (SELECT 1 FROM quotes q WHERE q.symbol = x.symbol AND q.time < x.time)";
    assert_eq!(dialect.rows(&of_tables(any)).await, "3");
}

/// Rows of `(key, time)` with few keys and times, so that many are the same.
fn rows(random: &mut Random, count: usize) -> Vec<(i64, i64)> {
    (0..count).map(|_| (random.below(3) as i64, random.below(40) as i64)).collect()
}

fn values(rows: &[(i64, i64)]) -> String {
    let mut text = String::from("(VALUES ");
    for (index, (key, time)) in rows.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(text, "{comma}({key}, {time}, {index})").unwrap();
    }
    text + ")"
}

#[tokio::test]
async fn matches_are_those_of_a_search_through_all_rows() {
    let dialect = Dialect::new();
    let mut random = Random::new(7);
    for operator in [">=", ">", "<=", "<"] {
        let left = rows(&mut random, 60);
        let right = rows(&mut random, 40);
        let sql = format!(
            "SELECT l.id, r.id FROM {} l(k, t, id)
             ASOF LEFT JOIN {} r(k, t, id) ON l.k = r.k AND l.t {operator} r.t ORDER BY 1",
            values(&left),
            values(&right)
        );
        let holds = |l: i64, r: i64| match operator {
            ">=" => l >= r,
            ">" => l > r,
            "<=" => l <= r,
            _ => l < r,
        };
        let mut expected = Vec::new();
        for (id, (key, time)) in left.iter().enumerate() {
            let fitting =
                right.iter().enumerate().filter(|(_, (k, t))| k == key && holds(*time, *t));
            // The nearest time; of several rows the one with the largest id.
            let best =
                fitting.min_by_key(|(id, (_, t))| ((time - t).abs(), std::cmp::Reverse(*id)));
            let found = best.map_or_else(String::new, |(id, _)| id.to_string());
            expected.push(format!("{id},{found}"));
        }
        assert_eq!(dialect.rows(&sql).await, expected.join("\n"), "{operator}");
    }
}
