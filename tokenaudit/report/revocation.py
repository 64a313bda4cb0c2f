"""What became of revoked credentials, as text or as JSON."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tokenaudit.remediate.revocation import Outcome
from tokenaudit.report.escape import visible


def to_text(outcomes: Sequence[Outcome]) -> str:
    """One line a credential."""
    return "".join(f"{o.fingerprint}  {o.display}  {o.result}: {visible(o.reason)}\n" for o in outcomes)


def to_json(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as indented JSON, schema `tokenaudit/revocation/1`."""
    document = {"schema": "tokenaudit/revocation/1", "credentials": [msgspec.to_builtins(o) for o in outcomes]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
