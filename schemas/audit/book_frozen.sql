-- Order books in which nothing changes.
--
-- severity: warning
-- data type: bookDepth
-- partitions: market, date
-- split by: symbol
-- inputs: silver.book_depth
-- expected: another depth after ten minutes at the latest
-- means: The book was not updated while snapshots went on: it is that of an earlier moment.
-- do: Leave these snapshots out.
-- source: archives with correct checksums had frozen books (binance-public-data, issue 496)
-- example: the same depth in all bands for two hours
WITH snapshots AS (
    SELECT market, date, symbol, timestamp, sum(depth) AS depth, sum(notional) AS notional, min(archive) AS archive
    FROM silver.book_depth
    GROUP BY market, date, symbol, timestamp
),
changes AS (
    SELECT *, CASE WHEN depth = lag(depth) OVER series AND notional = lag(notional) OVER series THEN 0 ELSE 1 END AS changed
    FROM snapshots
    WINDOW series AS (PARTITION BY market, date, symbol ORDER BY timestamp)
),
runs AS (
    SELECT *, sum(changed) OVER (PARTITION BY market, date, symbol ORDER BY timestamp) AS run FROM changes
)
SELECT market, date, symbol, min(timestamp) AS from_time, max(timestamp) AS to_time,
       count(*) || ' snapshots with the same depth' AS found, min(archive) AS archive
FROM runs
GROUP BY market, date, symbol, run
HAVING max(timestamp) - min(timestamp) >= INTERVAL '10 minutes' AND max(depth) > 0
