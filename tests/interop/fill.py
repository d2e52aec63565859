"""Fills two days after the archives of a lake's hour bars from an API that is made up here.

Usage: fill.py PROGRAM LAKE. The days follow the last one of the demo. Prices have more decimals than a float keeps.
"""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

HOUR = 3_600_000


def bar(begin):
    price = f"6{begin // HOUR % 10_000:04}.12345678"
    return [begin, price, price, price, price, "12345678901.00000001", begin + HOUR - 1, "1.5", 3, "0.5", "0.25", "0"]


class Klines(BaseHTTPRequestHandler):
    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        first, last = (int(query[name][0]) for name in ("startTime", "endTime"))
        begins = range(-(-first // HOUR) * HOUR, last + 1, HOUR)[: int(query["limit"][0])]
        body = json.dumps([bar(begin) for begin in begins]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main(program, lake):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Klines)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api = f"http://127.0.0.1:{server.server_port}"
    days = ["--start", "2026-05-08", "--end", "2026-05-09"]
    series = ["--data-type", "klines", "--interval", "1h"]
    command = [program, "--lake", lake, "fill", "--api", api, *days, *series, "--format", "json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    rows = json.loads(done.stdout)["rows"]
    if rows == 0 or rows % 48:
        sys.exit(f"{rows} provisional rows are no two days of some series")
    print(f"{rows} provisional rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
