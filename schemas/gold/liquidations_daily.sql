-- Liquidations of each day by side, as published and with exact duplicates removed.
--
-- The archive often has every row twice and gives orders no number: two equal orders of one instant look
-- like one that is published twice. So both counts are here, and the true one is between them. Quantities are what was filled.
--
-- partitions: market, date
-- key: market, date, symbol, side
-- inputs: silver.liquidation_snapshot
--
-- columns:
--   market             text: futures_um or futures_cm
--   date               date: UTC day of the orders
--   symbol             text: the symbol as published
--   side               text: of the order that closed the position, SELL or BUY
--   liquidated         text: the position that was liquidated, long for SELL and short for BUY
--   orders             integer: rows as published
--   quantity           decimal, base asset, contracts on futures_cm: filled quantity as published
--   notional           decimal, quote asset: filled quantity times average price as published. On futures_cm the
--                      contract is worth 100 USD for BTC and 10 USD for every other asset
--   distinct_orders    integer: rows that differ in any column
--   distinct_quantity  decimal, as quantity: the same without the duplicates
--   distinct_notional  decimal, quote asset: the same without the duplicates
--   largest_order      decimal, quote asset: notional of the largest order
WITH different AS (
    SELECT market, date, symbol, side, accumulated_fill_quantity AS filled, average_price, count(*) AS copies
    FROM silver.liquidation_snapshot
    GROUP BY market, date, symbol, side, time, order_type, time_in_force, original_quantity, price, average_price,
             order_status, last_fill_quantity, accumulated_fill_quantity
),
valued AS (
    SELECT market, date, symbol, side, filled, copies,
           filled * CASE WHEN market <> 'futures_cm' THEN average_price
                         WHEN starts_with(symbol, 'BTCUSD_') THEN 100
                         ELSE 10 END AS notional
    FROM different
)
SELECT market, date, symbol, side,
       CASE side WHEN 'SELL' THEN 'long' WHEN 'BUY' THEN 'short' END AS liquidated,
       sum(copies) AS orders, sum(filled * copies) AS quantity, sum(notional * copies) AS notional,
       count(*) AS distinct_orders, sum(filled) AS distinct_quantity, sum(notional) AS distinct_notional,
       max(notional) AS largest_order
FROM valued
GROUP BY market, date, symbol, side
