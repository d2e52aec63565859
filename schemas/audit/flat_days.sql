-- Days on which a bar for every minute is published and nothing was traded.
--
-- severity: info
-- data type: klines
-- partitions: market, date
-- split by: symbol
-- inputs: silver.klines
-- expected: trades
-- means: The contract was settled or delisted and its bars go on, or the market was halted.
-- do: Leave such days out of everything that counts days.
-- source: binance-public-data, issue 201: flat bars go on after a delisting
-- example: 1,440 bars of one minute, all at the last price and without volume
SELECT market, date, symbol, bar_interval, min(open_time) AS from_time, max(open_time) AS to_time,
       count(*) || ' bars at ' || min(close) || ' without a trade' AS found, min(archive) AS archive
FROM silver.klines
WHERE bar_interval IN ('1m', '3m', '5m', '15m', '30m', '1h')
GROUP BY market, date, symbol, bar_interval
HAVING max(trade_count) = 0 AND min(low) = max(high) AND count(*) >= 24
