-- Bars that do not end where bars of their length end.
--
-- severity: warning
-- data type: klines
-- partitions: market, date
-- split by: symbol
-- inputs: silver.klines
-- expected: the last millisecond, or microsecond, before the next bar
-- means: The bar was cut short, as at a halt of the market, or the times of the file are wrong.
-- do: Count such a bar as incomplete.
-- source: definition of close_time; bars of 2017 and 2018 end early where the market was halted
-- example: a bar of one minute that ends after 20 seconds
WITH timed AS (
    SELECT market, date, symbol, bar_interval, open_time, close_time, archive,
           CAST(close_time AS BIGINT) - CAST(open_time AS BIGINT) + 1 AS length,
           CASE bar_interval
               WHEN '1s' THEN 1000000 WHEN '1m' THEN 60000000 WHEN '3m' THEN 180000000 WHEN '5m' THEN 300000000
               WHEN '15m' THEN 900000000 WHEN '30m' THEN 1800000000 WHEN '1h' THEN 3600000000
               WHEN '2h' THEN 7200000000 WHEN '4h' THEN 14400000000 WHEN '6h' THEN 21600000000
               WHEN '8h' THEN 28800000000 WHEN '12h' THEN 43200000000 WHEN '1d' THEN 86400000000
               WHEN '3d' THEN 259200000000 WHEN '1w' THEN 604800000000 END AS width
    FROM silver.klines
)
SELECT market, date, symbol, bar_interval, open_time AS from_time, open_time || ' to ' || close_time AS found, archive
FROM timed
WHERE length < width - 1000 OR length > width
