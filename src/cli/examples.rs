//! What stands below the flags in a command's help.

pub(super) const EXAMPLES: &str = "\
Examples:
  lakehouse demo
  lakehouse plan --market spot --data-type klines --symbol BTCUSDT --interval 1h --last 7d
  lakehouse ingest --config collection.json --source ./mirror
  lakehouse query \"SELECT * FROM silver.klines LIMIT 10\"

Exit codes: 0 done, or nothing to do; 1 done, but some archives failed or rows were rejected;
2 wrong usage, or nothing could be done.";

pub(super) const DEMO_NOTES: &str = "\
Archives of all data types and markets are made up, served by this program on a free port of 127.0.0.1,
and ingested from there into a new lake, ./lakehouse-demo unless --lake names another folder. Environment
and configuration file are left aside: made-up data never go into a lake with real ones. A second run
finds everything there and says so. Delete the folder when you are done with it.";

pub(super) const SELECTION_EXAMPLES: &str = "\
Examples:
  --symbol BTCUSDT,ETHUSDT --data-type klines --interval 1h,1d --start 2024-01 --end 2024-06-15
  --market futures_um --symbol 'BTC*,!BTCDOM*' --data-type trades --last 7d
  --config collection.json --source ./mirror
  --all --data-type fundingRate

What is left out means everything that is published.";

pub(super) const QUERY_EXAMPLES: &str = "\
Examples:
  lakehouse query \"SELECT symbol, count(*) FROM silver.klines GROUP BY symbol\"
  lakehouse query -f report.sql -o report.parquet
  echo 'SELECT * FROM meta.archives' | lakehouse query - --format csv";

pub(super) const SHELL_NOTES: &str = "\
A statement ends with a semicolon and may have several lines. Tab completes keywords, tables and columns; Ctrl-C
clears a line or cancels a query; \\? lists the commands of the shell.

Statements on standard input run without a prompt, up to the first that fails:
  lakehouse shell --format csv < report.sql";

pub(super) const REFRESH_EXAMPLES: &str = "\
Examples:
  lakehouse refresh
  lakehouse refresh --every 6h
  lakehouse refresh --config collection.json
  lakehouse refresh --full --dry-run

Without a configuration file, the lake's own archives say what is wanted; with one, symbols that it matches and
the lake has not met yet are taken up as well.";

pub(super) const GOLD_EXAMPLES: &str = "\
Examples:
  lakehouse gold
  lakehouse gold --dry-run
  lakehouse gold daily_ohlcv --full
  lakehouse gold list
  lakehouse gold show daily_ohlcv

A table is built again only where its inputs changed. Models of your own are *.sql files in the folder that
`gold_models` names in the configuration file.";
