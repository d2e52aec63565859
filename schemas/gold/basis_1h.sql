-- How far a contract's mark price is from its index, hour by hour, from one-minute bars; with the premium index.
--
-- The basis of a minute compares the two closes: (mark - index) / index. One row for each contract and hour with
-- a mark price; without an index price the basis is NULL. The index is that of the pair, BTCUSD for BTCUSD_PERP and
-- for BTCUSD_260626. The premium index is the exchange's own measure, made of impact bid and ask prices; it exists
-- for perpetual contracts only. 1 basis point is a hundredth of a percent.
-- Of several bars of a minute that one archive publishes, the one with the most samples counts, then the one with the
-- higher high.
--
-- partitions: market, date
-- key: market, date, symbol, open_time
-- inputs: silver.mark_price_klines, silver.index_price_klines, silver.premium_index_klines
--
-- columns:
--   symbol             text: symbol of the contract, as the archive spells it
--   open_time          timestamp: start of the hour
--   pair               text: pair of the index: the symbol up to its first underscore
--   mark_close         decimal, quote asset: last mark price of the hour
--   index_close        decimal, quote asset: last index price of the hour
--   basis_mean_bps     double, basis points: mean of the minutes' basis
--   basis_min_bps      double, basis points: lowest
--   basis_max_bps      double, basis points: highest
--   basis_close_bps    double, basis points: basis of the last minute that has both prices
--   minutes            integer, minutes: how many have both prices; 60 in a complete hour
--   premium_mean_bps   double, basis points: mean of the minutes' closes of the premium index
--   premium_min_bps    double, basis points: lowest premium, inside minutes too
--   premium_max_bps    double, basis points: highest premium, inside minutes too
--   premium_close_bps  double, basis points: last premium of the hour
--   premium_minutes    integer, minutes: how many have a premium; NULL without any
WITH marks AS (
    SELECT market, date, symbol, split_part(symbol, '_', 1) AS pair, open_time, close
    FROM silver.mark_price_klines
    WHERE bar_interval = '1m'
    QUALIFY row_number() OVER (PARTITION BY market, symbol, open_time
                               ORDER BY trade_count DESC, close_time DESC, high DESC, low, open, close) = 1
),
indexes AS (
    -- If both a contract's own symbol and its pair have an index, the pair counts, which sorts first.
    SELECT market, split_part(symbol, '_', 1) AS pair, open_time,
           first_value(close ORDER BY symbol, trade_count DESC, close_time DESC, high DESC, low, open, close) AS close
    FROM silver.index_price_klines
    WHERE bar_interval = '1m'
    GROUP BY market, pair, open_time
),
minutes AS (
    SELECT marks.market, date, symbol, marks.pair, marks.open_time, marks.close AS mark, indexes.close AS index,
           10000 * CAST(marks.close - indexes.close AS DOUBLE) / CAST(NULLIF(indexes.close, 0) AS DOUBLE) AS basis
    FROM indexes RIGHT JOIN marks
        ON indexes.market = marks.market AND indexes.pair = marks.pair AND indexes.open_time = marks.open_time
),
hours AS (
    SELECT market, date, symbol, pair, date_trunc('hour', open_time) AS hour,
           last_value(mark ORDER BY open_time) AS mark_close,
           last_value(index ORDER BY open_time) FILTER (WHERE index IS NOT NULL) AS index_close,
           CAST(sum(CAST(basis AS DECIMAL(38, 14))) AS DOUBLE) / NULLIF(count(basis), 0) AS basis_mean_bps,
           min(basis) AS basis_min_bps, max(basis) AS basis_max_bps,
           last_value(basis ORDER BY open_time) FILTER (WHERE basis IS NOT NULL) AS basis_close_bps,
           count(basis) AS minutes
    FROM minutes
    GROUP BY market, date, symbol, pair, hour
),
premium_minutes AS (
    SELECT market, symbol, open_time, high, low, close
    FROM silver.premium_index_klines
    WHERE bar_interval = '1m'
    QUALIFY row_number() OVER (PARTITION BY market, symbol, open_time
                               ORDER BY trade_count DESC, close_time DESC, high DESC, low, open, close) = 1
),
premiums AS (
    SELECT market, symbol, date_trunc('hour', open_time) AS hour,
           10000 * CAST(sum(close) AS DOUBLE) / count(*) AS premium_mean_bps,
           10000 * CAST(min(low) AS DOUBLE) AS premium_min_bps,
           10000 * CAST(max(high) AS DOUBLE) AS premium_max_bps,
           10000 * CAST(last_value(close ORDER BY open_time) AS DOUBLE) AS premium_close_bps,
           count(*) AS premium_minutes
    FROM premium_minutes
    GROUP BY market, symbol, hour
)
SELECT hours.market, date, hours.symbol, hours.hour AS open_time, pair, mark_close, index_close,
       basis_mean_bps, basis_min_bps, basis_max_bps, basis_close_bps, minutes,
       premium_mean_bps, premium_min_bps, premium_max_bps, premium_close_bps, premium_minutes
FROM hours LEFT JOIN premiums
    ON premiums.market = hours.market AND premiums.symbol = hours.symbol AND premiums.hour = hours.hour
