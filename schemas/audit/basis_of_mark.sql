-- Bars whose mark price is far from the index price.
--
-- severity: warning
-- data type: markPriceKlines
-- partitions: market, date
-- inputs: silver.mark_price_klines, silver.index_price_klines
-- expected: less than a fifth of a difference
-- means: One of the two prices is wrong, or the market was in turmoil.
-- do: Look at both around that time before you use either.
-- source: experience: contracts near delivery or in turmoil have a basis of some percent
-- example: a close of 100 with a mark price of 60
WITH marks AS (
    SELECT market, date, symbol, split_part(symbol, '_', 1) AS pair, bar_interval, open_time, close, archive
    FROM silver.mark_price_klines
),
others AS (
    SELECT market, split_part(symbol, '_', 1) AS pair, bar_interval, open_time, max(close) AS close
    FROM silver.index_price_klines
    GROUP BY market, split_part(symbol, '_', 1), bar_interval, open_time
)
SELECT marks.market, date, symbol, marks.bar_interval, marks.open_time AS from_time,
       'a mark price of ' || marks.close || ' with an index price of ' || others.close AS found, archive
FROM marks JOIN others
    ON others.market = marks.market AND others.pair = marks.pair AND others.bar_interval = marks.bar_interval
   AND others.open_time = marks.open_time
WHERE abs(CAST(marks.close - others.close AS DOUBLE)) > 0.2 * CAST(others.close AS DOUBLE)
