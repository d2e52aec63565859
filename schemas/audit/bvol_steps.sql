-- Values of a volatility index that are missing, repeated, impossible, or leap.
--
-- severity: warning
-- data type: BVOLIndex
-- partitions: market, date
-- split by: symbol
-- inputs: silver.bvol_index
-- expected: a value each second, above zero, within a tenth of the one before
-- means: A part of the day is missing or wrong.
-- do: Fill short holes with the last value; leave leaps out.
-- source: values are published about every second; days have holes (binance-public-data, issue 499)
-- example: no value for two hours
-- kinds:
--   missing_values: more than five minutes to the next value
--   repeated_time: two values of one time
--   value_not_positive: a value of zero or less
--   value_jump: a value off by more than a tenth from the one before
WITH neighbours AS (
    SELECT market, date, symbol, calc_time, index_value AS value, archive,
           lag(calc_time) OVER series AS before, lag(index_value) OVER series AS value_before
    FROM silver.bvol_index
    WINDOW series AS (PARTITION BY market, date, symbol ORDER BY calc_time)
),
named AS (
    SELECT *, unnest(make_array(
        CASE WHEN calc_time - before > INTERVAL '5 minutes' THEN 'missing_values' END,
        CASE WHEN calc_time = before THEN 'repeated_time' END,
        CASE WHEN value <= 0 THEN 'value_not_positive' END,
        CASE WHEN abs(value - value_before) > 0.1 * value_before THEN 'value_jump' END)) AS kind
    FROM neighbours
)
SELECT market, date, symbol, calc_time AS from_time, kind,
       value || ' at ' || calc_time || ' after ' || coalesce(value_before || ' at ' || before, 'none') AS found, archive
FROM named
WHERE kind IS NOT NULL
