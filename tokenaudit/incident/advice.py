"""What to do next about one thing that is open, and the command for it."""

from __future__ import annotations

import shlex

from tokenaudit.ci.names import Names
from tokenaudit.incident.model import Kept, Touched
from tokenaudit.model import Credential
from tokenaudit.policy.context import exposed
from tokenaudit.remediate.locate import found_again
from tokenaudit.remediate.runbook.steps import ENDS_BY_ITSELF

_NOT_ASKABLE = {
    "oauth_client_secret": "make a new one in the application's settings, which ends this one",
    "oauth_refresh_token": "remove the application's access in the settings of the account that gave it",
}
"""How to end those of which whoami tells nothing, so that handing them over would lead nowhere."""


def for_credential(
    touched: Touched, credential: Credential, incident: str, endpoint: str, report: str | None
) -> tuple[str, str | None]:
    """In words, and as a command. `report` is a file that `tokenaudit plan` can read."""
    place = found_again(credential, endpoint)
    again = f" --from {place}" if place else ""
    # A report can be made by hand, and what it calls a fingerprint ends up in somebody's shell.
    mark, short = shlex.quote(touched.fingerprint), shlex.quote(touched.fingerprint[:12])
    runbook = f" The runbook: tokenaudit plan {shlex.quote(report)} --mode breach --only {short}." if report else ""
    if touched.kind in ENDS_BY_ITSELF:
        do = "It can't be revoked by its value: remove the application's access, or revoke what it was derived from."
        return do + runbook, None
    if touched.kind in _NOT_ASKABLE:
        return f"The Hub tells nobody whether it lives: {_NOT_ASKABLE[touched.kind]}.{runbook}", None
    if touched.status != "active":
        how = "" if place else " on standard input"
        return f"Hand its value over{how}, so that the Hub can be asked whether it lives.{runbook}", (
            f"tokenaudit incident {shlex.quote(incident)}{again}"
        )
    if exposed(credential):
        paste = "" if place else " Its value goes to standard input."
        do = f"It stands where others can read it: revoke it, then replace it.{paste}{runbook}"
        return do, f"tokenaudit revoke {mark}{again}"
    return f"Replace it; the old one dies first.{runbook}", f"tokenaudit rotate {mark} --mode breach{again}"


def for_kept(kept: Kept, endpoint: str, names: Names) -> tuple[str, str | None]:
    """In words, and as a command where it is a token of the Hub's in a place that `rotate` can change."""
    page = f"{endpoint}/{kept.target}/settings"
    if kept.kind == "space-variable":
        do = f"Everyone can read a variable: put a new token into a secret, then delete the variable ({page})."
        mark = shlex.quote(kept.fingerprint or "")
        command = f"tokenaudit rotate {mark} --mode breach --consumer {_consumer('space-secret', kept)}"
        return do, command if kept.fingerprint else None
    if kept.kind == "space-secret" and not names.match(kept.name):
        return f"Make a new one at the service it is for, then set it at {page}.", None
    if kept.kind in {"space-secret", "github-secret"} and " environment " not in kept.target:
        do = "Replace the token that it holds. FINGERPRINT is that token's: `tokenaudit fingerprint` tells it."
        return do, f"tokenaudit rotate FINGERPRINT --mode breach --consumer {_consumer(kept.kind, kept)}"
    where = {
        "github-secret": "in the environment's settings",
        "gitlab-variable": "under Settings, CI/CD, Variables",
        "webhook-secret": f"at {endpoint}/settings/webhooks",
        "endpoint-secret": "in the endpoint's settings",
        "job-secret": "by deleting the schedule and creating it anew",
        "job-token": "by deleting the schedule and creating it anew with another token",
    }.get(kept.kind, "there")
    return f"Make a new token and set it {where}.", None


def _consumer(kind: str, kept: Kept) -> str:
    place = kept.target.removeprefix("spaces/").removeprefix("github:")
    return shlex.quote(f"{kind}:{place}#{kept.name}")
