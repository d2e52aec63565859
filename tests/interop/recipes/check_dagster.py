"""The assets of Dagster have the versions and rows of the run that made them."""

import os
import sys

import dagster

sys.path.insert(0, os.getcwd())

from lakehouse_dagster import definitions, market_data  # noqa: E402

QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
result = dagster.materialize([market_data], run_config=QUIET)
assert result.success
made = {
    event.asset_key.path[1]: event.step_materialization_data.materialization.metadata
    for event in result.get_asset_materialization_events()
}
assert made["klines"]["rows"].value == 1440, made
assert made["daily_ohlcv"]["version"].value > 0, made
assert dagster.materialize([market_data], run_config=QUIET).get_asset_materialization_events() == []
assert definitions.get_job_def("refresh")
