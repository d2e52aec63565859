-- Bars of one minute that are not what the trades of the minute make.
--
-- severity: error
-- data type: klines
-- partitions: market, date
-- split by: symbol
-- inputs: silver.klines, silver.trades
-- expected: open, high, low, close, volume and number of the minute's trades
-- means: Trades are missing, or the bar is wrong. Where trades are missing, their number says how many.
-- do: Fetch the other copy of the day. A day with fewer trades than its bars count is incomplete.
-- source: from trades, all 1,440 bars of a sound day agree; BTCUSDT of 2025-10-10 lacks 761,722 trades
-- example: a bar with 120 trades, and 80 trades in its minute
-- kinds:
--   open_differs: an open other than the first price
--   high_differs: a high other than the highest price
--   low_differs: a low other than the lowest price
--   close_differs: a close other than the last price
--   volume_differs: a volume other than the sum of quantities
--   trade_count_differs: another number of trades
WITH made AS (
    SELECT market, date, symbol, date_trunc('minute', time) AS open_time,
           first_value(price ORDER BY time, id) AS open, max(price) AS high, min(price) AS low,
           last_value(price ORDER BY time, id) AS close, sum(qty) AS volume, count(*) AS trade_count
    FROM silver.trades
    GROUP BY market, date, symbol, date_trunc('minute', time)
),
-- Days of which trades are held at all; then a minute without any is one of no trades.
held AS (
    SELECT DISTINCT market, date, symbol FROM made
),
bars AS (
    SELECT klines.market, klines.date, klines.symbol, open_time, open, high, low, close, volume, trade_count, archive
    FROM silver.klines JOIN held
        ON held.market = klines.market AND held.date = klines.date AND held.symbol = klines.symbol
    WHERE bar_interval = '1m'
    QUALIFY row_number() OVER (PARTITION BY klines.market, klines.date, klines.symbol, open_time
                               ORDER BY trade_count DESC, volume DESC, archive) = 1
),
named AS (
    SELECT bars.*, made.open AS made_open, made.high AS made_high, made.low AS made_low, made.close AS made_close,
           coalesce(made.volume, 0) AS made_volume, coalesce(made.trade_count, 0) AS made_count,
           unnest(make_array(
               CASE WHEN bars.open <> made.open THEN 'open_differs' END,
               CASE WHEN bars.high <> made.high THEN 'high_differs' END,
               CASE WHEN bars.low <> made.low THEN 'low_differs' END,
               CASE WHEN bars.close <> made.close THEN 'close_differs' END,
               CASE WHEN bars.volume <> coalesce(made.volume, 0) THEN 'volume_differs' END,
               CASE WHEN bars.trade_count <> coalesce(made.trade_count, 0) THEN 'trade_count_differs' END)) AS kind
    FROM bars LEFT JOIN made
        ON made.market = bars.market AND made.date = bars.date AND made.symbol = bars.symbol
       AND made.open_time = bars.open_time
    WHERE bars.open <> made.open OR bars.high <> made.high OR bars.low <> made.low OR bars.close <> made.close
       OR bars.volume <> coalesce(made.volume, 0) OR bars.trade_count <> coalesce(made.trade_count, 0)
)
SELECT market, date, symbol, '1m' AS bar_interval, open_time AS from_time, kind,
       'open ' || coalesce(CAST(made_open AS VARCHAR), '') || ', high ' || coalesce(CAST(made_high AS VARCHAR), '')
       || ', low ' || coalesce(CAST(made_low AS VARCHAR), '') || ', close ' || coalesce(CAST(made_close AS VARCHAR), '')
       || ', volume ' || made_volume || ', trades ' || made_count AS expected,
       'open ' || open || ', high ' || high || ', low ' || low || ', close ' || close || ', volume ' || volume
       || ', trades ' || trade_count AS found, archive
FROM named
WHERE kind IS NOT NULL
