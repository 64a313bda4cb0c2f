"""Whatever a repository or the Hub calls something, the inventory holds it, and never a value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.inventory.builders import SCOPE, START, credential, outcome
from tests.support.mint import Mint
from tokenaudit.inventory import Inventory, PlaceRecord, export, open_inventory
from tokenaudit.model import SecretName

_TEXT = st.text(st.characters(), max_size=20)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inventory]:
    with open_inventory(tmp_path_factory.mktemp("data") / "inventory.sqlite") as opened:
        yield opened


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=_TEXT, name=_TEXT, target=_TEXT)
def test_any_text_survives(lasting: Inventory, path: str, name: str, target: str) -> None:
    where = PlaceRecord("acme", target, "space", "history")
    found = credential(1, path, target=target)
    number = lasting.begin(SCOPE, ["acme"], START).id
    secrets = [SecretName(target, name, description=path)]
    lasting.commit(number, [outcome(where, credentials=[found], secrets=secrets)], START)
    held = lasting.swept(number)
    lasting.end(number, START, complete=True)
    assert found.locations[0] in held.credentials[0].locations
    export.as_json(lasting.credentials(), lasting.secrets()).encode()
    assert "\x1b" not in export.as_text(lasting.credentials(), lasting.secrets())


def test_odd_names_survive_every_database(book: Inventory) -> None:
    odd = "a\x00b\udcffc\x1b[31m\u202e"
    found = credential(1, odd, target=odd)
    number = book.begin(SCOPE, ["acme"], START).id
    book.commit(number, [outcome(PlaceRecord("acme", odd, "space", "x"), [found], [SecretName(odd, odd)])], START)
    assert book.swept(number).credentials == (found,)
    assert book.secrets()[0].name.isascii() or "\x00" not in book.secrets()[0].name


def test_no_file_of_the_inventory_holds_a_value(tmp_path: Path) -> None:
    value = Mint(1).user_token()
    with open_inventory(tmp_path / "inventory.sqlite") as book:
        number = book.begin(SCOPE, ["acme"], START).id
        book.commit(number, [outcome(credentials=[credential(1, "a.py")])], START)
        written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert credential(1).fingerprint.encode() in written
    assert value.encode() not in written
    assert value[3:].encode() not in written
