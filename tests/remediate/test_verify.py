"""What a new token has beyond what was asked for, and what it lacks."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from tokenaudit.model import Entity, Grant, Inspection
from tokenaudit.remediate.rotation.verify import GrantDifference, compare

READ, WRITE = "repo.content.read", "repo.write"


def compared(asked: tuple[str, ...], granted: tuple[str, ...]) -> GrantDifference:
    where = Entity("model", "acme/m")
    new = Inspection(
        "active",
        datetime(2026, 11, 25, tzinfo=timezone.utc),
        "",
        role="fineGrained",
        grants=(Grant(where, granted),),
        details_known=True,
    )
    return compare(new, [Grant(where, asked)])


@pytest.mark.parametrize(
    ("asked", "granted", "missing", "extra"),
    [
        ((READ,), (READ,), (), ()),
        ((WRITE,), (READ, WRITE), (), ()),  # the form offers both, and who may write may read
        ((READ, WRITE), (WRITE,), ("read the contents (`repo.content.read`) on model acme/m",), ()),
        ((READ,), (READ, WRITE), (), ("write the contents and settings (`repo.write`) on model acme/m",)),
    ],
)
def test_reading_goes_with_writing_but_not_the_other_way(
    asked: tuple[str, ...], granted: tuple[str, ...], missing: tuple[str, ...], extra: tuple[str, ...]
) -> None:
    assert compared(asked, granted) == GrantDifference(missing, extra)
