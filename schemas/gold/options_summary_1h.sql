-- Options of each underlying and expiry, hour by hour: volume, open interest, puts against calls, volatility.
--
-- The at-the-money strike is the one whose call and put have the closest mark prices: by put-call parity no other
-- strike is nearer to the forward price. Volumes are published as a running figure over the last 24 hours, which
-- also falls: they must not be added up over the hours. The published volume in USDT is left out: it
-- repeats the number of contracts.
-- Of several rows that an archive publishes for a contract and hour, the one with the largest volume counts.
--
-- partitions: market, date
-- key: market, date, symbol, underlying, expiry, time
-- inputs: silver.eoh_summary
--
-- columns:
--   market                       text: options
--   date                         date: UTC day of the hour
--   symbol                       text: the symbol of the archive
--   underlying                   text: what the options are on
--   expiry                       date: day on which they expire
--   time                         timestamp: the hour
--   call_count                   integer: calls listed
--   put_count                    integer: puts listed
--   call_volume                  decimal, contracts: calls traded in the 24 hours up to then
--   put_volume                   decimal, contracts: puts traded in the 24 hours up to then
--   call_open_interest           decimal, contracts: open interest of calls; NULL where none is known
--   put_open_interest            decimal, contracts: open interest of puts; NULL where none is known
--   call_open_interest_usdt      decimal, USDT: the same by value
--   put_open_interest_usdt       decimal, USDT: the same by value
--   put_call_volume_ratio        double, ratio: volume of puts to calls; NULL without a call traded
--   put_call_open_interest_ratio double, ratio: open interest of puts to calls; NULL without one of calls
--   atm_strike                   decimal, USDT: the strike at the money; NULL where no strike has both call and put
--   forward_price                decimal, USDT: that strike and the mark price of its call less that of its put
--   atm_iv                       double, yearly, 1 is 100 percent: mean of the implied volatilities at the mark prices
--                                of that call and that put
--   atm_call_iv                  decimal, as atm_iv: that of the call
--   atm_put_iv                   decimal, as atm_iv: that of the put
WITH contracts AS (
    SELECT * FROM silver.eoh_summary
    QUALIFY row_number() OVER (PARTITION BY market, symbol, time, contract
                               ORDER BY volume_contracts DESC, openinterest_contracts DESC, openinterest_usdt DESC,
                                        mark_price DESC, mark_iv DESC, archive) = 1
),
strikes AS (
    SELECT market, date, symbol, underlying, expiry, time, strike,
           count(*) FILTER (WHERE type = 'C') AS call_count, count(*) FILTER (WHERE type = 'P') AS put_count,
           sum(volume_contracts) FILTER (WHERE type = 'C') AS call_volume,
           sum(volume_contracts) FILTER (WHERE type = 'P') AS put_volume,
           sum(openinterest_contracts) FILTER (WHERE type = 'C') AS call_interest,
           sum(openinterest_contracts) FILTER (WHERE type = 'P') AS put_interest,
           sum(openinterest_usdt) FILTER (WHERE type = 'C') AS call_interest_usdt,
           sum(openinterest_usdt) FILTER (WHERE type = 'P') AS put_interest_usdt,
           max(mark_price) FILTER (WHERE type = 'C') AS call_price,
           max(mark_price) FILTER (WHERE type = 'P') AS put_price,
           max(mark_iv) FILTER (WHERE type = 'C' AND mark_iv > 0) AS call_iv,
           max(mark_iv) FILTER (WHERE type = 'P' AND mark_iv > 0) AS put_iv
    FROM contracts
    GROUP BY market, date, symbol, underlying, expiry, time, strike
),
distances AS (
    SELECT *, CASE WHEN call_iv IS NOT NULL AND put_iv IS NOT NULL THEN abs(call_price - put_price) END AS distance
    FROM strikes
),
hours AS (
    SELECT market, date, symbol, underlying, expiry, time,
           sum(call_count) AS call_count, sum(put_count) AS put_count,
           coalesce(sum(call_volume), 0) AS call_volume, coalesce(sum(put_volume), 0) AS put_volume,
           sum(call_interest) AS call_interest, sum(put_interest) AS put_interest,
           sum(call_interest_usdt) AS call_interest_usdt, sum(put_interest_usdt) AS put_interest_usdt,
           first_value(strike ORDER BY distance, strike) FILTER (WHERE distance IS NOT NULL) AS atm_strike,
           first_value(call_price - put_price ORDER BY distance, strike) FILTER (WHERE distance IS NOT NULL)
               AS parity,
           first_value(call_iv ORDER BY distance, strike) FILTER (WHERE distance IS NOT NULL) AS atm_call_iv,
           first_value(put_iv ORDER BY distance, strike) FILTER (WHERE distance IS NOT NULL) AS atm_put_iv
    FROM distances
    GROUP BY market, date, symbol, underlying, expiry, time
)
SELECT market, date, symbol, underlying, expiry, time, call_count, put_count, call_volume, put_volume,
       call_interest AS call_open_interest, put_interest AS put_open_interest,
       call_interest_usdt AS call_open_interest_usdt, put_interest_usdt AS put_open_interest_usdt,
       CAST(put_volume AS DOUBLE) / CAST(NULLIF(call_volume, 0) AS DOUBLE) AS put_call_volume_ratio,
       CAST(put_interest AS DOUBLE) / CAST(NULLIF(call_interest, 0) AS DOUBLE) AS put_call_open_interest_ratio,
       atm_strike, atm_strike + parity AS forward_price,
       CAST(atm_call_iv + atm_put_iv AS DOUBLE) / 2 AS atm_iv, atm_call_iv, atm_put_iv
FROM hours
