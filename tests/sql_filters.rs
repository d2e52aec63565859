//! Conditions on the columns by which tables are partitioned, decided without reading: NULL in
//! them, and everything around it, against three-valued logic written out here.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;

use crate::support::delta_fixture::{FixtureTable, batch};
use crate::support::random::Random;
use crate::support::statements::{lines, open};

const MARKETS: [&str; 3] = ["spot", "futures_um", "options"];
const DATES: [&str; 3] = ["2024-01-01", "2024-01-02", "2024-01-03"];

/// One file of one row.
#[derive(Clone, Copy)]
struct Row {
    market: &'static str,
    date: &'static str,
    id: i64,
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for market in MARKETS {
        for date in DATES {
            rows.push(Row { market, date, id: i64::try_from(rows.len()).unwrap() });
        }
    }
    rows
}

async fn table(lake: &Path) {
    let columns = [("id", DataType::Int64)];
    let mut table = FixtureTable::create(lake, "silver/trades", &columns, "id").await;
    for row in rows() {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![row.id]));
        table.append(row.market, row.date, &batch(vec![("id", ids)])).await;
    }
}

type Truth = Box<dyn Fn(&Row) -> Option<bool>>;

/// A condition, as SQL and as a function of three values.
struct Condition {
    sql: String,
    truth: Truth,
}

impl Condition {
    fn new(sql: String, truth: impl Fn(&Row) -> Option<bool> + 'static) -> Self {
        Self { sql, truth: Box::new(truth) }
    }
}

fn not(value: Option<bool>) -> Option<bool> {
    value.map(|value| !value)
}

fn and(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    not(and(not(one), not(other)))
}

/// A column, or an expression that has its value, by which rows are compared.
#[derive(Clone, Copy)]
enum Column {
    Market,
    Date,
}

impl Column {
    fn of(self, row: &Row) -> &'static str {
        match self {
            Self::Market => row.market,
            Self::Date => row.date,
        }
    }

    fn sql(self, random: &mut Random) -> String {
        match (self, random.below(4)) {
            (Self::Market, 0) => "CAST(market AS VARCHAR)".to_owned(),
            (Self::Market, 1) => "CASE WHEN id >= 0 THEN market ELSE NULL END".to_owned(),
            (Self::Market, 2) => "coalesce(NULL, market)".to_owned(),
            (Self::Market, _) => "market".to_owned(),
            (Self::Date, 0) => "CAST(CAST(date AS VARCHAR) AS DATE)".to_owned(),
            (Self::Date, 1) => "CASE WHEN market IS NULL THEN NULL ELSE date END".to_owned(),
            (Self::Date, _) => "date".to_owned(),
        }
    }

    /// Returns a value to compare with: NULL often, and sometimes one that no row has.
    fn value(self, random: &mut Random) -> Option<&'static str> {
        let values = match self {
            Self::Market => MARKETS,
            Self::Date => DATES,
        };
        let other = match self {
            Self::Market => "none",
            Self::Date => "2030-01-01",
        };
        match random.below(6) {
            0 | 1 => None,
            2 => Some(other),
            _ => Some(values[random.below(3)]),
        }
    }

    fn literal(self, value: Option<&str>) -> String {
        match (self, value) {
            (_, None) => "NULL".to_owned(),
            (Self::Market, Some(value)) => format!("'{value}'"),
            (Self::Date, Some(value)) => format!("DATE '{value}'"),
        }
    }
}

fn comparison(random: &mut Random, column: Column) -> Condition {
    type Compare = fn(&str, &str) -> bool;
    let operators: [(&str, Compare); 6] = [
        ("=", |a, b| a == b),
        ("<>", |a, b| a != b),
        ("<", |a, b| a < b),
        ("<=", |a, b| a <= b),
        (">", |a, b| a > b),
        (">=", |a, b| a >= b),
    ];
    let (operator, compare) = operators[random.below(6)];
    let value = column.value(random);
    let sql = format!("{} {operator} {}", column.sql(random), column.literal(value));
    Condition::new(sql, move |row| value.map(|value| compare(column.of(row), value)))
}

