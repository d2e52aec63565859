-- Trades without a price or a quantity, or whose value is not price times quantity.
--
-- severity: error
-- data type: trades
-- partitions: market, date
-- split by: symbol
-- inputs: silver.trades
-- expected: price > 0, quantity > 0, value = price * quantity
-- means: No such trade can have happened. A sum over it is wrong; a mean price may be infinite.
-- do: Leave these rows out. They stay in silver as published.
-- source: archives with correct checksums had trades of quantity zero
-- example: a trade of 0.000 at 7189.43
-- kinds:
--   zero_price: a price of zero or less
--   zero_quantity: a quantity of zero or less
--   wrong_value: a value that is not price times quantity
WITH valued AS (
    SELECT market, date, symbol, id, time, price, qty, coalesce(quote_qty, base_qty) AS value, archive,
           CASE WHEN market = 'futures_cm'
                THEN CASE WHEN starts_with(symbol, 'BTCUSD_') THEN 100 ELSE 10 END
                     * CAST(qty AS DOUBLE) / NULLIF(CAST(price AS DOUBLE), 0)
                ELSE CAST(price AS DOUBLE) * CAST(qty AS DOUBLE) END AS right_value,
           -- Futures publish values with two to eight decimals.
           CASE WHEN market = 'spot' OR market = 'futures_cm' THEN 0.00000002 ELSE 0.02 END AS rounding
    FROM silver.trades
),
named AS (
    SELECT *, unnest(make_array(
        CASE WHEN price <= 0 THEN 'zero_price' END,
        CASE WHEN qty <= 0 THEN 'zero_quantity' END,
        CASE WHEN abs(CAST(value AS DOUBLE) - right_value) > 0.001 * abs(right_value) + rounding
             THEN 'wrong_value' END)) AS kind
    FROM valued
    WHERE price <= 0 OR qty <= 0 OR abs(CAST(value AS DOUBLE) - right_value) > 0.001 * abs(right_value) + rounding
)
SELECT market, date, symbol, time AS from_time, kind,
       'id ' || id || ', price ' || price || ', quantity ' || qty || ', value ' || value AS found, archive
FROM named
WHERE kind IS NOT NULL
