-- What the order book holds within each distance of the middle price, by hour: mean, minimum, bids against asks.
--
-- Made of snapshots, one about every thirty seconds. A distance includes all smaller ones. Older archives have five,
-- 1 to 5 percent, newer ones 0.2 percent too; a distance that an hour has no snapshot of has no row.
-- Of several rows that an archive publishes for one time and distance, the one with the largest quantity counts.
--
-- partitions: market, date
-- key: market, date, symbol, open_time, percentage
-- inputs: silver.book_depth
--
-- columns:
--   market             text: futures_um or futures_cm
--   date               date: UTC day of the hour
--   symbol             text: the symbol as published
--   open_time          timestamp: start of the hour
--   percentage         decimal, percent: distance from the middle price, on either side
--   snapshot_count     integer: different times of snapshots in the hour
--   mean_bid_depth     double, as published, base asset on futures_um: mean quantity bid up to the distance
--   min_bid_depth      decimal, as mean_bid_depth: smallest quantity bid
--   mean_bid_notional  double, as published, quote asset on futures_um: mean value bid
--   min_bid_notional   decimal, as mean_bid_notional: smallest value bid
--   mean_ask_depth     double, as mean_bid_depth: mean quantity asked
--   min_ask_depth      decimal, as mean_bid_depth: smallest quantity asked
--   mean_ask_notional  double, as mean_bid_notional: mean value asked
--   min_ask_notional   decimal, as mean_bid_notional: smallest value asked
--   depth_ratio        double, ratio: mean quantity bid to mean quantity asked; NULL where a side is missing or empty
--   notional_ratio     double, ratio: mean value bid to mean value asked; NULL where a side is missing or empty
WITH snapshots AS (
    SELECT * FROM silver.book_depth
    QUALIFY row_number() OVER (PARTITION BY market, symbol, timestamp, percentage
                               ORDER BY depth DESC, notional DESC, archive) = 1
),
hours AS (
    SELECT market, date, symbol, date_trunc('hour', timestamp) AS open_time, abs(percentage) AS percentage,
           count(DISTINCT timestamp) AS snapshot_count,
           CAST(count(*) FILTER (WHERE percentage < 0) AS DOUBLE) AS bids,
           CAST(count(*) FILTER (WHERE percentage > 0) AS DOUBLE) AS asks,
           CAST(sum(depth) FILTER (WHERE percentage < 0) AS DOUBLE) AS bid_depth,
           CAST(sum(depth) FILTER (WHERE percentage > 0) AS DOUBLE) AS ask_depth,
           CAST(sum(notional) FILTER (WHERE percentage < 0) AS DOUBLE) AS bid_notional,
           CAST(sum(notional) FILTER (WHERE percentage > 0) AS DOUBLE) AS ask_notional,
           min(depth) FILTER (WHERE percentage < 0) AS min_bid_depth,
           min(depth) FILTER (WHERE percentage > 0) AS min_ask_depth,
           min(notional) FILTER (WHERE percentage < 0) AS min_bid_notional,
           min(notional) FILTER (WHERE percentage > 0) AS min_ask_notional
    FROM snapshots
    GROUP BY market, date, symbol, date_trunc('hour', timestamp), abs(percentage)
)
SELECT market, date, symbol, open_time, percentage, snapshot_count,
       bid_depth / bids AS mean_bid_depth, min_bid_depth, bid_notional / bids AS mean_bid_notional, min_bid_notional,
       ask_depth / asks AS mean_ask_depth, min_ask_depth, ask_notional / asks AS mean_ask_notional, min_ask_notional,
       (bid_depth / bids) / (NULLIF(ask_depth, 0) / asks) AS depth_ratio,
       (bid_notional / bids) / (NULLIF(ask_notional, 0) / asks) AS notional_ratio
FROM hours
