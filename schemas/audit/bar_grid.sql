-- Bars that are there twice, or do not begin where bars of their length begin.
--
-- severity: error
-- data type: klines, markPriceKlines, indexPriceKlines, premiumIndex
-- partitions: market, date
-- split by: symbol
-- inputs: silver.klines, silver.mark_price_klines, silver.index_price_klines, silver.premium_index_klines
-- expected: one bar, at each multiple of its length
-- means: A sum or a count over such bars is too large, and a join by time loses or doubles rows.
-- do: Take one row for each time; gold does, and prefers the one with the most trades, or samples.
-- source: arithmetic; klines had repeated rows (binance-public-data, issue 475)
-- example: two bars of 10:00
-- kinds:
--   repeated_bar: two bars with the same time
--   off_grid: a bar that begins elsewhere
WITH counted AS (
    SELECT market, date, symbol, bar_interval, open_time, count(*) AS copies, min(archive) AS archive
    FROM silver.klines
    GROUP BY market, date, symbol, bar_interval, open_time
),
named AS (
    SELECT *, unnest(make_array(
        CASE WHEN copies > 1 THEN 'repeated_bar' END,
        CASE WHEN CAST(open_time AS BIGINT) % CASE bar_interval
                 WHEN '1m' THEN 60000000 WHEN '3m' THEN 180000000 WHEN '5m' THEN 300000000 WHEN '15m' THEN 900000000
                 WHEN '30m' THEN 1800000000 WHEN '1h' THEN 3600000000 WHEN '2h' THEN 7200000000
                 WHEN '4h' THEN 14400000000 WHEN '6h' THEN 21600000000 WHEN '8h' THEN 28800000000
                 WHEN '12h' THEN 43200000000 WHEN '1d' THEN 86400000000 ELSE 1000000 END <> 0 THEN 'off_grid' END)) AS kind
    FROM counted
)
SELECT market, date, symbol, bar_interval, open_time AS from_time, kind, copies || ' bars of ' || open_time AS found,
       archive
FROM named
WHERE kind IS NOT NULL
