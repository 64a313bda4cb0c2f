"""The examination of changes as Markdown for an issue tracker. Names and titles are untrusted and are escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.changes import phrasing
from tokenaudit.report.markdown import code, on_terminal, text
from tokenaudit.report.plan import prose
from tokenaudit.text import and_more, count, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tokenaudit.changes.model import ChangedFile, ChangesReport, ExaminedRepository
    from tokenaudit.report import Options

_MOST = 200


def render(view: ChangesReport, options: Options) -> str:
    """The whole document."""
    lines = ["# Changes since " + text(phrasing.since(view.since)), "", f"**{text(phrasing.sentence(view))}**", ""]
    for repository in view.repositories[:_MOST]:
        lines += repository_lines(repository)
    lines += _more(len(view.repositories))
    if view.skipped:
        lines += [f"## Skipped: {count(len(view.skipped), 'place')}", ""]
        lines += [f"- {code(entry.where)}: {text(entry.reason)}" for entry in view.skipped[:_MOST]]
        lines += [*_more(len(view.skipped)), ""]
    page = "\n".join(lines).rstrip("\n") + "\n"
    return page if options.width is None else on_terminal(page)


def repository_lines(repository: ExaminedRepository) -> list[str]:
    """One repository as a section."""
    risk = phrasing.risk(repository)
    pulled = f", {repository.downloads_month:,} downloads/month" if repository.downloads_month else ""
    lines = [f"## {code(repository.page)}: {risk}{pulled}", ""]
    if risk not in {"none", "unknown"}:
        lines += [f"{prose(phrasing.does(repository))[:1].upper()}{prose(phrasing.does(repository))[1:]}.", ""]
    for file in phrasing.ordered(repository.files)[:_MOST]:
        lines += _file(repository, file)
    lines += [*_more(len(repository.files)), f"- Last good revision: {code(phrasing.good(repository))}"]
    for use in repository.loaded_by[:_MOST]:
        pin = f"pinned to {code(use.pin)}" if use.pin else "no pin known"
        lines.append(f"- Loaded by {code(' '.join(filter(None, (use.where, use.path))))}, {pin}")
    lines += [f"- Unknown: {text(each)}" for each in repository.not_known]
    command = phrasing.pin_command(repository)
    if command is not None and risk not in {"none", "unknown"}:
        lines += [
            f"- Pin every load: {code(phrasing.pin(repository) or '')}",
            f"- {prose(phrasing.revert(repository) or '')}",
        ]
        lines += ["", "```sh", visible(command), "```"]
    return [*lines, ""]


def _file(repository: ExaminedRepository, file: ChangedFile) -> Iterator[str]:
    who = phrasing.by_whom(repository, file)
    yield f"- [ ] {code(file.path)} {text(phrasing.happened(file))} {text(who)}: {text(phrasing.DOES[file.risk])}"
    for finding in file.findings:
        quoted = f" Quoted: {code(finding.evidence)}" if finding.evidence else ""
        what = f"**{finding.severity.value}** {text(finding.message)} ({code(finding.rule)})"
        yield f"  - {what}.{quoted} {prose(finding.remedy)}"
    for reason in file.skipped:
        yield f"  - Not examined: {text(reason)}"


def _more(total: int) -> list[str]:
    left = and_more(total, _MOST, "`--format json` lists all")
    return ["", f"{left.capitalize()}."] if left else []
