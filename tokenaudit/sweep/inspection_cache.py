"""Asking the Hub about credentials from several tasks: one at a time, each once, and not for ever in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from tokenaudit.hub.client import Hub
from tokenaudit.inspect import inspect_credentials
from tokenaudit.inspect.status import ASKABLE
from tokenaudit.model import Inspection
from tokenaudit.secret import Secret

_UNKNOWN_IN_A_ROW = 3


class Inspecting:
    """Called with kinds and values, gives inspections by fingerprint. `hub` None asks nobody.

    Values stay in this process. The lock is what keeps the Hub's separate, strict limit of whoami.
    """

    def __init__(
        self, hub: Hub | None, now: Callable[[], datetime], known: Mapping[str, Inspection] | None = None
    ) -> None:
        self._hub, self._now = hub, now
        self._known: dict[str, Inspection] = dict(known or {})
        self._unanswered = 0
        self._lock = threading.Lock()

    def learn(self, known: Mapping[str, Inspection]) -> None:
        """Takes over what an earlier part of this sweep was told; `unknown` is worth another try."""
        with self._lock:
            self._known.update({mark: said for mark, said in known.items() if said.status != "unknown"})

    def __call__(self, credentials: Sequence[tuple[str, Secret]]) -> dict[str, Inspection]:
        """The inspections of `credentials`."""
        if self._hub is None:
            return {}
        found: dict[str, Inspection] = {}
        with self._lock:
            for kind, secret in credentials:
                mark = secret.fingerprint
                if mark not in self._known and self._unanswered < _UNKNOWN_IN_A_ROW:
                    said = dict(inspect_credentials([(kind, secret)], self._hub, now=self._now))[mark]
                    self._unanswered = self._unanswered + 1 if said.status == "unknown" and kind in ASKABLE else 0
                    self._known[mark] = said
                if mark in self._known:
                    found[mark] = self._known[mark]
                else:
                    reason = "the Hub left other credentials unanswered, so this one was not asked; run again"
                    found[mark] = Inspection("unknown", self._now(), reason, endpoint=self._hub.endpoint)
        return found
