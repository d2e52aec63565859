"""Finds the program and runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ._errors import LakehouseError, ProgramNotFound

# Done, or done with failures that the JSON document lists.
_ENDED = (0, 1)


def find_program() -> Path:
    """Returns the path of the program.

    That is the one of the environment variable ``LAKEHOUSE_PROGRAM``, else the one installed in
    the environment of this Python, else the one in ``PATH``.
    """
    named = os.environ.get("LAKEHOUSE_PROGRAM")
    if named:
        return _existing(Path(named))
    for scheme in _schemes():
        installed = Path(sysconfig.get_path("scripts", scheme)) / "lakehouse"
        if installed.is_file():
            return installed
    found = shutil.which("lakehouse")
    if found is None:
        raise ProgramNotFound(
            "the program `lakehouse` is not in the environment of this Python, nor in PATH; "
            "install it with `pip install lakehouse`, or name it in LAKEHOUSE_PROGRAM"
        )
    return Path(found)


def _existing(program: Path) -> Path:
    if not program.is_file():
        raise ProgramNotFound(f"LAKEHOUSE_PROGRAM names {program}, which is no file")
    return program


def _schemes() -> list[str]:
    """The environment of this Python, then the user's folder of `pip install --user`."""
    return [sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")]


class Program:
    """The program with the flags that every call has."""

    def __init__(self, path: Path, flags: Sequence[str]) -> None:
        self._start = [str(path), *flags]

    def json(self, arguments: Sequence[str]) -> tuple[int, Any, str]:
        """Runs a command with ``--format json``; returns exit code, document and messages."""
        ended = subprocess.run(
            [*self._start, *arguments, "--format", "json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )
        words = _words(ended.stderr)
        if ended.returncode not in _ENDED or not ended.stdout.strip():
            raise _error(ended.returncode, words)
        return ended.returncode, json.loads(ended.stdout), words

    @contextmanager
    def output(self, arguments: Sequence[str], text: str) -> Iterator[IO[bytes]]:
        """Runs a command that reads a text, and gives its output while it runs.

        Raises when the command fails, and ends it when the reader leaves early.
        """
        # Files, because a pipe that nobody empties would block the program.
        with tempfile.TemporaryFile() as words, tempfile.TemporaryFile() as statement:
            statement.write(text.encode())
            statement.seek(0)
            process = subprocess.Popen(
                [*self._start, *arguments],
                stdin=statement,
                stdout=subprocess.PIPE,
                stderr=words,
            )
            assert process.stdout is not None
            try:
                with process.stdout:
                    yield process.stdout
            except BaseException:
                # The end of an output that cannot be read is mostly that of a failed statement.
                if _has_failed(process):
                    raise _error_of(process, words) from None
                raise
            if process.wait() != 0:
                raise _error_of(process, words)


def _has_failed(process: subprocess.Popen[bytes]) -> bool:
    """Ends the process if it still runs; returns whether it had failed by itself."""
    try:
        return process.wait(timeout=1) != 0
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()
        return False


def _error_of(process: subprocess.Popen[bytes], words: IO[bytes]) -> LakehouseError:
    words.seek(0)
    return _error(process.returncode, _words(words.read()))


def _words(messages: bytes) -> str:
    return messages.decode(errors="replace").strip()


def _error(code: int, words: str) -> LakehouseError:
    if code < 0:
        return LakehouseError(f"the program was ended by signal {-code}\n{words}".rstrip())
    return LakehouseError(words.removeprefix("error: ") or f"the program ended with code {code}")
