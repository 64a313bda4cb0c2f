"""The files that one opens to follow a finding from a pack to the screen."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import CodeType, FrameType

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.cli.app import build
from tokenaudit.git import object_store
from tokenaudit.git.pack import compiled
from tokenaudit.interfaces import Detection, LocatedDetection
from tokenaudit.model import Credential, Location, Report
from tokenaudit.secret import Secret

_FOLDER = f"{Path(object_store.__file__).resolve().parents[1]}{os.sep}"
_RULES = "policy/rules/"
"""One file a rule: each of them looks at a finding in the same way."""

_CARRIERS = (Secret, Detection, LocatedDetection, Credential, Location, Report)
_DEPTH = 3
_LEVELS = 6
_MOST_ITEMS = 20


def files_of_finding(folder: Path) -> set[str]:
    """The files of the package that lead to a function which is given, holds or returns the finding, without the rules.

    A repository with one credential in a pack is made in `folder`, and `tokenaudit scan` runs on it in this process.
    """
    repository = GitRepo(folder)
    token = Mint(5).user_token()
    repository.commit("leak", {"settings.py": f"import os\ntoken = '{token}'\n"})
    repository.git("gc", "--quiet")
    secret = Secret(token)
    marks = (token, secret.fingerprint, secret.display)
    seen: set[str] = set()
    steps: set[tuple[CodeType, ...]] = set()

    def trace(frame: FrameType, event: str, result: object) -> None:
        name = _file(frame)
        if event != "return" or name is None:
            return
        step = tuple(_calls(frame))
        if step not in steps and (_carries(result, marks) or _carries(frame.f_locals, marks)):
            steps.add(step)
            seen.update(_files_above(frame))

    screen = TextIOWrapper(BytesIO(), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(screen):
        patch.setattr(object_store, "SMALL_REPOSITORY", 0)  # a pack of any size is read directly
        patch.setattr(compiled, "accelerator", lambda: None)  # which not every environment has
        sys.setprofile(trace)
        try:
            build("scan")(["scan", "--only", "history", "--no-config", str(folder)], standalone_mode=False)
        finally:
            sys.setprofile(None)
    screen.seek(0)
    assert secret.display in screen.read()
    return {name for name in seen if not name.startswith(_RULES)}


def _file(frame: FrameType) -> str | None:
    """The file of a function of the package; None for other code, and for what runs while a module is loaded."""
    path = frame.f_code.co_filename
    if not path.startswith(_FOLDER) or not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        return None
    return path[len(_FOLDER) :].replace(os.sep, "/")


def _calls(frame: FrameType | None) -> Iterator[CodeType]:
    """What tells a call from others: the function and those that lead to it, as far as they differ in practice."""
    for _ in range(_LEVELS):
        if frame is not None:
            yield frame.f_code
            frame = frame.f_back


def _files_above(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        name = _file(frame)
        if name is not None:
            yield name
        frame = frame.f_back


def _carries(value: object, marks: tuple[str, ...], depth: int = _DEPTH) -> bool:
    """Whether a value is the finding, a text that shows it, or a collection of such."""
    if isinstance(value, (str, bytes)):
        text = value if isinstance(value, str) else value.decode("latin-1")
        return any(mark in text for mark in marks)
    if isinstance(value, _CARRIERS):
        return True
    if not depth or hasattr(value, "_fields"):  # a named tuple is an object with attributes, like a dataclass
        return False
    if isinstance(value, Mapping):
        return any(_carries(item, marks, depth - 1) for item in list(value.values())[:_MOST_ITEMS])
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(_carries(item, marks, depth - 1) for item in list(value)[:_MOST_ITEMS])
    return False
