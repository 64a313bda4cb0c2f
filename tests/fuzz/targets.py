"""Fuzz targets: each takes bytes, and must answer within bounds, without an exception, without giving a value away."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

from dulwich.errors import ApplyDeltaError

from tests.ci.labelled import SYSTEMS
from tests.hub import bodies
from tests.support import reports
from tests.support.contexts import CONTEXTS
from tests.support.mint import Mint
from tests.support.randomrepo import random_repository
from tests.support.toy import ToyExaminer
from tokenaudit.audit_log.aggregate import UsageAggregator
from tokenaudit.audit_log.events import NotALogError
from tokenaudit.audit_log.model import FoundCredential
from tokenaudit.ci import audit_files
from tokenaudit.code_usage import needs_of
from tokenaudit.detect import Detector, Limits
from tokenaudit.git.layout import open_repository
from tokenaudit.git.object_store import plan
from tokenaudit.git.pack.delta import LargeResultError, build, delta_insertions
from tokenaudit.git.pack.reader import PackPartition
from tokenaudit.hub.result import Reply
from tokenaudit.inspect.whoami import parse_whoami
from tokenaudit.interfaces import ScanContext
from tokenaudit.map_text import map_text
from tokenaudit.model import Tool
from tokenaudit.redaction import mask, redactor
from tokenaudit.report import FORMATS, render
from tokenaudit.secret import Secret
from tokenaudit.sources.local.git_history import HistoryMatcher, HistorySource

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)
_REACH = 4
"""Bytes around an insertion that are searched with it: few, so that short inputs have both kinds of copies."""
_CODE = ("train.py", "publish.sh", "app.ts", "notebook.ipynb", "Dockerfile", "Makefile")


@dataclass(frozen=True)
class Target:
    """One input format: valid inputs to begin with, the check that every input has to pass, and the code it is about.

    `modules` are patterns of paths from the root of the project, as `coverage` takes them.
    """

    seeds: Callable[[], list[bytes]]
    check: Callable[[bytes], None]
    modules: tuple[str, ...]


@cache
def detector() -> Detector:
    """The shipped detectors with small limits, so that one input takes little time."""
    return Detector.load(limits=Limits(size=1 << 20, entries=50, work=4_000_000_000))


def _detect(data: bytes) -> None:
    found = detector().scan(data)
    if found.detections or found.skipped:
        assert detector().may_contain(data)
    for each in found.detections:
        assert each.line is None or (each.line >= 1 and (each.column or 0) >= 1)


@cache
def _repository() -> Path:
    return random_repository(Path(tempfile.mkdtemp()) / "r.git", 1, plant=[Mint(1).user_token()]).path


def _pack(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(_repository(), Path(folder) / "r.git"))
        (pack,) = (copy / "objects" / "pack").glob("*.pack")
        pack.chmod(0o600)
        pack.write_bytes(data)
        for _finding in HistorySource(copy, "r").findings(ScanContext(detector())):
            pass
        ways = [_searched(copy, is_compiled=is_compiled) for is_compiled in (False, True)]
        assert ways[0] == ways[1]


def _searched(path: Path, *, is_compiled: bool) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Hits and unread objects of a repository that is read like a large one, with the compiled part if installed."""
    partitions = [
        replace(each, is_compiled=is_compiled) if isinstance(each, PackPartition) else each
        for each in plan(open_repository(path), 1, small=0).partitions
    ]
    batches = [batch for each in partitions for batch in each.search(HistoryMatcher(detector()))]
    unread = sorted((item.id, item.reason) for batch in batches for item in batch.unread)
    return sorted(hit for batch in batches for hit in batch.hits), unread


def _pack_seeds() -> list[bytes]:
    return [each.read_bytes() for each in (_repository() / "objects" / "pack").glob("*.pack")]


def _delta(data: bytes) -> None:
    size = data[0] if data else 0
    base, delta = data[1 : size + 1], data[size + 1 :]
    try:
        made = build(base, delta)
    except (ValueError, ApplyDeltaError, LargeResultError):
        return
    inserted = delta_insertions(base, delta, _REACH)
    if inserted is None:
        return
    assert inserted.size == len(made)
    for length in (1, 2, _REACH, _REACH + 1):
        for at in range(min(len(made), 1000) - length + 1):
            run = made[at : at + length]
            assert run in base or run in inserted.pieces


