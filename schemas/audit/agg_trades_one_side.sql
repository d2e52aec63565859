-- Days on which all aggregate trades have the same side.
--
-- severity: warning
-- data type: aggTrades
-- partitions: market, date
-- split by: symbol
-- inputs: silver.agg_trades
-- expected: buyers and sellers that take
-- means: The side of the trades is not known, or wrong: whatever tells buyers from sellers is wrong.
-- do: Do not use the side of these days.
-- source: experience: among a hundred trades there is always one of the other side
-- example: 10,000 trades, all of them sold into the book
SELECT market, date, symbol, min(transact_time) AS from_time, max(transact_time) AS to_time,
       count(*) || ' trades with is_buyer_maker ' || min(CAST(is_buyer_maker AS VARCHAR)) AS found, min(archive) AS archive
FROM silver.agg_trades
GROUP BY market, date, symbol
HAVING count(*) >= 100 AND count(DISTINCT is_buyer_maker) = 1
