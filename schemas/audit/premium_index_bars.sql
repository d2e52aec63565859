-- Bars of the premium index whose prices contradict each other.
--
-- severity: error
-- data type: premiumIndex
-- partitions: market, date
-- split by: symbol
-- inputs: silver.premium_index_klines
-- expected: low <= open and close <= high
-- means: The bar cannot have been made of prices. Whatever is computed from it is wrong.
-- do: Compare with another copy of the day; leave the rows out until they are corrected.
-- source: arithmetic
-- example: a bar with low 5 and open 4
-- kinds:
--   price_order: low above open, close or high, or high below them
WITH wrong AS (
    SELECT *, unnest(make_array(
        CASE WHEN low > least(open, close) OR high < greatest(open, close) THEN 'price_order' END)) AS kind
    FROM silver.premium_index_klines
    WHERE low > least(open, close) OR high < greatest(open, close)
)
SELECT market, date, symbol, bar_interval, open_time AS from_time, kind,
       'open ' || open || ', high ' || high || ', low ' || low || ', close ' || close AS found, archive
FROM wrong
WHERE kind IS NOT NULL
