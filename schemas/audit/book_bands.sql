-- Bands of the order book that contradict each other.
--
-- severity: error
-- data type: bookDepth
-- partitions: market, date
-- split by: symbol
-- inputs: silver.book_depth
-- expected: depth and value that grow with the distance from the price, above zero, each band once
-- means: The snapshot is broken; a sum of its bands is wrong.
-- do: Leave the snapshot out.
-- source: definition: a band holds what lies within so many percent, so that a wider one holds a narrower one
-- example: 2,000 within one percent, 1,500 within two
-- kinds:
--   not_monotonic: a wider band with less in it
--   negative_depth: a depth or a value below zero
--   repeated_band: the same band twice
WITH neighbours AS (
    SELECT market, date, symbol, timestamp, percentage, depth, notional, archive,
           lag(depth) OVER side AS depth_inside, lag(notional) OVER side AS notional_inside,
           lag(percentage) OVER side AS percentage_inside
    FROM silver.book_depth
    WINDOW side AS (PARTITION BY market, date, symbol, timestamp, percentage > 0 ORDER BY abs(percentage))
),
named AS (
    SELECT *, unnest(make_array(
        CASE WHEN percentage <> percentage_inside AND (depth < depth_inside OR notional < notional_inside)
             THEN 'not_monotonic' END,
        CASE WHEN depth < 0 OR notional < 0 THEN 'negative_depth' END,
        CASE WHEN percentage = percentage_inside THEN 'repeated_band' END)) AS kind
    FROM neighbours
    WHERE depth < depth_inside OR notional < notional_inside OR depth < 0 OR notional < 0
       OR percentage = percentage_inside
)
SELECT market, date, symbol, timestamp AS from_time, kind,
       'depth ' || depth || ' within ' || percentage || ' %, ' || depth_inside || ' within ' || percentage_inside || ' %'
       AS found, archive
FROM named
WHERE kind IS NOT NULL
