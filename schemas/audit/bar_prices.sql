-- Bars whose prices or volumes contradict each other.
--
-- severity: error
-- data type: klines
-- partitions: market, date
-- split by: symbol
-- inputs: silver.klines
-- expected: low <= open and close <= high; 0 <= taker volume <= volume; a volume exactly where there are trades
-- means: The bar cannot have been made of trades. Whatever is computed from it is wrong.
-- do: Compare with the monthly or daily copy and with bars of another length; leave the bar out until it is corrected.
-- source: arithmetic; archives with correct checksums had such bars (binance-public-data, issues 169 and 201)
-- example: a bar with low 7214.59 and open 7195.24
-- kinds:
--   price_order: low above open, close or high, or high below them
--   price_not_positive: a price of zero or less
--   negative_volume: a volume or a number of trades below zero
--   taker_above_volume: takers bought more than was traded
--   volume_without_trades: a volume, and not a single trade
--   trades_without_volume: trades, and no volume
WITH wrong AS (
    SELECT *
    FROM silver.klines
    WHERE low > least(open, close) OR high < greatest(open, close) OR low <= 0
       OR volume < 0 OR trade_count < 0 OR quote_volume < 0 OR base_volume < 0
       OR taker_buy_volume < 0 OR taker_buy_quote_volume < 0 OR taker_buy_base_volume < 0
       OR taker_buy_volume > volume OR taker_buy_quote_volume > quote_volume OR taker_buy_base_volume > base_volume
       OR (volume > 0) <> (trade_count > 0)
),
named AS (
    SELECT *, unnest(make_array(
        CASE WHEN low > least(open, close) OR high < greatest(open, close) THEN 'price_order' END,
        CASE WHEN low <= 0 THEN 'price_not_positive' END,
        CASE WHEN volume < 0 OR trade_count < 0 OR quote_volume < 0 OR base_volume < 0
               OR taker_buy_volume < 0 OR taker_buy_quote_volume < 0 OR taker_buy_base_volume < 0
             THEN 'negative_volume' END,
        CASE WHEN taker_buy_volume > volume OR taker_buy_quote_volume > quote_volume
               OR taker_buy_base_volume > base_volume THEN 'taker_above_volume' END,
        CASE WHEN volume > 0 AND trade_count = 0 THEN 'volume_without_trades' END,
        CASE WHEN volume = 0 AND trade_count > 0 THEN 'trades_without_volume' END)) AS kind
    FROM wrong
)
SELECT market, date, symbol, bar_interval, open_time AS from_time, kind,
       'open ' || open || ', high ' || high || ', low ' || low || ', close ' || close || ', volume ' || volume
       || ', taker volume ' || taker_buy_volume || ', trades ' || trade_count AS found,
       archive
FROM named
WHERE kind IS NOT NULL
