-- Funding rates that no contract has.
--
-- severity: warning
-- data type: fundingRate
-- partitions: market, date
-- split by: symbol
-- inputs: silver.funding_rate
-- expected: a rate between -3 % and 3 % in an interval
-- means: The rate is in another unit, or wrong.
-- do: Compare with the premium index of the interval.
-- source: contracts have caps of 0.3 % to 3 % for an interval
-- example: a rate of 0.10
SELECT market, date, symbol, calc_time AS from_time, 'a rate of ' || last_funding_rate AS found, archive
FROM silver.funding_rate
WHERE abs(last_funding_rate) > 0.03
