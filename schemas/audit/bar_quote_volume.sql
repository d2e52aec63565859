-- Bars whose quote volume is not what their volume costs at their prices.
--
-- severity: error
-- data type: klines
-- partitions: market, date
-- split by: symbol
-- inputs: silver.klines
-- expected: low * volume <= quote volume <= high * volume
-- means: Volume or quote volume is of another bar, or of another unit.
-- do: Compare with another copy of the day; leave the rows out until they are corrected.
-- source: arithmetic: the quote volume is the sum of price times quantity of the bar's trades
-- example: a volume of 2 at prices from 10 to 11 that cost 40
WITH sums AS (
    SELECT market, date, symbol, bar_interval, open_time, low, high, volume, archive,
           CASE WHEN market = 'futures_cm'
                THEN CASE WHEN starts_with(symbol, 'BTCUSD_') THEN 100 ELSE 10 END
                     * CAST(volume AS DOUBLE) / NULLIF(CAST(base_volume AS DOUBLE), 0)
                ELSE CAST(quote_volume AS DOUBLE) / NULLIF(CAST(volume AS DOUBLE), 0) END AS price,
           -- What is lost where a small sum is published with eight decimals at most.
           0.001 + 0.00000002 / NULLIF(CAST(least(volume, coalesce(quote_volume, base_volume)) AS DOUBLE), 0) AS slack
    FROM silver.klines
    WHERE volume > 0
)
SELECT market, date, symbol, bar_interval, open_time AS from_time,
       'an average price of ' || round(price, 8) || ' with low ' || low || ' and high ' || high AS found, archive
FROM sums
WHERE price < CAST(low AS DOUBLE) * (1 - slack) OR price > CAST(high AS DOUBLE) * (1 + slack)
