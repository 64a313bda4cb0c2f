"""`tokenaudit revoke`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tokenaudit.audit.auditor import scan, utc_now
from tokenaudit.cli import choices, context, options
from tokenaudit.cli.destinations import destinations, emit_each
from tokenaudit.cli.errors import ask, say
from tokenaudit.detect import Detector
from tokenaudit.errors import UsageError
from tokenaudit.remediate import revocation
from tokenaudit.report.revocation import to_json, to_text
from tokenaudit.text import parse_fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenaudit.remediate.revocation import RevocationOutcome, SecretValues


def revoke(
    fingerprints: Annotated[
        list[str], typer.Argument(metavar="FINGERPRINT...", help="Credentials to revoke (8 digits are enough).")
    ],
    from_: options.FromOption = None,
    keyring: options.KeyringOption = None,
    yes: options.YesOption = False,
    organization: Annotated[
        str | None,
        typer.Option(
            metavar="ORG",
            help="Only deny access to this organization, as its administrator.",
            rich_help_panel=options.HUB,
        ),
    ] = None,
    token_id: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Token id from the audit log, for --organization.", rich_help_panel=options.HUB
        ),
    ] = None,
    formats: options.ListFormatOption = None,
    endpoint: options.EndpointOption = None,
    no_token: options.NoTokenOption = False,
) -> None:
    """Revoke leaked credentials at the Hub. This can't be undone.

    Values are read from stdin (one per line; others than those named are left alone), from the keyring, or found by
    scanning a target. Without a terminal and without --yes nothing is sent.

    Exit codes:
      0  every credential is proven dead
      1  one is still alive or was left out
      2  wrong usage; nothing was sent
      3  accepted by the Hub, but not proven

    Examples:
      tokenaudit revoke fd45890e --from .
      cat token.txt | tokenaudit revoke fd45890e --yes
    """
    placed = destinations(formats)
    choices.require("--organization", organization, {"--token-id": token_id}, "it names a token in its audit log")
    if no_token:
        choices.refuse("--no-token", {"--organization": organization})
    hub = context.hub(endpoint, no_token=no_token)
    named = [parse_fingerprint(text) for text in fingerprints]
    values = _values(named, from_ or (), keyring or ())
    secrets = revocation.chosen(named, values.secrets)
    kinds = revocation.recognised(secrets, Detector.load())
    if not yes and not sys.stdin.isatty():
        message = "nothing was sent: not a terminal; check the preview, then rerun with --yes"
        raise UsageError(message)
    cache = context.fresh_cache()
    found = revocation.candidates(secrets, kinds, hub, now=utc_now, consumers=values.consumers, cache=cache)
    for line in revocation.preview(found, hub.endpoint, organization):
        say(line)
    if not yes and any(not c.dead for c in found):
        _confirm(revocation.phrase(found))
    if organization is None:
        outcomes = revocation.revoke_all(found, hub, now=utc_now, cache=cache)
    else:
        if hub.own is None:
            message = f"--organization needs an administrator's token; set HF_TOKEN to one of {organization}"
            raise UsageError(message)
        outcomes = revocation.revoke_all_in_organization(
            found, hub, organization, admin=hub.own.secret, token_id=token_id, now=utc_now
        )
    emit_each(placed, lambda to: (to_json if to.format == "json" else to_text)(outcomes), keep=True)
    raise typer.Exit(_exit_code(outcomes))


def _values(fingerprints: Sequence[str], targets: Sequence[str], names: Sequence[str]) -> SecretValues:

    if not targets and not names:
        asked = [f"the credential {fingerprint}" for fingerprint in fingerprints]
        return revocation.typed(asked) if sys.stdin.isatty() else revocation.of_lines(sys.stdin.buffer)
    found = [revocation.SecretValues((revocation.kept(name),)) for name in names]
    if targets:
        audit = scan(targets)
        found.append(revocation.of_audit(audit.report, audit.secrets))
    return revocation.together(*found)


def _confirm(phrase: str) -> None:
    if ask(f'This can\'t be undone. Type "{phrase}" to continue: ') != phrase:
        message = "not confirmed; nothing was sent"
        raise UsageError(message)


def _exit_code(outcomes: Sequence[RevocationOutcome]) -> int:
    results = {outcome.result for outcome in outcomes}
    if results & {"alive", "left-out"}:
        return 1
    return 3 if "unproven" in results else 0
