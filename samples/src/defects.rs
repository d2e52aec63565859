//! Defects of published data, injected into sample archives: what audits have to find.
//!
//! Each was seen in the archive or is a mistake that such files can have. A defect changes the text
//! of one archive and nothing else: checksums are right, and the rows can be read.

/// A way in which an archive can be wrong.
#[derive(Clone, Copy, Debug)]
pub struct Defect {
    /// What is done.
    pub name: &'static str,
    /// The data type of the archive, as a matrix names it.
    pub data_type: &'static str,
    /// The length of its bars.
    pub interval: Option<&'static str>,
    /// The kind of finding, or the class of gap, that it has to lead to.
    pub kind: &'static str,
    change: fn(&mut Table, usize),
}

/// The rows of a CSV without its header.
type Table = Vec<Vec<String>>;

impl Defect {
    /// Puts the defect at a place of a file, which any number can stand for.
    #[must_use]
    pub fn inject(&self, csv: &str, place: usize) -> String {
        let mut lines = csv.lines().peekable();
        let header =
            lines.next_if(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
        let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
        let mut rows: Table = lines.map(cells).collect();
        // A margin keeps the place away from both ends, where a lost row leaves no hole.
        let margin = rows.len() / 8;
        let at = margin + place % (rows.len() - 2 * margin).max(1);
        (self.change)(&mut rows, at);
        let mut text: String = header.map(|line| format!("{line}\n")).unwrap_or_default();
        for row in rows {
            text.push_str(&row.join(","));
            text.push('\n');
        }
        text
    }
}

const fn bars(name: &'static str, kind: &'static str, change: fn(&mut Table, usize)) -> Defect {
    Defect { name, data_type: "klines", interval: Some("1m"), kind, change }
}

const fn hours(name: &'static str, kind: &'static str, change: fn(&mut Table, usize)) -> Defect {
    Defect { name, data_type: "klines", interval: Some("1h"), kind, change }
}

const fn of(
    data_type: &'static str,
    name: &'static str,
    kind: &'static str,
    change: fn(&mut Table, usize),
) -> Defect {
    Defect { name, data_type, interval: None, kind, change }
}

const fn price_bars(
    data_type: &'static str,
    name: &'static str,
    kind: &'static str,
    change: fn(&mut Table, usize),
) -> Defect {
    Defect { name, data_type, interval: Some("1m"), kind, change }
}

/// Every defect.
pub const DEFECTS: &[Defect] = &[
    bars("a high below the other prices", "price_order", |rows, at| set(rows, at, 2, "0.00000001")),
    bars("a low above the other prices", "price_order", |rows, at| bigger(rows, at, 3)),
    bars("a low of zero", "price_not_positive", |rows, at| set(rows, at, 3, "0")),
    bars("a volume below zero", "negative_volume", |rows, at| set(rows, at, 5, "-1")),
    bars("takers bought more than was traded", "taker_above_volume", |rows, at| {
        bigger(rows, at, 9);
    }),
    bars("no trades for a volume", "volume_without_trades", |rows, at| set(rows, at, 8, "0")),
    bars("no volume for trades", "trades_without_volume", |rows, at| set(rows, at, 5, "0")),
    bars("a quote volume of more", "bar_quote_volume", |rows, at| bigger(rows, at, 7)),
    bars("a bar twice", "repeated_bar", double),
    bars("a bar that begins late", "off_grid", |rows, at| add(rows, at, 0, 1_000)),
    bars("a bar that ends early", "bar_close_time", |rows, at| add(rows, at, 6, -20_000)),
    bars("a high far above", "price_spike", |rows, at| bigger(rows, at, 2)),
    bars("bars that are missing", "unknown", |rows, at| drop(rows.drain(at..at + 5))),
    bars("a day without trades", "flat_days", flatten),
    bars("a close other than the last trade", "close_differs", |rows, at| {
        let low = rows[at][3].clone();
        let high = rows[at][2].clone();
        let close = if rows[at][4] == low { high } else { low };
        rows[at][4] = close;
    }),
    hours("an hour with another open", "open_differs", |rows, at| nudge(rows, at, 1)),
    hours("an hour with a higher high", "high_differs", |rows, at| nudge(rows, at, 2)),
    hours("an hour with another low", "low_differs", |rows, at| nudge(rows, at, 3)),
    hours("an hour with another close", "close_differs", |rows, at| nudge(rows, at, 4)),
    hours("an hour with another volume", "volume_differs", |rows, at| nudge(rows, at, 5)),
    hours("an hour with another trade", "trade_count_differs", |rows, at| add(rows, at, 8, 1)),
    of("trades", "a trade of nothing", "zero_quantity", |rows, at| set(rows, at, 2, "0")),
    of("trades", "a trade for nothing", "zero_price", |rows, at| set(rows, at, 1, "0")),
    of("trades", "a trade of another value", "wrong_value", |rows, at| bigger(rows, at, 3)),
    of("trades", "a trade twice", "repeated_id", double),
    of("trades", "a trade before the one before it", "time_backwards", |rows, at| {
        add(rows, at, 4, -3_600_000);
    }),
    of("trades", "a trade that is missing", "missing_ids", remove),
    of("trades", "a trade missing, seen from the bars", "trade_count_differs", remove),
    of("trades", "a price above the bar", "high_differs", |rows, at| bigger(rows, at, 1)),
    of("trades", "one side only", "trades_one_side", |rows, _| {
        rows.iter_mut().for_each(|row| "True".clone_into(&mut row[5]));
    }),
    of("aggTrades", "an aggregate of nothing", "zero_quantity", |rows, at| set(rows, at, 2, "0")),
    of("aggTrades", "an aggregate for nothing", "zero_price", |rows, at| set(rows, at, 1, "0")),
    of("aggTrades", "an aggregate of no trades", "no_trades", |rows, at| add(rows, at, 4, -50)),
    of("aggTrades", "an aggregate twice", "repeated_id", double),
    of("aggTrades", "an aggregate that is missing", "missing_ids", remove),
    of("aggTrades", "an aggregate before its time", "time_backwards", |rows, at| {
        add(rows, at, 5, -3_600_000);
    }),
    of("aggTrades", "a trade in two aggregates", "overlapping_trades", |rows, at| {
        add(rows, at, 3, -1);
    }),
    of("aggTrades", "trades in no aggregate", "missing_trades", |rows, at| {
        for row in &mut rows[at..] {
            shift(row, 3, 4);
            shift(row, 4, 4);
        }
    }),
    of("aggTrades", "an aggregate of too much", "volume_differs", |rows, at| bigger(rows, at, 2)),
    of("aggTrades", "a price above the bars", "price_range_differs", |rows, at| {
        bigger(rows, at, 1);
    }),
    of("aggTrades", "one side only", "agg_trades_one_side", |rows, _| {
        rows.iter_mut().for_each(|row| "True".clone_into(&mut row[6]));
    }),
    of("bookDepth", "less in a wider band", "not_monotonic", |rows, at| {
        let at = widest(rows, at);
        set(rows, at, 2, "0.00000001");
    }),
    of("bookDepth", "a depth below zero", "negative_depth", |rows, at| set(rows, at, 2, "-1")),
    of("bookDepth", "a band twice", "repeated_band", double),
    of("bookDepth", "a band that is missing", "missing_bands", remove),
    of("bookDepth", "an hour without snapshots", "missing_snapshots", |rows, at| {
        drop(rows.drain(at..(at + 120).min(rows.len())));
    }),
    of("bookDepth", "a book that stands still", "book_frozen", |rows, at| {
        freeze(rows, at, 12 * 10);
    }),
    of("bookTicker", "a bid above the ask", "crossed_book", |rows, at| bigger(rows, at, 1)),
    of("bookTicker", "a bid of nothing", "zero_quantity", |rows, at| set(rows, at, 2, "0")),
    of("bookTicker", "a bid at zero", "zero_price", |rows, at| set(rows, at, 1, "0")),
    of("bookTicker", "an update twice", "repeated_update", double),
    of("bookTicker", "an update before its time", "time_backwards", |rows, at| {
        add(rows, at, 5, -3_600_000);
    }),
    of("fundingRate", "a payment that is missing", "missing_payment", remove),
    of("fundingRate", "a payment twice", "repeated_payment", double),
    of("fundingRate", "a payment at another time", "off_interval", |rows, at| {
        add(rows, at, 0, 600_000);
    }),
    of("fundingRate", "a rate that nobody has", "funding_rates", |rows, at| {
        set(rows, at, 2, "0.5");
    }),
    of("metrics", "a row twice", "repeated_row", double),
    of("metrics", "a row at another time", "off_grid", |rows, at| {
        let time = rows[at][0].clone();
        rows[at][0] = format!("{}2:30", &time[..time.len() - 4]);
    }),
    of("metrics", "a ratio below zero", "negative_value", |rows, at| set(rows, at, 4, "-1")),
    of("metrics", "rows that are missing", "missing_rows", |rows, at| drop(rows.drain(at..at + 9))),
    of("metrics", "an empty cell", "empty_cells", |rows, at| set(rows, at, 2, "\"\"")),
    of("metrics", "open interest that stands still", "frozen_value", |rows, at| {
        let still = rows[at][2].clone();
        rows[at..at + 20].iter_mut().for_each(|row| row[2].clone_from(&still));
    }),
    price_bars("markPriceKlines", "a low above the other prices", "price_order", low_above),
    price_bars("markPriceKlines", "a bar twice", "repeated_bar", double),
    price_bars("indexPriceKlines", "a low above the other prices", "price_order", low_above),
    price_bars("indexPriceKlines", "a low of zero", "price_not_positive", |rows, at| {
        set(rows, at, 3, "0");
    }),
    price_bars("premiumIndex", "a low above the other prices", "price_order", |rows, at| {
        set(rows, at, 3, "3");
    }),
    price_bars("premiumIndex", "a bar that begins late", "off_grid", |rows, at| {
        add(rows, at, 0, 1_000);
    }),
    of("BVOLIndex", "an hour without values", "missing_values", |rows, at| {
        drop(rows.drain(at..at + 60));
    }),
    of("BVOLIndex", "a value of zero", "value_not_positive", |rows, at| set(rows, at, 4, "0")),
    of("BVOLIndex", "a value that leaps", "value_jump", |rows, at| bigger(rows, at, 4)),
    of("BVOLIndex", "a value twice", "repeated_time", double),
    of("EOHSummary", "a delta of five", "wrong_delta", |rows, at| set(rows, at, 20, "5")),
    of("EOHSummary", "a gamma below zero", "negative_gamma", |rows, at| set(rows, at, 21, "-1")),
    of("EOHSummary", "a vega below zero", "negative_vega", |rows, at| set(rows, at, 22, "-1")),
    of("EOHSummary", "a bid above the ask", "crossed_book", |rows, at| {
        set(rows, at, 13, "1");
        set(rows, at, 12, "2");
    }),
    of("EOHSummary", "a row twice", "repeated_row", double),
    of("liquidationSnapshot", "an order for nothing", "zero_price", |rows, at| {
        set(rows, at, 6, "0");
    }),
    of("liquidationSnapshot", "more filled than ordered", "overfilled", |rows, at| {
        bigger(rows, at, 10);
    }),
    of("liquidationSnapshot", "no side", "wrong_side", |rows, at| set(rows, at, 2, "HOLD")),
];

fn set(rows: &mut Table, at: usize, column: usize, value: &str) {
    value.clone_into(&mut rows[at][column]);
}

/// Makes a number larger by far: another digit in front of it.
fn bigger(rows: &mut Table, at: usize, column: usize) {
    rows[at][column].insert(0, '9');
}

/// Makes a number a little larger.
fn nudge(rows: &mut Table, at: usize, column: usize) {
    let cell = &rows[at][column];
    let last = if cell.ends_with('1') { '2' } else { '1' };
    let digits: String = cell.chars().take(cell.len() - 1).collect();
    rows[at][column] = format!("{digits}{last}");
}

fn add(rows: &mut Table, at: usize, column: usize, more: i64) {
    shift(&mut rows[at], column, more);
}

fn shift(row: &mut [String], column: usize, more: i64) {
    if let Ok(number) = row[column].parse::<i64>() {
        row[column] = (number + more).to_string();
    }
}

fn double(rows: &mut Table, at: usize) {
    let row = rows[at].clone();
    rows.insert(at, row);
}

fn remove(rows: &mut Table, at: usize) {
    rows.remove(at);
}

fn low_above(rows: &mut Table, at: usize) {
    bigger(rows, at, 3);
}

/// Makes bars of a day on which nothing is traded.
fn flatten(rows: &mut Table, _at: usize) {
    let close = rows[0][4].clone();
    for row in rows {
        row[1..5].iter_mut().for_each(|cell| cell.clone_from(&close));
        for column in [5, 7, 8, 9, 10] {
            "0".clone_into(&mut row[column]);
        }
    }
}

/// Returns the widest band of a snapshot: the first row with its time.
fn widest(rows: &Table, at: usize) -> usize {
    rows.iter().position(|row| row[0] == rows[at][0]).unwrap_or(at)
}

/// Gives so many rows the depth and the value that their band has first.
fn freeze(rows: &mut Table, at: usize, count: usize) {
    let start = widest(rows, at);
    let bands = rows[start..].iter().take_while(|row| row[0] == rows[start][0]).count();
    let end = (start + count).min(rows.len());
    for row in start + bands..end {
        let before: Vec<String> = rows[row - bands][2..4].to_vec();
        rows[row][2..4].clone_from_slice(&before);
    }
}
