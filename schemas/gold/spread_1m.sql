-- Spread, middle price and quoted size of each minute that has a quote, weighted by the time they were in force.
--
-- A quote is in force from its transaction time until the next one, or to the end of its minute. The last quote of
-- an earlier minute is in force from the start of the minute until the minute's first quote, but only if it was made
-- in the hour before that start: a longer silence is taken for a hole. What is known of a minute may so begin late:
-- `covered_micros` is the part of the minute that the means cover. A quote without a price on a side ends the one
-- before it and counts for nothing. A minute without a quote has no row: the close of the last one holds.
-- A quote that an archive publishes twice was in force once: the first of the two for no time at all. Only
-- `quote_count` counts both.
--
-- partitions: market, date
-- key: market, date, symbol, open_time
-- inputs: silver.book_ticker
-- lookback: 1 day
--
-- columns:
--   market          text: futures_um or futures_cm
--   date            date: UTC day of the quotes
--   symbol          text: the symbol as published
--   open_time       timestamp: start of the minute
--   mid             double, quote asset: mean of the middle between best bid and best ask, by time
--   spread          double, quote asset: mean of best ask less best bid, by time
--   spread_bps      double, basis points: mean spread by mean middle price
--   min_spread      decimal, quote asset: smallest spread of the minute's own quotes
--   max_spread      decimal, quote asset: largest spread of the minute's own quotes
--   bid_quantity    double, base asset, contracts on futures_cm: mean quantity at the best bid, by time
--   ask_quantity    double, as bid_quantity: mean quantity at the best ask, by time
--   close_bid       decimal, quote asset: best bid of the minute's last quote
--   close_ask       decimal, quote asset: best ask of the minute's last quote
--   quote_count     integer: quotes published in the minute
--   covered_micros  integer, microseconds: time that the means cover, 60000000 for a whole minute
WITH quotes AS (
    SELECT market, date, symbol, transaction_time, update_id,
           best_bid_price AS bid, best_ask_price AS ask, best_bid_qty AS bid_qty, best_ask_qty AS ask_qty,
           CAST(transaction_time AS BIGINT) AS time,
           CAST(date_trunc('minute', transaction_time) AS BIGINT) AS start,
           best_bid_price > 0 AND best_ask_price > 0 AS is_whole
    FROM silver.book_ticker
),
neighbours AS (
    SELECT *,
           lead(time) OVER ordered AS next_time, lag(time) OVER ordered AS earlier_time,
           lag(bid) OVER ordered AS earlier_bid, lag(ask) OVER ordered AS earlier_ask,
           lag(bid_qty) OVER ordered AS earlier_bid_qty, lag(ask_qty) OVER ordered AS earlier_ask_qty,
           lag(is_whole) OVER ordered AS earlier_is_whole
    FROM quotes
    WINDOW ordered AS (PARTITION BY market, symbol ORDER BY transaction_time, update_id, bid, ask, bid_qty, ask_qty)
),
weighted AS (
    -- Both weights are microseconds of one minute, so that they have eight digits at most and the sums stay exact.
    SELECT *,
           CAST(CASE WHEN is_whole THEN least(coalesce(next_time, start + 60000000), start + 60000000) - time
                     ELSE 0 END AS DECIMAL(8, 0)) AS weight,
           CAST(CASE WHEN earlier_is_whole AND earlier_time < start AND start - earlier_time <= 3600000000
                     THEN time - start ELSE 0 END AS DECIMAL(8, 0)) AS earlier_weight
    FROM neighbours
),
minutes AS (
    SELECT market, date, symbol, date_trunc('minute', transaction_time) AS open_time,
           sum((ask - bid) * weight + coalesce((earlier_ask - earlier_bid) * earlier_weight, 0)) AS spread,
           sum((ask + bid) * weight + coalesce((earlier_ask + earlier_bid) * earlier_weight, 0)) AS twice_mid,
           sum(bid_qty * weight) + sum(coalesce(earlier_bid_qty * earlier_weight, 0)) AS bid_qty,
           sum(ask_qty * weight) + sum(coalesce(earlier_ask_qty * earlier_weight, 0)) AS ask_qty,
           min(ask - bid) FILTER (WHERE is_whole) AS min_spread, max(ask - bid) FILTER (WHERE is_whole) AS max_spread,
           last_value(bid ORDER BY time, update_id, bid, ask) AS close_bid,
           last_value(ask ORDER BY time, update_id, bid, ask) AS close_ask,
           count(*) AS quote_count, CAST(sum(weight + earlier_weight) AS BIGINT) AS covered_micros
    FROM weighted
    GROUP BY market, date, symbol, date_trunc('minute', transaction_time)
)
SELECT market, date, symbol, open_time,
       CAST(twice_mid AS DOUBLE) / CAST(NULLIF(covered_micros, 0) AS DOUBLE) / 2 AS mid,
       CAST(spread AS DOUBLE) / CAST(NULLIF(covered_micros, 0) AS DOUBLE) AS spread,
       CAST(spread AS DOUBLE) / CAST(NULLIF(twice_mid, 0) AS DOUBLE) * 20000 AS spread_bps,
       min_spread, max_spread,
       CAST(bid_qty AS DOUBLE) / CAST(NULLIF(covered_micros, 0) AS DOUBLE) AS bid_quantity,
       CAST(ask_qty AS DOUBLE) / CAST(NULLIF(covered_micros, 0) AS DOUBLE) AS ask_quantity,
       close_bid, close_ask, quote_count, covered_micros
FROM minutes
