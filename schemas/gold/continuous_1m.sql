-- One row per minute from one-minute klines, without holes up to an hour, and with the funding rate in force.
--
-- Up to 60 missing minutes between two klines of a symbol are filled with the last close and no volume, across
-- midnight too; `is_filled` marks them. A longer gap stays open, and a new segment starts after it. Nothing is filled
-- before the first and after the last kline.
-- `segment_start` names the segment within a day: it is the first minute of the segment, or of the day when the
-- segment started before that day. So it needs only the last hour before the day, however old the segment is.
-- `sum(CASE WHEN starts_segment THEN 1 ELSE 0 END) OVER (PARTITION BY market, symbol ORDER BY open_time)` numbers
-- segments across days.
-- A funding rate is in force from its payment, on the hour next to the time that was published, until the next one,
-- but never longer than its own interval and 24 hours: where it is unknown it is NULL, rather than old.
-- On futures_cm, where volumes count contracts, the average price takes a contract for what the exchange says that it
-- is worth: 100 USD for BTC and 10 USD for every other asset.
-- Of several rows of a minute that one archive publishes, the one with the most trades counts, then the one with the
-- larger volume: the others are cut short, or the same.
--
-- partitions: market, date
-- key: market, date, symbol, open_time
-- inputs: silver.klines, silver.funding_rate
-- lookback: 1 day
-- lookahead: 1 day
--
-- columns:
--   symbol                  text: symbol, as the archive spells it
--   open_time               timestamp: start of the minute
--   open                    decimal, quote asset: price of the first trade; when filled, the last close before it
--   high                    decimal, quote asset: highest price; when filled, the last close before it
--   low                     decimal, quote asset: lowest price; when filled, the last close before it
--   close                   decimal, quote asset: price of the last trade; when filled, the last close before it
--   volume                  decimal, base asset: base asset traded; contracts on futures_cm; when filled, 0
--   quote_volume            decimal, quote asset: quote asset traded; NULL on futures_cm; when filled, 0
--   base_volume             decimal, base asset: base asset traded, on futures_cm only; when filled, 0
--   trade_count             integer, trades: number of trades; when filled, 0
--   taker_buy_volume        decimal, base asset: part of the volume that takers bought; contracts on futures_cm
--   taker_buy_quote_volume  decimal, quote asset: quote asset that takers paid; NULL on futures_cm
--   taker_buy_base_volume   decimal, base asset: base asset that takers bought, on futures_cm only
--   vwap                    double, quote asset: average price of the base asset traded; NULL without volume
--   is_filled               boolean: whether the minute has no kline
--   starts_segment          boolean: whether the 61 minutes before have no kline
--   segment_start           timestamp: first minute of the segment, at the earliest the first of the day
--   funding_rate            decimal, fraction of the position: rate in force; NULL where unknown or without funding
--   funding_interval_hours  integer, hours: time between two payments, as published with the rate
--   funding_time            timestamp: hour of its payment, which is made in the minute of the same open_time
--   funding_calc_time       timestamp: time of its payment as published, some milliseconds off the hour
WITH bars AS (
    -- Minutes and hours count from 1970.
    SELECT market, symbol, div(CAST(open_time AS BIGINT), 60000000) AS minute, open, high, low, close,
           volume, quote_volume, base_volume, trade_count,
           taker_buy_volume, taker_buy_quote_volume, taker_buy_base_volume
    FROM silver.klines
    WHERE bar_interval = '1m'
    QUALIFY row_number() OVER (PARTITION BY market, symbol, open_time
                               ORDER BY trade_count DESC, volume DESC, quote_volume DESC, close_time DESC, open, high,
                                        low, close, taker_buy_volume, taker_buy_quote_volume, base_volume,
                                        taker_buy_base_volume, archive) = 1
),
neighbours AS (
    SELECT *, COALESCE(minute - lag(minute) OVER by_time > 61, TRUE) AS starts_segment,
           lead(minute) OVER by_time - minute - 1 AS missing
    FROM bars
    WINDOW by_time AS (PARTITION BY market, symbol ORDER BY minute)
),
segments AS (
    SELECT *, max(CASE WHEN starts_segment THEN minute END)
                  OVER (PARTITION BY market, symbol ORDER BY minute ROWS UNBOUNDED PRECEDING) AS segment_minute
    FROM neighbours
),
steps AS (
    -- Step 0 is the bar itself, the others are the minutes that are missing after it.
    SELECT *, unnest(range(0, CASE WHEN missing BETWEEN 1 AND 60 THEN missing + 1 ELSE 1 END)) AS step
    FROM segments
),
minutes AS (
    SELECT market, symbol, minute + step AS minute, step > 0 AS is_filled,
           CASE WHEN step = 0 THEN open ELSE close END AS open,
           CASE WHEN step = 0 THEN high ELSE close END AS high,
           CASE WHEN step = 0 THEN low ELSE close END AS low,
           close,
           CASE WHEN step = 0 THEN volume ELSE 0 END AS volume,
           CASE WHEN step = 0 THEN quote_volume WHEN market <> 'futures_cm' THEN 0 END AS quote_volume,
           CASE WHEN step = 0 THEN base_volume WHEN market = 'futures_cm' THEN 0 END AS base_volume,
           CASE WHEN step = 0 THEN trade_count ELSE 0 END AS trade_count,
           CASE WHEN step = 0 THEN taker_buy_volume ELSE 0 END AS taker_buy_volume,
           CASE WHEN step = 0 THEN taker_buy_quote_volume WHEN market <> 'futures_cm' THEN 0 END
               AS taker_buy_quote_volume,
           CASE WHEN step = 0 THEN taker_buy_base_volume WHEN market = 'futures_cm' THEN 0 END
               AS taker_buy_base_volume,
           starts_segment AND step = 0 AS starts_segment,
           GREATEST(segment_minute, div(minute + step, 1440) * 1440) AS segment_minute
    FROM steps
),
payments AS (
    SELECT market, symbol, calc_time, last_funding_rate, funding_interval_hours,
           div(CAST(calc_time AS BIGINT) + 1800000000, 3600000000) AS payment_hour
    FROM silver.funding_rate
),
hours AS (
    SELECT *, payment_hour + unnest(range(0, LEAST(CAST(funding_interval_hours AS BIGINT), 24))) AS hour
    FROM payments
),
in_force AS (
    SELECT * FROM hours
    QUALIFY row_number() OVER (PARTITION BY market, symbol, hour ORDER BY calc_time DESC) = 1
),
timed AS (
    SELECT *, to_timestamp_micros(minute * 60000000) AS open_time FROM minutes
)
-- The few rates are on the left, the side of a join that is held in memory.
SELECT timed.market, CAST(open_time AS DATE) AS date, timed.symbol, open_time, open, high, low, close,
       volume, quote_volume, base_volume, trade_count,
       taker_buy_volume, taker_buy_quote_volume, taker_buy_base_volume,
       CASE WHEN timed.market <> 'futures_cm' THEN CAST(quote_volume AS DOUBLE) / CAST(NULLIF(volume, 0) AS DOUBLE)
            ELSE CASE WHEN starts_with(timed.symbol, 'BTCUSD_') THEN 100 ELSE 10 END
                 * CAST(volume AS DOUBLE) / CAST(NULLIF(base_volume, 0) AS DOUBLE) END AS vwap,
       is_filled, starts_segment, to_timestamp_micros(segment_minute * 60000000) AS segment_start,
       last_funding_rate AS funding_rate, funding_interval_hours,
       to_timestamp_micros(payment_hour * 3600000000) AS funding_time, calc_time AS funding_calc_time
FROM in_force RIGHT JOIN timed
    ON in_force.market = timed.market AND in_force.symbol = timed.symbol AND in_force.hour = div(timed.minute, 60)
