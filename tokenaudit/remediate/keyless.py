"""The change to CI configuration that makes a credential unnecessary there."""

from __future__ import annotations

from collections.abc import Iterable

from tokenaudit.model import Credential, Problem


def keyless_patch(credential: Credential, problems: Iterable[Problem]) -> str | None:
    """The one patch that the CI audit offers for the places that hold `credential`; None where it is none or several.

    Several stay with their problems, where each says which job it is for.
    """
    targets = {location.target for location in credential.locations}
    patches = {p.patch for p in problems if p.patch and p.rule == "ci-could-be-keyless" and p.target in targets}
    return patches.pop() if len(patches) == 1 else None
