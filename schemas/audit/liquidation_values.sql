-- Liquidations that are impossible.
--
-- severity: error
-- data type: liquidationSnapshot
-- partitions: market, date
-- split by: symbol
-- inputs: silver.liquidation_snapshot
-- expected: a side, prices and quantities above zero, filled no more than ordered
-- means: The row cannot be right, or counts twice.
-- do: Leave the row out.
-- source: definition of an order
-- example: filled 5 of 3
-- kinds:
--   zero_price: a price or an average price of zero or less
--   zero_quantity: an original quantity of zero or less
--   overfilled: more filled than ordered
--   wrong_side: a side that is neither BUY nor SELL
WITH counted AS (
    SELECT market, date, symbol, time, side, price, average_price, original_quantity, last_fill_quantity,
           accumulated_fill_quantity, order_status, count(*) AS copies, min(archive) AS archive
    FROM silver.liquidation_snapshot
    GROUP BY market, date, symbol, time, side, price, average_price, original_quantity, last_fill_quantity,
             accumulated_fill_quantity, order_status
),
named AS (
    SELECT *, unnest(make_array(
        CASE WHEN price <= 0 OR average_price <= 0 THEN 'zero_price' END,
        CASE WHEN original_quantity <= 0 THEN 'zero_quantity' END,
        CASE WHEN accumulated_fill_quantity > original_quantity OR last_fill_quantity > accumulated_fill_quantity
             THEN 'overfilled' END,
        CASE WHEN side NOT IN ('BUY', 'SELL') THEN 'wrong_side' END)) AS kind
    FROM counted
)
SELECT market, date, symbol, time AS from_time, kind,
       side || ' ' || original_quantity || ' at ' || price || ', filled ' || accumulated_fill_quantity || ', ' || copies || ' rows'
       AS found, archive
FROM named
WHERE kind IS NOT NULL
