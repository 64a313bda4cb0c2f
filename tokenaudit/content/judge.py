"""Judges one change of a file: recognizes the format, asks every rule family, combines the risk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from tokenaudit.content import (
    card,
    config,
    dependencies,
    format_downgrade,
    hdf5_external,
    keras_code,
    native_code,
    path_escape,
    pickle_code,
    python_code,
    remote_code,
    repository_policy,
    safetensors,
    space,
    templates,
)
from tokenaudit.content.change import (
    ContentFinding,
    ContentJudgement,
    FileChange,
    FileFormat,
    RepositoryFacts,
    Risk,
)
from tokenaudit.content.changed_content import ChangedContent, ContentLimits

ContentCheck: TypeAlias = Callable[[FileChange, RepositoryFacts, ChangedContent], Iterator[ContentFinding]]
"""A rule family: yields what it finds in one change. It reads through the content, notes there what it can't look into,
and returns at once where the change is none of its concern."""

CHECKS: tuple[ContentCheck, ...] = (
    pickle_code.check,
    keras_code.check,
    native_code.check,
    path_escape.check,
    hdf5_external.check,
    safetensors.check,
    templates.check,
    format_downgrade.check,
    config.check,
    python_code.check,
    remote_code.check,
    repository_policy.check,
    space.check,
    dependencies.check,
    card.check,
)
"""All rule families, in the order in which their findings appear."""

_WORST_FIRST: tuple[Risk, ...] = ("executes", "misleads", "weakens", "unknown", "none")


def judge_change(
    change: FileChange, repository: RepositoryFacts, limits: ContentLimits | None = None
) -> ContentJudgement:
    """What `change` does to those who use `repository`. Reads the content, and never loads, renders or runs it.

    Content that can't be had or followed is in `skipped`, and the risk then is at least `unknown`. Raises nothing that
    depends on the content.
    """
    content = ChangedContent(change, limits)
    findings: list[ContentFinding] = []
    try:
        for check in CHECKS:
            findings += _findings(check, change, repository, content)
        form = _format(content)
    finally:
        content.close()
    unique = tuple(dict.fromkeys(findings))
    risks: list[Risk] = [each.risk for each in unique]
    if content.skipped:
        risks.append("unknown")
    return ContentJudgement(format=form, risk=worst(risks), findings=unique, skipped=tuple(content.skipped))


def worst(risks: Iterable[Risk]) -> Risk:
    """The worst of `risks`, `none` where there is none."""
    return min(risks, key=_WORST_FIRST.index, default="none")


def _findings(
    check: ContentCheck, change: FileChange, repository: RepositoryFacts, content: ChangedContent
) -> Iterator[ContentFinding]:
    try:
        yield from check(change, repository, content)
    except OSError as error:
        content.skip(f"could not be read: {error}")
    except RecursionError:
        content.skip("nested too deeply to be looked into")
    except MemoryError:
        content.skip("takes more memory to look into than there is")


def _format(content: ChangedContent) -> FileFormat:
    try:
        return content.format
    except OSError as error:
        content.skip(f"could not be read: {error}")
        return "other"
