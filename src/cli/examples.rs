//! Examples and notes below the flags in the help of commands.

pub(super) const EXAMPLES: &str = "\
Examples:
  lakehouse demo
  lakehouse plan --market spot --data-type klines --symbol BTCUSDT --interval 1h --last 7d
  lakehouse ingest --config collection.json --source ./mirror
  lakehouse query \"SELECT * FROM silver.klines LIMIT 10\"

Exit codes: 0 done, or nothing to do; 1 done, but some archives failed or rows were rejected;
2 wrong usage, or nothing could be done.";

pub(super) const DEMO_NOTES: &str = "\
The demo generates archives of all data types and markets, serves them on a free port of 127.0.0.1,
and ingests them into a new lake: ./lakehouse-demo, or the folder that --lake names. It ignores
environment and configuration file, so that generated data never get into a lake with real data.
A second run finds everything up to date. Delete the folder when you no longer need it.";

pub(super) const SELECTION_EXAMPLES: &str = "\
Examples:
  --symbol BTCUSDT,ETHUSDT --data-type klines --interval 1h,1d --start 2024-01 --end 2024-06-15
  --market futures_um --symbol 'BTC*,!BTCDOM*' --data-type trades --last 7d
  --config collection.json --source ./mirror
  --all --data-type fundingRate

A flag that is left out means everything that is published.";

pub(super) const QUERY_EXAMPLES: &str = "\
Examples:
  lakehouse query \"SELECT symbol, count(*) FROM silver.klines GROUP BY symbol\"
  lakehouse query -f report.sql -o report.parquet
  echo 'SELECT * FROM meta.archives' | lakehouse query - --format csv";

pub(super) const SHELL_NOTES: &str = "\
A statement ends with a semicolon and can have several lines. Tab completes keywords, tables and
columns. Ctrl-C clears a line or cancels a query. \\? lists the commands of the shell.

Statements on standard input run without a prompt, up to the first that fails:
  lakehouse shell --format csv < report.sql";

pub(super) const REFRESH_EXAMPLES: &str = "\
Examples:
  lakehouse refresh
  lakehouse refresh --every 6h
  lakehouse refresh --config collection.json
  lakehouse refresh --full --dry-run

A refresh covers the series that the lake holds. With a configuration file, it also covers symbols
that match the file and are not in the lake yet.";

pub(super) const FILL_EXAMPLES: &str = "\
Examples:
  lakehouse fill --dry-run
  lakehouse fill --symbol BTCUSDT --data-type klines --interval 1m --last 3d
  lakehouse refresh --every 6h --fill
  lakehouse query \"SELECT max(open_time) FROM all.klines WHERE symbol = 'BTCUSDT'\"

Rows go to tables of their own, such as recent.klines, and leave them when an archive has them.
all.klines has the rows of silver.klines and, where no archive has a row, those of recent.klines.
Only series that the lake holds are filled, and only bars that are over.";

pub(super) const REMOVE_EXAMPLES: &str = "\
Examples:
  lakehouse remove --symbol LUNAUSDT --dry-run
  lakehouse remove --market spot --data-type trades --symbol BTCUSDT --end 2020-12 --bronze
  lakehouse ingest --symbol LUNAUSDT --restore

Archives are removed as a whole: one that has days outside --start and --end stays. `plan`,
`ingest` and `refresh` leave out what was removed, its days in other archives, and the later
archives of a series of which everything was removed, unless `ingest` has the flag --restore.";

pub(super) const AUDIT_EXAMPLES: &str = "\
Examples:
  lakehouse audit
  lakehouse audit bar_prices --symbol BTCUSDT --start 2024-01
  lakehouse audit list
  lakehouse audit show bar_prices
  lakehouse query \"SELECT * FROM meta.findings WHERE closed_at IS NULL\"

Only days whose rows changed are audited again. What is found is in meta.findings and meta.gaps;
the exit code is 1 if a finding of severity error is open. Your own checks are *.sql files in the
folder that `audit_checks` names in the configuration file.";

pub(super) const GOLD_EXAMPLES: &str = "\
Examples:
  lakehouse gold
  lakehouse gold --dry-run
  lakehouse gold daily_ohlcv --full
  lakehouse gold list
  lakehouse gold show daily_ohlcv

Only days whose inputs changed are computed again. Your own models are *.sql files in the folder
that `gold_models` names in the configuration file.";

pub(super) const MCP_NOTES: &str = "\
The assistant starts the program and talks to it over standard input and output. Its configuration:
  {\"mcpServers\":
    {\"lakehouse\": {\"command\": \"lakehouse\", \"args\": [\"mcp\", \"--lake\", \"/srv/lake\"]}}}

It has the tools list_tables, describe_table, query and status, and changes nothing.";

pub(super) const SERVE_NOTES: &str = "\
Examples:
  lakehouse serve
  lakehouse serve --http 127.0.0.1:9000 --timeout 5m
  lakehouse serve --refresh-every 6h
  psql 'host=127.0.0.1 port=5432 dbname=lake user=lake'
  echo \"$PASSWORD\" | lakehouse serve add-user ann --users users.txt
  lakehouse serve --postgres 0.0.0.0:5432 --users users.txt --tls-cert lake.crt --tls-key lake.key
  curl 'http://127.0.0.1:8080/api/sql?format=csv&sql=SELECT+*+FROM+klines+LIMIT+10'

Only this machine reaches the server, unless an address and --users say otherwise. Ctrl-C stops it;
running statements get ten seconds to end.";
