"""The best replacement for one credential.

In order of preference: no token, a Trusted Publisher, a service account, one fine-grained token per use; never a
classic token.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tokenaudit.model import Credential, Entity, Evidence, Grant, Inspection, Problem, Recommendation
from tokenaudit.permissions import (
    DISCUSS,
    GATED,
    GLOBAL,
    READ,
    REPOSITORY_TYPES,
    TOKEN_PERMISSIONS,
    TOKEN_REPOSITORY_PERMISSIONS,
    WRITE,
    name_of,
    namespace_of,
    page_of,
)
from tokenaudit.remediate.grants import Wanted, creation_link, wanted, web_address

_NO_LIST = (
    "The permissions come from the scanned code only: libraries, other notebooks, configuration read at run time and "
    "other repositories that use the same secret were not analyzed."
)
_NOT_A_USER_TOKEN = {
    "oauth_token": "An OAuth access token expires; sign in again (`hf auth login`) instead of replacing it, and "
    "remove the application's access at settings/connected-applications if it leaked.",
    "oauth_refresh_token": "Sign in again (`hf auth login`) to replace an OAuth refresh token.",
    "oidc_token": "A Trusted Publisher token is valid for one hour and is created by each run: create nothing. "
    "Find out why it was stored.",
    "app_token": "Renew an app token on the page of its application.",
    "s3_token": "S3 keys are derived from a token: revoke and replace that token, then generate new keys.",
    "oauth_client_secret": "Refresh a client secret on its application's settings page; the old one stops working "
    "immediately.",
    "org_token": "Organization tokens were withdrawn in 2024: use a member's fine-grained token or a service account "
    "instead.",
    "legacy_token": "Tokens of this legacy format have the access of a classic token.",
}
_NOTHING_TO_CREATE = frozenset(
    {"oauth_token", "oauth_refresh_token", "oidc_token", "app_token", "s3_token", "oauth_client_secret"}
)
_WITH_SERVICE_ACCOUNTS = frozenset({"enterprise", "plus"})


def recommend(credential: Credential, evidence: Sequence[Evidence] = (), *, patch: str | None = None) -> Recommendation:
    """The replacement for `credential`, based on the permissions that its code uses.

    Without inspection and evidence, it is a fine-grained token without grants. `patch` is a change of CI configuration
    that makes a job keyless, if known. Pure: no I/O.
    """
    kind_note = _NOT_A_USER_TOKEN.get(credential.kind)
    notes = [kind_note] if kind_note else []
    if credential.kind in _NOTHING_TO_CREATE:
        replacement = "trusted-publisher" if credential.kind == "oidc_token" else "fine-grained"
        return Recommendation(replacement, patch=patch, evidence=tuple(evidence), notes=tuple(notes))  # type: ignore[arg-type]
    inspection = credential.inspection
    if not any(e.certainty != "not-seen" for e in evidence):
        return _without_evidence(inspection, tuple(evidence), patch, notes)
    want = wanted(evidence, inspection)
    notes += _about_evidence(evidence, want)
    if inspection is None or inspection.account is None:
        notes += _about_discussions(want)
    endpoint = inspection.endpoint if inspection else None
    if not want.grants and not want.unplaced:
        return Recommendation("no-token", (), None, patch, tuple(evidence), (*notes, *_anonymous(evidence)))
    keyless = _publisher(want, evidence, patch)
    if keyless:
        place, words = keyless
        return Recommendation(
            "trusted-publisher",
            want.grants,
            f"{web_address(endpoint)}/{place}",
            patch,
            tuple(evidence),
            (words, *notes),
        )
    organization = _service_account(want, evidence, inspection)
    if organization:
        notes[:0] = _service_account_notes(organization, want)
    link = creation_link(want.grants, endpoint=endpoint)
    return Recommendation(
        "service-account" if organization else "fine-grained",
        want.grants,
        link.url,
        patch,
        tuple(evidence),
        (*notes, *link.by_hand),
    )


def _without_evidence(
    inspection: Inspection | None, evidence: tuple[Evidence, ...], patch: str | None, notes: list[str]
) -> Recommendation:
    grants = _as_before(inspection)
    link = creation_link(grants, endpoint=inspection.endpoint if inspection else None)
    if grants:
        notes.append(
            "No code that uses it was found: these are its current permissions. Remove those that are not used."
        )
    else:
        notes.append(
            "No code that uses it was found: create it without permissions, then add the repositories and permissions "
            "that its consumers need."
        )
    return Recommendation("fine-grained", grants, link.url, patch, evidence, (*notes, _NO_LIST, *link.by_hand))


def _as_before(inspection: Inspection | None) -> tuple[Grant, ...]:
    if inspection is None or inspection.role != "fineGrained":
        return ()
    everywhere = (*inspection.global_permissions, *((GATED,) if inspection.can_read_gated_repos else ()))
    return (*inspection.grants, *((Grant(GLOBAL, everywhere),) if everywhere else ()))


def _about_evidence(evidence: Sequence[Evidence], want: Wanted) -> list[str]:
    notes = [
        f"{e.what} ({e.path}:{e.line}) needs {e.need} on an entity that the code does not name: add it if it is used."
        for e in want.unplaced
    ]
    notes += [
        f"The code can create repositories in {e.name}: create them by hand, or grant the contributor permission in "
        "the form, which covers only repositories that the token created."
        for e in want.creates
    ]
    hidden = sorted({name_of(e.entity) for e in evidence if e.visibility == "hidden" and e.entity})
    if hidden:
        notes.append(f"Private or missing (requested without a token): {', '.join(hidden)}.")
    unasked = sorted(
        {
            name_of(e.entity)
            for e in evidence
            if e.need == READ and e.entity and e.entity.name and e.visibility is None and e.certainty != "not-seen"
        }
    )
    if unasked:
        notes.append(f"Public repositories need no permission; visibility not checked: {', '.join(unasked)}.")
    jobs = sorted({f"{e.path} {e.job}" for e in evidence if e.job})
    if len(jobs) > 1:
        notes.append(f"Create one token per consumer: {', '.join(jobs)}.")
    notes.append(_NO_LIST)
    return notes


def _about_discussions(want: Wanted) -> list[str]:
    """The note for repositories that could belong to another account, since the token's account is unknown."""
    named = [name_of(g.entity) for g in want.grants if DISCUSS in g.permissions and g.entity.type in REPOSITORY_TYPES]
    if not named:
        return []
    what = f"{', '.join(named)}, if it belongs to another account"
    return [f"For discussions and pull requests in {what}, check the global `{DISCUSS}` instead."]


