-- Open interest of each day, and the ratios of long to short positions at its end.
--
-- Measured every five minutes and not published in order. A row belongs to the UTC day of its own time, whichever
-- archive it is in, so that one of 00:00 belongs to the day that begins. A zero is what the source writes for an open
-- interest that it does not know: it is left out, and `unknown_count` says how often.
--
-- partitions: market, date
-- key: market, date, symbol
-- inputs: silver.metrics
--
-- columns:
--   market                           text: futures_um or futures_cm
--   date                             date: UTC day of the measurements
--   symbol                           text: the symbol as published
--   open                             decimal, base asset, contracts on futures_cm: first known open interest of the day
--   high                             decimal, as open: largest open interest
--   low                              decimal, as open: smallest open interest
--   close                            decimal, as open: last known open interest
--   open_value                       decimal, quote asset, base asset on futures_cm: value of the first
--   high_value                       decimal, as open_value: largest value
--   low_value                        decimal, as open_value: smallest value
--   close_value                      decimal, as open_value: value of the last
--   count_toptrader_long_short_ratio decimal, ratio: long to short accounts of top traders, the last one known
--   sum_toptrader_long_short_ratio   decimal, ratio: long to short positions of top traders, the last one known
--   count_long_short_ratio           decimal, ratio: long to short accounts of all traders, the last one known
--   sum_taker_long_short_vol_ratio   decimal, ratio: bought to sold by takers, in the last five minutes known
--   last_time                        timestamp: time of the last known open interest
--   measured_count                   integer: times with a known open interest, 288 on a day without holes
--   unknown_count                    integer: rows without a known open interest
--   repeated_count                   integer: rows with the time of another row
WITH measured AS (
    SELECT market, date, symbol, create_time, NULLIF(sum_open_interest, 0) AS amount,
           NULLIF(sum_open_interest_value, 0) AS amount_value, count_toptrader_long_short_ratio,
           sum_toptrader_long_short_ratio, count_long_short_ratio, sum_taker_long_short_vol_ratio
    FROM silver.metrics
)
-- Of rows with the same time and different figures the one with the larger figure counts as the later.
SELECT market, date, symbol,
       first_value(amount ORDER BY create_time, amount) FILTER (WHERE amount IS NOT NULL) AS open,
       max(amount) AS high, min(amount) AS low,
       last_value(amount ORDER BY create_time, amount) FILTER (WHERE amount IS NOT NULL) AS close,
       first_value(amount_value ORDER BY create_time, amount_value) FILTER (WHERE amount_value IS NOT NULL)
           AS open_value,
       max(amount_value) AS high_value, min(amount_value) AS low_value,
       last_value(amount_value ORDER BY create_time, amount_value) FILTER (WHERE amount_value IS NOT NULL)
           AS close_value,
       last_value(count_toptrader_long_short_ratio ORDER BY create_time, count_toptrader_long_short_ratio)
           FILTER (WHERE count_toptrader_long_short_ratio IS NOT NULL) AS count_toptrader_long_short_ratio,
       last_value(sum_toptrader_long_short_ratio ORDER BY create_time, sum_toptrader_long_short_ratio)
           FILTER (WHERE sum_toptrader_long_short_ratio IS NOT NULL) AS sum_toptrader_long_short_ratio,
       last_value(count_long_short_ratio ORDER BY create_time, count_long_short_ratio)
           FILTER (WHERE count_long_short_ratio IS NOT NULL) AS count_long_short_ratio,
       last_value(sum_taker_long_short_vol_ratio ORDER BY create_time, sum_taker_long_short_vol_ratio)
           FILTER (WHERE sum_taker_long_short_vol_ratio IS NOT NULL) AS sum_taker_long_short_vol_ratio,
       max(create_time) FILTER (WHERE amount IS NOT NULL) AS last_time,
       count(DISTINCT create_time) FILTER (WHERE amount IS NOT NULL) AS measured_count,
       count(*) - count(amount) AS unknown_count,
       count(*) - count(DISTINCT create_time) AS repeated_count
FROM measured
GROUP BY market, date, symbol
