-- Bars of the mark price or the index price whose prices contradict each other.
--
-- severity: error
-- data type: markPriceKlines, indexPriceKlines
-- partitions: market, date
-- split by: symbol
-- inputs: silver.mark_price_klines, silver.index_price_klines
-- expected: low <= open and close <= high
-- means: The bar cannot have been made of prices. Whatever is computed from it is wrong.
-- do: Compare with another copy of the day; leave the rows out until they are corrected.
-- source: arithmetic
-- example: a bar with low 5 and open 4
-- kinds:
--   price_order: low above open, close or high, or high below them
--   price_not_positive: a price of zero or less
WITH wrong AS (
    SELECT *, unnest(make_array(
        CASE WHEN low > least(open, close) OR high < greatest(open, close) THEN 'price_order' END,
        CASE WHEN low <= 0 THEN 'price_not_positive' END)) AS kind
    FROM silver.mark_price_klines
    WHERE low > least(open, close) OR high < greatest(open, close) OR low <= 0
)
SELECT market, date, symbol, bar_interval, open_time AS from_time, kind,
       'open ' || open || ', high ' || high || ', low ' || low || ', close ' || close AS found, archive
FROM wrong
WHERE kind IS NOT NULL
