-- Bars that are not what the shorter bars of the same time make.
--
-- severity: error
-- data type: klines
-- partitions: market, date
-- split by: symbol
-- inputs: silver.klines
-- expected: open of the first, highest high, lowest low, close of the last, sums of volumes and of trades
-- means: One of the two lengths is wrong, or of another version than the other.
-- do: Compare both with the trades; the length that agrees with them is right.
-- source: definition of a bar; 1h bars from 1m bars agree exactly on sound days
-- example: an hour with high 101 whose minutes reach 102
-- kinds:
--   open_differs: an open other than that of the first shorter bar
--   high_differs: a high other than the highest
--   low_differs: a low other than the lowest
--   close_differs: a close other than that of the last shorter bar
--   volume_differs: a volume other than the sum
--   trade_count_differs: a number of trades other than the sum
WITH lengths (bar_interval, width) AS (
    VALUES ('1s', 1), ('1m', 60), ('3m', 180), ('5m', 300), ('15m', 900), ('30m', 1800), ('1h', 3600), ('2h', 7200),
           ('4h', 14400), ('6h', 21600), ('8h', 28800), ('12h', 43200), ('1d', 86400)
),
-- One row of each time: the one with the most trades, as everywhere.
bars AS (
    SELECT market, date, symbol, bar_interval, width, open_time, open, high, low, close, volume, trade_count, archive
    FROM silver.klines JOIN lengths USING (bar_interval)
    QUALIFY row_number() OVER (PARTITION BY market, date, symbol, bar_interval, open_time
                               ORDER BY trade_count DESC, volume DESC, archive) = 1
),
held AS (
    SELECT DISTINCT market, date, symbol, width FROM bars
),
-- The longest of the shorter lengths that are held and divide this one.
pairs AS (
    SELECT longer.market, longer.date, longer.symbol, longer.width, max(shorter.width) AS part
    FROM held AS longer JOIN held AS shorter
        ON shorter.market = longer.market AND shorter.date = longer.date AND shorter.symbol = longer.symbol
       AND shorter.width < longer.width AND longer.width % shorter.width = 0
    GROUP BY longer.market, longer.date, longer.symbol, longer.width
),
made AS (
    SELECT bars.market, bars.date, bars.symbol, pairs.width, pairs.part,
           div(CAST(open_time AS BIGINT), pairs.width * 1000000) AS slot,
           first_value(open ORDER BY open_time) AS open, max(high) AS high, min(low) AS low,
           last_value(close ORDER BY open_time) AS close, sum(volume) AS volume, sum(trade_count) AS trade_count,
           count(*) AS parts
    FROM bars JOIN pairs
        ON pairs.market = bars.market AND pairs.date = bars.date AND pairs.symbol = bars.symbol AND pairs.part = bars.width
    GROUP BY bars.market, bars.date, bars.symbol, pairs.width, pairs.part, slot
),
named AS (
    SELECT bars.*, made.part, made.open AS made_open, made.high AS made_high, made.low AS made_low,
           made.close AS made_close, made.volume AS made_volume, made.trade_count AS made_count,
           unnest(make_array(
               CASE WHEN bars.open <> made.open THEN 'open_differs' END,
               CASE WHEN bars.high <> made.high THEN 'high_differs' END,
               CASE WHEN bars.low <> made.low THEN 'low_differs' END,
               CASE WHEN bars.close <> made.close THEN 'close_differs' END,
               CASE WHEN bars.volume <> made.volume THEN 'volume_differs' END,
               CASE WHEN bars.trade_count <> made.trade_count THEN 'trade_count_differs' END)) AS kind
    FROM bars JOIN made
        ON made.market = bars.market AND made.date = bars.date AND made.symbol = bars.symbol AND made.width = bars.width
       AND made.slot = div(CAST(bars.open_time AS BIGINT), bars.width * 1000000)
    WHERE made.parts = div(made.width, made.part)
      AND (bars.open <> made.open OR bars.high <> made.high OR bars.low <> made.low OR bars.close <> made.close
           OR bars.volume <> made.volume OR bars.trade_count <> made.trade_count)
)
SELECT market, date, symbol, bar_interval, open_time AS from_time, kind,
       'open ' || made_open || ', high ' || made_high || ', low ' || made_low || ', close ' || made_close || ', volume '
       || made_volume || ', trades ' || made_count || ' from bars of ' || part || ' seconds' AS expected,
       'open ' || open || ', high ' || high || ', low ' || low || ', close ' || close || ', volume '
       || volume || ', trades ' || trade_count AS found, archive
FROM named
WHERE kind IS NOT NULL
