"""A credential again and again in one body: every one counted, the first ones listed, every other credential found."""

from __future__ import annotations

import base64
import csv
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
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.mint import Mint
from tokenaudit import windows
from tokenaudit.audit.auditor import scan
from tokenaudit.detect import Detector
from tokenaudit.detect.limits import Limits
from tokenaudit.report import FORMATS, render

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


def test_every_format_says_how_many_places_are_not_listed(tmp_path: Path) -> None:
    file = tmp_path / "debug.log"
    file.write_text(LOG)
    audit = scan([str(file)])
    left = f"and {TIMES - LISTED:,} more in this file"
    for name in FORMATS:
        written = render(audit.report, name)
        if name == "json":
            continue
        counts = (
            f"{TIMES - 5:,} more",
            f"{TIMES - 10:,} more",
            f"{TIMES - 9:,} more findings",
            f"{TIMES - LISTED:,} more",
        )
        shown = (left, *counts)
        assert any(words in written for words in shown), name
    (sarif,) = json.loads(render(audit.report, "sarif"))["runs"]
    assert sorted(each.get("occurrenceCount", 1) for each in sarif["results"])[-2:] == [1, 1 + TIMES - LISTED]
    rows = list(csv.DictReader(io.StringIO(render(audit.report, "csv"), newline="")))
    assert sorted(int(row["repeats"]) for row in rows)[-2:] == [0, TIMES - LISTED]


@pytest.mark.parametrize("form", ["lines", "no line ends", "blanks"])
def test_a_file_of_several_windows_has_one_count(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows overlap: what both of two show counts once, at whatever place the border is."""
    monkeypatch.setattr(windows, "WINDOW", 40_000)
    monkeypatch.setattr(windows, "OVERLAP", 4_000)
    end = {"lines": "\n", "no line ends": " ", "blanks": "\n\n" * 40}[form]
    times = {"lines": 5_000, "no line ends": 5_000, "blanks": 1_000}[form]
    data = (f"{TOKEN}{end}" * times + f"{LAST}{end}").encode()
    found = windows.examine_windows(windows.windows(io.BytesIO(data).read), detector())
    again = [each for each in found.detections if each.secret.reveal() == TOKEN]
    assert len(again) + sum(each.repeats for each in again) == times
    assert [each.repeats for each in again if each.repeats] == [again[-1].repeats]
    assert [each.secret.reveal() for each in found.detections if each.repeats == 0][-1] == LAST
    assert found.skipped == ()


@given(st.lists(st.integers(0, 500), max_size=60))
@settings(max_examples=15, deadline=None)
def test_windows_count_what_the_whole_counts(gaps: list[int]) -> None:
    data = b"".join(b" " * gap + TOKEN.encode() + b"\n" for gap in gaps)
    whole = Detector.load(limits=Limits(places=5)).scan(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "WINDOW", 3_000)
        patch.setattr(windows, "OVERLAP", 900)
        parts = windows.windows(io.BytesIO(data).read)
        found = windows.examine_windows(parts, Detector.load(limits=Limits(places=5)))
    total = len(found.detections) + sum(each.repeats for each in found.detections)
    assert total == len(whole.detections) + sum(each.repeats for each in whole.detections) == len(gaps)
    assert found.detections[:4] == whole.detections[:4]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([b"a", b"\n", "ä".encode(), b"word \n", b"x" * 40]), max_size=120), st.integers(1, 50))
def test_going_back_gives_the_same_windows(pieces: list[bytes], most: int) -> None:
    data = b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "WINDOW", 300)
        patch.setattr(windows, "OVERLAP", 90)
        patch.setattr(windows, "_PART", 7)
        file = io.BytesIO(data)
        joined = list(windows.windows(io.BytesIO(data).read))
        gone_back = list(
            windows.windows(lambda size: file.read(min(size, most)), back=lambda size: file.seek(-size, 1))
        )
    assert gone_back == joined
    start = 0
    for window in joined:
        start -= window.overlap
        assert data[start : start + len(window.data)] == window.data
        line = data[:start].rpartition(b"\n")[2]
        characters = sum(not 0x80 <= byte < 0xC0 for byte in line)  # those that begin in it
        assert (window.line, window.column) == (data[:start].count(b"\n") + 1, characters + 1)
        start += len(window.data)
    assert start == len(data)
