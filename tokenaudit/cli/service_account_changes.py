"""`tokenaudit service-accounts create-token`, `rotate` and `narrow`: what changes tokens at the Hub."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tokenaudit import exit_codes
from tokenaudit.audit.auditor import utc_now
from tokenaudit.cli import context, options
from tokenaudit.cli.errors import ask, say
from tokenaudit.cli.output import emit
from tokenaudit.errors import UsageError
from tokenaudit.remediate.consumers import ConsumerError
from tokenaudit.remediate.rotation.journal import HaltedError
from tokenaudit.report.service_accounts import record_as_text
from tokenaudit.service_accounts import narrow as narrowing
from tokenaudit.service_accounts import setup
from tokenaudit.text import parse_fingerprint, visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokenaudit.service_accounts.delivery import TokenDelivery

OrganizationArgument = Annotated[str, typer.Argument(metavar="ORG", help="Organization of the Hub.")]
AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Service account: id or name.")]
TokenArgument = Annotated[str, typer.Argument(metavar="TOKEN", help="Token: id, name or last four characters.")]
PlanOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Rights of a plan (`tokenaudit plan --format json`).")
]
CredentialOption = Annotated[
    str | None, typer.Option(metavar="FINGERPRINT", help="Credential of the plan, if it has several.")
]
GrantOption = Annotated[
    list[str] | None,
    typer.Option(metavar="PERMISSION[@ENTITY]", help="Such as repo.write@model:acme/m. Repeatable."),
]
ToOption = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        metavar="CONSUMER",
        help="space:acme/app:NAME, github:acme/repo:NAME, gitlab:group/project:NAME, keyring:NAME, file:PATH. "
        "Repeatable.",
    ),
]
JournalOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Journal file.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show the changes without applying them.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Don't ask for confirmation.")]


def create_token(
    organization: OrganizationArgument,
    account: AccountArgument,
    plan: PlanOption = None,
    credential: CredentialOption = None,
    grant: GrantOption = None,
    to: ToOption = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the token. Default: its first consumer.")
    ] = None,
    journal: JournalOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    endpoint: options.EndpointOption = None,
) -> None:
    """Create a token with exactly the rights of a plan, and deliver it to its consumers.

    The value is never printed. Rights that the API can't express are refused, never widened. Needs
    org.serviceAccounts.write. An interrupted command resumes.

    Exit codes:
      0  delivered and verified
      1  a step failed
      2  wrong usage; nothing was sent
      3  delivered, but the Hub gave no clear response to the verification

    Examples:
      tokenaudit service-accounts create-token acme ci --plan plan.json --to github:acme/app:HF_TOKEN
      tokenaudit service-accounts create-token acme ci --grant repo.content.read@model:acme/m --to file:../hf-token
    """
    around = _around(endpoint, journal, dry_run=dry_run, yes=yes)
    fingerprint = parse_fingerprint(credential) if credential else None
    wanted = setup.wanted_rights(organization, plan, fingerprint, grant or ())
    _run(lambda: setup.begin_create(organization, account, wanted, to or (), name, around))


def rotate(
    organization: OrganizationArgument,
    account: AccountArgument,
    token: TokenArgument,
    to: ToOption = None,
    journal: JournalOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    endpoint: options.EndpointOption = None,
) -> None:
    """Rotate a token, and deliver the new value to its consumers.

    The old value stops working at once, so every consumer is checked first. Interrupted between rotation and delivery,
    the next run creates a second token, delivers it and deletes the first. Exit codes as for create-token.

    Examples:
      tokenaudit service-accounts rotate acme ci deploy --to space:acme/app:HF_TOKEN --dry-run
    """
    around = _around(endpoint, journal, dry_run=dry_run, yes=yes)
    _run(lambda: setup.begin_rotate(organization, account, token, to or (), around))


def narrow(
    organization: OrganizationArgument,
    account: AccountArgument,
    token: TokenArgument,
    plan: PlanOption = None,
    credential: CredentialOption = None,
    grant: GrantOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    endpoint: options.EndpointOption = None,
) -> None:
    """Reduce a token's rights to those of a plan, and show what it loses.

    Exit codes:
      0  narrowed and verified, or already as narrow
      1  a step failed
      2  wrong usage; nothing was sent

    Examples:
      tokenaudit service-accounts narrow acme ci deploy --plan plan.json --dry-run
    """
    around = _around(endpoint, None, dry_run=dry_run, yes=yes)
    fingerprint = parse_fingerprint(credential) if credential else None
    wanted = setup.wanted_rights(organization, plan, fingerprint, grant or ())
    try:
        result = narrowing.begin_narrow(organization, account, token, wanted, around).run()
    except HaltedError as error:
        say(f"stopped: {error}")
        raise typer.Exit(1) from None
    emit({"narrowed": "narrowed", "unchanged": "nothing to remove", "previewed": "nothing was changed"}[result])


def _around(endpoint: str | None, journal: Path | None, *, dry_run: bool, yes: bool) -> setup.ChangeContext:
    if not (yes or dry_run or sys.stdin.isatty()):
        message = "nothing was sent: not a terminal; rerun with --yes, or preview with --dry-run"
        raise UsageError(message)
    confirm = (lambda _what, _phrase: True) if yes else _confirm
    hub = context.hub(endpoint, no_token=False)
    show = (lambda line: emit(visible(line))) if dry_run else say  # a preview is the output of the command
    return setup.ChangeContext(
        hub, os.environ, show, confirm, utc_now, context.fresh_cache(), dry_run=dry_run, journal=journal
    )


def _confirm(_what: str, phrase: str) -> bool:
    return ask(f'Type "{phrase}" to continue: ') == phrase


def _run(begin: Callable[[], TokenDelivery]) -> None:
    delivery = None
    try:
        delivery = begin()
        result = delivery.run()
    except (HaltedError, ConsumerError) as error:
        say(f"stopped: {error}")
        if delivery is not None and delivery.journal.path is not None and delivery.is_started:
            say("fix the error and run the same command again")
        raise typer.Exit(1) from None
    emit(record_as_text(result.record, dry_run=delivery.dry_run))
    raise typer.Exit(0 if result.proven else exit_codes.INCOMPLETE)
