"""What `tokenaudit scan` does, and its command line where typer, which is slow to load, is not needed for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenaudit.audit.auditor import Auditor
from tokenaudit.audit.auditor import scan as scan_targets
from tokenaudit.audit.targets import Scope, named_parts, parts
from tokenaudit.cli import choices, context
from tokenaudit.cli.destinations import OutputDestination, destinations
from tokenaudit.cli.progress import progress as progress_for
from tokenaudit.cli.prompt import announce
from tokenaudit.cli.variables import PREFIX
from tokenaudit.cli.write_report import Finish
from tokenaudit.report import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable


def run_scan(
    *,
    targets: Sequence[str] | None = None,
    only: str = "",
    skip: str = "",
    staged: bool = False,
    since: str | None = None,
    ci_ref: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    inspect: bool = False,
    reach: choices.ReachChoice = choices.ReachChoice.NONE,
    honour_ignores: bool = False,
    secret_name: Sequence[str] | None = None,
    zizmor: bool = False,
    plugin: Sequence[Path] | None = None,
    formats: Sequence[OutputDestination] | None = None,
    output: Path | None = None,
    fail_on: choices.FailOn = choices.FailOn.LOW,
    baseline: Path | None = None,
    update_baseline: bool = False,
    show_unlikely: bool = False,
    show_dead: bool = False,
    config: Path | None = None,
    no_config: bool = False,
    endpoint: str | None = None,
    no_token: bool = False,
    jobs: int | None = None,
    quiet: bool = False,
    no_color: bool = False,
) -> int:
    """Runs `tokenaudit scan` with the values of its options, and returns the exit code."""
    choices.require_inspect(reach, endpoint, given=inspect)
    finish = Finish(
        destinations(formats, output),
        fail_on.value,
        baseline,
        show_unlikely=show_unlikely,
        show_dead=show_dead,
        color=not no_color,
        update_baseline=update_baseline,
        plugins=tuple(plugin or ()),
    )
    hook = context.range_of_hook() if staged and since is None else None
    scope = Scope(
        parts(only, skip),
        hook[0] if hook else since,
        hook[1] if hook else "HEAD",
        staged=staged and hook is None,
        secret_names=tuple(secret_name or ()),
        ci_refs=tuple(ci_ref or ()),
        zizmor=zizmor,
        required=named_parts(only),
    )
    if "-" in (targets or ()):
        announce("text to scan")
    settings = context.settings(config, targets or (".",), no_config=no_config, quiet=quiet)
    with progress_for(quiet=quiet, color=not no_color) as progress:
        auditor = Auditor(
            plugins=tuple(plugin or ()),
            honour_ignores=honour_ignores,
            questions=context.questions(endpoint, reach, no_token=no_token) if inspect else None,
            settings=settings,
            exclude=tuple(exclude or ()),
            jobs=jobs,
            progress=progress,
        )
        audit = scan_targets(tuple(targets or (".",)), scope, auditor)
    return finish(audit)


_SWITCHES = {
    "--staged": "staged",
    "--quiet": "quiet",
    "-q": "quiet",
    "--no-color": "no_color",
    "--no-config": "no_config",
    "--show-unlikely": "show_unlikely",
    "--show-dead": "show_dead",
    "--honour-ignores": "honour_ignores",
}
_MOST_DIGITS = 18


def _jobs(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS and int(value)):
        raise ValueError
    return int(value)


def _format(value: str) -> OutputDestination:
    if value not in FORMATS:
        raise ValueError
    return OutputDestination(value)


_VALUES: dict[str, tuple[str, Callable[[str], object]]] = {
    "--fail-on": ("fail_on", choices.FailOn),
    "--jobs": ("jobs", _jobs),
    "-j": ("jobs", _jobs),
    "--only": ("only", str),
    "--skip": ("skip", str),
    "--since": ("since", str),
}
_LISTS: dict[str, tuple[str, Callable[[str], object]]] = {
    "--exclude": ("exclude", str),
    "--format": ("formats", _format),
    "-f": ("formats", _format),
}


def plain_scan(arguments: Sequence[str], environment: Mapping[str, str]) -> Callable[[], int] | None:
    """Return what runs the command line `arguments`, the same as typer would; None where typer has to read it.

    It reads every mistake, every abbreviation, and what variables set.
    """
    if arguments[:1] != ["scan"] or any(name.lstrip("_").startswith((PREFIX, "COMP_")) for name in environment):
        return None
    given: dict[str, Any] = {"targets": []}
    words = iter(arguments[1:])
    try:
        for word in words:
            if word in _SWITCHES:
                given[_SWITCHES[word]] = True
            elif word in _VALUES:
                name, convert = _VALUES[word]
                given[name] = convert(_value(words))
            elif word in _LISTS:
                name, convert = _LISTS[word]
                given.setdefault(name, []).append(convert(_value(words)))
            elif word != "-" and word.startswith("-"):
                return None
            else:
                given["targets"].append(word)
    except ValueError:
        return None
    return partial(run_scan, **given)


def _value(words: Iterator[str]) -> str:
    value = next(words, "")
    if not value or value.startswith("-"):
        raise ValueError
    return value
