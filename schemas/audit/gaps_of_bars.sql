-- Bars of one minute that are missing within a day, with the reason as far as it can be known.
--
-- severity: warning
-- data type: klines
-- partitions: market, date
-- inputs: silver.klines
-- writes: gaps
-- means: Nothing was traded, the market was halted, or rows were lost. A bar without volume would say that nothing
--   was traded; a missing one says nothing.
-- do: Fill a gap of class maintenance or outage with the last price, and take one of class unknown as lost.
-- source: announcements of the exchange, and the bars of other symbols in the same minutes
-- example: no bar from 12:40 to 13:59 on 2023-03-24 in any symbol
-- kinds:
--   maintenance: the market was closed at a time that is known
--   outage: most other symbols of the market, and at least three, lack the same minutes
--   no_trading: bars without volume before and after
--   halt: only this symbol, for ten minutes or longer
--   unknown: nothing speaks for any of these
WITH minutes AS (
    SELECT DISTINCT market, date, symbol, open_time, trade_count > 0 AS traded
    FROM silver.klines
    WHERE bar_interval = '1m'
),
neighbours AS (
    SELECT *, lag(open_time) OVER series AS before, lag(traded) OVER series AS traded_before
    FROM minutes
    WINDOW series AS (PARTITION BY market, date, symbol ORDER BY open_time)
),
gaps AS (
    SELECT market, date, symbol, before + INTERVAL '1 minute' AS from_time, open_time - INTERVAL '1 minute' AS to_time,
           CAST((CAST(open_time AS BIGINT) - CAST(before AS BIGINT)) / 60000000 AS BIGINT) - 1 AS missing,
           traded OR traded_before AS traded
    FROM neighbours
    WHERE open_time - before > INTERVAL '1 minute'
),
symbols AS (
    SELECT market, date, count(DISTINCT symbol) AS symbols FROM minutes GROUP BY market, date
),
silent AS (
    SELECT gap.market, gap.date, gap.symbol, gap.from_time, count(DISTINCT other.symbol) AS silent
    FROM gaps AS gap JOIN gaps AS other
        ON other.market = gap.market AND other.date = gap.date AND other.symbol <> gap.symbol
       AND other.from_time <= gap.to_time AND other.to_time >= gap.from_time
    GROUP BY gap.market, gap.date, gap.symbol, gap.from_time
),
-- Times at which the exchange stopped trading, each with where it is known from.
maintenance (from_time, to_time, source) AS (
    VALUES (TIMESTAMP '2017-09-06 15:45:00Z', TIMESTAMP '2017-09-06 23:00:00Z',
            'spot: closed for maintenance; binance-public-data, issue 169'),
           (TIMESTAMP '2017-12-18 12:15:00Z', TIMESTAMP '2017-12-18 13:30:00Z',
            'spot: closed for maintenance; binance-public-data, issue 169'),
           (TIMESTAMP '2018-01-04 03:00:00Z', TIMESTAMP '2018-01-04 05:00:00Z',
            'spot: closed for maintenance; binance-public-data, issue 169'),
           (TIMESTAMP '2018-02-08 00:15:00Z', TIMESTAMP '2018-02-09 10:00:00Z',
            'spot: closed for a system upgrade; binance-public-data, issues 169 and 316'),
           (TIMESTAMP '2018-02-10 05:58:00Z', TIMESTAMP '2018-02-10 06:15:00Z',
            'spot: closed for maintenance; binance-public-data, issue 169'),
           (TIMESTAMP '2019-03-12 02:00:00Z', TIMESTAMP '2019-03-12 08:00:00Z',
            'spot: closed for a system upgrade; announcement 360024825992, ccxt, issue 5026'),
           (TIMESTAMP '2020-02-19 11:35:00Z', TIMESTAMP '2020-02-19 17:30:00Z',
            'spot: closed for maintenance; announcement 360039984971, binance-public-data, issue 84'),
           (TIMESTAMP '2020-11-30 06:00:00Z', TIMESTAMP '2020-11-30 07:00:00Z',
            'spot: all symbols silent; ccxt, issue 8068'),
           (TIMESTAMP '2023-03-24 12:39:00Z', TIMESTAMP '2023-03-24 14:00:00Z',
            'spot: halted for a fault in trailing stop orders; binance.com/en/news/flash/7520134')
),
known AS (
    SELECT gaps.market, gaps.symbol, gaps.from_time, min(maintenance.source) AS source
    FROM gaps JOIN maintenance ON maintenance.from_time <= gaps.to_time AND maintenance.to_time >= gaps.from_time
    WHERE gaps.market = split_part(maintenance.source, ':', 1)
    GROUP BY gaps.market, gaps.symbol, gaps.from_time
)
SELECT gaps.market, gaps.date, gaps.symbol, '1m' AS bar_interval, gaps.from_time, to_time, missing,
       CASE WHEN known.source IS NOT NULL THEN 'maintenance'
            WHEN silent >= 3 AND 2 * silent >= symbols THEN 'outage'
            WHEN NOT traded THEN 'no_trading'
            WHEN missing >= 10 AND symbols >= 4 AND coalesce(silent, 0) = 0 THEN 'halt'
            ELSE 'unknown' END AS class,
       CASE WHEN known.source IS NOT NULL THEN known.source
            WHEN NOT traded AND coalesce(silent, 0) < 3 THEN 'the bars before and after have no trades'
            ELSE coalesce(silent, 0) || ' of ' || (symbols - 1) || ' other symbols lack bars at the same time' END AS evidence
FROM gaps
JOIN symbols ON symbols.market = gaps.market AND symbols.date = gaps.date
LEFT JOIN silent ON silent.market = gaps.market AND silent.date = gaps.date AND silent.symbol = gaps.symbol
                AND silent.from_time = gaps.from_time
LEFT JOIN known ON known.market = gaps.market AND known.symbol = gaps.symbol AND known.from_time = gaps.from_time
