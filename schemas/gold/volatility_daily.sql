-- How much a price moved on a UTC day, next to the volatility index of its asset: what was expected.
--
-- The index is next to every symbol of its asset that is priced in dollars or a dollar coin, on whatever market.
-- It belongs to the market of options, so that this table is made of tables of several markets and has no partitions.
-- All volatilities are in percent and annualised with 365 days; see gold.realised_volatility_daily.
--
-- partitions: none
-- key: market, symbol, date
-- inputs: gold.realised_volatility_daily, gold.bvol_daily
--
-- columns:
--   market                      text: market of the symbol
--   symbol                      text: symbol, as the archive spells it
--   date                        date: UTC day
--   realised_volatility         double, percent per year: from the returns of the minutes
--   parkinson_volatility        double, percent per year: from the day's high and low
--   garman_klass_volatility     double, percent per year: from the day's open, high, low and close
--   parkinson_1m_volatility     double, percent per year: from each minute's high and low
--   garman_klass_1m_volatility  double, percent per year: from each minute's open, high, low and close
--   missing_bars                integer, bars: minutes of the day that have no bar
--   bvol_symbol                 text: symbol of the index; NULL, like the next five, on a day without one
--   bvol_open                   decimal, percent per year: first value of the index on the day
--   bvol_high                   decimal, percent per year: highest value
--   bvol_low                    decimal, percent per year: lowest value
--   bvol_close                  decimal, percent per year: last value
--   bvol_mean                   double, percent per year: mean of all values
SELECT realised.market, realised.symbol, realised.date, realised_volatility,
       parkinson_volatility, garman_klass_volatility, parkinson_1m_volatility, garman_klass_1m_volatility, missing_bars,
       bvol.symbol AS bvol_symbol, open AS bvol_open, high AS bvol_high, low AS bvol_low, close AS bvol_close,
       mean AS bvol_mean
FROM gold.bvol_daily AS bvol RIGHT JOIN gold.realised_volatility_daily AS realised
    ON bvol.date = realised.date AND starts_with(realised.symbol, asset)
    AND split_part(substr(realised.symbol, character_length(asset) + 1), '_', 1)
        IN ('USD', 'USDT', 'USDC', 'BUSD', 'FDUSD', 'TUSD', 'USDP', 'USD1')
