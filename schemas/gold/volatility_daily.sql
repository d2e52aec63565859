-- How much a price moved on a UTC day, by four estimators, next to the volatility index of its asset.
--
-- Volatilities are in percent and annualised with 365 days, so that they compare with the index. Realised volatility
-- adds up the squares of the logarithmic returns of one-minute klines, each from the close of the kline before it,
-- across midnight too. Where more than 60 minutes are missing in between, or nothing came before, it is from the
-- kline's own open. Parkinson and Garman-Klass see the highest and lowest price of the day, and in their variant _1m
-- those of each minute. A day that lacks minutes is not scaled up: `missing_bars` tells. Klines with a price that is
-- not positive are left out.
-- Squares are added up as decimals with 30 places, so that the order of rows changes nothing.
--
-- partitions: market, date
-- key: market, date, symbol
-- inputs: silver.klines, silver.bvol_index
-- lookback: 1 day
--
-- columns:
--   symbol                      text: symbol, as the archive spells it
--   realised_variance           double, squared fraction per day: sum of the squared returns of the day
--   realised_volatility         double, percent per year: from the realised variance
--   parkinson_volatility        double, percent per year: from the day's high and low
--   garman_klass_volatility     double, percent per year: from the day's open, high, low and close
--   parkinson_1m_volatility     double, percent per year: from each minute's high and low
--   garman_klass_1m_volatility  double, percent per year: from each minute's open, high, low and close
--   bars                        integer, bars: minutes that have a bar
--   missing_bars                integer, bars: minutes of the day that have none
--   bvol_symbol                 text: volatility index of the base asset, when the quote asset is a dollar; else NULL
--   bvol_open                   decimal, percent per year: first value of that index on the day
--   bvol_high                   decimal, percent per year: highest value
--   bvol_low                    decimal, percent per year: lowest value
--   bvol_close                  decimal, percent per year: last value
--   bvol_mean                   double, percent per year: mean of all its values
--   bvol_count                  integer, values: how many there are; 86400 on a complete day
WITH bars AS (
    SELECT market, date, symbol, open_time, open, high, low, close,
           CASE WHEN open_time - lag(open_time) OVER by_time <= INTERVAL '61 minutes'
                THEN lag(close) OVER by_time ELSE open END AS price_before
    FROM silver.klines
    WHERE bar_interval = '1m' AND LEAST(open, high, low, close) > 0
    WINDOW by_time AS (PARTITION BY market, symbol ORDER BY open_time)
),
logarithms AS (
    SELECT market, date, symbol, open_time, open, high, low, close,
           ln(CAST(close AS DOUBLE) / CAST(price_before AS DOUBLE)) AS change,
           ln(CAST(high AS DOUBLE) / CAST(low AS DOUBLE)) AS span,
           ln(CAST(close AS DOUBLE) / CAST(open AS DOUBLE)) AS body
    FROM bars
),
days AS (
    SELECT market, date, symbol,
           CAST(sum(CAST(change * change AS DECIMAL(38, 30))) AS DOUBLE) AS change_1m,
           CAST(sum(CAST(span * span AS DECIMAL(38, 30))) AS DOUBLE) AS span_1m,
           CAST(sum(CAST(body * body AS DECIMAL(38, 30))) AS DOUBLE) AS body_1m,
           power(ln(CAST(max(high) AS DOUBLE) / CAST(min(low) AS DOUBLE)), 2) AS span,
           power(ln(CAST(last_value(close ORDER BY open_time) AS DOUBLE)
                    / CAST(first_value(open ORDER BY open_time) AS DOUBLE)), 2) AS body,
           count(*) AS bars
    FROM logarithms
    GROUP BY market, date, symbol
),
indexes AS (
    SELECT date, symbol, replace(symbol, 'BVOLUSDT', '') AS asset,
           first_value(index_value ORDER BY calc_time) AS bvol_open, max(index_value) AS bvol_high,
           min(index_value) AS bvol_low, last_value(index_value ORDER BY calc_time) AS bvol_close,
           CAST(sum(index_value) AS DOUBLE) / count(*) AS bvol_mean, count(*) AS bvol_count
    FROM silver.bvol_index
    GROUP BY date, symbol
)
SELECT days.market, days.date, days.symbol,
       change_1m AS realised_variance,
       100 * sqrt(365 * change_1m) AS realised_volatility,
       100 * sqrt(365 * span / (4 * ln(2))) AS parkinson_volatility,
       100 * sqrt(365 * (span / 2 - (2 * ln(2) - 1) * body)) AS garman_klass_volatility,
       100 * sqrt(365 * span_1m / (4 * ln(2))) AS parkinson_1m_volatility,
       100 * sqrt(365 * (span_1m / 2 - (2 * ln(2) - 1) * body_1m)) AS garman_klass_1m_volatility,
       bars, 1440 - bars AS missing_bars,
       indexes.symbol AS bvol_symbol, bvol_open, bvol_high, bvol_low, bvol_close, bvol_mean, bvol_count
FROM indexes RIGHT JOIN days
    ON indexes.date = days.date AND starts_with(days.symbol, asset)
    AND split_part(substr(days.symbol, character_length(asset) + 1), '_', 1)
        IN ('USD', 'USDT', 'USDC', 'BUSD', 'FDUSD', 'TUSD', 'USDP', 'USD1')
