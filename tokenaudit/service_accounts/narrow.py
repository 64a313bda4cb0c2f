"""Narrows the rights of a service account's token; never widens them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tokenaudit.errors import UsageError
from tokenaudit.hub import service_accounts as api
from tokenaudit.hub.pagination import needs
from tokenaudit.hub.result import Failure
from tokenaudit.model import Grant, ServiceAccount, ServiceToken
from tokenaudit.permissions import label_of, name_of
from tokenaudit.remediate.rotation.journal import HaltedError
from tokenaudit.secret import Secret
from tokenaudit.service_accounts.prove import differences
from tokenaudit.service_accounts.read import read_account
from tokenaudit.service_accounts.resolve import find_account, find_token, own_token
from tokenaudit.service_accounts.rights import TokenRights, express, rights_of, widened, with_ids
from tokenaudit.service_accounts.setup import ChangeContext, WantedRights, look_up, refuse_own


@dataclass(frozen=True)
class Narrowing:
    """A proposed change of a token's rights."""

    account: ServiceAccount
    token: ServiceToken
    after: TokenRights
    own: Secret
    around: ChangeContext
    wanted: WantedRights

    @property
    def unchanged(self) -> bool:
        """Whether the token already has exactly these rights."""
        return _sorted(rights_of(self.token)) == _sorted(self.after) and self.token.details_known

    def lines(self) -> list[str]:
        """The rights before and after, and the evidence for those that stay."""
        organization = self.account.organization
        before, after = (_described(r.grants(organization)) for r in (rights_of(self.token), self.after))
        if self.token.role != "fineGrained":
            before.insert(0, f"role {self.token.role}")
        lines = [f"{self.token.name} of {self.account.name} of {organization}"]
        lines += [f"- {line}" for line in before if line not in after]
        lines += [f"+ {line}" for line in after if line not in before]
        lines += [f"  {line}" for line in after if line in before]
        for each in self.wanted.evidence:
            if each.certainty != "not-seen":
                where = f"{each.path}:{each.line}" if each.line else each.path
                lines.append(f"  needed: {each.need}: {where}: {each.what}")
        return lines

    def run(self) -> Literal["narrowed", "unchanged", "previewed"]:
        """Change the rights, and verify them.

        Raises:
            HaltedError: not confirmed, denied, or not verified.
        """
        around = self.around
        for line in self.lines():
            around.say(line)
        if self.unchanged:
            return "unchanged"
        if around.dry_run:
            return "previewed"
        title = f"Narrow {self.token.name}"
        if not around.confirm(f"{title}: consumers lose the rights marked with -", f"narrow {self.token.name}"):
            message = f"{title}: not confirmed; nothing was changed"
            raise HaltedError(message)
        organization = self.account.organization
        answer = api.update(around.hub, organization, self.account.id, self.token.id, self.after.body(), self.own)
        if isinstance(answer, Failure):
            reason = needs(answer, f"{api.WRITE_PERMISSION} on {organization}")
            message = f"{title}: {reason}; check its rights with `tokenaudit service-accounts list {organization}`"
            raise HaltedError(message)
        wrong = differences(answer, self.after.body())
        if not wrong:
            read = read_account(around.hub, organization, self.account.id, self.own)
            if isinstance(read, Failure):
                message = f"{title}: the Hub accepted the change, but did not confirm it: {read.message}"
                raise HaltedError(message)
            now = next((token for token in read.tokens if token.id == self.token.id), None)
            wrong = ["it no longer exists"] if now is None else differences(rights_of(now).body(), self.after.body())
        if wrong:
            message = f"{title}: the Hub reports other rights: {'; '.join(wrong)}"
            raise HaltedError(message)
        return "narrowed"


def begin_narrow(organization: str, account: str, token: str, wanted: WantedRights, around: ChangeContext) -> Narrowing:
    """The proposed change.

    Raises:
        UsageError: an argument is invalid, the API can't express the rights, or they would widen the token.
        HaltedError: the Hub denied access or did not answer.
    """
    rights = express(wanted.grants, organization)
    own = own_token(around.hub)
    found = find_account(around.hub, organization, account, own)
    chosen = find_token(found, token)
    refuse_own(around.hub, found, chosen, own, "narrowed")
    after = with_ids(rights, lambda entity: look_up(around.hub, entity, organization, own))
    wider = widened(chosen, after, organization)
    if wider:
        message = f"{chosen.name} would get more than it has: {'; '.join(wider)}; `narrow` only removes rights"
        raise UsageError(message)
    return Narrowing(found, chosen, after, own, around, wanted)


def _described(grants: Sequence[Grant]) -> list[str]:
    found = []
    for grant in grants:
        only = f" ({', '.join(grant.patterns)})" if grant.patterns else ""
        found += [f"{label_of(permission)} on {name_of(grant.entity)}{only}" for permission in grant.permissions]
    return found


def _sorted(rights: TokenRights) -> dict[str, list[str]]:
    return {key: sorted(map(str, names)) for key, names in rights.body().items() if isinstance(names, list)}
