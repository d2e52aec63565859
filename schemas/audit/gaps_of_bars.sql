-- Bars of one minute that a day lacks, with the reason as far as it can be known.
--
-- severity: warning
-- data type: klines
-- partitions: market, date
-- inputs: silver.klines
-- lookback: 1 day
-- lookahead: 1 day
-- writes: gaps
-- means: Nothing was traded, the market was halted, or rows were lost. A bar without volume would say that nothing
--   was traded; a missing one says nothing.
-- do: Fill a gap of class maintenance or outage with the last price, and take one of class unknown as lost.
-- source: announcements of the exchange, and the bars of other symbols in the same minutes
-- example: no bar from 12:40 to 13:59 on 2023-03-24 in any symbol
-- kinds:
--   maintenance: the market was closed at a time that is known
--   outage: most other symbols of the market, and at least three, lack the same minutes
--   settled: the contract was settled on the day, which has no bars afterwards
--   archive_cut_short: longer bars of the same time count trades
--   before_listing: the first bars of the symbol; there are none on the day before
--   after_delisting: the last bars of the symbol; there are none on the day after, and other symbols have bars
--   no_trading: bars without volume before and after
--   halt: only this symbol, for ten minutes or longer
--   unknown: nothing speaks for any of these
WITH minutes AS (
    SELECT market, date, symbol, open_time, trade_count > 0 AS traded, CAST(date AS TIMESTAMP) AS midnight
    FROM silver.klines
    WHERE bar_interval = '1m'
),
neighbours AS (
    SELECT *, lag(date) OVER series AS date_before, lag(open_time) OVER series AS before,
           lag(traded) OVER series AS traded_before, lead(date) OVER series AS date_after, lead(traded) OVER series AS traded_after
    FROM minutes
    WINDOW series AS (PARTITION BY market, symbol ORDER BY open_time, traded)
),
-- Each bar with what is missing before it, and the last of a day with what is missing after it.
stretches AS (
    SELECT market, date, symbol, CASE WHEN date_before = date THEN 'within' ELSE 'begin' END AS place,
           CASE WHEN date_before = date THEN before + INTERVAL '1 minute' ELSE midnight END AS from_time,
           open_time - INTERVAL '1 minute' AS to_time, traded OR coalesce(traded_before, FALSE) AS traded,
           coalesce(date_before >= date - 1, FALSE) AS has_neighbour
    FROM neighbours
    WHERE open_time - before > INTERVAL '1 minute' OR before IS NULL OR date_before <> date
    UNION ALL
    SELECT market, date, symbol, 'end', open_time + INTERVAL '1 minute', midnight + INTERVAL '1439 minutes',
           traded OR coalesce(traded_after, FALSE), coalesce(date_after = date + 1, FALSE)
    FROM neighbours
    WHERE date_after <> date OR date_after IS NULL
),
gaps AS (
    SELECT *, div(CAST(date_part('epoch', from_time) AS BIGINT), 60) AS first_minute,
           div(CAST(date_part('epoch', to_time) AS BIGINT), 60) AS last_minute
    FROM stretches
    WHERE from_time <= to_time
),
symbols AS (
    SELECT market, date, count(DISTINCT symbol) AS symbols FROM minutes GROUP BY market, date
),
-- Other symbols that lack bars at about the same time: one that is not listed yet is not silent.
silent AS (
    SELECT gap.market, gap.date, gap.symbol, gap.from_time, count(DISTINCT other.symbol) AS silent
    FROM gaps AS gap JOIN gaps AS other
        ON other.market = gap.market AND other.date = gap.date AND other.symbol <> gap.symbol
       AND 2 * (least(gap.last_minute, other.last_minute) - greatest(gap.first_minute, other.first_minute) + 1)
           >= 1 + greatest(gap.last_minute - gap.first_minute, other.last_minute - other.first_minute)
    GROUP BY gap.market, gap.date, gap.symbol, gap.from_time
),
longer_bars AS (
    SELECT market, date, symbol, bar_interval, open_time, close_time, trade_count
    FROM silver.klines
    WHERE bar_interval IN ('3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h') AND trade_count > 0
),
-- Longer bars with trades that lie in a gap.
measured AS (
    SELECT gaps.*, sum(trade_count) AS trades, min(bar_interval) AS longer
    FROM gaps LEFT JOIN longer_bars
        ON longer_bars.market = gaps.market AND longer_bars.date = gaps.date AND longer_bars.symbol = gaps.symbol
       AND open_time >= gaps.from_time AND close_time < gaps.to_time + INTERVAL '1 minute'
    GROUP BY gaps.market, gaps.date, gaps.symbol, place, gaps.from_time, gaps.to_time, traded, has_neighbour,
             first_minute, last_minute
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
explained AS (
    SELECT measured.*, symbols.symbols, coalesce(silent, 0) AS silent, source,
           last_minute - first_minute + 1 AS missing
    FROM measured
    JOIN symbols ON symbols.market = measured.market AND symbols.date = measured.date
    LEFT JOIN silent ON silent.market = measured.market AND silent.date = measured.date
                    AND silent.symbol = measured.symbol AND silent.from_time = measured.from_time
    LEFT JOIN maintenance ON measured.market = split_part(source, ':', 1)
                         AND maintenance.from_time <= measured.to_time AND maintenance.to_time >= measured.from_time
),
named AS (
    SELECT *, CASE
        WHEN source IS NOT NULL THEN 'maintenance'
        WHEN silent >= 3 AND 2 * silent >= symbols THEN 'outage'
        WHEN place = 'end' AND right(symbol, 7) = strftime(date, '_%y%m%d') THEN 'settled'
        WHEN trades > 0 THEN 'archive_cut_short'
        WHEN place = 'begin' AND NOT has_neighbour THEN 'before_listing'
        WHEN place = 'end' AND NOT has_neighbour AND symbols > silent + 1 THEN 'after_delisting'
        WHEN NOT traded THEN 'no_trading'
        WHEN missing >= 10 AND symbols >= 4 AND silent = 0 THEN 'halt'
        ELSE 'unknown' END AS class
    FROM explained
)
SELECT market, date, symbol, '1m' AS bar_interval, from_time, to_time, missing, class,
       CASE class
           WHEN 'maintenance' THEN source
           WHEN 'settled' THEN 'the contract was settled on this day'
           WHEN 'archive_cut_short' THEN 'bars of ' || longer || ' count ' || trades || ' trades in these minutes'
           WHEN 'before_listing' THEN 'the lake has no bars of the symbol on the day before'
           WHEN 'after_delisting' THEN 'the lake has no bars of the symbol on the day after; '
               || (symbols - silent - 1) || ' other symbols have bars in these minutes'
           WHEN 'no_trading' THEN 'the bars before and after have no trades'
           ELSE silent || ' of ' || (symbols - 1) || ' other symbols lack bars at the same time' END AS evidence
FROM named
