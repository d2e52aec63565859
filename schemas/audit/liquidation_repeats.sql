-- Liquidations that are there twice.
--
-- severity: info
-- data type: liquidationSnapshot
-- partitions: market, date
-- split by: symbol
-- inputs: silver.liquidation_snapshot
-- expected: each order once in each state
-- means: Sums over liquidations count an order twice.
-- do: Take each row once.
-- source: archives of 2024 have each row twice
-- example: BUY 7 at 63661.4 in two rows
SELECT market, date, symbol, time AS from_time, side || ' ' || original_quantity || ' at ' || price || ' in ' || count(*) || ' rows'
       AS found, min(archive) AS archive
FROM silver.liquidation_snapshot
GROUP BY market, date, symbol, time, side, price, average_price, original_quantity, last_fill_quantity,
         accumulated_fill_quantity, order_status
HAVING count(*) > 1
