"""Lines are those of `grep -n`: ended by a line feed, whatever else is in them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.mint import Mint
from tokenaudit.detect import Detector

TOKEN = Mint("line").user_token()
TEXTS = {
    "NUL before": "a\nb\0{}\n",
    "NUL after": "a\nb {}\0\nc",
    "NUL on both sides": "a\nb\n\0{}\0\nc",
    "NUL as line separator": "a=1\0b=2\0\nc={}\0d=3\0",
    "NUL far behind": "a\nb\n{}\n" + "x" * 9000 + "\0",
    "NUL on each line": "some text\0more\n" * 40 + "{}\0\n",
    "form feed": "a\fb\n\f{}\n",
    "vertical tab": "a\vb\n\v{}\n",
    "carriage return": "a\rb\r{}\r",
    "carriage return and line feed": "a\r\nb\r\n {}\r\n",
    "mixed line ends": "a\rb\r\nc\n\r{}\n",
    "line separator": "a\u2028b\n\u2029{}\n",
    "next line": "a\x85b\n\x85{}\n",
    "file and group separators": "a\x1cb\x1d\n" + "text " * 20 + "\x1e{}\n",
    "mark": "\ufeffa\n{}\n",
}


def by_grep(data: bytes, folder: Path) -> int:
    file = folder / "text"
    file.write_bytes(data)
    grep = shutil.which("grep")
    assert grep
    done = subprocess.run([grep, "-an", "hf_", file], capture_output=True, check=True, env={"LC_ALL": "C"})
    return int(done.stdout.split(b":")[0])


@pytest.mark.parametrize("name", TEXTS)
def test_lines_are_those_of_grep(name: str, tmp_path: Path) -> None:
    data = TEXTS[name].format(TOKEN).encode()
    (found,) = Detector.load().scan(data).detections
    assert found.line == by_grep(data, tmp_path)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_lines_of_utf_16_are_those_of_its_text(name: str, encoding: str, tmp_path: Path) -> None:
    text = TEXTS[name].format(TOKEN)
    before = "" if encoding != "utf-16" else "\ufeff"
    if encoding == "utf-16" and text.startswith("\ufeff"):
        before = ""
    data = (before + text).encode(encoding if encoding != "utf-16" else "utf-16-le")
    (found,) = Detector.load().scan(data).detections
    assert found.line == by_grep(text.encode(), tmp_path)
    assert found.via == ("utf-16",)


@pytest.mark.parametrize("rubbish", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xff\xfe\xfd"])
def test_invalid_utf_8_moves_no_line(rubbish: bytes, tmp_path: Path) -> None:
    data = b"a\n" + rubbish + b"\n" + rubbish + b" " + TOKEN.encode() + b"\n"
    (found,) = Detector.load().scan(data).detections
    assert (found.line, found.column) == (by_grep(data, tmp_path), len(rubbish) + 2)


def test_columns_count_characters_after_other_matches() -> None:
    second = Mint("second").user_token()
    found = Detector.load().scan(f"é {TOKEN} ü {second}".encode()).detections
    assert [each.column for each in found] == [3, 3 + 37 + 3]