def _delta_seeds() -> list[bytes]:
    # Base of 11 bytes; source size 11, target size 16, copy 11 bytes from 0, insert 5.
    return [b"\x0bhello world" + bytes([11, 16, 0b10010000, 11, 5]) + b"again"]


def _ci(data: bytes) -> None:
    path, _, text = data.partition(b"\0")
    list(audit_files([(path.decode("utf-8", "replace"), text)], "repo", (), ToyExaminer()))


def _ci_seeds() -> list[bytes]:
    script = 'echo "$HF_TOKEN"\nhf upload acme/m . --token "$HF_TOKEN"'
    return [path.encode() + b"\0" + wrap(script).encode() for path, wrap in SYSTEMS.values()]


def _usage(data: bytes) -> None:
    for path in _CODE:
        needs_of(path, data)


def _usage_seeds() -> list[bytes]:
    labelled = Path(__file__).parent.parent / "code_usage" / "labelled"
    return [part for file in sorted(labelled.glob("*.txt")) for part in file.read_bytes().split(b"\n\n")[:60]]


def _whoami(data: bytes) -> None:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return
    parse_whoami(Reply(200, body), Secret(Mint(1).user_token()), now=NOW, endpoint="https://huggingface.co")


def _whoami_seeds() -> list[bytes]:
    return [json.dumps(shape).encode() for shape in bodies.shapes().values()]


def _audit_log(data: bytes) -> None:
    log = UsageAggregator("acme", [FoundCredential("f" * 32, "abcd", None)])
    with suppress(NotALogError):
        log.read("log", (data[at : at + 100] for at in range(0, len(data), 100)))
    log.report(Tool("tokenaudit", ""))


def _audit_log_seeds() -> list[bytes]:
    event = {"type": "repo.add_secret", "createdAt": "2026-10-01T09:00:00.000Z", "author": {"user": {"user": "alice"}}}
    return [json.dumps([event] * 3).encode(), b"[]"]


def _redaction(data: bytes) -> None:
    value = Mint(2).user_token()
    text = data.decode("utf-8", "surrogateescape").replace("\0", value)
    assert value not in redactor([Secret(value)])(text)
    assert value not in mask(text)


def _redaction_seeds() -> list[bytes]:
    return [b"path/\0/x", b"a%\0%b", b"{'token': '\0'}", "ключ \0".encode(), b"hf_\0hf_\0"]


def _reports(data: bytes) -> None:
    value = Mint(3).user_token()
    hostile = data.decode("utf-8", "surrogateescape")[:200]
    keep = {"critical", "high", "medium", "low", "info"}
    report = map_text(
        reports.leaked(Secret(value)), lambda text: text if text in keep or len(text) < 8 else f"{text}{hostile}"
    )
    for name in FORMATS:
        written = render(report, name)
        assert value not in written


def _report_seeds() -> list[bytes]:
    return [
        b"::error::x",
        b"\x1b[31m",
        b"</script><script>",
        b"|`*_[](",
        b"=cmd()",
        "\u202e\ufeff".encode(),
        b"##[group]",
    ]


def _contexts() -> list[bytes]:
    return [context.write(Mint(context.name).user_token()) for context in CONTEXTS]


TARGETS: dict[str, Target] = {
    "detection": Target(_contexts, _detect, ("tokenaudit/detect/*",)),
    "pack": Target(_pack_seeds, _pack, ("tokenaudit/git/pack/*",)),
    "delta": Target(_delta_seeds, _delta, ("tokenaudit/git/pack/delta.py",)),
    "ci": Target(_ci_seeds, _ci, ("tokenaudit/ci/*",)),
    "code-usage": Target(_usage_seeds, _usage, ("tokenaudit/code_usage/*",)),
    "whoami": Target(_whoami_seeds, _whoami, ("tokenaudit/inspect/whoami.py", "tokenaudit/inspect/json_reader.py")),
    "audit-log": Target(_audit_log_seeds, _audit_log, ("tokenaudit/audit_log/*",)),
    "redaction": Target(_redaction_seeds, _redaction, ("tokenaudit/redaction.py", "tokenaudit/text.py")),
    "reports": Target(_report_seeds, _reports, ("tokenaudit/report/*",)),
}
"""Every target by name, in the order of the campaign."""
