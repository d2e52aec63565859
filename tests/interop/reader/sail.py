"""Sail, which speaks the protocol of Spark Connect."""

import os
import warnings

# It reports each session, and warns of newer packages.
os.environ.setdefault("RUST_LOG", "warn")
warnings.simplefilter("ignore", FutureWarning)

from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession

from .sql import SqlReader


class Reader(SqlReader):
    text_type = "STRING"

    def __init__(self):
        self.server = SparkConnectServer(port=0)
        self.server.start(background=True)
        _, port = self.server.listening_address
        self.session = SparkSession.builder.remote(f"sc://localhost:{port}").getOrCreate()
        self.session.conf.set("spark.sql.session.timeZone", "UTC")

    @staticmethod
    def source(table):
        return f"delta.`file://{table.folder}`"

    def ask(self, table, statement):
        return [list(row) for row in self.session.sql(statement).collect()]

    @staticmethod
    def quoted(column):
        return f"`{column}`"

    @staticmethod
    def micros(name):
        return f"unix_micros({name})"

    @staticmethod
    def days(name):
        return f"unix_date({name})"

    @staticmethod
    def time(value):
        return f"timestamp_micros({value})"