fn list(random: &mut Random, column: Column) -> Condition {
    let values: Vec<_> = (0..=random.below(3)).map(|_| column.value(random)).collect();
    let literals: Vec<_> = values.iter().map(|value| column.literal(*value)).collect();
    let negated = random.below(2) == 0;
    let word = if negated { "NOT IN" } else { "IN" };
    let sql = format!("{} {word} ({})", column.sql(random), literals.join(", "));
    Condition::new(sql, move |row| {
        let equal = values.iter().map(|value| value.map(|value| value == column.of(row)));
        let found = equal.fold(Some(false), or);
        if negated { not(found) } else { found }
    })
}

fn range(random: &mut Random, column: Column) -> Condition {
    let least = column.value(random);
    let most = column.value(random);
    let bounds = format!("{} AND {}", column.literal(least), column.literal(most));
    let sql = format!("{} BETWEEN {bounds}", column.sql(random));
    Condition::new(sql, move |row| {
        let of = column.of(row);
        and(least.map(|least| of >= least), most.map(|most| of <= most))
    })
}

fn about_null(random: &mut Random, column: Column) -> Condition {
    let value = column.value(random);
    let literal = column.literal(value);
    let of = column.sql(random);
    match random.below(4) {
        0 => Condition::new(format!("{of} IS NULL"), |_| Some(false)),
        1 => Condition::new(format!("({of} = {literal}) IS NULL"), move |_| Some(value.is_none())),
        2 => Condition::new(format!("nullif({of}, {literal}) IS NOT NULL"), move |row| {
            Some(value != Some(column.of(row)))
        }),
        _ => Condition::new(format!("({of} IS DISTINCT FROM {literal})"), move |row| {
            Some(value != Some(column.of(row)))
        }),
    }
}

fn choice(random: &mut Random, depth: usize) -> Condition {
    let when = condition(random, depth);
    let then = condition(random, depth);
    let sql = format!("CASE WHEN {} THEN {} END", when.sql, then.sql);
    Condition::new(sql, move |row| match (when.truth)(row) {
        Some(true) => (then.truth)(row),
        _ => None,
    })
}

fn condition(random: &mut Random, depth: usize) -> Condition {
    let column = if random.below(2) == 0 { Column::Market } else { Column::Date };
    if depth == 0 {
        return match random.below(5) {
            0 => comparison(random, column),
            1 | 2 => list(random, column),
            3 => range(random, column),
            _ => about_null(random, column),
        };
    }
    match random.below(6) {
        0 | 1 => {
            let (one, other) = (condition(random, depth - 1), condition(random, depth - 1));
            let sql = format!("({} AND {})", one.sql, other.sql);
            Condition::new(sql, move |row| and((one.truth)(row), (other.truth)(row)))
        }
        2 | 3 => {
            let (one, other) = (condition(random, depth - 1), condition(random, depth - 1));
            let sql = format!("({} OR {})", one.sql, other.sql);
            Condition::new(sql, move |row| or((one.truth)(row), (other.truth)(row)))
        }
        4 => {
            let inner = condition(random, depth - 1);
            Condition::new(format!("NOT ({})", inner.sql), move |row| not((inner.truth)(row)))
        }
        _ => choice(random, depth - 1),
    }
}

fn expected(condition: &Condition) -> Vec<String> {
    let kept = rows().into_iter().filter(|row| (condition.truth)(row) == Some(true));
    kept.map(|row| row.id.to_string()).collect()
}

