"""A credential again and again in one body: every one counted, the first ones listed, every other credential found."""

from __future__ import annotations

import base64
import gzip
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.support.mint import Mint
from tokenaudit.detect import Detector

TOKEN, LAST = Mint("again").user_token(), Mint("last").user_token()
TIMES = 5_000
LISTED = 100


@cache
def detector() -> Detector:
    return Detector.load()


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("debug.log", data)
    return out.getvalue()


LOG = "".join(f"{number} Authorization: Bearer {TOKEN}\n" for number in range(TIMES)) + f"last {LAST}\n"
WRITTEN: dict[str, Callable[[], bytes]] = {
    "lines": LOG.encode,
    "one line": lambda: LOG.replace("\n", " ").encode(),
    "one line that is no UTF-8": lambda: b"\xff" + LOG.replace("\n", " ").encode(),
    "gzip": lambda: gzip.compress(LOG.encode()),
    "zip": lambda: zipped(LOG.encode()),
    "base64": lambda: base64.b64encode(LOG.encode()),
    "folded base64": lambda: base64.encodebytes(LOG.encode()),
    "UTF-16": lambda: LOG.encode("utf-16"),
    "escaped": lambda: LOG.replace("_", "\\u005f").encode(),
    "each in base64": lambda: b"".join(
        base64.b64encode(each.encode()) + b"\n" for each in [*[TOKEN] * TIMES, LAST]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_repeats_are_counted_and_the_first_ones_listed(name: str) -> None:
    data = WRITTEN[name]()
    found = detector().scan(data)
    assert found.skipped == ()
    again = [each for each in found.detections if each.secret.reveal() == TOKEN]
    assert len(again) == LISTED
    assert [each.repeats for each in again] == [0] * (LISTED - 1) + [TIMES - LISTED]
    assert [each.repeats for each in found.detections if each.secret.reveal() == LAST] == [0]
    assert detector().scan(data) == found


@pytest.mark.parametrize("name", ["lines", "gzip", "UTF-16"])
def test_the_first_places_are_listed_in_order(name: str) -> None:
    found = detector().scan(WRITTEN[name]()).detections
    assert [each.line for each in found] == [*range(1, LISTED + 1), TIMES + 1]


def test_distinct_values_are_all_listed() -> None:
    mint = Mint("distinct")
    values = [mint.user_token() for _ in range(3_000)]
    found = detector().scan(" ".join(values).encode())
    assert [each.secret.reveal() for each in found.detections] == values
    assert [each.column for each in found.detections] == [1 + 38 * number for number in range(3_000)]
    assert found.skipped == ()


def test_distinct_placeholders_are_all_counted() -> None:
    values = ["hf_" + (f"yourtokenhere{number}" + "x" * 40)[:34] for number in range(3_000)]
    found = detector().scan("\n".join(values).encode())
    assert [each.secret.reveal() for each in found.detections] == values
    assert {each.likelihood for each in found.detections} == {"placeholder"}
    assert found.skipped == ()


def scanned(file: Path, *options: str) -> str:
    command = [sys.executable, "-m", "tokenaudit", "scan", "--quiet", *options, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_a_report_says_how_many_places_are_not_listed(tmp_path: Path) -> None:
    file = tmp_path / "debug.log"
    file.write_text(LOG)
    report = json.loads(scanned(file, "--format", "json"))
    assert report["complete"] is True
    repeats = [[location["repeats"] for location in each["locations"]] for each in report["credentials"]]
    assert sorted(repeats) == [[0], [0] * (LISTED - 1) + [TIMES - LISTED]]
    assert f"and {TIMES - 5:,} more" in scanned(file)
