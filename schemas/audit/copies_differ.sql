-- Days of which the daily and the monthly archive have the same rows with other values.
--
-- severity: warning
-- partitions: none
-- inputs: meta.archives
-- expected: the same values in both copies
-- means: One of the two copies was corrected, or is wrong. The lake has the one that was there first.
-- do: Look at the ledger for the other archive of the day, and compare both with data of another kind.
-- source: both copies were compared when the second came; the ledger keeps how many rows differ at least
-- example: a day of bars of which three have another volume in the month
SELECT market, period_start AS date, data_type, symbol, bar_interval, period_start AS from_time, period_end AS to_time,
       reason AS found, archive
FROM meta.archives
-- The daily archive has the result of its day, the monthly one those of many days.
WHERE status IN ('ingested', 'yielded') AND frequency = 'daily'
  AND regexp_like(reason, '[0-9]+ rows? or more with other values')
