-- Open interest whose value is not what it costs at the day's prices.
--
-- severity: warning
-- data type: metrics
-- partitions: market, date
-- split by: symbol
-- inputs: silver.metrics, silver.klines
-- expected: a value per unit within the day's prices, and a tenth more or less
-- means: Open interest or its value is in another unit, or of another time.
-- do: Use neither until you know which of the two is right.
-- source: arithmetic; on COIN-M the value is in coins and is not compared
-- example: 100 BTC worth 1,000 USDT
WITH days AS (
    SELECT market, date, symbol, min(low) AS low, max(high) AS high
    FROM silver.klines
    WHERE trade_count > 0
    GROUP BY market, date, symbol
),
values_of_units AS (
    SELECT market, date, symbol, create_time, archive,
           CAST(sum_open_interest_value AS DOUBLE) / NULLIF(CAST(sum_open_interest AS DOUBLE), 0) AS price
    FROM silver.metrics
    WHERE market = 'futures_um'
)
SELECT units.market, units.date, units.symbol, create_time AS from_time,
       'a value of ' || round(price, 4) || ' for a unit, with prices from ' || low || ' to ' || high AS found, archive
FROM values_of_units AS units JOIN days
    ON days.market = units.market AND days.date = units.date AND days.symbol = units.symbol
WHERE price < 0.9 * CAST(low AS DOUBLE) OR price > 1.1 * CAST(high AS DOUBLE)
