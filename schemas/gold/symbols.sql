-- Every symbol that the lake has an archive of, derived from names and dates of archives alone.
--
-- Symbols that were delisted, settled or renamed stay, so that a choice made from here has no survivorship bias.
-- Archives that the source does not have are not counted; those that could not be read are. If a contract
-- was settled and listed again under its name, the old one is published with `SETTLED` after the name.
--
-- partitions: none
-- key: market, symbol
-- inputs: meta.archives, meta.series
--
-- columns:
--   market            text: spot, futures_um, futures_cm or options
--   symbol            text: the symbol as published
--   name              text: the symbol without the mark of a settled contract
--   base_asset        text: what is traded; NULL where no known quote asset ends the name
--   quote_asset       text: what prices are in; NULL where it is not known
--   contract_type     text: spot, perpetual, delivery, index (the price of a pair, no contract), option (the underlying
--                     of options) or volatility_index
--   expiry            date: day on which a delivery contract ends; NULL elsewhere
--   first_day         date: first day that an archive has rows of, or is about where its rows are not known
--   last_day          date: last day, likewise
--   data_types        text: data types with an archive, separated by commas
--   archive_count     integer: archives that are published, in the lake or not
--   longest_gap_days  integer, days: longest run of days between the first and the last without an archive: a pause, a
--                     new listing under the old name, or days that were not requested
--   is_settled        boolean: whether the symbol carries the mark of a settled contract
--   is_reused         boolean: whether another symbol of the market has the same name, before or after a settlement
--   settled_variants  text: symbols with this name and the mark, separated by commas; NULL where there is none
--   is_leveraged      boolean: whether it is a leveraged token
--   base_is_stable    boolean: whether the base asset follows a currency
--   quote_is_stable   boolean: whether the quote asset is a token that follows a currency
WITH known AS (
    SELECT market, symbol, archive, data_type,
           least(period_end, greatest(period_start, coalesce(CAST(min_time AS DATE), period_start))) AS first_day,
           greatest(period_start, least(period_end, coalesce(CAST(max_time AS DATE), period_end))) AS last_day
    FROM meta.archives
    WHERE status NOT IN ('not_published', 'removed')
),
listed AS (
    SELECT market, symbol, CAST(sum(published - not_published - removed) AS BIGINT) AS archive_count
    FROM meta.series
    GROUP BY market, symbol
),
gaps AS (
    SELECT *,
           first_day - max(last_day) OVER (
               PARTITION BY market, symbol ORDER BY first_day, last_day, archive
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - 1 AS gap_days
    FROM known
),
published AS (
    SELECT market, symbol, min(first_day) AS first_day, max(last_day) AS last_day,
           count(DISTINCT archive) AS archive_count,
           CAST(string_agg(DISTINCT data_type, ',' ORDER BY data_type) AS VARCHAR) AS data_types,
           greatest(coalesce(max(gap_days), 0), 0) AS longest_gap_days,
           bool_or(data_type = 'BVOLIndex') AS is_volatility_index,
           regexp_replace(symbol, '_?SETTLED[0-9]*$', '') AS name
    FROM gaps
    GROUP BY market, symbol
),
named AS (
    SELECT *,
           regexp_replace(name, '_(PERP|[0-9]{6})$', '') AS pair,
           name <> symbol AS is_settled,
           CASE WHEN market LIKE 'futures_%' AND regexp_like(name, '_[0-9]{6}$') THEN right(name, 6) END AS delivery
    FROM published
),
variants AS (
    SELECT market, name, count(*) AS symbol_count,
           CAST(string_agg(symbol, ',' ORDER BY symbol) FILTER (WHERE is_settled) AS VARCHAR) AS settled_variants
    FROM named
    GROUP BY market, name
),
quotes (quote_asset) AS (
    VALUES ('AEUR'), ('ARS'), ('AUD'), ('BIDR'), ('BKRW'), ('BNB'), ('BRL'), ('BTC'), ('BUSD'), ('BVND'), ('COP'),
           ('CZK'), ('DAI'), ('DOGE'), ('DOT'), ('ETH'), ('EUR'), ('EURI'), ('FDUSD'), ('GBP'), ('GYEN'), ('IDR'),
           ('IDRT'), ('JPY'), ('MXN'), ('NGN'), ('PAX'), ('PLN'), ('RLUSD'), ('RON'), ('RUB'), ('SOL'), ('TRX'),
           ('TRY'), ('TUSD'), ('U'), ('UAH'), ('USD'), ('USD1'), ('USDC'), ('USDP'), ('USDS'), ('USDT'), ('UST'),
           ('VAI'), ('XRP'), ('ZAR')
),
-- Some names end in two quote assets, of which the longer is the one, but for these.
exceptions (pair, quote_asset) AS (
    VALUES ('ADAEUR', 'EUR'), ('ENAEUR', 'EUR'), ('GALAEUR', 'EUR'), ('LUNAEUR', 'EUR'), ('THETAEUR', 'EUR'),
           ('ARBIDR', 'IDR'), ('BNBIDR', 'IDR'), ('BNBUSD', 'USD'), ('USDTUSD', 'USD')
),
endings AS (
    SELECT named.market, named.symbol,
           first_value(quotes.quote_asset ORDER BY character_length(quotes.quote_asset) DESC) AS quote_asset
    FROM named CROSS JOIN quotes
    WHERE ends_with(named.pair, quotes.quote_asset) AND named.pair <> quotes.quote_asset
      AND (named.market <> 'futures_cm' OR quotes.quote_asset = 'USD')
    GROUP BY named.market, named.symbol
),
stable (asset) AS (
    VALUES ('AEUR'), ('BIDR'), ('BKRW'), ('BUSD'), ('BVND'), ('DAI'), ('EURI'), ('FDUSD'), ('GYEN'), ('IDRT'), ('PAX'),
           ('RLUSD'), ('SUSD'), ('TUSD'), ('U'), ('USD1'), ('USDC'), ('USDP'), ('USDS'), ('USDSB'), ('USDT'), ('UST'),
           ('VAI')
),
split AS (
    SELECT named.*, variants.symbol_count, variants.settled_variants,
           coalesce(exceptions.quote_asset, endings.quote_asset) AS quote_asset,
           left(named.pair, character_length(named.pair)
                - character_length(coalesce(exceptions.quote_asset, endings.quote_asset))) AS base_asset
    FROM named
    JOIN variants ON variants.market = named.market AND variants.name = named.name
    LEFT JOIN endings ON endings.market = named.market AND endings.symbol = named.symbol
    LEFT JOIN exceptions ON exceptions.pair = named.pair
)
SELECT split.market, split.symbol, name, base_asset, quote_asset,
       CASE WHEN split.market = 'spot' THEN 'spot'
            WHEN split.market = 'options' THEN CASE WHEN is_volatility_index THEN 'volatility_index' ELSE 'option' END
            WHEN delivery IS NOT NULL THEN 'delivery'
            WHEN split.market = 'futures_cm' AND pair = name THEN 'index'
            ELSE 'perpetual' END AS contract_type,
       TRY_CAST('20' || left(delivery, 2) || '-' || substr(delivery, 3, 2) || '-' || right(delivery, 2) AS DATE)
           AS expiry,
       first_day, last_day, data_types,
       -- Of what a run that died had landed, the ledger alone may know.
       greatest(split.archive_count, coalesce(listed.archive_count, 0)) AS archive_count,
       longest_gap_days, is_settled, symbol_count > 1 AS is_reused,
       settled_variants,
       -- All there ever were: the exchange ended both families.
       split.market = 'spot' AND coalesce(regexp_like(base_asset,
           '^((1INCH|AAVE|ADA|BCH|BNB|BTC|DOT|EOS|ETH|FIL|LINK|LTC|SUSHI|SXP|TRX|UNI|XLM|XRP|XTZ|YFI)(UP|DOWN)'
           || '|(BNB|EOS|ETH|XRP)?(BULL|BEAR))$'), false) AS is_leveraged,
       stable_bases.asset IS NOT NULL AS base_is_stable, stable_quotes.asset IS NOT NULL AS quote_is_stable
FROM split
LEFT JOIN listed ON listed.market = split.market AND listed.symbol = split.symbol
LEFT JOIN stable AS stable_bases ON stable_bases.asset = split.base_asset
LEFT JOIN stable AS stable_quotes ON stable_quotes.asset = split.quote_asset
