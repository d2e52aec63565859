-- Aggregate trades whose ids are there twice, go back in time, or are missing.
--
-- severity: error
-- data type: aggTrades
-- partitions: market, date
-- split by: symbol
-- inputs: silver.agg_trades
-- expected: ids that grow by one, with time; ranges of trade ids that do not overlap
-- means: Trades were lost, repeated or mixed up: counts and volumes of the day are wrong.
-- do: Compare with the bars of the day, and fetch the other copy of it.
-- source: definition of an aggregate trade; its ids have no gaps in any market
-- example: id 101 after 99
-- kinds:
--   repeated_id: the same id twice
--   time_backwards: a later id with an earlier time
--   missing_ids: ids that are missing
--   overlapping_trades: a trade that is in two of them
--   missing_trades: on spot: trade ids between two of them that are in neither
WITH neighbours AS (
    SELECT market, date, symbol, agg_trade_id AS id, transact_time AS time, first_trade_id, last_trade_id, archive,
           lag(agg_trade_id) OVER series AS id_before, lag(transact_time) OVER series AS time_before,
           lag(last_trade_id) OVER series AS last_before
    FROM silver.agg_trades
    WINDOW series AS (PARTITION BY market, date, symbol ORDER BY agg_trade_id, transact_time)
),
named AS (
    SELECT *, unnest(make_array(
        CASE WHEN id = id_before THEN 'repeated_id' END,
        CASE WHEN time < time_before THEN 'time_backwards' END,
        CASE WHEN id > id_before + 1 THEN 'missing_ids' END,
        CASE WHEN id > id_before AND first_trade_id <= last_before THEN 'overlapping_trades' END,
        CASE WHEN market = 'spot' AND id = id_before + 1 AND first_trade_id > last_before + 1
             THEN 'missing_trades' END)) AS kind
    FROM neighbours
    WHERE id <> id_before + 1 OR time < time_before OR first_trade_id <> last_before + 1
)
SELECT market, date, symbol, time AS from_time, kind,
       'id ' || id || ' of trades from ' || first_trade_id || ' at ' || time || ' after id ' || id_before
       || ' of trades to ' || last_before || ' at ' || time_before AS found, archive
FROM named
WHERE kind IS NOT NULL
