-- Days whose ids of aggregate trades do not continue those of the day before.
--
-- severity: error
-- data type: aggTrades
-- partitions: market, date
-- split by: symbol
-- inputs: silver.agg_trades
-- lookback: 1 day
-- expected: ids that grow from day to day without a gap
-- means: Trades around midnight were lost, or the symbol stands for another asset than the day before.
-- do: Fetch the other copy of both days. Where ids begin again, treat the days from then on as another symbol.
-- source: definition of an aggregate trade; its ids have no gaps in any market
-- example: a day that ends with id 500, and one that begins with id 600
-- kinds:
--   missing_ids_at_midnight: ids between two days that are in neither
--   ids_go_back: a day with ids of the day before, or with smaller ones
WITH days AS (
    SELECT market, date, symbol, min(agg_trade_id) AS first_id, max(agg_trade_id) AS last_id,
           min(transact_time) AS first_time, min(archive) AS archive
    FROM silver.agg_trades
    GROUP BY market, date, symbol
),
neighbours AS (
    SELECT *, lag(last_id) OVER series AS id_before, lag(date) OVER series AS date_before
    FROM days
    WINDOW series AS (PARTITION BY market, symbol ORDER BY date)
),
named AS (
    SELECT *, CASE WHEN first_id <= id_before THEN 'ids_go_back'
                   WHEN first_id > id_before + 1 THEN 'missing_ids_at_midnight' END AS kind
    FROM neighbours
    WHERE date_before = date - 1
)
SELECT market, date, symbol, first_time AS from_time, kind,
       'first id ' || first_id || ' after a day with last id ' || id_before AS found, archive
FROM named
WHERE kind IS NOT NULL
