-- Aggregate trades without a price, a quantity or a trade.
--
-- severity: error
-- data type: aggTrades
-- partitions: market, date
-- split by: symbol
-- inputs: silver.agg_trades
-- expected: price > 0, quantity > 0, first trade id <= last trade id
-- means: No such trade can have happened.
-- do: Leave these rows out. They stay in silver as published.
-- source: definition of an aggregate trade; archives with correct checksums had quantities of zero
-- example: a quantity of 0.00000000
-- kinds:
--   zero_price: a price of zero or less
--   zero_quantity: a quantity of zero or less
--   no_trades: a last trade id before the first
WITH named AS (
    SELECT *, unnest(make_array(
        CASE WHEN price <= 0 THEN 'zero_price' END,
        CASE WHEN quantity <= 0 THEN 'zero_quantity' END,
        CASE WHEN last_trade_id < first_trade_id THEN 'no_trades' END)) AS kind
    FROM silver.agg_trades
    WHERE price <= 0 OR quantity <= 0 OR last_trade_id < first_trade_id
)
SELECT market, date, symbol, transact_time AS from_time, kind,
       'id ' || agg_trade_id || ', price ' || price || ', quantity ' || quantity || ', trades ' || first_trade_id
       || ' to ' || last_trade_id AS found, archive
FROM named
WHERE kind IS NOT NULL
