-- Bars of one minute, made of trades and of aggregate trades: who bought, who sold, and how large the trades were.
--
-- A minute without a trade has no bar. `source` distinguishes the two sources: aggregate trades are known to lack
-- trades that the trades have, so that the two bars of a minute may differ. Rows that are published more than once,
-- the same in every column, count once; `repeated_rows` counts those that were left out. A taker buys where the buyer's
-- order was not the one that waited in the book.
--
-- partitions: market, date
-- key: market, date, symbol, source, open_time
-- inputs: silver.trades, silver.agg_trades
--
-- columns:
--   market         text: spot, futures_um or futures_cm
--   date           date: UTC day of the trades
--   symbol         text: the symbol as published
--   source         text: trades or agg_trades, what the bar is made of
--   open_time      timestamp: start of the minute
--   open           decimal, quote asset: price of the trade with the smallest number
--   high           decimal, quote asset: highest price
--   low            decimal, quote asset: lowest price
--   close          decimal, quote asset: price of the trade with the largest number
--   volume         decimal, base asset, contracts on futures_cm: quantity traded
--   quote_volume   decimal, quote asset: sum of price times quantity; NULL on futures_cm
--   base_volume    decimal, base asset: quantity traded on futures_cm; NULL elsewhere, where volume is it, and NULL for
--                  agg_trades, which do not have it
--   vwap           double, quote asset: value traded by base asset traded. On futures_cm, where a contract is worth a
--                  fixed sum of the quote asset, that is the harmonic mean by contracts. NULL without a quantity
--   buy_volume     decimal, as volume: what takers bought
--   sell_volume    decimal, as volume: what takers sold
--   imbalance      double, -1 to 1: what takers bought less what they sold, by volume; NULL without a quantity
--   trade_count    integer: number of trades; an aggregate trade counts all those that it is made of
--   row_count      integer: number of different rows, that is of trades or of aggregate trades
--   largest_trade  decimal, as volume: quantity of the largest row
--   repeated_rows  integer: rows left out because they repeat another
WITH published AS (
    SELECT market, date, symbol, 'trades' AS source, time, id, price, qty AS quantity, base_qty AS base_quantity,
           id AS first_trade_id, id AS last_trade_id, is_buyer_maker
    FROM silver.trades
    UNION ALL
    SELECT market, date, symbol, 'agg_trades' AS source, transact_time AS time, agg_trade_id AS id, price, quantity,
           CAST(NULL AS DECIMAL(28, 8)) AS base_quantity, first_trade_id, last_trade_id, is_buyer_maker
    FROM silver.agg_trades
),
different AS (
    SELECT market, date, symbol, source, time, id, price, quantity, base_quantity, first_trade_id, last_trade_id,
           is_buyer_maker, count(*) AS copies
    FROM published
    GROUP BY market, date, symbol, source, time, id, price, quantity, base_quantity, first_trade_id, last_trade_id,
             is_buyer_maker
),
bars AS (
    -- A number may be there twice with different trades: time and price decide then, so that the result is one.
    SELECT market, date, symbol, source, date_trunc('minute', time) AS open_time,
           first_value(price ORDER BY id, time, price) AS open, max(price) AS high, min(price) AS low,
           last_value(price ORDER BY id, time, price) AS close,
           sum(quantity) AS volume, sum(price * quantity) AS quote_volume, sum(base_quantity) AS base_volume,
           -- In contracts of one unit of the quote asset. Doubles would add up differently in another order, and
           -- elsewhere, where this is not needed, quotients can be too large for this many decimals.
           sum(CAST(CASE WHEN market = 'futures_cm' THEN quantity / price END AS DECIMAL(38, 20)))
               AS contracts_in_base,
           coalesce(sum(quantity) FILTER (WHERE NOT is_buyer_maker), 0) AS buy_volume,
           coalesce(sum(quantity) FILTER (WHERE is_buyer_maker), 0) AS sell_volume,
           sum(last_trade_id - first_trade_id + 1) AS trade_count, count(*) AS row_count,
           max(quantity) AS largest_trade, sum(copies - 1) AS repeated_rows
    FROM different
    GROUP BY market, date, symbol, source, date_trunc('minute', time)
)
SELECT market, date, symbol, source, open_time, open, high, low, close, volume,
       CASE WHEN market <> 'futures_cm' THEN quote_volume END AS quote_volume, base_volume,
       CASE WHEN market <> 'futures_cm' THEN CAST(quote_volume AS DOUBLE) / CAST(NULLIF(volume, 0) AS DOUBLE)
            ELSE CAST(volume AS DOUBLE) / CAST(NULLIF(contracts_in_base, 0) AS DOUBLE) END AS vwap,
       buy_volume, sell_volume,
       CAST(buy_volume - sell_volume AS DOUBLE) / CAST(NULLIF(volume, 0) AS DOUBLE) AS imbalance,
       trade_count, row_count, largest_trade, repeated_rows
FROM bars
