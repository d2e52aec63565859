-- Hours of options whose prices, greeks or terms are impossible.
--
-- severity: error
-- data type: EOHSummary
-- partitions: market, date
-- split by: symbol
-- inputs: silver.eoh_summary
-- expected: delta from -1 to 1 with the sign of the type, gamma and vega of zero or more, low <= open and close <=
--   high, bid <= ask, strike above zero, expiry on or after the day
-- means: The row cannot be right. The source writes values that stand for unknown, such as 0E-16; those are not
--   counted.
-- do: Leave the row out.
-- source: definition of an option and of its greeks
-- example: a call with a delta of -0.4
-- kinds:
--   wrong_delta: a delta outside of -1 to 1, or with the sign of the other type
--   negative_gamma: a gamma below zero
--   negative_vega: a vega below zero
--   price_order: low above open, close or high, or high below them
--   crossed_book: a bid above the ask
--   wrong_strike: a strike of zero or less
--   expired: an expiry before the day
--   negative_volume: a volume or an open interest below zero
WITH named AS (
    SELECT *, unnest(make_array(
        CASE WHEN abs(delta) > 1 OR (type IN ('C', 'CALL') AND delta < 0) OR (type IN ('P', 'PUT') AND delta > 0)
             THEN 'wrong_delta' END,
        CASE WHEN gamma < 0 THEN 'negative_gamma' END,
        CASE WHEN vega < 0 THEN 'negative_vega' END,
        CASE WHEN low > least(open, close) OR high < greatest(open, close) THEN 'price_order' END,
        CASE WHEN best_bid_price > best_ask_price AND best_ask_price > 0 THEN 'crossed_book' END,
        CASE WHEN strike <= 0 THEN 'wrong_strike' END,
        CASE WHEN expiry < date THEN 'expired' END,
        CASE WHEN volume_contracts < 0 OR volume_usdt < 0 OR openinterest_contracts < 0 OR openinterest_usdt < 0
             THEN 'negative_volume' END)) AS kind
    FROM silver.eoh_summary
)
SELECT market, date, symbol, time AS from_time, kind,
       contract || ': delta ' || coalesce(CAST(delta AS VARCHAR), '') || ', gamma ' || coalesce(CAST(gamma AS VARCHAR), '')
       || ', vega ' || coalesce(CAST(vega AS VARCHAR), '') || ', low ' || coalesce(CAST(low AS VARCHAR), '')
       || ', high ' || coalesce(CAST(high AS VARCHAR), '') || ', bid ' || coalesce(CAST(best_bid_price AS VARCHAR), '')
       || ', ask ' || coalesce(CAST(best_ask_price AS VARCHAR), '') AS found, archive
FROM named
WHERE kind IS NOT NULL
