-- Days that a series lacks between its first and its last day, with the reason as far as it can be known.
--
-- severity: warning
-- partitions: none
-- inputs: meta.archives
-- writes: gaps
-- means: The days were not published, not fetched, or could not be read.
-- do: Run `lakehouse ingest` for days of class not_requested, and look at `lakehouse status --failed` for those that
--   failed.
-- source: the ledger, which has the status of each archive
-- example: a month without an archive between two that are held
-- kinds:
--   not_published: the source has no archive of these days
--   archive_failed: an archive of these days could not be fetched or read
--   rejected_rows: an archive of these days was read and none of its rows could be kept
--   not_requested: the lake has never met an archive of these days: none was selected, or the source lists none
WITH series AS (
    SELECT market, data_type, symbol, coalesce(bar_interval, '') AS bar_interval, period_start, period_end, status, rows,
           rejected_rows, reason
    FROM meta.archives
    WHERE status NOT IN ('superseded', 'removed')
),
spans AS (
    SELECT market, data_type, symbol, bar_interval, period_start,
           max(period_end) OVER held AS before
    FROM series
    WHERE status IN ('ingested', 'yielded') AND rows > 0
    WINDOW held AS (PARTITION BY market, data_type, symbol, bar_interval ORDER BY period_start, period_end
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
gaps AS (
    SELECT market, data_type, symbol, bar_interval, before + 1 AS first_day, period_start - 1 AS last_day
    FROM spans
    WHERE period_start > before + 1
),
met AS (
    SELECT gaps.market, gaps.data_type, gaps.symbol, gaps.bar_interval, first_day,
           count(*) FILTER (WHERE status = 'not_published') AS not_published,
           count(*) FILTER (WHERE status NOT IN ('not_published', 'ingested', 'yielded')) AS failed,
           count(*) FILTER (WHERE status = 'ingested' AND rejected_rows > 0) AS rejected,
           min(CASE WHEN status NOT IN ('not_published', 'ingested', 'yielded') THEN status || ': ' || reason END) AS reason
    FROM gaps JOIN series
        ON series.market = gaps.market AND series.data_type = gaps.data_type AND series.symbol = gaps.symbol
       AND series.bar_interval = gaps.bar_interval
       AND series.period_start <= last_day AND series.period_end >= first_day
    GROUP BY gaps.market, gaps.data_type, gaps.symbol, gaps.bar_interval, first_day
)
SELECT gaps.market, gaps.first_day AS date, gaps.data_type, gaps.symbol, NULLIF(gaps.bar_interval, '') AS bar_interval,
       gaps.first_day AS from_time, last_day AS to_time, last_day - gaps.first_day + 1 AS missing,
       CASE WHEN failed > 0 THEN 'archive_failed'
            WHEN rejected > 0 THEN 'rejected_rows'
            WHEN not_published > 0 THEN 'not_published'
            ELSE 'not_requested' END AS class,
       CASE WHEN failed > 0 THEN failed || ' archives failed; ' || coalesce(reason, '')
            WHEN rejected > 0 THEN rejected || ' archives with rejected rows'
            WHEN not_published > 0 THEN not_published || ' archives are not published'
            ELSE 'the ledger has no archive of these days' END AS evidence
FROM gaps
LEFT JOIN met ON met.market = gaps.market AND met.data_type = gaps.data_type AND met.symbol = gaps.symbol
             AND met.bar_interval = gaps.bar_interval AND met.first_day = gaps.first_day