def _anonymous(evidence: Sequence[Evidence]) -> list[str]:
    slower = (
        "Without a token the Hub limits requests per IP address: 500 API calls in 5 minutes instead of 1000 or more "
        "(hub-docs rate-limits.md)."
    )
    notes = [slower]
    if any(e.need == "valid-token" for e in evidence):
        notes.append("The code calls whoami or auth_check: remove these calls, since they fail without a token.")
    return notes


def _publisher(want: Wanted, evidence: Sequence[Evidence], patch: str | None) -> tuple[str, str] | None:
    """How to set up a Trusted Publisher, if it covers everything needed.

    It can write one existing repository, or read gated ones, and only from CI with OIDC.
    """
    in_ci = patch is not None or all(e.job for e in evidence if e.certainty != "not-seen")
    if not in_ci or want.unplaced or len(want.grants) != 1:
        return None
    (grant,) = want.grants
    entity = grant.entity
    if entity == GLOBAL and grant.permissions == (GATED,):
        words = "Add a user publisher (CI/CD access) at the link; the job sets HF_OIDC_RESOURCE to the user name."
        return "settings/authentication#ci-cd-access", words
    if entity.type in REPOSITORY_TYPES and WRITE in grant.permissions and set(grant.permissions) <= {READ, WRITE}:
        words = (
            f"Add a Trusted Publisher in the settings of the {name_of(entity)} with the CI's repository, branch and "
            f"workflow; the job sets HF_OIDC_RESOURCE={page_of(entity)} and stores no secret (huggingface_hub 1.19 "
            "or newer)."
        )
        return f"{page_of(entity)}/settings", words
    return None


def _service_account(want: Wanted, evidence: Sequence[Evidence], inspection: Inspection | None) -> str | None:
    """The Enterprise organization whose service account covers everything needed on its own repositories."""
    if inspection is None or want.unplaced or not all(e.job for e in evidence if e.certainty != "not-seen"):
        return None
    owners = {_owner(g.entity) for g in want.grants}
    if not all(_accepted(g) for g in want.grants):
        return None
    able = {o.name for o in inspection.orgs if o.plan in _WITH_SERVICE_ACCOUNTS}
    (owner,) = owners if len(owners) == 1 else (None,)
    return owner if owner in able else None


def _owner(entity: Entity) -> str | None:
    return entity.name if entity.type == "org" else namespace_of(entity)


def _accepted(grant: Grant) -> bool:
    """Whether a token of a service account can have the permissions of `grant`."""
    known = TOKEN_PERMISSIONS if grant.entity.type == "org" else TOKEN_REPOSITORY_PERMISSIONS
    return set(grant.permissions) <= set(known) and grant.entity.type != "bucket"


def _service_account_notes(organization: str, want: Wanted) -> list[str]:
    command = f"tokenaudit service-accounts create-token {organization} ACCOUNT --plan PLAN.json --to CONSUMER"
    first = (
        f"A service account of {organization} does not depend on a person, and the Hub shows the last use of its "
        f"tokens. `{command}` creates the token with exactly these grants and delivers it; it needs "
        f"org.serviceAccounts.write on {organization}. The link creates a user token instead."
    )
    notes = [first]
    lists = {g.permissions for g in want.grants if g.entity.type in REPOSITORY_TYPES}
    if len(lists) > 1:
        notes.append("A service account's token has one list of permissions for all repositories: create one per list.")
    return notes


def keyless_patch(credential: Credential, problems: Iterable[Problem]) -> str | None:
    """The only patch that the CI audit offers for the files with `credential`; None if there is none or several.

    Several patches stay with their problems, each for one job.
    """
    targets = {location.target for location in credential.locations}
    patches = {p.patch for p in problems if p.patch and p.rule == "ci-could-be-keyless" and p.target in targets}
    return patches.pop() if len(patches) == 1 else None
