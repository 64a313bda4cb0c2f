"""Judges the change of one file: recognizes the format, runs every rule family, combines the risk."""

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
"""A rule family: yields its findings in one change. It reads and records skipped parts through `ChangedContent`, and
returns at once for changes that it does not cover."""

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
    """What `change` does to users of `repository`. Reads the content, and never loads, renders or runs it.

    Content that can't be read or followed is in `skipped`, and the risk is then at least `unknown`. Content never
    makes this function raise.
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
    """The worst of `risks`, `none` if there are none."""
    return min(risks, key=_WORST_FIRST.index, default="none")


def _findings(
    check: ContentCheck, change: FileChange, repository: RepositoryFacts, content: ChangedContent
) -> Iterator[ContentFinding]:
    try:
        yield from check(change, repository, content)
    except OSError as error:
        content.skip(f"could not be read: {error}")
    except RecursionError:
        content.skip("nested too deeply")
    except MemoryError:
        content.skip("not enough memory to examine it")


def _format(content: ChangedContent) -> FileFormat:
    try:
        return content.format
    except OSError as error:
        content.skip(f"could not be read: {error}")
        return "other"
