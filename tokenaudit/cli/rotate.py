"""`tokenaudit rotate`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tokenaudit.audit.auditor import scan, utc_now
from tokenaudit.cli import choices, context, options
from tokenaudit.cli.destinations import OutputDestination, emit_each
from tokenaudit.cli.errors import ask, say
from tokenaudit.cli.output import or_stdout, width
from tokenaudit.cli.plan import PlanMode
from tokenaudit.detect import Detector
from tokenaudit.errors import UsageError
from tokenaudit.remediate import revocation
from tokenaudit.remediate.consumers import ConsumerError
from tokenaudit.remediate.rotation import setup
from tokenaudit.remediate.rotation.journal import HaltedError, to_json
from tokenaudit.report.markdown import on_terminal
from tokenaudit.report.revocation import to_markdown
from tokenaudit.service_accounts.replacement import service_account_maker
from tokenaudit.text import parse_fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokenaudit.remediate.rotation.journal import Record
    from tokenaudit.remediate.rotation.setup import KnownValues


def rotate(
    fingerprint: Annotated[
        str, typer.Argument(metavar="FINGERPRINT", help="Credential to replace (8 digits are enough).")
    ],
    consumer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND:PLACE#NAME", help="Where the token is stored, such as dotenv:.env#HF_TOKEN. Repeatable."
        ),
    ] = None,
    grant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PERMISSION@TYPE:NAME",
            help="Permission of the new token, such as repo.write@model:acme/m. Repeatable.",
        ),
    ] = None,
    from_: options.FromOption = None,
    keyring: Annotated[str | None, typer.Option(metavar="NAME", help="Read the old value from the OS keyring.")] = None,
    new_keyring: Annotated[
        str | None, typer.Option(metavar="NAME", help="Read the new value from the OS keyring.")
    ] = None,
    keep_in_keyring: Annotated[
        bool, typer.Option("--keep-in-keyring", help="Keep the new value in the OS keyring until the end.")
    ] = False,
    service_account: Annotated[
        str | None, typer.Option(metavar="ORG/ACCOUNT", help="Create the new token in this service account.")
    ] = None,
    mode: Annotated[
        PlanMode, typer.Option(metavar="MODE", help="planned revokes the old token last, breach first.")
    ] = PlanMode.PLANNED,
    journal: Annotated[Path | None, typer.Option(metavar="FILE", help="Journal file.")] = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", callback=or_stdout, help="Write the record to this file (.json or Markdown)."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the changes without applying them.")] = False,
    yes: options.YesOption = False,
    endpoint: options.EndpointOption = None,
    no_token: options.NoTokenOption = False,
) -> None:
    """Rotate one token step by step; resumable.

    Every step is verified before the next. The old and the new value are read from hidden prompts, stdin (one per
    line), the keyring, or found by scanning a target.

    Exit codes:
      0  done and verified
      1  a step failed; nothing after it was changed
      2  wrong usage

    Examples:
      tokenaudit rotate fd45890e --from . --dry-run
      tokenaudit rotate fd45890e --from . --consumer dotenv:.env#HF_TOKEN --grant repo.content.read@model:acme/m
    """
    fingerprint = parse_fingerprint(fingerprint)
    if not (yes or dry_run or sys.stdin.isatty()):
        message = "nothing was done: not a terminal; rerun with --yes, or preview with --dry-run"
        raise UsageError(message)
    if new_keyring:
        choices.refuse("--new-keyring", {"--keep-in-keyring": keep_in_keyring})
    if service_account:
        others = {"--new-keyring": new_keyring, "--keep-in-keyring": keep_in_keyring}
        choices.refuse("--service-account", others)
    if dry_run:
        choices.refuse("--dry-run", {"--keep-in-keyring": keep_in_keyring})
    request = setup.RotationRequest(
        fingerprint, tuple(consumer or ()), tuple(grant or ()), mode.value, journal, new_keyring,
        keep_in_keyring=keep_in_keyring, dry_run=dry_run, service_account=service_account,
    )  # fmt: skip
    confirm = (lambda _what, _phrase: True) if yes else _confirm
    hub = context.hub(endpoint, no_token=no_token)
    around = setup.RotationContext(
        hub, Detector.load(), os.environ, say, confirm, utc_now, context.fresh_cache(),
        lambda organization, account: service_account_maker(hub, organization, account, say, utc_now),
    )  # fmt: skip
    done = setup.finished(request, around)
    if done is not None:
        say(f"this rotation finished at {done.finished_at:%Y-%m-%d %H:%M} UTC; nothing left to do")
        _write(record, done)
        return
    known, rescan = _known(fingerprint, from_ or [], keyring)
    walk = setup.begin(request, known, around, rescan)
    try:
        finished = walk.run()
    except (HaltedError, ConsumerError) as error:
        say(f"stopped: {error}")
        say("later steps were not started; fix the error and run the same command again")
        _write(record, walk.journal.record)
        raise typer.Exit(1) from None
    if not dry_run:
        setup.forget(walk.old.fingerprint)
    _write(record, finished)


def _known(
    fingerprint: str, targets: list[str], keyring: str | None
) -> tuple[KnownValues, Callable[[], list[str]] | None]:

    parts = [setup.old_in_keyring(keyring)] if keyring else []
    audit = scan(targets) if targets else None
    if audit is not None:
        parts.append(revocation.of_audit(audit.report, audit.secrets))
    handed = None if sys.stdin.isatty() else revocation.of_lines(sys.stdin.buffer)
    if handed is None and not parts:
        parts.append(revocation.typed([f"the old token {fingerprint}"]))
    known = setup.known(fingerprint, parts, handed, audit.report if audit is not None else None)
    return known, (lambda: setup.places(fingerprint, scan(targets).report)) if targets else None


def _confirm(what: str, phrase: str) -> bool:
    return ask(f'{what}\nThis can\'t be undone. Type "{phrase}" to continue: ') == phrase


def _write(path: Path | None, record: Record) -> None:

    written = to_json(record) if path is not None and path.suffix == ".json" else to_markdown(record)
    shown = written if width(path) is None else on_terminal(written)
    emit_each((OutputDestination("markdown", path),), lambda _to: shown, keep=True)
