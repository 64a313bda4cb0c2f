"""Pickles: which names they import, and which of these are new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tokenaudit.content import path_escape
from tokenaudit.content.byte_range import ContentBudget, FileRange
from tokenaudit.content.change import ContentFinding, FileChange, FileVersion, RepositoryFacts
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.content.pickle_names import is_dangerous, library_of, name_verdict, pickle_verdict
from tokenaudit.content.pickle_reader import PickleReport, read_pickles
from tokenaudit.content.second_opinion import hub_opinion, worst_opinion
from tokenaudit.model import Rule, Severity
from tokenaudit.text import listed

CODE = Rule(
    id="content-pickle-code",
    title="Pickle that runs code when it is loaded",
    severity=Severity.HIGH,
    why="A pickle can import and call anything. Names that neither tensors nor well-known libraries need, and names "
    "that the version before did not import, were put there to run code.",
    remedy="Do not load the file. Pin the last good revision, and use safetensors.",
    bad="pytorch_model.bin imports posix.system; the version before imported only torch._utils._rebuild_tensor_v2",
    good="pytorch_model.bin imports collections.OrderedDict, torch._utils._rebuild_tensor_v2 and torch.FloatStorage",
    references=("https://huggingface.co/docs/hub/security-pickle",),
)
UNREADABLE = Rule(
    id="content-pickle-unreadable",
    title="Pickle or archive that hides its content",
    severity=Severity.HIGH,
    why="Loaders accept streams and archives that scanners reject: damaged ones, encrypted ones, ones with two members "
    "of the same name. When a loader reaches a defect, everything before it has already run.",
    remedy="Do not load the file. Restore the last good revision, or write the file again from weights that you trust.",
    bad="pytorch_model.bin, a zip archive whose archive/data.pkl is marked as encrypted; a 7z archive named model.pt",
    good="pytorch_model.bin written by torch.save",
    references=("https://www.reversinglabs.com/blog/rl-identifies-malware-ml-model-hosted-on-hugging-face",),
)
RULES = (CODE, UNREADABLE)

_MOST_NAMES = 20


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """Compares the names that the pickles import before and after."""
    del repository
    version = change.after
    if version is None:
        return
    now = _read(version, content)
    if now.format is not None and content.format in {"archive", "pickle", "other", "numpy"}:
        content.refine(now.format)
    elif now.pickles and content.format in {"other", "config", "native"}:
        content.refine("pickle")
    for reason in now.skipped:
        content.skip(reason)
    if not (now.names or now.unknown or now.unreadable or now.escapes):
        return
    before = PickleReport() if change.before is None else _read(change.before, content)
    yield from _unreadable(now, content)
    for name in list(now.escapes)[:_MOST_NAMES]:
        if name not in before.escapes:
            message = f"the archive has a member that leaves its folder: {name}"
            yield finding(path_escape.RULE, message, risk="misleads", evidence=name)
    yield from _code(change, now, before)


def _read(version: FileVersion, content: ChangedContent) -> PickleReport:
    budget = ContentBudget(content.limits)
    return read_pickles(FileRange(content.open(version), budget, 0, version.size), version.path, budget)


def _unreadable(now: PickleReport, content: ChangedContent) -> Iterator[ContentFinding]:
    for reason in list(now.unreadable)[:_MOST_NAMES]:
        content.skip(reason)
        yield finding(UNREADABLE, f"holds {reason}", risk="unknown")


def _code(change: FileChange, now: PickleReport, before: PickleReport) -> Iterator[ContentFinding]:
    verdict = pickle_verdict(now.names, unknown=bool(now.unknown))
    if verdict == "only-tensors":
        return
    new = [name for name in now.names if name not in before.names and name_verdict(name) != "only-tensors"]
    foreign = [name for name in now.names if name_verdict(name) == "code"]
    dangerous = [name for name in foreign if is_dangerous(name)]
    unknown = list(now.unknown)
    if verdict == "code":
        is_new = bool(unknown) or bool(dangerous) or any(name in new for name in foreign)
        if not is_new:
            message = f"imports {_shown(foreign)}, like the version before"
            yield finding(CODE, message, risk="none", severity=Severity.INFO, names=_names(foreign))
            return
        worst = dangerous or [name for name in foreign if name in new] or foreign
        called = [name for name in worst if name in now.called]
        what = f"calls {_shown(called)}" if called else f"imports {_shown(worst)}" if worst else unknown[0]
        also = f" and {unknown[0]}" if unknown and worst else ""
        opinion = worst_opinion(hub_opinion(now.streams), [*worst, *foreign])
        hub = f"; picklescan, which the Hub runs, rates it {opinion}" if opinion else ""
        since = "" if change.before is None or not any(name in new for name in worst) else ", which is new"
        yield finding(
            CODE,
            f"{what}{also} when it is loaded{since}{hub}",
            risk="executes",
            severity=Severity.CRITICAL if dangerous or opinion == "dangerous" else Severity.HIGH,
            names=_names([*worst, *(name for name in foreign if name not in worst)]),
            evidence=(worst or unknown)[0],
        )
    elif change.before is not None and new:
        libraries = listed(sorted({library_of(name) for name in new}))
        message = f"imports {_shown(new)}, which the version before did not: code of {libraries} runs when it is loaded"
        yield finding(CODE, message, risk="executes", severity=Severity.MEDIUM, names=_names(new))


def _shown(names: list[str]) -> str:
    return listed(names, 3)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)[:_MOST_NAMES]
