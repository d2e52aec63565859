-- Rows of metrics that are there twice, not on five minutes, or impossible.
--
-- severity: error
-- data type: metrics
-- partitions: market, date
-- split by: symbol
-- inputs: silver.metrics
-- expected: one row each five minutes; open interest and ratios of zero or more
-- means: The row cannot be right, or its time is not.
-- do: Leave the row out.
-- source: definition of metrics: a row for every five minutes
-- example: an open interest of -5
-- kinds:
--   repeated_row: the same time twice
--   off_grid: a time that is no multiple of five minutes
--   negative_value: a value below zero
WITH counted AS (
    SELECT market, date, symbol, create_time, count(*) AS copies, min(archive) AS archive,
           min(least(sum_open_interest, sum_open_interest_value, count_toptrader_long_short_ratio,
                     sum_toptrader_long_short_ratio, count_long_short_ratio, sum_taker_long_short_vol_ratio)) AS lowest
    FROM silver.metrics
    GROUP BY market, date, symbol, create_time
),
named AS (
    SELECT *, unnest(make_array(
        CASE WHEN copies > 1 THEN 'repeated_row' END,
        CASE WHEN CAST(create_time AS BIGINT) % 300000000 > 60000000 THEN 'off_grid' END,
        CASE WHEN lowest < 0 THEN 'negative_value' END)) AS kind
    FROM counted
)
SELECT market, date, symbol, create_time AS from_time, kind,
       copies || ' rows of ' || create_time || ', lowest value ' || lowest AS found, archive
FROM named
WHERE kind IS NOT NULL
