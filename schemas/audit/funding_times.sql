-- Payments of funding that are missing, repeated, or not on their interval.
--
-- severity: error
-- data type: fundingRate
-- partitions: market, date
-- split by: symbol
-- inputs: silver.funding_rate
-- lookback: 1 day
-- expected: a payment at each multiple of the interval, within a second
-- means: A sum of payments over the time is wrong.
-- do: Compare with the payments of other symbols at the same hours.
-- source: definition of funding; times have some milliseconds of jitter
-- example: no payment from 00:00 to 16:00 at an interval of eight hours
-- kinds:
--   missing_payment: more time since the payment before than the interval
--   repeated_payment: two payments within an interval of less than half an hour
--   off_interval: a payment more than a second from a full hour
WITH neighbours AS (
    SELECT market, date, symbol, calc_time, funding_interval_hours AS hours, archive,
           lag(calc_time) OVER series AS before,
           CAST(calc_time AS BIGINT) % 3600000000 AS past_hour,
           (CAST(calc_time AS BIGINT) - CAST(lag(calc_time) OVER series AS BIGINT)) / 3600000000.0 AS since
    FROM silver.funding_rate
    WINDOW series AS (PARTITION BY market, symbol ORDER BY calc_time)
),
named AS (
    SELECT *, unnest(make_array(
        CASE WHEN since > hours + 0.5 AND since < 48 THEN 'missing_payment' END,
        CASE WHEN since < 0.5 THEN 'repeated_payment' END,
        CASE WHEN past_hour > 1000000 AND past_hour < 3599000000 THEN 'off_interval' END)) AS kind
    FROM neighbours
)
SELECT market, date, symbol, calc_time AS from_time, kind,
       'at ' || calc_time || ' after ' || coalesce(CAST(before AS VARCHAR), 'none') || ', every ' || hours || ' hours' AS found,
       archive
FROM named
WHERE kind IS NOT NULL
