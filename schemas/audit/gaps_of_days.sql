-- Days that a series lacks between its first and its last day, with the reason as far as it can be known.
--
-- severity: warning
-- partitions: none
-- inputs: meta.archives
-- writes: gaps
-- means: The days were not published, not fetched, or could not be read, or nothing was traded on them.
-- do: Run `lakehouse ingest` for days of class not_requested, look at `lakehouse status --failed` for those that
--   failed, and at the archive of the other frequency for those that were cut short.
-- source: the ledger, which has the status of each archive, and the days of which each has rows
-- example: a month without an archive between two that are held; a month whose rows end on its 12th day
-- kinds:
--   archive_failed: an archive of these days could not be fetched or read
--   rejected_rows: an archive of these days was read, and rows of it could not be kept
--   archive_late: an archive was not published when it was last requested, and not overdue by then
--   not_published: the source has no archive of these days
--   not_requested: the lake has never met an archive of these days: none was selected, or the source lists none
--   settled: the contract was settled before
--   archive_cut_short: an archive lacks days of its period, and other series of the symbol have rows of them
--   no_trading: there are bars, and neither trades nor aggregate trades
--   outage: three or more other symbols of the market lack rows from the same day on
--   before_listing: the symbol has no rows before
--   after_delisting: the symbol has no rows from then on, and other symbols of the market have
--   halt: all series of the symbol that could have rows of these days lack them
--   unknown: an archive lacks days of its period, and nothing speaks for any of these
WITH series AS (
    SELECT market, data_type, symbol, coalesce(bar_interval, '') AS bar_interval, period_start, period_end, status, rows,
           rejected_rows, reason, run, recorded_at, owned_days,
           status = 'ingested' OR (silver_version IS NOT NULL AND status <> 'yielded') AS is_held
    FROM meta.archives
    WHERE status NOT IN ('superseded', 'removed')
),
-- The days of an archive with rows, such as 1-9,13; a bar of several days is on the first of them.
stretches AS (
    SELECT market, data_type, symbol, bar_interval, period_start, period_end,
           unnest(CASE WHEN owned_days IS NULL OR bar_interval IN ('3d', '1w', '1mo') THEN make_array('')
                       ELSE string_to_array(owned_days, ',') END) AS days
    FROM series
    WHERE is_held AND rows > 0 AND coalesce(owned_days, '') <> 'none'
),
held AS (
    SELECT market, data_type, symbol, bar_interval,
           CASE days WHEN '' THEN period_start ELSE period_start - 1 + CAST(split_part(days, '-', 1) AS INT) END AS first_day,
           CASE WHEN days = '' THEN period_end
                WHEN strpos(days, '-') = 0 THEN period_start - 1 + CAST(days AS INT)
                ELSE period_start - 1 + CAST(split_part(days, '-', 2) AS INT) END AS last_day
    FROM stretches
),
periods AS (
    SELECT market, data_type, symbol, bar_interval, period_start, run,
           max(period_end) OVER earlier AS before, lag(run) OVER by_time AS run_before
    FROM series
    WHERE (is_held OR status = 'yielded') AND rows > 0
    WINDOW earlier AS (PARTITION BY market, data_type, symbol, bar_interval ORDER BY period_start, period_end
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
           by_time AS (PARTITION BY market, data_type, symbol, bar_interval ORDER BY period_start, period_end)
),
between_archives AS (
    SELECT market, data_type, symbol, bar_interval, before + 1 AS first_day, period_start - 1 AS last_day,
           run = run_before AS was_selected
    FROM periods
    WHERE period_start > before + 1
),
-- Archives of which not every day is held by a copy, each with the stretches of its period that are.
partial AS (
    SELECT market, data_type, symbol, bar_interval, period_start, period_end, rejected_rows
    FROM series
    WHERE is_held AND rows > 0 AND period_end > period_start AND owned_days <> 'none'
      AND data_type <> 'liquidationSnapshot' AND bar_interval NOT IN ('3d', '1w', '1mo')
),
parts AS (
    SELECT partial.*, greatest(first_day, period_start) AS first_day, least(last_day, period_end) AS last_day
    FROM partial JOIN held
        ON held.market = partial.market AND held.data_type = partial.data_type AND held.symbol = partial.symbol
        AND held.bar_interval = partial.bar_interval
    WHERE first_day <= period_end AND last_day >= period_start
    UNION ALL
    SELECT *, period_end + 1, period_end + 1 FROM partial
),
neighbours AS (
    SELECT *, coalesce(max(last_day) OVER earlier, period_start - 1) AS before
    FROM parts
    WINDOW earlier AS (PARTITION BY market, data_type, symbol, bar_interval, period_start ORDER BY first_day, last_day
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
gaps AS (
    SELECT *, FALSE AS is_within, 0 AS rejected_rows FROM between_archives
    UNION ALL
    SELECT market, data_type, symbol, bar_interval, before + 1, first_day - 1, NULL, TRUE, rejected_rows
    FROM neighbours
    WHERE first_day > before + 1
),
met AS (
    SELECT gaps.market, gaps.data_type, gaps.symbol, gaps.bar_interval, first_day,
           count(*) FILTER (WHERE status = 'not_published') AS not_published,
           max(CASE WHEN status = 'not_published' THEN CAST(recorded_at AS DATE) - period_end END) AS days_after,
           count(*) FILTER (WHERE status NOT IN ('not_published', 'ingested', 'yielded')) AS failed,
           count(*) FILTER (WHERE status = 'ingested' AND series.rejected_rows > 0) AS rejected,
           min(CASE WHEN status NOT IN ('not_published', 'ingested', 'yielded') THEN status || ': ' || reason END) AS reason
    FROM gaps JOIN series
        ON series.market = gaps.market AND series.data_type = gaps.data_type AND series.symbol = gaps.symbol
        AND series.bar_interval = gaps.bar_interval
    WHERE period_start <= last_day AND period_end >= first_day
    GROUP BY gaps.market, gaps.data_type, gaps.symbol, gaps.bar_interval, first_day
),
-- Of other series of the symbol: those that have rows of the days. Nothing follows from bars about a day of trades.
others AS (
    SELECT gaps.market, gaps.data_type, gaps.symbol, gaps.bar_interval, gaps.first_day,
           count(DISTINCT held.data_type || held.bar_interval) AS with_rows
    FROM gaps JOIN held ON held.market = gaps.market AND held.symbol = gaps.symbol
    WHERE is_within AND (held.data_type <> gaps.data_type OR held.bar_interval <> gaps.bar_interval)
      AND held.first_day <= gaps.last_day AND held.last_day >= gaps.first_day
      AND (gaps.data_type NOT IN ('trades', 'aggTrades') OR held.data_type IN ('trades', 'aggTrades'))
    GROUP BY gaps.market, gaps.data_type, gaps.symbol, gaps.bar_interval, gaps.first_day
),
-- Of other series of the symbol: those with an archive of the days that lacks some of them too.
lacking AS (
    SELECT gaps.market, gaps.data_type, gaps.symbol, gaps.bar_interval, gaps.first_day,
           count(DISTINCT other.data_type || other.bar_interval) AS series,
           bool_or(other.data_type IN ('trades', 'aggTrades')) AS has_trades
    FROM gaps JOIN gaps AS other ON other.market = gaps.market AND other.symbol = gaps.symbol
    WHERE gaps.is_within AND other.is_within AND (other.data_type <> gaps.data_type OR other.bar_interval <> gaps.bar_interval)
      AND other.first_day <= gaps.last_day AND other.last_day >= gaps.first_day
    GROUP BY gaps.market, gaps.data_type, gaps.symbol, gaps.bar_interval, gaps.first_day
),
silent AS (
    SELECT market, data_type, first_day, count(DISTINCT symbol) - 1 AS silent
    FROM gaps
    WHERE is_within
    GROUP BY market, data_type, first_day
),
lives AS (
    SELECT market, symbol, min(first_day) AS born, max(last_day) AS died, bool_or(data_type LIKE '%lines') AS has_bars
    FROM held
    GROUP BY market, symbol
),
markets AS (
    SELECT market, max(died) AS died FROM lives GROUP BY market
),
explained AS (
    SELECT gaps.*, coalesce(failed, 0) AS failed, coalesce(rejected, 0) AS rejected, coalesce(not_published, 0) AS not_published,
           days_after, reason, coalesce(with_rows, 0) AS with_rows, coalesce(lacking.series, 0) AS lacking,
           coalesce(has_trades, FALSE) AS has_trades, coalesce(silent, 0) AS silent, born, lives.died, has_bars,
           markets.died AS market_died,
           CASE WHEN regexp_like(gaps.symbol, '_[0-9]{6}$') THEN to_date('20' || right(gaps.symbol, 6), '%Y%m%d') END AS settled_on
    FROM gaps
    JOIN lives ON lives.market = gaps.market AND lives.symbol = gaps.symbol
    JOIN markets ON markets.market = gaps.market
    LEFT JOIN met
        ON met.market = gaps.market AND met.data_type = gaps.data_type AND met.symbol = gaps.symbol
        AND met.bar_interval = gaps.bar_interval AND met.first_day = gaps.first_day
    LEFT JOIN others
        ON others.market = gaps.market AND others.data_type = gaps.data_type AND others.symbol = gaps.symbol
        AND others.bar_interval = gaps.bar_interval AND others.first_day = gaps.first_day
    LEFT JOIN lacking
        ON lacking.market = gaps.market AND lacking.data_type = gaps.data_type AND lacking.symbol = gaps.symbol
        AND lacking.bar_interval = gaps.bar_interval AND lacking.first_day = gaps.first_day
    LEFT JOIN silent
        ON silent.market = gaps.market AND silent.data_type = gaps.data_type AND silent.first_day = gaps.first_day
),
named AS (
    SELECT *, CASE
        WHEN failed > 0 THEN 'archive_failed'
        WHEN rejected > 0 THEN 'rejected_rows'
        -- Futures are published until the next morning; at times the whole archive stalled for nine days.
        WHEN NOT is_within AND not_published > 0 AND days_after <= 10 THEN 'archive_late'
        WHEN NOT is_within AND (not_published > 0 OR was_selected) THEN 'not_published'
        WHEN NOT is_within THEN 'not_requested'
        WHEN first_day >= settled_on THEN 'settled'
        WHEN with_rows > 0 THEN 'archive_cut_short'
        WHEN data_type IN ('trades', 'aggTrades') AND has_bars AND has_trades THEN 'no_trading'
        WHEN silent >= 3 THEN 'outage'
        WHEN born > last_day THEN 'before_listing'
        WHEN died < first_day AND market_died > died THEN 'after_delisting'
        WHEN lacking > 0 AND died > last_day THEN 'halt'
        ELSE 'unknown' END AS class
    FROM explained
)
SELECT market, first_day AS date, data_type, symbol, NULLIF(bar_interval, '') AS bar_interval, first_day AS from_time,
       last_day AS to_time, last_day - first_day + 1 AS missing, class,
       CASE class
           WHEN 'archive_failed' THEN failed || ' archives failed; ' || coalesce(reason, '')
           WHEN 'rejected_rows' THEN rejected || ' archives with rejected rows'
           WHEN 'archive_late' THEN not_published || ' archives were not published ' || days_after || ' days after their end'
           WHEN 'not_published' THEN CASE WHEN not_published > 0 THEN not_published || ' archives are not published'
                                          ELSE 'one run took archives before and after, and met none of these days' END
           WHEN 'not_requested' THEN 'the ledger has no archive of these days'
           WHEN 'settled' THEN 'the contract was settled on ' || settled_on
           WHEN 'archive_cut_short' THEN with_rows || ' other series of the symbol have rows of these days'
           WHEN 'no_trading' THEN 'trades and aggregate trades lack the days'
           WHEN 'outage' THEN silent || ' other symbols lack rows from the same day on'
           WHEN 'before_listing' THEN 'the first row of the symbol is of ' || born
           WHEN 'after_delisting' THEN 'the last row of the symbol is of ' || died || ', of the market of ' || market_died
           WHEN 'halt' THEN lacking || ' other series of the symbol lack rows too'
           ELSE 'an archive that has other days of its period' END AS evidence
FROM named
