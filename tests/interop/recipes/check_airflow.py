"""The task of Airflow refreshes, and its value is the document of the run."""

import os
import shutil
import subprocess
import sys

os.environ |= {
    "AIRFLOW_HOME": os.path.abspath("airflow"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
}
os.makedirs("airflow/dags")
shutil.copy("lakehouse_airflow.py", "airflow/dags")
for command in [("db", "migrate"), ("dags", "reserialize")]:
    subprocess.run([sys.executable, "-m", "airflow", *command], check=True, stdout=subprocess.DEVNULL)
sys.path.insert(0, "airflow/dags")

from lakehouse_airflow import lakehouse_refresh  # noqa: E402

run = lakehouse_refresh().test()
assert run.state == "success", run.state
summary = next(task for task in run.get_task_instances() if task.task_id == "summary")
value = summary.xcom_pull(task_ids="summary")
assert value == "1 new archives, 1440 rows", value
