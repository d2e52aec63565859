-- Days of metrics with rows missing, with empty cells, or in which nothing changes.
--
-- severity: warning
-- data type: metrics
-- partitions: market, date
-- split by: symbol
-- inputs: silver.metrics
-- expected: 288 rows a day without empty cells, and another open interest after an hour at the latest
-- means: A mean over the day is one over a part of it, or of a moment.
-- do: Use the day with care, and leave frozen rows out.
-- source: definition of metrics: a row for every five minutes
-- example: 120 rows, and the same open interest for six hours
-- kinds:
--   missing_rows: more than ten minutes to the next row
--   empty_cells: a row with an empty cell
--   frozen_value: the same open interest for an hour or longer
WITH neighbours AS (
    SELECT market, date, symbol, create_time, sum_open_interest AS interest, archive,
           -- COIN-M has no ratios of accounts.
           sum_open_interest IS NULL OR sum_open_interest_value IS NULL
           OR (market = 'futures_um' AND (count_toptrader_long_short_ratio IS NULL
               OR sum_toptrader_long_short_ratio IS NULL OR count_long_short_ratio IS NULL
               OR sum_taker_long_short_vol_ratio IS NULL)) AS has_empty,
           lag(create_time) OVER series AS before, lag(sum_open_interest) OVER series AS interest_before
    FROM silver.metrics
    WINDOW series AS (PARTITION BY market, date, symbol ORDER BY create_time)
),
runs AS (
    SELECT *, sum(CASE WHEN interest = interest_before THEN 0 ELSE 1 END)
              OVER (PARTITION BY market, date, symbol ORDER BY create_time) AS run
    FROM neighbours
),
frozen AS (
    SELECT market, date, symbol, min(create_time) AS from_time, max(create_time) AS to_time, 'frozen_value' AS kind,
           'an open interest of ' || min(interest) || ' in ' || count(*) || ' rows' AS found, min(archive) AS archive
    FROM runs
    GROUP BY market, date, symbol, run
    HAVING max(create_time) - min(create_time) >= INTERVAL '1 hour' AND min(interest) > 0
)
SELECT market, date, symbol, from_time, to_time, kind, found, archive FROM frozen
UNION ALL
SELECT market, date, symbol, before AS from_time, create_time AS to_time, 'missing_rows' AS kind,
       'nothing from ' || before || ' to ' || create_time AS found, archive
FROM neighbours
WHERE create_time - before > INTERVAL '10 minutes'
UNION ALL
SELECT market, date, symbol, create_time AS from_time, create_time AS to_time, 'empty_cells' AS kind,
       'an empty cell in the row of ' || create_time AS found, archive
FROM neighbours
WHERE has_empty
