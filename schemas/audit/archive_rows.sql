-- Archives with rows that could not be kept, or with rows of days outside of their period.
--
-- severity: warning
-- partitions: none
-- inputs: meta.archives
-- expected: every row kept, and on a day of the archive's period
-- means: Rows are missing from silver, or the file holds rows of another period.
-- do: Look at meta.rejects for the rows and the reasons.
-- source: archives had rows of the day before or after, and of another year
-- example: a file of a day with a row of the next
-- kinds:
--   rejected_rows: rows that could not be kept
--   outside_period: rows of days outside of the period
WITH known AS (
    SELECT *, unnest(make_array(
        CASE WHEN rejected_rows > 0 THEN 'rejected_rows' END,
        -- The last row of a day of metrics is that of the next midnight.
        CASE WHEN CAST(min_time AS DATE) < period_start
               OR CAST(max_time - INTERVAL '1 minute' AS DATE) > period_end THEN 'outside_period' END)) AS kind
    FROM meta.archives
    WHERE status = 'ingested'
)
SELECT market, period_start AS date, data_type, symbol, bar_interval, period_start AS from_time,
       period_end AS to_time, kind,
       CASE kind WHEN 'rejected_rows' THEN rejected_rows || ' rows rejected, ' || rows || ' kept'
                 ELSE 'rows from ' || min_time || ' to ' || max_time END AS found, archive
FROM known
WHERE kind IS NOT NULL
