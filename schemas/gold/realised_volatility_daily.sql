-- How much a price moved on a UTC day, by three estimators, from one-minute klines.
--
-- Volatilities are in percent and annualised with 365 days. Realised volatility adds up the squares of the logarithmic
-- returns of the minutes, each from the close of the bar before it, across midnight too. Where more than 60 minutes
-- are missing in between, or nothing came before, it is from the bar's own open. Parkinson and Garman-Klass see the
-- highest and lowest price of the day, and in their variants _1m those of each minute. A day that lacks minutes is not
-- scaled up: see `missing_bars`. Bars with a price that is not positive are left out.
-- Squares are added up as decimals with 30 places, so that the order of rows changes nothing.
-- Of several rows of a minute that one archive publishes, the one with the most trades counts, then the one with the
-- larger volume: the others are cut short, or the same.
--
-- partitions: market, date
-- key: market, date, symbol
-- inputs: silver.klines
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
WITH minutes AS (
    SELECT * FROM silver.klines
    WHERE bar_interval = '1m' AND LEAST(open, high, low, close) > 0
    QUALIFY row_number() OVER (PARTITION BY market, symbol, open_time
                               ORDER BY trade_count DESC, volume DESC, quote_volume DESC, close_time DESC, open, high,
                                        low, close, taker_buy_volume, taker_buy_quote_volume, base_volume,
                                        taker_buy_base_volume, archive) = 1
),
bars AS (
    SELECT market, date, symbol, open_time, open, high, low, close,
           CASE WHEN open_time - lag(open_time) OVER by_time <= INTERVAL '61 minutes'
                THEN lag(close) OVER by_time ELSE open END AS price_before
    FROM minutes
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
    SELECT market, date, symbol, count(*) AS bars,
           CAST(sum(CAST(change * change AS DECIMAL(38, 30))) AS DOUBLE) AS squared_changes,
           CAST(sum(CAST(span * span AS DECIMAL(38, 30))) AS DOUBLE) AS squared_spans,
           CAST(sum(CAST(body * body AS DECIMAL(38, 30))) AS DOUBLE) AS squared_bodies,
           power(ln(CAST(max(high) AS DOUBLE) / CAST(min(low) AS DOUBLE)), 2) AS squared_span,
           power(ln(CAST(last_value(close ORDER BY open_time) AS DOUBLE)
                    / CAST(first_value(open ORDER BY open_time) AS DOUBLE)), 2) AS squared_body
    FROM logarithms
    GROUP BY market, date, symbol
),
variances AS (
    SELECT market, date, symbol, bars, squared_changes AS realised,
           squared_span / (4 * ln(2)) AS parkinson,
           squared_span / 2 - (2 * ln(2) - 1) * squared_body AS garman_klass,
           squared_spans / (4 * ln(2)) AS parkinson_1m,
           squared_spans / 2 - (2 * ln(2) - 1) * squared_bodies AS garman_klass_1m
    FROM days
)
SELECT market, date, symbol,
       realised AS realised_variance,
       100 * sqrt(365 * realised) AS realised_volatility,
       100 * sqrt(365 * parkinson) AS parkinson_volatility,
       100 * sqrt(365 * garman_klass) AS garman_klass_volatility,
       100 * sqrt(365 * parkinson_1m) AS parkinson_1m_volatility,
       100 * sqrt(365 * garman_klass_1m) AS garman_klass_1m_volatility,
       bars, 1440 - bars AS missing_bars
FROM variances
