"""Asks the program and DuckDB. An answer is a pyarrow table; an error is an exception with its text."""

import subprocess
import tempfile
import threading
from pathlib import Path

import pyarrow

from .text import for_duckdb, for_program

MOST_SECONDS = 60


class Failure(Exception):
    """An engine has no answer."""


class Program:
    """One shell of the program for many statements; it ends with a statement that fails, and is started again."""

    def __init__(self, program, lake):
        self.command = [program, "--lake", lake, "--quiet", "shell", "--format", "csv"]
        self.folder = tempfile.TemporaryDirectory()
        self.errors = tempfile.TemporaryFile()
        self.shell = None
        self.asked = 0

    def ask(self, statement):
        if self.shell is None:
            self.start()
        self.asked += 1
        answer = Path(self.folder.name) / f"{self.asked}.arrow"
        self.shell.stdin.write(f"\\o {answer}\n{for_program(statement)};\n\\o\nSELECT 'answered' AS answered;\n")
        self.shell.stdin.flush()
        timer = threading.Timer(MOST_SECONDS, self.shell.kill)
        timer.start()
        lines = [self.shell.stdout.readline() for _ in range(2)]
        timer.cancel()
        if lines[1] != "answered\n":
            raise Failure(self.end())
        with pyarrow.ipc.open_file(answer) as file:
            rows = file.read_all()
        answer.unlink()
        return rows

    def start(self):
        self.errors.seek(0)
        self.errors.truncate()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.errors}
        self.shell = subprocess.Popen(self.command, text=True, **pipes)

    def end(self):
        """Waits for the end of a shell that failed and returns what it said."""
        self.shell.communicate()
        code, self.shell = self.shell.returncode, None
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip()
        if code < 0:
            return f"no answer in {MOST_SECONDS} seconds, or ended by signal {-code}: {said}"
        return said or f"exit code {code}"

    def close(self):
        if self.shell:
            self.shell.communicate()


class Database:
    """DuckDB."""

    def __init__(self, connection):
        self.connection = connection

    def ask(self, statement):
        timer = threading.Timer(MOST_SECONDS, self.connection.interrupt)
        timer.start()
        try:
            return self.connection.sql(for_duckdb(statement)).to_arrow_table()
        except Exception as error:
            raise Failure(str(error)) from None
        finally:
            timer.cancel()
