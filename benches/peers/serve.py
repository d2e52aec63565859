"""Answers statements over a lake's data files with DuckDB, for the bench `serve`: serve.py FOLDER

POST / with a statement answers CSV. Every connection has a thread and a cursor of its own, as a small service in Python
would. Prints its address. Files that the tables' logs do not name are read too, so that the lake must be a fresh one.
"""

import csv
import io
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import duckdb

DATABASE = duckdb.connect(config={"memory_limit": "2GiB"})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.cursor = DATABASE.cursor()
        self.cursor.execute("SET TimeZone = 'UTC'")

    def do_POST(self):
        statement = self.rfile.read(int(self.headers["content-length"])).decode()
        # As text, since Python needs a further package for times with a zone.
        answer = self.cursor.execute(f"SELECT COLUMNS(*)::VARCHAR FROM ({statement})")
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow([column[0] for column in answer.description])
        writer.writerows(answer.fetchall())
        body = text.getvalue().encode()
        self.send_response(200)
        self.send_header("content-type", "text/csv")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    DATABASE.execute("SET parquet_metadata_cache = true")
    DATABASE.execute("CREATE SCHEMA silver")
    for table in ["klines", "trades"]:
        files = f"{sys.argv[1]}/silver/{table}/*/*/*.parquet"
        DATABASE.execute(
            f"CREATE VIEW silver.{table} AS SELECT * FROM read_parquet('{files}', hive_partitioning = true)")
    server = Server(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()


main()
