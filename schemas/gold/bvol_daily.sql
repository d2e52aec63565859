-- The volatility indexes of a UTC day, from their values of every second.
--
-- Of several values that an archive publishes for one time the smallest counts.
--
-- partitions: market, date
-- key: market, date, symbol
-- inputs: silver.bvol_index
--
-- columns:
--   symbol        text: symbol of the index, such as BTCBVOLUSDT
--   asset         text: asset whose volatility it measures, such as BTC
--   open         decimal, percent per year: first value of the day
--   high          decimal, percent per year: highest value
--   low           decimal, percent per year: lowest value
--   close         decimal, percent per year: last value
--   mean          double, percent per year: mean of all values
--   value_count  integer, values: how many there are; 86400 on a complete day
WITH seconds AS (
    SELECT * FROM silver.bvol_index
    QUALIFY row_number() OVER (PARTITION BY market, symbol, calc_time ORDER BY index_value, archive) = 1
)
SELECT market, date, symbol, replace(min(base_asset), 'BVOL', '') AS asset,
       first_value(index_value ORDER BY calc_time) AS open, max(index_value) AS high,
       min(index_value) AS low, last_value(index_value ORDER BY calc_time) AS close,
       CAST(sum(index_value) AS DOUBLE) / count(index_value) AS mean, count(index_value) AS value_count
FROM seconds
GROUP BY market, date, symbol
