"""A plugin that misbehaves costs its own results, and the report says so."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli import tokenaudit
from tests.support.mint import Mint
from tokenaudit.detect import Detector, plugin_guard
from tokenaudit.errors import ConfigurationError

HEAD = """
import sys, time
from detect_secrets.plugins.base import BasePlugin
class LookAlikeError(BaseException): pass
def deep(): return deep()
class Odd(BasePlugin):
    secret_type = 'Odd'
    def analyze_string(self, string):
"""
BODIES = {
    "exits": "sys.exit(0)",
    "exits at once": "raise SystemExit",
    "raises": "raise ValueError(string)",
    "recurses": "return deep()",
    "raises like an interrupt": "raise LookAlikeError(string)",
    "gives None": "return None",
    "yields None": "yield None",
    "yields a number": "yield 7",
    "yields bytes": "yield b'key'",
    "yields a list": "yield ['key']",
    "stops a generator": "raise GeneratorExit",
    "is out of memory": "raise MemoryError",
}
CANDIDATES = """
from detect_secrets.plugins.base import BasePlugin
from collections import namedtuple
C = namedtuple('C', 'kind start end likelihood value')
class Odd(BasePlugin):
    secret_type = 'Odd'
    def analyze_string(self, string): return ()
    def candidates(self, text):
        yield {}
"""


def plugin(folder: Path, text: str) -> Path:
    file = folder / "odd.py"
    file.write_text(text)
    return file


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_whatever_a_plugin_does_costs_its_own_results(tmp_path: Path, body: str) -> None:
    token = Mint(1).user_token()
    detector = Detector.load([plugin(tmp_path, f"{HEAD}        {body}\n")])
    examined = detector.scan(f"key = {token}\n".encode())
    assert [each.secret.reveal() for each in examined.detections] == [token]
    (reason,) = examined.skipped
    assert reason.startswith("plugin Odd ")
    assert token not in reason


@pytest.mark.parametrize(
    "given",
    ["None", "C('odd', 'a', 2, 'credential', 'x')", "C('odd', 0, 10**9, 'credential', 'x')", "C(1, 0, 1, 'x', 'y')"],
)
def test_a_match_that_is_none_is_refused(tmp_path: Path, given: str) -> None:
    examined = Detector.load([plugin(tmp_path, CANDIDATES.format(given))]).scan(b"some text")
    assert examined.detections == ()
    assert "returned an invalid match" in examined.skipped[0]


@pytest.mark.parametrize("body", ["while True: pass", "time.sleep(100)", "while True: yield string"])
def test_a_slow_plugin_is_stopped_once_and_then_left_out(
    tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_guard, "CPU_SECONDS", 0.2)
    monkeypatch.setattr(plugin_guard, "SECONDS", 0.5)
    token = Mint(2).user_token()
    detector = Detector.load([plugin(tmp_path, f"{HEAD}        {body}\n")])
    for said in ("plugin Odd ", "plugin Odd was disabled"):
        examined = detector.scan(token.encode())
        assert [each.secret.reveal() for each in examined.detections] == [token]
        assert examined.skipped[0].startswith(said)


@pytest.mark.parametrize("text", ["raise SystemExit(0)", "def f(): f()\nf()", "raise BaseException('x')"])
def test_a_plugin_that_ends_the_program_when_loaded_is_an_error_of_configuration(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="can't be loaded"):
        Detector.load([plugin(tmp_path, text)])


def test_the_audit_goes_on_and_says_that_it_is_incomplete(tmp_path: Path) -> None:
    token = Mint(3).user_token()
    place = tmp_path / "place"
    place.mkdir()
    (place / "a.txt").write_text(f"x = {token}\n")
    (place / "b.txt").write_text("nothing\n")
    file = plugin(tmp_path, f"{HEAD}        sys.exit(0)\n")
    ran = tokenaudit("scan", place, "--plugin", file, "-f", "json", home=tmp_path)
    assert ran.code == 1
    assert len(ran.report["credentials"]) == 1
    assert any("plugin Odd failed: SystemExit" in each["reason"] for each in ran.report["skipped"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_plugin_can_come_through_a_pipe(tmp_path: Path) -> None:
    text = f"{HEAD}        yield 'needle'\n"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(text,), daemon=True)
    writer.start()
    detector = Detector.load([pipe])
    assert [each.secret.reveal() for each in detector.scan(b"a needle here").detections] == ["needle"]
    module = sys.modules["tokenaudit_plugin_pipe"]
    code = module.Odd.analyze_string.__code__
    # What shows source text opens these again; nobody writes to the pipe any more.
    assert getattr(module, "__file__", None) is None
    assert code.co_filename == "<plugin pipe>"
    assert "".join(traceback.format_exception(_raised_by(module.deep))).count("<plugin pipe>") > 1


def _raised_by(function: Callable[[], object]) -> BaseException:
    with pytest.raises(RecursionError) as caught:
        function()
    return caught.value
