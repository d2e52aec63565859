-- Bars of 5 and 15 minutes, 1 and 4 hours and 1 day, made of one-minute klines.
--
-- A bar of an hour is there at twelve offsets: 0 is the plain one, and `bar_interval = '1h' AND offset_minutes = 5`
-- are those from five minutes past the hour to five minutes past the next. A bar belongs to the UTC day on which it
-- begins, and is there when that day has a minute of it: the last bars with an offset end on the next day.
-- `missing_bars` counts the minutes that are missing. Prices and sums are exact.
-- On futures_cm, where volumes count contracts, the average price takes a contract for what the exchange says that it
-- is worth: 100 USD for BTC and 10 USD for every other asset.
-- Of several rows of a minute that one archive publishes, the one with the most trades counts, then the one with the
-- larger volume: the others are cut short, or the same.
--
-- partitions: market, date
-- key: market, date, symbol, bar_interval, offset_minutes, open_time
-- inputs: silver.klines
-- lookahead: 1 day
--
-- columns:
--   symbol                  text: symbol, as the archive spells it
--   bar_interval            text: 5m, 15m, 1h, 4h or 1d
--   offset_minutes          integer, minutes: how long after a multiple of its interval the bar begins; 0 but for 1h
--   open_time               timestamp: start of the bar
--   close_time              timestamp: last instant of its last minute, as published
--   open                    decimal, quote asset: open of the first minute
--   high                    decimal, quote asset: highest price
--   low                     decimal, quote asset: lowest price
--   close                   decimal, quote asset: close of the last minute
--   volume                  decimal, base asset: base asset traded; contracts on futures_cm
--   quote_volume            decimal, quote asset: quote asset traded; NULL on futures_cm
--   base_volume             decimal, base asset: base asset traded, on futures_cm only
--   trade_count             integer, trades: number of trades
--   taker_buy_volume        decimal, base asset: part of the volume that takers bought; contracts on futures_cm
--   taker_buy_quote_volume  decimal, quote asset: quote asset that takers paid; NULL on futures_cm
--   taker_buy_base_volume   decimal, base asset: base asset that takers bought, on futures_cm only
--   vwap                    double, quote asset: average price of the base asset traded; NULL without volume
--   bars                    integer, bars: one-minute bars in it
--   missing_bars            integer, bars: minutes of it that have none
WITH minutes AS (
    SELECT * FROM silver.klines
    WHERE bar_interval = '1m'
    QUALIFY row_number() OVER (PARTITION BY market, symbol, open_time
                               ORDER BY trade_count DESC, volume DESC, quote_volume DESC, close_time DESC, open, high,
                                        low, close, taker_buy_volume, taker_buy_quote_volume, base_volume,
                                        taker_buy_base_volume, archive) = 1
),
five_minutes AS (
    -- Every bar is made of these: each begins and ends at a multiple of five minutes. Minutes count from 1970.
    SELECT market, date, symbol, div(CAST(open_time AS BIGINT), 300000000) * 5 AS minute, max(close_time) AS close_time,
           first_value(open ORDER BY open_time) AS open, max(high) AS high, min(low) AS low,
           last_value(close ORDER BY open_time) AS close,
           sum(volume) AS volume, sum(quote_volume) AS quote_volume, sum(base_volume) AS base_volume,
           sum(trade_count) AS trade_count, sum(taker_buy_volume) AS taker_buy_volume,
           sum(taker_buy_quote_volume) AS taker_buy_quote_volume,
           sum(taker_buy_base_volume) AS taker_buy_base_volume,
           count(*) AS bars
    FROM minutes
    GROUP BY market, date, symbol, minute
),
lengths (bar_interval, width, offset_minutes) AS (
    VALUES ('5m', 5, 0), ('15m', 15, 0), ('4h', 240, 0), ('1d', 1440, 0),
           ('1h', 60, 0), ('1h', 60, 5), ('1h', 60, 10), ('1h', 60, 15), ('1h', 60, 20), ('1h', 60, 25),
           ('1h', 60, 30), ('1h', 60, 35), ('1h', 60, 40), ('1h', 60, 45), ('1h', 60, 50), ('1h', 60, 55)
),
parts AS (
    SELECT five_minutes.*, bar_interval, width, offset_minutes,
           div(minute - offset_minutes, width) * width + offset_minutes AS start
    FROM five_minutes CROSS JOIN lengths
),
bars AS (
    SELECT market, min(date) AS first_date, symbol, bar_interval, offset_minutes, width, start,
           max(close_time) AS close_time,
           first_value(open ORDER BY minute) AS open, max(high) AS high, min(low) AS low,
           last_value(close ORDER BY minute) AS close,
           sum(volume) AS volume, sum(quote_volume) AS quote_volume, sum(base_volume) AS base_volume,
           sum(trade_count) AS trade_count, sum(taker_buy_volume) AS taker_buy_volume,
           sum(taker_buy_quote_volume) AS taker_buy_quote_volume,
           sum(taker_buy_base_volume) AS taker_buy_base_volume,
           sum(bars) AS bars
    FROM parts
    GROUP BY market, symbol, bar_interval, offset_minutes, width, start
),
timed AS (
    SELECT *, to_timestamp_micros(start * 60000000) AS open_time FROM bars
)
SELECT market, CAST(open_time AS DATE) AS date, symbol, bar_interval, offset_minutes, open_time, close_time,
       open, high, low, close, volume, quote_volume, base_volume, trade_count,
       taker_buy_volume, taker_buy_quote_volume, taker_buy_base_volume,
       CASE WHEN market <> 'futures_cm' THEN CAST(quote_volume AS DOUBLE) / CAST(NULLIF(volume, 0) AS DOUBLE)
            ELSE CASE WHEN starts_with(symbol, 'BTCUSD_') THEN 100 ELSE 10 END
                 * CAST(volume AS DOUBLE) / CAST(NULLIF(base_volume, 0) AS DOUBLE) END AS vwap,
       bars, width - bars AS missing_bars
FROM timed
WHERE CAST(open_time AS DATE) = first_date
