"""A report made or changed by hand is either refused in one line or written in every format."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit.errors import ConfigurationError
from tokenaudit.report import FORMATS, render
from tokenaudit.report.json import load
from tokenaudit.report.presentation import exit_code
from tokenaudit.secret import Secret

TEXT = render(reports.leaked(Secret(Mint(3).user_token())), "json")
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.text(max_size=8),
    st.sampled_from([
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00", "2026-10-12T00:00:00",
        "active", "critical", "placeholder", "write", [], {}, "", "\u0000", "a" * 5000,
    ]),
)  # fmt: skip


def leaves(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(node, dict):
        return [path, *(leaf for key, value in node.items() for leaf in leaves(value, (*path, key)))]
    if isinstance(node, list):
        return [path, *(leaf for at, value in enumerate(node) for leaf in leaves(value, (*path, at)))]
    return [path]


PLACES = [place for place in leaves(json.loads(TEXT)) if place]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(PLACES), ODD), min_size=1, max_size=4))
def test_refused_or_written(name: str, changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    document = json.loads(TEXT)
    for place, value in changes:
        node = document
        try:
            for step in place[:-1]:
                node = node[step]
            node[place[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took that place away
    refused = ""
    try:
        report = load(json.dumps(document))
    except ConfigurationError as error:
        refused = str(error)
    if refused:
        assert "\n" not in refused
        return
    assert render(report, name, show_unlikely=True).endswith("\n")
    assert exit_code(report) in {0, 1, 3}


def test_times_without_a_zone_are_taken_as_utc() -> None:
    document = json.loads(TEXT)
    document["credentials"][0]["locations"][0]["date"] = "2026-03-26T09:30:00"
    assert "2026-03-26T09:30:00Z" in render(load(json.dumps(document)), "json")
