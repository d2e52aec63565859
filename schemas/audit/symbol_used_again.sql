-- Symbols of which nothing was published for a week or longer, and then something again.
--
-- severity: info
-- partitions: none
-- inputs: meta.archives
-- expected: no break of seven days or longer in everything that is published of a symbol
-- means: The symbol was delisted and listed again. Before and after the break it may stand for another asset, or for
--   another number of units of it.
-- do: Treat the days before and after the break as two symbols, unless prices and ids continue.
-- source: LUNAUSDT stood for another asset from 2022-05-31 on, after a break of 18 days
-- example: archives to 2022-05-13 and from 2022-05-31 on, and none in between
WITH known AS (
    SELECT *, status = 'ingested' OR (silver_version IS NOT NULL AND status NOT IN ('superseded', 'yielded')) AS is_held
    FROM meta.archives
),
stretches AS (
    SELECT market, symbol, period_start, period_end, run, data_type, archive,
           unnest(CASE WHEN owned_days IS NULL OR bar_interval IN ('3d', '1w', '1mo') THEN make_array('')
                       ELSE string_to_array(owned_days, ',') END) AS days
    FROM known
    WHERE is_held AND rows > 0 AND coalesce(owned_days, '') <> 'none'
),
held AS (
    SELECT market, symbol, data_type, archive, run,
           CASE days WHEN '' THEN period_start ELSE period_start - 1 + CAST(split_part(days, '-', 1) AS INT) END AS first_day,
           CASE WHEN days = '' THEN period_end
                WHEN strpos(days, '-') = 0 THEN period_start - 1 + CAST(days AS INT)
                ELSE period_start - 1 + CAST(split_part(days, '-', 2) AS INT) END AS last_day
    FROM stretches
),
neighbours AS (
    SELECT *, max(last_day) OVER earlier AS before, lag(run) OVER by_time AS run_before
    FROM held
    WINDOW earlier AS (PARTITION BY market, symbol ORDER BY first_day, last_day, archive
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
           by_time AS (PARTITION BY market, symbol ORDER BY first_day, last_day, archive)
),
breaks AS (
    SELECT * FROM neighbours WHERE first_day > before + 7
),
-- Archives that the source was known not to have.
absent AS (
    SELECT breaks.market, breaks.symbol, first_day, count(*) AS absent
    FROM breaks JOIN known ON known.market = breaks.market AND known.symbol = breaks.symbol
    WHERE status = 'not_published' AND period_start > before AND period_end < first_day
    GROUP BY breaks.market, breaks.symbol, first_day
)
SELECT breaks.market, breaks.first_day AS date, data_type, breaks.symbol, breaks.first_day AS from_time,
       'nothing from ' || (before + 1) || ' to ' || (breaks.first_day - 1) AS found,
       CASE WHEN absent > 0 THEN absent || ' archives in between are not published'
            ELSE 'one run took archives before and after, and met none in between' END AS evidence, archive
FROM breaks
LEFT JOIN absent ON absent.market = breaks.market AND absent.symbol = breaks.symbol AND absent.first_day = breaks.first_day
-- Otherwise the days in between may only never have been selected.
WHERE absent > 0 OR run = run_before
