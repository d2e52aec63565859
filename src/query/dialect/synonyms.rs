//! What names of other engines and exchanges are called here, for messages about unknown names.
//!
//! A name that is merely misspelt is found by its letters; these are found by their meaning.

/// Functions of other engines, in lower case, with what to write here.
const FUNCTIONS: [(&str, &str); 61] = [
    ("approx_count_distinct", "approx_distinct(x)"),
    ("approx_quantile", "approx_percentile_cont(x, 0.5)"),
    ("argmaxif", "arg_max(x, by) FILTER (WHERE …)"),
    ("array_join", "array_to_string(list, ',')"),
    ("avgif", "avg(x) FILTER (WHERE …)"),
    ("bar", "time_bucket('1 hour', time)"),
    ("bucket", "time_bucket('1 hour', time)"),
    ("charindex", "strpos(text, part)"),
    ("collect_list", "array_agg(x)"),
    ("dateadd", "time + INTERVAL '1 day'"),
    ("date_add", "time + INTERVAL '1 day'"),
    ("date_sub", "time - INTERVAL '1 day', or date_diff('day', start, end)"),
    ("dayname", "strftime(time, '%A')"),
    ("element_at", "list[1]"),
    ("epoch_ns", "epoch_us(time) * 1000"),
    ("exponential_moving_average", "ema(x, n) OVER (ORDER BY time)"),
    ("ewma", "ema(x, n) OVER (ORDER BY time)"),
    ("formatdatetime", "strftime(time, '%Y-%m-%d')"),
    ("fromunixtimestamp64milli", "epoch_ms(milliseconds)"),
    ("getdate", "now()"),
    ("group_concat", "string_agg(x, ',')"),
    ("groupuniqarray", "array_agg(DISTINCT x)"),
    ("grouparray", "array_agg(x)"),
    ("isnan", "isnan(x)"),
    ("isnull", "x IS NULL, or coalesce(x, y)"),
    ("kurtosis", "avg(power((x - mean) / deviation, 4)), with both from a subquery"),
    ("last_day", "date_trunc('month', time) + INTERVAL '1 month' - INTERVAL '1 day'"),
    ("len", "length(text)"),
    ("list", "array_agg(x)"),
    ("list_agg", "string_agg(x, ',')"),
    ("listagg", "string_agg(x, ',')"),
    ("mean_if", "avg(x) FILTER (WHERE …)"),
    ("millisecond", "epoch_ms(time) % 1000"),
    ("monthname", "strftime(time, '%B')"),
    ("moving_average", "avg(x) OVER (ORDER BY time ROWS 19 PRECEDING)"),
    ("nvl", "coalesce(x, y)"),
    ("parse_date", "to_date(text, '%Y-%m-%d')"),
    ("percentile", "quantile_cont(x, 0.5)"),
    ("percentile_disc", "quantile_disc(x, 0.5)"),
    ("quantile_exact", "quantile_disc(x, 0.5)"),
    ("quantileexact", "quantile_disc(x, 0.5)"),
    ("sma", "avg(x) OVER (ORDER BY time ROWS 19 PRECEDING)"),
    ("stddevpop", "stddev_pop(x)"),
    ("strptime", "to_timestamp(text, '%Y-%m-%d %H:%M:%S')"),
    ("sumif", "sum(x) FILTER (WHERE …)"),
    ("sysdate", "now()"),
    ("timestampdiff", "date_diff('hour', start, end)"),
    ("timestamp_diff", "date_diff('hour', start, end)"),
    ("to_epoch", "epoch(time)"),
    ("todate", "x::date"),
    ("todatetime", "x::timestamp"),
    ("tofloat64", "x::double"),
    ("tostartofday", "date_trunc('day', time)"),
    ("tostartoffiveminutes", "time_bucket('5 minutes', time)"),
    ("tostartofhour", "date_trunc('hour', time)"),
    ("tostartofinterval", "time_bucket('15 minutes', time)"),
    ("tostartofminute", "date_trunc('minute', time)"),
    ("toyyyymmdd", "strftime(time, '%Y%m%d')"),
    ("uniq", "approx_distinct(x), or count(DISTINCT x)"),
    ("uniqexact", "count(DISTINCT x)"),
    ("unix_timestamp", "epoch(time)"),
];

/// Columns of exchanges and other data sets, with the columns that hold the same here, the
/// likeliest first.
const COLUMNS: [(&str, &[&str]); 24] = [
    ("amount", &["quantity", "qty", "volume"]),
    ("ask", &["best_ask_price"]),
    ("ask_price", &["best_ask_price"]),
    ("ask_size", &["best_ask_qty"]),
    ("bid", &["best_bid_price"]),
    ("bid_price", &["best_bid_price"]),
    ("bid_size", &["best_bid_qty"]),
    ("datetime", &TIMES),
    ("day", &["date"]),
    ("exchange", &["market"]),
    ("funding_rate", &["last_funding_rate"]),
    ("interval", &["bar_interval"]),
    ("num_trades", &["trade_count"]),
    ("pair", &["symbol"]),
    ("qty", &["quantity", "volume"]),
    ("quantity", &["qty", "volume"]),
    ("side", &["is_buyer_maker"]),
    ("size", &["quantity", "qty", "volume"]),
    ("ticker", &["symbol"]),
    ("time", &TIMES),
    ("timestamp", &TIMES),
    ("trades", &["trade_count"]),
    ("ts", &TIMES),
    ("vol", &["volume", "quantity", "qty"]),
];

/// Columns that hold the time of a row.
const TIMES: [&str; 7] = [
    "open_time",
    "time",
    "transact_time",
    "transaction_time",
    "calc_time",
    "create_time",
    "event_time",
];

/// Tables of other data sets, with the table that holds the same here.
const TABLES: [(&str, &str); 19] = [
    ("aggtrades", "silver.agg_trades"),
    ("bbo", "silver.book_ticker"),
    ("bookticker", "silver.book_ticker"),
    ("candles", "silver.klines"),
    ("depth", "silver.book_depth"),
    ("fills", "silver.trades"),
    ("funding", "silver.funding_rate"),
    ("funding_rates", "silver.funding_rate"),
    ("kline", "silver.klines"),
    ("liquidations", "silver.liquidation_snapshot"),
    ("mark_price", "silver.mark_price_klines"),
    ("ohlc", "silver.klines"),
    ("ohlcv", "silver.klines"),
    ("open_interest", "silver.metrics"),
    ("order_book", "silver.book_depth"),
    ("orderbook", "silver.book_depth"),
    ("premium_index", "silver.premium_index_klines"),
    ("quotes", "silver.book_ticker"),
    ("trade", "silver.trades"),
];

/// Returns what to write for a function of another engine.
pub(in crate::query) fn function(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    FUNCTIONS.iter().find(|(other, _)| *other == name).map(|(_, here)| *here)
}

/// Returns the column that holds what a column of another data set holds, if it is one of these.
pub(in crate::query) fn column<'a>(name: &str, columns: &'a [String]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let (_, here) = COLUMNS.iter().find(|(other, _)| *other == name)?;
    here.iter().find_map(|here| columns.iter().find(|column| column == here)).map(String::as_str)
}

/// Returns the table that holds what a table of another data set holds.
pub(in crate::query) fn table(name: &str) -> Option<&'static str> {
    let name = name.rsplit('.').next().unwrap_or(name).to_lowercase();
    TABLES.iter().find(|(other, _)| *other == name).map(|(_, here)| *here)
}