#[tokio::test]
async fn null_among_conditions_on_partitions_keeps_no_row_that_it_should_not() {
    let lake = tempfile::tempdir().unwrap();
    table(lake.path()).await;
    let session = open(lake.path());
    let count = async |condition: &str| {
        let sql = format!("SELECT count(*) FROM silver.trades WHERE {condition}");
        lines(&session, &sql).await.remove(0)
    };
    assert_eq!(count("market IN (NULL)").await, "0");
    assert_eq!(count("market NOT IN ('spot', NULL)").await, "0");
    assert_eq!(count("market IN ('spot', NULL)").await, "3");
    assert_eq!(count("date IN (NULL)").await, "0");
    assert_eq!(count("date NOT IN (DATE '2024-01-01', NULL)").await, "0");
    assert_eq!(count("market = NULL").await, "0");
    assert_eq!(count("market <> NULL OR date = DATE '2024-01-02'").await, "3");
    assert_eq!(count("NOT (market = NULL AND date = DATE '2024-01-02')").await, "6");
    assert_eq!(count("NULL").await, "0");
    assert_eq!(count("market NOT IN ('spot', NULL) AND id > 0").await, "0");
    assert_eq!(count("market IN (NULL) LIMIT 1").await, "0");
}

#[tokio::test]
async fn conditions_on_partitions_keep_what_three_valued_logic_keeps() {
    let lake = tempfile::tempdir().unwrap();
    table(lake.path()).await;
    let session = open(lake.path());
    let mut random = Random::new(20_240_101);
    for round in 0..160 {
        let condition = condition(&mut random, round % 4);
        let sql = format!("SELECT id FROM silver.trades WHERE {} ORDER BY id", condition.sql);
        assert_eq!(lines(&session, &sql).await, expected(&condition), "{sql}");
    }
}

#[tokio::test]
async fn conditions_on_partitions_beside_others_keep_what_three_valued_logic_keeps() {
    let lake = tempfile::tempdir().unwrap();
    table(lake.path()).await;
    let session = open(lake.path());
    let mut random = Random::new(7);
    for round in 0..80 {
        let partitions = condition(&mut random, round % 3);
        let (word, truth): (_, fn(_, _) -> _) =
            if round % 2 == 0 { ("AND", and) } else { ("OR", or) };
        let sql = format!("({}) {word} id > 3", partitions.sql);
        let both = Condition::new(sql, move |row| truth((partitions.truth)(row), Some(row.id > 3)));
        let sql = format!("SELECT id FROM silver.trades WHERE {} ORDER BY id", both.sql);
        assert_eq!(lines(&session, &sql).await, expected(&both), "{sql}");
    }
}

#[tokio::test]
async fn a_list_with_null_or_with_nothing_left_has_no_answer_where_sql_has_none() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let answers = async |condition: &str| {
        let sql = format!("SELECT {condition} AS c FROM (VALUES (1), (2), (NULL)) AS t(x)");
        let kept = format!("SELECT x FROM (VALUES (1), (2), (NULL)) AS t(x) WHERE {condition}");
        let kept = lines(&session, &kept).await.join(" ");
        format!("{} keeps {kept}", lines(&session, &sql).await.join(" "))
    };
    assert_eq!(answers("x IN (1, NULL)").await, "true   keeps 1");
    assert_eq!(answers("x NOT IN (1, NULL)").await, "false   keeps ");
    assert_eq!(answers("x IN (NULL)").await, "   keeps ");
    assert_eq!(answers("x NOT IN (1) OR x NOT IN (2)").await, "true true  keeps 1 2");
    assert_eq!(answers("x IN (1) AND x IN (2)").await, "false false  keeps ");
    assert_eq!(answers("NOT (x IN (1) AND x IN (2))").await, "true true  keeps 1 2");
    assert_eq!(answers("NOT (x IN (1, 2) AND x NOT IN (1, 2))").await, "true true  keeps 1 2");
    assert_eq!(answers("x NOT IN (1) OR x NOT IN (NULL)").await, " true  keeps 2");
    assert_eq!(answers("x IN (1, NULL) AND x IN (2, NULL)").await, "   keeps ");
    assert_eq!(answers("(x IN (1, NULL)) IS NULL").await, "false true true keeps 2 ");
}
