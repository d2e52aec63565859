-- Days whose aggregate trades do not cover the day's trades.
--
-- severity: error
-- data type: aggTrades
-- partitions: market, date
-- split by: symbol
-- inputs: silver.trades, silver.agg_trades
-- expected: the same volume, and each trade in one aggregate trade
-- means: One of the two lacks trades.
-- do: Compare both with the bars; the one that agrees with them is right.
-- source: aggregate trades of BTCUSDT lacked 2,109 trades on 32 of 41 days while their ids went on
-- example: trades 10 to 12 in no aggregate trade
-- kinds:
--   volume_differs: a volume other than that of the trades
--   id_range_differs: a first or last trade id other than that of the trades
WITH trades AS (
    SELECT market, date, symbol, sum(qty) AS volume, min(id) AS first_id, max(id) AS last_id
    FROM silver.trades
    GROUP BY market, date, symbol
),
aggregates AS (
    SELECT market, date, symbol, min(transact_time) AS from_time, max(transact_time) AS to_time, sum(quantity) AS volume,
           min(first_trade_id) AS first_id, max(last_trade_id) AS last_id, min(archive) AS archive
    FROM silver.agg_trades
    GROUP BY market, date, symbol
),
named AS (
    SELECT aggregates.*, trades.volume AS right_volume, trades.first_id AS right_first, trades.last_id AS right_last,
           unnest(make_array(
               CASE WHEN aggregates.volume <> trades.volume THEN 'volume_differs' END,
               CASE WHEN aggregates.first_id > trades.first_id OR aggregates.last_id < trades.last_id
                    THEN 'id_range_differs' END)) AS kind
    FROM aggregates JOIN trades
        ON trades.market = aggregates.market AND trades.date = aggregates.date AND trades.symbol = aggregates.symbol
)
SELECT market, date, symbol, from_time, to_time, kind,
       'volume ' || right_volume || ', trades ' || right_first || ' to ' || right_last AS expected,
       'volume ' || volume || ', trades ' || first_id || ' to ' || last_id AS found, archive
FROM named
WHERE kind IS NOT NULL
