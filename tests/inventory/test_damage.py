"""A damaged row costs that row alone, and `inventory check` repairs what can be repaired."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, Integer, Text, text

from tests.inventory.builders import SCOPE, START, credential, outcome, place, problem
from tests.support.cli import tokenaudit
from tokenaudit.inventory import Inventory, open_inventory
from tokenaudit.inventory.tables import METADATA, UtcTime
from tokenaudit.model import Inspection, SecretName, Skipped

UTC = timezone.utc
ODD = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1000, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12))),
)
COLUMNS = [
    (table.name, column.name, junk)
    for table in METADATA.sorted_tables
    if table.name != "schema_version"
    for column in table.columns
    if column.name != "id"
    for junk in ("garbage", "[" * 2000)[: 2 if isinstance(column.type, Text) else 1]
]


def filled(book: Inventory) -> int:
    """An inventory in which every table has rows of two places."""
    number = book.begin(SCOPE, ["acme"], START).id
    for seed, name in enumerate(("app", "other"), 1):
        found = credential(seed, "a.py", "b.py", target=f"spaces/acme/{name}")
        answer = Inspection("active", START, "the Hub accepts it", created_at=START)
        kept = [SecretName(f"spaces/acme/{name}", "HF_TOKEN", updated_at=START)]
        came = outcome(place(name), [found], kept, [problem()], skipped=[Skipped(f"spaces/acme/{name}", "one object")])
        book.commit(
            number, [came, type(came)(came.place, "v1", unchanged=True, inspections={found.fingerprint: answer})], START
        )
    book.end(number, START, complete=True)
    return number


def damage(book: Inventory, statement: str) -> None:
    with book.engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize("moment", ODD, ids=str)
def test_any_date_of_a_secret_survives(where: str, moment: datetime) -> None:
    with open_inventory(where) as book:
        number = book.begin(SCOPE, ["acme"], START).id
        secret = SecretName("spaces/acme/app", "HF_TOKEN", updated_at=moment)
        found = credential(1, "a.py")
        answer = Inspection("active", START, "", created_at=moment, expires_at=moment)
        book.commit(number, [outcome(credentials=[found], secrets=[secret])], START)
        book.commit(
            number, [type(outcome())(place(), "v1", unchanged=True, inspections={found.fingerprint: answer})], START
        )
    with open_inventory(where, must_exist=True) as book:
        (kept,) = book.secrets()
        (known,) = book.credentials()
        assert kept.updated_at is not None
        assert known.credential.inspection is not None
        assert abs(kept.updated_at.replace(tzinfo=UTC) - moment.replace(tzinfo=UTC)) <= timedelta(hours=14)
        assert kept.updated_at.utcoffset() == timedelta(0)
        assert known.credential.inspection.created_at == moment
        assert book.damage.rows == {}


@settings(max_examples=40, deadline=None)
@given(moment=st.datetimes(timezones=st.timezones()))
def test_times_are_stored_in_their_order(moment: datetime) -> None:
    stored = UtcTime().process_bind_param(moment, None)  # type: ignore[arg-type]
    assert stored is not None
    assert len(stored) == len("2026-01-01T00:00:00.000000Z")
    assert UtcTime().process_result_value(stored, None) is not None  # type: ignore[arg-type]


def test_a_date_that_an_earlier_version_wrote_short_is_read_and_rewritten(where: str) -> None:
    with open_inventory(where) as book:
        filled(book)
        damage(book, "UPDATE secrets SET updated_at = '1-01-01T00:00:00.000000Z' WHERE target = 'spaces/acme/app'")
        dates = {kept.target: kept.updated_at for kept in book.secrets()}
        assert dates == {"spaces/acme/app": datetime(1, 1, 1, tzinfo=UTC), "spaces/acme/other": START}
        checked = book.check(START)
        assert [(row.table, row.repair) for row in checked.damaged] == [("secrets", "rewritten")]
        assert book.check(START).damaged == ()


@pytest.mark.parametrize(("table", "column", "junk"), COLUMNS)
def test_a_damaged_row_costs_itself_alone_and_is_repaired(where: str, table: str, column: str, junk: str) -> None:
    kind = METADATA.tables[table].columns[column].type
    if where.startswith("postgresql") and isinstance(kind, (Boolean, Integer)):
        pytest.skip("PostgreSQL itself refuses another type")
    with open_inventory(where) as book:
        number = filled(book)
        which = {
            "sweeps": "id = 1",
            "places": "key = 'spaces/acme/app#history'",
            "credentials": f"fingerprint = '{credential(1).fingerprint}'",
            "sightings": f"fingerprint = '{credential(1).fingerprint}'",
            "notes": "id <= 2",
            "secrets": "target = 'spaces/acme/app'",
        }[table]
        unchecked = "SET session_replication_role = replica"
        if not where.startswith("postgresql"):
            unchecked = "PRAGMA foreign_keys=OFF"
        # Several rows of one key can't all get the same junk.
        limit = "location LIKE '%a.py%'" if table == "sightings" else "1 = 1"
        statement = f'UPDATE {table} SET "{column}" = :junk WHERE ({which}) AND {limit}'  # noqa: S608 - our own names
        with book.engine.connect() as connection:
            connection.execute(text(unchecked))
            connection.execute(text(statement), {"junk": junk})
            connection.commit()
    with open_inventory(where, must_exist=True) as book:
        other = credential(2).fingerprint
        assert other in {known.credential.fingerprint for known in book.credentials()}
        assert "spaces/acme/other" in {kept.target for kept in book.secrets()}
        assert other in {seen.fingerprint for seen in book.swept(number).credentials} or table in {"places", "sweeps"}
        for read in (book.sweeps, book.states, book.fingerprints, book.difference):
            read()
        assert other in {entry.known.credential.fingerprint for entry in book.difference(0)}
        book.consumers(other, ["HF_TOKEN"])
        book.places(["acme"])
        book.inspections(number)
    with open_inventory(where) as book:
        checked = book.check(START)
        assert checked.sound
        again = book.check(START)
        assert again.damaged == ()
        assert other in {known.credential.fingerprint for known in book.credentials()}
        assert book.damage.rows == {}
        filled(book)  # and the next sweep works on it


def test_what_is_lost_is_read_again_by_the_next_sweep(where: str) -> None:
    with open_inventory(where) as book:
        number = filled(book)
        mark = credential(1).fingerprint
        damage(book, f"UPDATE credentials SET document = 'x' WHERE fingerprint = '{mark}'")  # noqa: S608 - a fingerprint
        assert book.states().keys() == {place("app").key, place("other").key}
        known = {one.credential.fingerprint for one in book.credentials()}
        assert known == {credential(2).fingerprint}
        (entry,) = book.damage.skipped()
        assert mark in entry.where
        assert "inventory check" in entry.reason
        assert book.check(START).sound
        assert book.states().keys() == {place("other").key}
        back = {one.credential.fingerprint: one for one in book.credentials()}
        assert len(back[mark].credential.locations) == 2
        assert back[mark].credential.inspection is None
        assert book.inspections(number).keys() == {credential(2).fingerprint}


def test_a_credential_seen_again_heals_its_damaged_row(where: str) -> None:
    with open_inventory(where) as book:
        number = filled(book)
        damage(book, "UPDATE credentials SET document = '{}'")
        book.commit(number, [outcome(credentials=[credential(1, "a.py")])], START)
        assert {one.credential.fingerprint for one in book.credentials()} == {credential(1).fingerprint}


def test_the_command_says_what_it_repaired(tmp_path: Path) -> None:
    path = tmp_path / "inventory.sqlite"
    with open_inventory(path) as book:
        filled(book)
    clean = tokenaudit("inventory", "check", "--inventory", path, home=tmp_path)
    assert (clean.code, clean.err) == (0, "")
    assert "0 damaged" in clean.out
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE sightings SET location = CAST(x'ff00' AS TEXT) WHERE location LIKE '%a.py%'")
        raw.execute("UPDATE sweeps SET started_at = x'00'")
    listed = tokenaudit("inventory", "list", "-f", "json", "--inventory", path, home=tmp_path)
    assert listed.code == 3
    assert len(listed.report["credentials"]) == 2
    assert len(listed.report["skipped"]) == 3
    assert "Traceback" not in listed.err
    ran = tokenaudit("inventory", "check", "-f", "json", "--inventory", path, home=tmp_path)
    assert ran.code == 0
    assert sorted(row["table"] for row in ran.report["damaged"]) == ["sightings", "sightings", "sweeps"]
    assert tokenaudit("inventory", "list", "--inventory", path, home=tmp_path).code == 0
    (kept,) = (
        json.loads(tokenaudit("inventory", "list", "-f", "json", "--inventory", path, home=tmp_path).out)["sweeps"],
    )
    assert kept[0]["started_at"] == "2026-10-01T09:00:00Z"


def test_an_index_that_lost_its_way_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "inventory.sqlite"
    with open_inventory(path) as book:
        filled(book)
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA writable_schema=ON")
        page = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'places_by_sweep'").fetchone()[0]
        size = raw.execute("PRAGMA page_size").fetchone()[0]
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    start = (page - 1) * size
    assert data[start] == 10  # a leaf of an index
    data[start + 3 : start + 5] = b"\0\0"  # it claims to hold no cell
    path.write_bytes(data)
    with open_inventory(path) as book:
        checked = book.check(START)
        assert checked.damaged
        assert checked.sound
        assert book.check(START).damaged == ()


def test_a_version_that_is_no_number_is_said(tmp_path: Path) -> None:
    path = tmp_path / "inventory.sqlite"
    open_inventory(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE odd AS SELECT 'x' AS number")
        raw.execute("DROP TABLE schema_version")
        raw.execute("ALTER TABLE odd RENAME TO schema_version")
    ran = tokenaudit("inventory", "check", "--inventory", path, home=tmp_path)
    assert ran.code == 2
    assert ran.err.count("\n") == 1
