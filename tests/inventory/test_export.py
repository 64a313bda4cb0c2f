"""The inventory as JSON and as lines."""

from __future__ import annotations

import json

import pytest

from tests.inventory.builders import DAY, SCOPE, START, credential, outcome, place
from tokenaudit.errors import UsageError
from tokenaudit.inventory import Inventory, export, read
from tokenaudit.model import SecretName


@pytest.fixture
def filled(book: Inventory) -> Inventory:
    kept = SecretName("spaces/acme/app", "HF_TOKEN", "space-secret", START, None)
    for days, state in ((0, "v1"), (1, "v2")):
        number = book.begin(SCOPE, ["acme"], START + days * DAY).id
        found = outcome(place(), [credential(1, "app.py")], [kept], state=state)
        book.commit(number, [found], START + days * DAY)
        book.end(number, START + days * DAY, complete=True)
    return book


def test_the_list_has_the_keys_of_the_contract(filled: Inventory) -> None:
    written = json.loads(export.as_json(filled.credentials(), filled.secrets(), filled.sweeps()))
    assert written["schema"] == "tokenaudit/inventory/1"
    (found,) = written["credentials"]
    assert found["fingerprint"] == credential(1).fingerprint
    assert (found["first_seen"], found["last_seen"]) == ("2026-10-01T09:00:00Z", "2026-10-02T09:00:00Z")
    assert found["locations"][0]["path"] == "app.py"
    assert found.keys() >= {"kind", "display", "likelihood", "inspection", "reach", "verdict", "recommendation"}
    (secret,) = written["secrets"]
    assert secret["target"] == "spaces/acme/app"
    assert secret["name"] == "HF_TOKEN"
    assert secret["updated_at"] == "2026-10-01T09:00:00Z"
    assert secret["description"] is None


def test_the_lines_name_fingerprint_and_secret(filled: Inventory) -> None:
    text = export.as_text(filled.credentials(), filled.secrets())
    assert credential(1).fingerprint in text
    assert "spaces/acme/app  HF_TOKEN  set 2026-10-01T09:00:00Z" in text
    assert "app.py:3:7" in export.detail_as_text(filled.credentials()[0])
    assert "complete  acme" in export.sweeps_as_text(filled.sweeps())


def test_an_empty_inventory_says_so(book: Inventory) -> None:
    assert export.as_text(book.credentials(), book.secrets()) == "the inventory is empty\n"
    assert export.diff_as_text(book.difference()) == "no changes\n"


def test_the_difference_is_written_with_its_kind(filled: Inventory) -> None:
    changes = filled.difference(since=0)
    (change,) = json.loads(export.diff_as_json(changes))["credentials"]
    assert change["change"] == "new"
    assert change["changed_locations"][0]["path"] == "app.py"
    assert export.diff_as_text(changes).startswith("new ")


def test_a_fingerprint_may_be_cut_short(filled: Inventory) -> None:
    known = filled.credentials()
    assert read.one(known, credential(1).fingerprint[:8]) == known[0]
    with pytest.raises(UsageError, match="no credential"):
        read.one(known, credential(2).fingerprint)
    with pytest.raises(UsageError, match="no fingerprints"):
        read.to_forget(known, [], None)


def test_a_value_given_instead_of_a_fingerprint_is_not_repeated(filled: Inventory) -> None:
    with pytest.raises(UsageError) as error:
        read.one(filled.credentials(), "hf_SomethingThatShouldNotBeRepeated")
    assert "SomethingThat" not in str(error.value)
