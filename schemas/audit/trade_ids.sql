-- Trades whose ids are there twice, go back in time, or are missing.
--
-- severity: error
-- data type: trades
-- partitions: market, date
-- split by: symbol
-- inputs: silver.trades
-- expected: ids that grow with time, each once; on spot without a gap
-- means: Trades were lost, repeated or mixed up: counts and volumes of the day are wrong.
-- do: Compare with the bars of the day, and fetch the other copy of it.
-- source: ids of spot trades have no gaps; those of futures legitimately have, where insurance and liquidation trades
--   are left out
-- example: id 101 after 99
-- kinds:
--   repeated_id: the same id twice
--   time_backwards: a later id with an earlier time
--   missing_ids: ids that are missing on spot
WITH neighbours AS (
    SELECT market, date, symbol, id, time, archive,
           lag(id) OVER series AS id_before, lag(time) OVER series AS time_before
    FROM silver.trades
    WINDOW series AS (PARTITION BY market, date, symbol ORDER BY id, time)
),
named AS (
    SELECT *, unnest(make_array(
        CASE WHEN id = id_before THEN 'repeated_id' END,
        CASE WHEN time < time_before THEN 'time_backwards' END,
        CASE WHEN market = 'spot' AND id > id_before + 1 THEN 'missing_ids' END)) AS kind
    FROM neighbours
    WHERE id = id_before OR time < time_before OR (market = 'spot' AND id > id_before + 1)
)
SELECT market, date, symbol, time AS from_time, kind,
       'id ' || id || ' at ' || time || ' after ' || id_before || ' at ' || time_before AS found, archive
FROM named
WHERE kind IS NOT NULL
