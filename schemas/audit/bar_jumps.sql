-- Bars whose prices leave the range of the bars around them by far.
--
-- severity: warning
-- data type: klines
-- partitions: market, date
-- split by: symbol
-- inputs: silver.klines
-- expected: a high below twice, and a low above half of the closes before and after
-- means: A wrong price, or a moment in which the market was empty. Both happen.
-- do: Look at the trades of that minute before you use the high or the low.
-- source: experience: a robust bound, not a rule
-- example: a low of 0.10 between closes of 100
-- kinds:
--   price_spike: high or low off by a factor of more than two, and back in the next bar
--   price_jump: an open off by a factor of more than two from the last close
WITH neighbours AS (
    SELECT market, date, symbol, bar_interval, open_time, open, high, low, close, archive,
           lag(close) OVER series AS before, lead(open) OVER series AS after
    FROM silver.klines
    WHERE bar_interval IN ('1s', '1m', '3m', '5m', '15m', '30m', '1h') AND trade_count > 0
    WINDOW series AS (PARTITION BY market, date, symbol, bar_interval ORDER BY open_time)
),
named AS (
    SELECT *, unnest(make_array(
        CASE WHEN high > 2 * greatest(before, after) OR 2 * low < least(before, after) THEN 'price_spike' END,
        CASE WHEN open > 2 * before OR 2 * open < before THEN 'price_jump' END)) AS kind
    FROM neighbours
    -- The first bars of a listing have nothing to be compared with.
    WHERE before > 0 AND after > 0
      AND (high > 2 * greatest(before, after) OR 2 * low < least(before, after) OR open > 2 * before OR 2 * open < before)
)
SELECT market, date, symbol, bar_interval, open_time AS from_time, kind,
       'open ' || open || ', high ' || high || ', low ' || low || ' between ' || before || ' and ' || after AS found,
       archive
FROM named
WHERE kind IS NOT NULL
