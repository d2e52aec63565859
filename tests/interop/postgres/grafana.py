"""What Grafana's PostgreSQL source sends, and the statements of the dashboard in examples/grafana.

Source of the questions: postgresMetaQuery.ts and macros.go of grafana/grafana, grafana-postgresql-datasource.
"""

import json
import re
from pathlib import Path

import psycopg

DASHBOARD = Path(__file__).parents[3] / "examples" / "grafana" / "dashboard.json"
FROM = "2019-01-01T00:00:00Z"
TO = "2026-12-31T00:00:00Z"

SEARCHED = """
          quote_ident(table_schema) IN (
          SELECT
            CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
          FROM
            generate_series(
              array_lower(string_to_array(current_setting('search_path'),','),1),
              array_upper(string_to_array(current_setting('search_path'),','),1)
            ) as i,
            string_to_array(current_setting('search_path'),',') s
          )"""
TABLES = f"""SELECT
    CASE WHEN {SEARCHED}
      THEN quote_ident(table_name)
      ELSE quote_ident(table_schema) || '.' || quote_ident(table_name)
    END AS "table"
    FROM information_schema.tables
    WHERE quote_ident(table_schema) NOT IN ('information_schema',
                             'pg_catalog',
                             '_timescaledb_cache',
                             '_timescaledb_catalog',
                             '_timescaledb_internal',
                             '_timescaledb_config',
                             'timescaledb_information',
                             'timescaledb_experimental')
    ORDER BY CASE WHEN {SEARCHED} THEN 0 ELSE 1 END, 1"""


def columns_of(table):
    return f"""SELECT quote_ident(column_name) AS "column", data_type AS "type"
    FROM information_schema.columns
    WHERE
      CASE WHEN array_length(parse_ident('{table}'),1) = 2
        THEN quote_ident(table_schema) = (parse_ident('{table}'))[1]
          AND quote_ident(table_name) = (parse_ident('{table}'))[2]
        ELSE quote_ident(table_name) = '{table}'
          AND {SEARCHED}
      END"""


def expand(sql, variables):
    """Returns a panel's statement with macros and variables as Grafana fills them in."""
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}

    def group(match):
        width = int(match[2][:-1]) * seconds[match[2][-1]]
        return f'floor(extract(epoch from {match[1]})/{width})*{width} AS "time"'

    sql = re.sub(r"\$__timeFilter\(([^)]+)\)", rf"\1 BETWEEN '{FROM}' AND '{TO}'", sql)
    sql = re.sub(r"\$__timeGroupAlias\(([^,]+), *'(\w+)'\)", group, sql)
    sql = sql.replace("$__timeFrom()", f"'{FROM}'").replace("$__timeTo()", f"'{TO}'")
    return re.sub(r"\$\{(\w+):sqlstring\}", lambda match: "'" + variables[match[1]].replace("'", "''") + "'", sql)


def check(url):
    """Asks what Grafana asks when a source is tested and a panel is edited, and runs the dashboard."""
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:

        def rows(sql):
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

        assert rows("SELECT current_setting('server_version_num')::int/100 as version")[0][0] >= 1200
        assert rows("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'") == []
        assert rows("-- ping") == []
        tables = [row[0] for row in rows(TABLES)]
        assert {"klines", "bars", "runs"} <= set(tables), tables
        types = dict(rows(columns_of("klines")))
        assert types["open_time"] == "timestamp with time zone" and types["close"] == "numeric", types
        assert dict(rows(columns_of("gold.bars")))["trade_count"] == "bigint"
        return run_dashboard(json.loads(DASHBOARD.read_text()), rows)


def run_dashboard(dashboard, rows):
    variables = {}
    for variable in dashboard["templating"]["list"]:
        values = rows(expand(variable["query"], variables))
        assert values, f"{variable['name']} has no value: {variable['query']}"
        variables[variable["name"]] = values[-1][0]
    filled = 0
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            filled += bool(rows(expand(target["rawSql"], variables)))
    assert filled >= 3, f"only {filled} panels show something of {variables}"
    return filled
