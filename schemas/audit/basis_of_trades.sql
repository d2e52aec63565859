-- Bars whose last price is far from the mark price.
--
-- severity: warning
-- data type: klines
-- partitions: market, date
-- split by: symbol
-- inputs: silver.klines, silver.mark_price_klines
-- expected: less than a fifth of a difference
-- means: One of the two prices is wrong, or the market was in turmoil.
-- do: Look at both around that time before you use either.
-- source: experience: contracts near delivery or in turmoil have a basis of some percent
-- example: a close of 100 with a mark price of 60
WITH prices AS (
    SELECT market, date, symbol, bar_interval, open_time, close, archive
    FROM silver.klines
    WHERE trade_count > 0
),
others AS (
    SELECT market, symbol, bar_interval, open_time, max(close) AS close
    FROM silver.mark_price_klines
    GROUP BY market, symbol, bar_interval, open_time
)
SELECT prices.market, date, prices.symbol, prices.bar_interval, prices.open_time AS from_time,
       'a close of ' || prices.close || ' with a mark price of ' || others.close AS found, archive
FROM prices JOIN others
    ON others.market = prices.market AND others.symbol = prices.symbol AND others.bar_interval = prices.bar_interval
   AND others.open_time = prices.open_time
WHERE abs(CAST(prices.close - others.close AS DOUBLE)) > 0.2 * CAST(others.close AS DOUBLE)
