-- Snapshots of the order book that lack bands, or are far apart.
--
-- severity: warning
-- data type: bookDepth
-- partitions: market, date
-- split by: symbol
-- inputs: silver.book_depth
-- expected: the same bands in each snapshot of a day, every minute or more often
-- means: A part of the day is missing; a mean over it is not one over the day.
-- do: Weigh snapshots by the time that they stand for.
-- source: snapshots are published about every 30 seconds
-- example: no snapshot for an hour
-- kinds:
--   missing_bands: fewer bands than most snapshots of the day
--   missing_snapshots: more than 15 minutes to the next snapshot
WITH snapshots AS (
    SELECT market, date, symbol, timestamp, count(DISTINCT percentage) AS bands, min(archive) AS archive
    FROM silver.book_depth
    GROUP BY market, date, symbol, timestamp
),
neighbours AS (
    SELECT *, max(bands) OVER (PARTITION BY market, date, symbol) AS all_bands,
           lag(timestamp) OVER (PARTITION BY market, date, symbol ORDER BY timestamp) AS before
    FROM snapshots
),
named AS (
    SELECT *, unnest(make_array(
        CASE WHEN bands < all_bands THEN 'missing_bands' END,
        CASE WHEN timestamp - before > INTERVAL '15 minutes' THEN 'missing_snapshots' END)) AS kind
    FROM neighbours
)
SELECT market, date, symbol, CASE kind WHEN 'missing_bands' THEN timestamp ELSE before END AS from_time,
       timestamp AS to_time, kind,
       CASE kind WHEN 'missing_bands' THEN bands || ' bands of ' || all_bands
                 ELSE 'nothing from ' || before || ' to ' || timestamp END AS found, archive
FROM named
WHERE kind IS NOT NULL
