"""Whatever the bytes: an answer, within bounds, and no exception.

`TOKENAUDIT_FUZZ=N` runs N inputs a test; with atheris installed, `python -m tests.detect.test_fuzz` goes on for ever.
"""

from __future__ import annotations

import os
import sys
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.contexts import CONTEXTS, Context
from tests.support.mint import Mint
from tokenaudit.detect import Detector, Limits

RUNS = int(os.environ.get("TOKENAUDIT_FUZZ", "100"))
fuzzed = settings(max_examples=RUNS, deadline=None, suppress_health_check=list(HealthCheck))

SEEDS = [context.write(Mint(context.name).user_token()) for context in CONTEXTS]
MAGIC = st.sampled_from(
    [b"\x1f\x8b\x08\0", b"BZh91AY&SY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"PK\3\4", b"SQLite format 3\0"]
)


@cache
def detector() -> Detector:
    return Detector.load(limits=Limits(size=1 << 20, entries=50, work=4_000_000_000))


def check(data: bytes) -> None:
    examined = detector().scan(data)
    if examined.detections or examined.skipped:
        assert detector().may_contain(data)
    for each in examined.detections:
        assert each.line is None or (each.line >= 1 and (each.column or 0) >= 1)


@fuzzed
@given(st.binary(max_size=3000))
def test_any_bytes(data: bytes) -> None:
    check(data)


@fuzzed
@given(MAGIC, st.binary(max_size=2000), st.integers(0, 300))
def test_any_bytes_after_a_magic_number(magic: bytes, rest: bytes, before: int) -> None:
    check(bytes(before) + magic + rest)


@fuzzed
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=12), st.data())
def test_damaged_wrappings(seed: bytes, changes: list[tuple[int, int]], data: st.DataObject) -> None:
    damaged = bytearray(seed)
    for at, byte in changes:
        damaged[at % len(damaged)] = byte
    check(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))


@fuzzed
@given(st.lists(st.sampled_from(SEEDS), min_size=2, max_size=4))
def test_wrappings_glued_together(seeds: list[bytes]) -> None:
    check(b"".join(seeds))


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: f"{context.group}: {context.name}")
def test_every_wrapping_cut_anywhere(context: Context) -> None:
    seed = SEEDS[CONTEXTS.index(context)]
    for end in range(0, len(seed), max(1, len(seed) // 25)):
        check(seed[:end])


def _for_ever() -> None:
    """Guided by which code an input reaches, beginning with every context of the tables. Arguments are libFuzzer's."""
    atheris = import_module("atheris")  # optional
    for seed in SEEDS:
        check(seed)  # everything is loaded before it is instrumented
    atheris.instrument_all()
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(SEEDS):
            Path(corpus, f"{number}").write_bytes(seed)
        atheris.Setup([*sys.argv, corpus], check)
        atheris.Fuzz()


if __name__ == "__main__":
    _for_ever()
