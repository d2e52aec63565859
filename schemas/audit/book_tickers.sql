-- Best bids and asks that contradict each other, or are there twice.
--
-- severity: error
-- data type: bookTicker
-- partitions: market, date
-- split by: symbol
-- inputs: silver.book_ticker
-- expected: 0 < bid < ask, quantities above zero, each update once
-- means: The row is no state of a book. A spread or a mid price from it is wrong.
-- do: Leave the row out.
-- source: definition of a book: an order that crosses is a trade
-- example: bid 101, ask 100
-- kinds:
--   crossed_book: a bid at or above the ask
--   zero_price: a price of zero or less
--   zero_quantity: a quantity of zero or less
--   repeated_update: the same update id twice
--   time_backwards: a later update with an earlier time
WITH neighbours AS (
    SELECT market, date, symbol, update_id, best_bid_price AS bid, best_bid_qty AS bid_qty, best_ask_price AS ask,
           best_ask_qty AS ask_qty, transaction_time AS time, archive,
           lag(update_id) OVER series AS id_before, lag(transaction_time) OVER series AS time_before
    FROM silver.book_ticker
    WINDOW series AS (PARTITION BY market, date, symbol ORDER BY update_id, transaction_time)
),
named AS (
    SELECT *, unnest(make_array(
        CASE WHEN bid >= ask THEN 'crossed_book' END,
        CASE WHEN bid <= 0 OR ask <= 0 THEN 'zero_price' END,
        CASE WHEN bid_qty <= 0 OR ask_qty <= 0 THEN 'zero_quantity' END,
        CASE WHEN update_id = id_before THEN 'repeated_update' END,
        CASE WHEN time < time_before THEN 'time_backwards' END)) AS kind
    FROM neighbours
    WHERE bid >= ask OR bid <= 0 OR ask <= 0 OR bid_qty <= 0 OR ask_qty <= 0 OR update_id = id_before
       OR time < time_before
)
SELECT market, date, symbol, time AS from_time, kind,
       'update ' || update_id || ': bid ' || bid_qty || ' at ' || bid || ', ask ' || ask_qty || ' at ' || ask AS found,
       archive
FROM named
WHERE kind IS NOT NULL
