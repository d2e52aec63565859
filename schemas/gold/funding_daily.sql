-- What a perpetual contract's holders paid each other on a UTC day, added up from its funding rates.
--
-- A payment counts on the day on which it is made, by the hour next to its published time: the one at midnight, for
-- the hours before, belongs to the new day. Where a rate is positive the long side pays.
-- A payment that an archive publishes twice counts once, with the smaller rate where they differ.
--
-- partitions: market, date
-- key: market, date, symbol
-- inputs: silver.funding_rate
-- lookback: 1 day
--
-- columns:
--   symbol                  text: symbol, as the archive spells it
--   funding_rate_sum        decimal, fraction of the position: sum of the day's rates
--   funding_rate_mean       double, fraction of the position: mean of the day's rates
--   funding_rate_min        decimal, fraction of the position: lowest rate
--   funding_rate_max        decimal, fraction of the position: highest rate
--   funding_count           integer, payments: number of payments
--   min_interval_hours      integer, hours: shortest interval between payments, as published
--   max_interval_hours      integer, hours: longest interval; another one if it changed on the day
--   covered_hours           integer, hours: sum of the intervals; 24 on a complete day
--   annualised_rate         double, fraction per year: sum of the rates over the hours they cover, times 8760;
--                             not compounded
WITH payments AS (
    SELECT market, symbol, last_funding_rate, CAST(funding_interval_hours AS BIGINT) AS interval_hours,
           date_trunc('hour', calc_time + INTERVAL '30 minutes') AS payment_time
    FROM silver.funding_rate
    QUALIFY row_number() OVER (PARTITION BY market, symbol, calc_time
                               ORDER BY funding_interval_hours, last_funding_rate) = 1
)
SELECT market, CAST(payment_time AS DATE) AS date, symbol,
       sum(last_funding_rate) AS funding_rate_sum,
       CAST(sum(last_funding_rate) AS DOUBLE) / count(last_funding_rate) AS funding_rate_mean,
       min(last_funding_rate) AS funding_rate_min,
       max(last_funding_rate) AS funding_rate_max,
       count(last_funding_rate) AS funding_count,
       min(interval_hours) AS min_interval_hours,
       max(interval_hours) AS max_interval_hours,
       sum(interval_hours) AS covered_hours,
       8760 * CAST(sum(last_funding_rate) AS DOUBLE) / NULLIF(sum(interval_hours), 0) AS annualised_rate
FROM payments
GROUP BY market, CAST(payment_time AS DATE), symbol
