"""Whatever is wrong with the database is said in one line, and nothing is damaged."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text, update
from sqlalchemy.engine import make_url

from tests.hub.server import until
from tests.inventory.builders import SCOPE, START, credential, outcome, place
from tests.support.posix import is_root, posix_only
from tests.support.postgresql import fresh_database
from tokenaudit.errors import InventoryError
from tokenaudit.inventory import open_inventory
from tokenaudit.inventory.tables import MIGRATIONS, VERSION

ROOT = Path(__file__).parents[2]


def told(error: pytest.ExceptionInfo[InventoryError]) -> str:
    line = str(error.value)
    assert "\n" not in line
    return line


def test_an_inventory_of_a_newer_version_is_left_alone(where: str) -> None:
    with open_inventory(where) as book, book.engine.begin() as connection:
        connection.execute(update(VERSION).values(number=len(MIGRATIONS) + 1))
    for only_look in (False, True):
        with pytest.raises(InventoryError) as error:
            open_inventory(where, must_exist=only_look)
        assert "newer tokenaudit" in told(error)


def test_a_migration_that_fails_leaves_the_database_as_it_was(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import Connection, text  # noqa: PLC0415 - only here

    from tokenaudit.inventory import tables  # noqa: PLC0415 - as above

    def add(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE sweeps ADD COLUMN extra INTEGER"))

    def fail(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE no_such_table ADD COLUMN extra INTEGER"))

    with open_inventory(where) as book:
        book.begin(SCOPE, ["acme"], START)
    steps = tables.MIGRATIONS
    monkeypatch.setattr(tables, "MIGRATIONS", (*steps, add, fail))
    with pytest.raises(InventoryError):
        open_inventory(where)
    monkeypatch.setattr(tables, "MIGRATIONS", (*steps, add))
    with open_inventory(where) as book:
        assert [sweep.scope for sweep in book.sweeps()] == [SCOPE]
        with book.engine.connect() as connection:
            assert connection.execute(text("SELECT extra FROM sweeps")).all() == [(None,)]
            assert connection.execute(text("SELECT number FROM schema_version")).scalar() == len(steps) + 1


def test_a_second_sweep_is_refused_and_the_lock_ends_with_the_first(where: str) -> None:
    with open_inventory(where) as one, open_inventory(where) as two:
        with one.alone():
            with pytest.raises(InventoryError) as error, two.alone():
                pytest.fail("two sweeps at once")
            assert "another sweep" in told(error)
        with two.alone():
            pass


def test_the_lock_ends_with_a_killed_process(where: str) -> None:
    code = (
        "import sys, time; from tokenaudit.inventory import open_inventory\n"
        "with open_inventory(sys.argv[1]) as book, book.alone():\n    print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, where], stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with open_inventory(where) as book, pytest.raises(InventoryError), book.alone():
            pytest.fail("two sweeps at once")
    finally:
        process.kill()
        process.communicate()
    # PostgreSQL notices a little later that its client is gone.
    assert until(lambda: _free(where))


def _free(where: str) -> bool:
    try:
        with open_inventory(where) as book, book.alone():
            return True
    except InventoryError:
        return False


def test_readers_look_on_while_a_sweep_writes(where: str) -> None:
    with open_inventory(where) as book, book.alone():
        number = book.begin(SCOPE, ["acme"], START).id
        book.commit(number, [outcome(credentials=[credential(1, "a.py")])], START)
        with open_inventory(where, must_exist=True) as reader:
            assert len(reader.credentials()) == 1


def _commit_for_ever(path: str) -> None:
    with open_inventory(path) as book:
        number = book.begin(SCOPE, ["acme"], START).id
        for index in range(100_000):
            found = credential(index, "a.py", target=f"spaces/acme/{index}")
            book.commit(number, [outcome(place(str(index)), credentials=[found])], START)


@posix_only
def test_a_kill_between_commits_loses_no_finished_place(tmp_path: Path) -> None:
    """Each place is there with its credential, or not at all."""
    path = str(tmp_path / "inventory.sqlite")
    open_inventory(path).close()
    process = multiprocessing.get_context("spawn").Process(target=_commit_for_ever, args=(path,))
    process.start()
    with open_inventory(path, must_exist=True) as reader:
        while not (reader.sweeps() and len(reader.done(1)) >= 5):
            assert process.is_alive()
            time.sleep(0.02)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with open_inventory(path) as book:
        done = book.done(book.begin(SCOPE, ["acme"], START).id)
        assert len(done) >= 5
        seen = {spot.target for known in book.credentials() for spot in known.credential.locations}
        assert {key.partition("#")[0] for key in done} == seen
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_full_disk_is_said_and_what_was_committed_stays(tmp_path: Path) -> None:
    with open_inventory(tmp_path / "inventory.sqlite") as book:
        number = book.begin(SCOPE, ["acme"], START).id
        book.commit(number, [outcome(credentials=[credential(1, "a.py")])], START)
        # SQLite answers a limit on its pages exactly as it answers a full disk.
        with book.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        book._open().exec_driver_sql(f"PRAGMA max_page_count={pages}")
        book._open().rollback()
        many = [outcome(place(str(index)), [credential(index, "a.py" * 50)]) for index in range(2, 500)]
        with pytest.raises(InventoryError) as error:
            book.commit(number, many, START)
        assert "disk full" in told(error)
    with open_inventory(tmp_path / "inventory.sqlite") as book:
        assert place().key in book.done(number)


def test_a_locked_database_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenaudit.inventory.database._BUSY_SECONDS", 0.1)
    path = tmp_path / "inventory.sqlite"
    with open_inventory(path) as book:
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(InventoryError) as error:
            book.begin(SCOPE, ["acme"], START)
        assert "locked by another program" in told(error)
        other.rollback()
        assert book.begin(SCOPE, ["acme"], START).id == 1


@pytest.mark.parametrize(
    "content", [b"this is no database at all, but text " * 50, b"SQLite format 3\0" + b"\xff" * 4000]
)
def test_a_file_that_is_no_inventory_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "inventory.sqlite"
    path.write_bytes(content)
    with pytest.raises(InventoryError) as error:
        open_inventory(path)
    assert str(path) in told(error)
    assert path.read_bytes() == content


def test_a_database_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE credentials (password TEXT)")
    other.commit()
    with pytest.raises(InventoryError) as error:
        open_inventory(path)
    assert "not an inventory" in told(error)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("credentials",)]


def test_looking_into_an_inventory_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(InventoryError) as error:
        open_inventory(tmp_path / "inventory.sqlite", must_exist=True)
    assert "no inventory at" in told(error)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InventoryError) as error:
        open_inventory(tmp_path / "file" / "inventory.sqlite")
    assert "can't be written" in told(error)


@pytest.mark.skipif(os.name != "posix" or is_root, reason="root may write everywhere")
def test_a_read_only_directory_can_be_looked_into_and_not_swept(tmp_path: Path) -> None:
    path = tmp_path / "data" / "inventory.sqlite"
    with open_inventory(path) as book:
        book.commit(book.begin(SCOPE, ["acme"], START).id, [outcome(credentials=[credential(1, "a.py")])], START)
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        with open_inventory(path, must_exist=True) as book:
            assert len(book.credentials()) == 1
        with pytest.raises(InventoryError):
            open_inventory(path)
    finally:
        path.parent.chmod(0o700)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_only_the_user_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "data" / "inventory.sqlite"
    open_inventory(path).close()
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "url", ["oracle://user:hidden@host/db", "nonsense://user:hidden@host", "postgresql://u:hidden@[bad/db", "://"]
)
def test_a_bad_url_is_said_without_its_password(url: str) -> None:
    with pytest.raises(InventoryError) as error:
        open_inventory(url)
    assert "hidden" not in told(error)


def test_a_server_that_does_not_answer_is_said_without_its_password() -> None:
    with pytest.raises(InventoryError) as error:
        open_inventory("postgresql://someone:hidden@127.0.0.1:1/db")
    assert "connection refused" in told(error)
    assert "hidden" not in told(error)


def test_a_server_that_goes_away_half_way_is_said_and_what_was_committed_stays() -> None:
    with fresh_database() as url, open_inventory(url) as book:
        number = book.begin(SCOPE, ["acme"], START).id
        book.commit(number, [outcome(place())], START)
        other = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
        with other.connect() as connection:
            everybody_else = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            connection.execute(text(f"{everybody_else} AND datname = current_database()"))
        other.dispose()
        with pytest.raises(InventoryError) as error:
            book.done(number)
        assert "connection lost" in told(error)
        with open_inventory(url) as again:
            assert (again.begin(SCOPE, ["acme"], START).id, again.done(number)) == (number, {place().key})
