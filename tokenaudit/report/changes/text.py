"""The examination of changes for a terminal: worst repository first, what changed, what it does, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.changes import phrasing
from tokenaudit.report.terminal import STYLES, TerminalWriter, clean
from tokenaudit.text import ALL_IN_JSON, and_more, count, size, visible

if TYPE_CHECKING:
    from tokenaudit.changes.model import ChangedFile, ChangesReport, ExaminedRepository
    from tokenaudit.content.change import ContentFinding, Risk
    from tokenaudit.report import Options

_MOST_REPOSITORIES = 30
_MOST_FILES = 8
_MOST_SKIPPED = 20
_RISKS: dict[Risk, str] = {
    "executes": "bold white on red",
    "misleads": "bold red",
    "weakens": "bold yellow",
    "unknown": "bold magenta",
    "none": "bold green",
}


def render(view: ChangesReport, options: Options) -> str:
    """The whole screen."""
    screen = TerminalWriter(options.color, options.width)
    harmful = [each for each in view.repositories if phrasing.risk(each) != "none" or each.all_findings]
    for repository in harmful[:_MOST_REPOSITORIES]:
        _repository(screen, repository)
    screen.more(len(harmful), _MOST_REPOSITORIES)
    _plain(screen, [each for each in view.repositories if each not in harmful])
    screen.skipped(view.skipped, _MOST_SKIPPED)
    style = "bold red" if harmful else "bold green" if view.complete else "bold yellow"
    screen.add((visible(phrasing.sentence(view)), style))
    if view.downloaded:
        screen.add((f"{size(view.downloaded)} of contents read.", "dim"))
    return screen.written()


def _repository(screen: TerminalWriter, repository: ExaminedRepository) -> None:
    risk = phrasing.risk(repository)
    pulled = f"  {repository.downloads_month:,} downloads/month" if repository.downloads_month else ""
    screen.add(
        (f" {risk.upper()} ", _RISKS[risk]), "  ", (clean(repository.page), "bold"), pulled,
        "  private" if repository.private else "",
    )  # fmt: skip
    if risk not in {"none", "unknown"}:
        screen.row("what", clean(phrasing.does(repository)))
    shown = [file for file in phrasing.ordered(repository.files) if file.risk != "none" or file.findings]
    for file in shown[:_MOST_FILES]:
        _file(screen, repository, file)
    if len(shown) > _MOST_FILES:
        screen.row("", f"{and_more(len(shown), _MOST_FILES, ALL_IN_JSON)}")
    for finding in repository.findings:
        _finding(screen, finding)
    quiet = len(repository.files) - len(shown)
    if quiet:
        screen.row("", f"{count(quiet, 'other file')} changed without objection")
    screen.row("good", clean(phrasing.good(repository)))
    for use in repository.loaded_by[:5]:
        line = f":{use.line}" if use.line else ""
        pin = f"pinned to {use.pin[:12]}" if use.pin else "no pin known"
        screen.row("used by", clean(f"{use.where} {use.path or ''}{line}"), (f"  {pin}", "yellow"))
    for unknown in repository.not_known:
        screen.row("unknown", clean(unknown))
    _next(screen, repository)
    screen.blank()


def _next(screen: TerminalWriter, repository: ExaminedRepository) -> None:
    if phrasing.risk(repository) in {"none", "unknown"}:
        return
    pin, command = phrasing.pin(repository), phrasing.pin_command(repository)
    if pin is not None and command is not None:
        screen.row("next", "Pin every load: ", (clean(pin), "bold"))
        screen.row("", (visible(command), "bold"))
        screen.row("", clean(phrasing.revert(repository) or ""))


def _file(screen: TerminalWriter, repository: ExaminedRepository, file: ChangedFile) -> None:
    how = f"{phrasing.happened(file)} {phrasing.by_whom(repository, file)}".rstrip()
    screen.row("file", (clean(file.path), "bold"), f"  {clean(how)}")
    for finding in file.findings:
        _finding(screen, finding)
    for reason in file.skipped:
        screen.row("", (f"not examined: {clean(reason)}", "yellow"))


def _finding(screen: TerminalWriter, finding: ContentFinding) -> None:
    line = f"line {finding.line}: " if finding.line else ""
    screen.row("",
        (f"{finding.severity.value.upper()}", STYLES[finding.severity]), " ", f"{line}{clean(finding.message)}",
        (f"  [{finding.rule}]", "dim"),
    )  # fmt: skip
    if finding.evidence:
        screen.row("", (f"quoted: {clean(finding.evidence)}", "dim"))


def _plain(screen: TerminalWriter, repositories: list[ExaminedRepository]) -> None:
    """Repositories with harmless changes."""
    if not repositories:
        return
    screen.add((" CHANGED ", "bold black on green"), f"  {len(repositories):,} without objection:")
    for repository in repositories[:_MOST_REPOSITORIES]:
        commits = count(len(repository.commits), "commit")
        what = f"{count(len(repository.files), 'file')} in {commits}"
        screen.add(clean(repository.page), (f"  {what}, head {(repository.head or '')[:12]}", "dim"), indent=2)
    screen.more(len(repositories), _MOST_REPOSITORIES)
    screen.blank()
