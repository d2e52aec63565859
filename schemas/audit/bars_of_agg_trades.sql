-- Days whose aggregate trades do not add up to the day's bars of one minute.
--
-- severity: error
-- data type: aggTrades
-- partitions: market, date
-- split by: symbol
-- inputs: silver.klines, silver.agg_trades
-- expected: the volume and the number of trades of the day's bars
-- means: Aggregate trades are missing, or bars are wrong.
-- do: Fetch the other copy of the day, or use trades.
-- source: aggregate trades of BTCUSDT lacked 2,109 trades on 32 of 41 days while their ids went on
-- example: bars with a volume of 1,000 and aggregate trades of 900
-- kinds:
--   volume_differs: a volume other than that of the bars
--   trade_count_differs: another number of trades than the bars count; on spot, where trade ids have no gaps
--   price_range_differs: a highest or lowest price other than that of the bars
WITH bars AS (
    SELECT market, date, symbol, open_time, high, low, volume, trade_count
    FROM silver.klines
    WHERE bar_interval = '1m'
    QUALIFY row_number() OVER (PARTITION BY market, date, symbol, open_time
                               ORDER BY trade_count DESC, volume DESC, archive) = 1
),
days AS (
    SELECT market, date, symbol, sum(volume) AS volume, sum(trade_count) AS trade_count,
           max(high) FILTER (WHERE trade_count > 0) AS high, min(low) FILTER (WHERE trade_count > 0) AS low
    FROM bars
    GROUP BY market, date, symbol
    HAVING count(*) = 1440
),
made AS (
    SELECT market, date, symbol, min(transact_time) AS from_time, max(transact_time) AS to_time, sum(quantity) AS volume,
           sum(last_trade_id - first_trade_id + 1) AS trade_count, max(price) AS high, min(price) AS low,
           min(archive) AS archive
    FROM silver.agg_trades
    GROUP BY market, date, symbol
),
named AS (
    SELECT made.*, days.volume AS bar_volume, days.trade_count AS bar_count, days.high AS bar_high, days.low AS bar_low,
           unnest(make_array(
               CASE WHEN made.volume <> days.volume THEN 'volume_differs' END,
               CASE WHEN made.market = 'spot' AND made.trade_count <> days.trade_count THEN 'trade_count_differs' END,
               CASE WHEN made.high <> days.high OR made.low <> days.low THEN 'price_range_differs' END)) AS kind
    FROM made JOIN days ON days.market = made.market AND days.date = made.date AND days.symbol = made.symbol
)
SELECT market, date, symbol, from_time, to_time, kind,
       'volume ' || bar_volume || ', trades ' || bar_count || ', prices from ' || bar_low || ' to ' || bar_high AS expected,
       'volume ' || volume || ', trades ' || trade_count || ', prices from ' || low || ' to ' || high AS found, archive
FROM named
WHERE kind IS NOT NULL
