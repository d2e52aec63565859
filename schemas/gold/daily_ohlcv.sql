-- One row per market, symbol and UTC day that has one-minute bars, added up from them.
--
-- Of several rows of a minute that one archive publishes, the one with the most trades counts, then the one with the
-- larger volume: the others are cut short, or the same.
--
-- partitions: market, date
-- key: market, date, symbol
-- inputs: silver.klines
--
-- columns:
--   symbol            text: symbol, as the archive spells it
--   open              decimal, quote asset: price of the first trade of the day
--   high              decimal, quote asset: highest price
--   low               decimal, quote asset: lowest price
--   close             decimal, quote asset: price of the last trade of the day
--   volume            decimal, base asset: what was traded, as published; contracts on futures_cm
--   base_volume       decimal, base asset: what was traded, in every market
--   quote_volume      decimal, quote asset: what was traded; NULL on futures_cm
--   trade_count       integer, trades: number of trades
--   taker_buy_volume  decimal, base asset: part of the base volume that takers bought
--   taker_buy_share   double, ratio: the same over the base volume, from 0 to 1; NULL without volume
--   vwap              double, quote asset: average price of the base asset traded; NULL without volume
--   bars              integer, bars: minutes of the day that have a bar
--   missing_bars      integer, bars: minutes of the day that have none
WITH minutes AS (
  SELECT
    *,
    coalesce(base_volume, volume) AS base,
    coalesce(taker_buy_base_volume, taker_buy_volume) AS taker_buy_base,
    -- A COIN-M contract is worth 100 USD of BTC and 10 USD of any other coin.
    CASE
      WHEN market <> 'futures_cm' THEN quote_volume
      WHEN split_part(symbol, '_', 1) = 'BTCUSD' THEN volume * 100
      ELSE volume * 10
    END AS quote
  FROM silver.klines
  WHERE bar_interval = '1m'
  QUALIFY row_number() OVER (PARTITION BY market, symbol, open_time
                             ORDER BY trade_count DESC, volume DESC, quote_volume DESC, close_time DESC, open, high,
                                      low, close, taker_buy_volume, taker_buy_quote_volume, base_volume,
                                      taker_buy_base_volume, archive) = 1
)
SELECT
  market,
  date,
  symbol,
  first_value(open ORDER BY open_time) AS open,
  max(high) AS high,
  min(low) AS low,
  last_value(close ORDER BY open_time) AS close,
  sum(volume) AS volume,
  sum(base) AS base_volume,
  sum(quote_volume) AS quote_volume,
  sum(trade_count) AS trade_count,
  sum(taker_buy_base) AS taker_buy_volume,
  CAST(sum(taker_buy_base) AS DOUBLE) / nullif(CAST(sum(base) AS DOUBLE), 0) AS taker_buy_share,
  CAST(sum(quote) AS DOUBLE) / nullif(CAST(sum(base) AS DOUBLE), 0) AS vwap,
  count(*) AS bars,
  1440 - count(*) AS missing_bars
FROM minutes
GROUP BY market, date, symbol
