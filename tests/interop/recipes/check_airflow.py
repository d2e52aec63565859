"""The task of Airflow refreshes, and its value is the document of the run."""

import os
import subprocess
import sys

os.environ |= {
    "AIRFLOW_HOME": os.path.abspath("airflow"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
}
os.makedirs("airflow")
subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, stdout=subprocess.DEVNULL)
sys.path.insert(0, os.getcwd())

from lakehouse_airflow import lakehouse_refresh  # noqa: E402

run = lakehouse_refresh().test()
assert run.state == "success", run.state
summary = next(task for task in run.get_task_instances() if task.task_id == "summary")
value = summary.xcom_pull(task_ids="summary")
assert value == "1 new archives, 1440 rows", value
