"""A real PgBouncer before a test's database, from Debian's or Ubuntu's package."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from devtools.database_url import database_settings
from devtools.postgres_supervisor import UnprivilegedUser, end_with_this_process
from tests.support.waiting import wait_for

# Where the package is kept that was fetched because the system has none.
FETCHED = Path(__file__).resolve().parents[2] / ".pgbouncer"
PORT = 6432


class PgBouncerUnavailableError(RuntimeError):
    """There is no PgBouncer here, and none could be fetched."""


@dataclass(frozen=True)
class Programs:
    """A PgBouncer, and where the shared libraries are that the system may lack."""

    pgbouncer: Path
    libraries: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables to start it with."""
        found = {"LD_LIBRARY_PATH": str(self.libraries)} if self.libraries else {}
        return {**os.environ, **found}


@contextlib.contextmanager
def pgbouncer(
    database_url: str, pool_mode: str = "transaction", **settings: str | int
) -> Iterator[str]:
    """Run a PgBouncer before the server of a database; yield the database's URL through it.

    ``settings`` go to the ``[pgbouncer]`` section of its configuration. It listens on a Unix
    socket in a directory of its own. The test is skipped where there is no PgBouncer.
    """
    try:
        programs = find_programs()
    except PgBouncerUnavailableError as error:
        pytest.skip(str(error))
    user = UnprivilegedUser()  # it refuses to run as root, as PostgreSQL does
    with tempfile.TemporaryDirectory(prefix="zd-", dir="/tmp") as name:
        directory = Path(name)
        programs = copy_programs(programs, directory)
        configuration = directory / "pgbouncer.ini"
        listen = {"pool_mode": pool_mode, "unix_socket_dir": directory, **settings}
        configuration.write_text(configuration_text(database_url, listen))
        user.own(directory)
        log_path = directory / "log"
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [programs.pgbouncer, configuration],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=programs.environment,
                preexec_fn=end_with_this_process(),
                **user.popen_arguments,
            )
            try:
                wait_for(
                    lambda: process.poll() is not None or accepts_connections(directory),
                    "PgBouncer to accept connections",
                )
                if process.poll() is not None:
                    raise RuntimeError(f"PgBouncer did not start.\n{log_path.read_text()}")
                yield url_through(directory, database_url)
            finally:
                process.terminate()
                process.wait()


def configuration_text(database_url: str, settings: Mapping[str, object]) -> str:
    """Let any client in, as the user of the URL. Nobody else can enter the socket's directory."""
    database = database_settings(database_url)
    target = {
        "host": database["HOST"],
        "port": database["PORT"],
        "user": database["USER"],
        "password": database["PASSWORD"],
    }
    settings = {"listen_port": PORT, "auth_type": "any", **settings}
    return "\n".join(
        [
            "[databases]",
            "* = " + " ".join(f"{key}='{value}'" for key, value in target.items() if value),
            "[pgbouncer]",
            *(f"{key} = {value}" for key, value in settings.items()),
            "",
        ]
    )


def url_through(directory: Path, database_url: str) -> str:
    """Return the URL of the same database by way of the socket in ``directory``."""
    database = database_settings(database_url)
    way = urlencode({"host": directory, "port": PORT})
    return f"postgresql://{database['USER']}@/{database['NAME']}?{way}"


def accepts_connections(directory: Path) -> bool:
    """Whether somebody listens on the socket in ``directory``."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(directory / f".s.PGSQL.{PORT}"))
        except OSError:
            return False
    return True


def copy_programs(programs: Programs, directory: Path) -> Programs:
    """Copy them to where an unprivileged user reaches them, whose home may be root's."""
    copied = Path(shutil.copy2(programs.pgbouncer, directory))
    if programs.libraries is None:
        return Programs(copied)
    return Programs(copied, shutil.copytree(programs.libraries, directory / "lib", symlinks=True))


def find_programs() -> Programs:
    """Return what the system has installed, or else the package that apt would install.

    Fetching needs neither root nor an installation: it is unpacked into a directory of its own.
    """
    if installed := shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin"):
        return Programs(Path(installed))
    FETCHED.mkdir(exist_ok=True)
    with (FETCHED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process of the same test run may fetch it
        unpacked = FETCHED / "unpacked"
        if not unpacked.exists():
            with tempfile.TemporaryDirectory(dir=FETCHED) as download:
                fetch(Path(download)).rename(unpacked)
    (libraries,) = (unpacked / "usr" / "lib").glob("*-linux-*")
    return Programs(unpacked / "usr" / "sbin" / "pgbouncer", libraries)


def fetch(directory: Path) -> Path:
    """Download the package and its libraries with apt; return the directory with their files."""
    if shutil.which("apt-get") is None:
        raise PgBouncerUnavailableError(
            "There is no pgbouncer here, and no apt-get to fetch it. Install PgBouncer."
        )
    (directory / "lists" / "partial").mkdir(parents=True)
    # Lists of our own, because a container has none, and an ordinary user could not renew them.
    options = [f"-oDir::State::lists={directory}/lists", f"-oDir::Cache={directory}/cache"]
    apt_get = ["apt-get", "-qq", "-oAPT::Sandbox::User=", *options]
    run([*apt_get, "update"], directory)
    depends = run(["apt-cache", *options, "depends", "--important", "pgbouncer"], directory)
    required = [line.partition("Depends: ")[2] for line in depends.splitlines()]
    # The C library is here, since Python is, and two of them in one process do not get on.
    libraries = [name for name in required if name.startswith("lib") and name != "libc6"]
    run([*apt_get, "download", "pgbouncer", *libraries], directory)
    for package in directory.glob("*.deb"):
        run(["dpkg", "-x", str(package), str(directory / "files")], directory)
    return directory / "files"


def run(command: list[str], directory: Path) -> str:
    """Run a command of the package manager and return what it prints."""
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    if done.returncode:
        raise PgBouncerUnavailableError(
            "There is no pgbouncer here, and it could not be fetched "
            f"({' '.join(command)}: {done.stderr.strip()}). Install PgBouncer."
        )
    return done.stdout
