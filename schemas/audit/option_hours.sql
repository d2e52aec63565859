-- Hours of options that are missing, repeated, or no full hour.
--
-- severity: warning
-- data type: EOHSummary
-- partitions: market, date
-- split by: symbol
-- inputs: silver.eoh_summary
-- expected: each contract once in each hour of the day
-- means: A sum over the day is one over a part of it, or counts rows twice.
-- do: Use the day with care.
-- source: definition: a summary at the end of each hour
-- example: no row of 05:00 to 09:00
-- kinds:
--   missing_hours: hours without a row of any contract between the first and the last of the day
--   repeated_row: a contract twice in an hour
--   off_grid: a time that is no full hour
WITH rows_of_contracts AS (
    SELECT market, date, symbol, time, contract, count(*) AS copies, min(archive) AS archive
    FROM silver.eoh_summary
    GROUP BY market, date, symbol, time, contract
),
hours AS (
    SELECT market, date, symbol, time, min(archive) AS archive
    FROM rows_of_contracts
    GROUP BY market, date, symbol, time
),
neighbours AS (
    SELECT *, lag(time) OVER (PARTITION BY market, date, symbol ORDER BY time) AS before FROM hours
)
SELECT market, date, symbol, before AS from_time, time AS to_time, 'missing_hours' AS kind,
       'nothing from ' || before || ' to ' || time AS found, archive
FROM neighbours
WHERE time - before > INTERVAL '1 hour'
UNION ALL
SELECT market, date, symbol, time AS from_time, time AS to_time, 'repeated_row' AS kind,
       copies || ' rows of ' || contract || ' at ' || time AS found, archive
FROM rows_of_contracts
WHERE copies > 1
UNION ALL
SELECT market, date, symbol, time AS from_time, time AS to_time, 'off_grid' AS kind, 'a row of ' || time AS found, archive
FROM hours
WHERE CAST(time AS BIGINT) % 3600000000 <> 0
