"""Finds, judges and replaces Hugging Face credentials.

The library in four names: `scan` finds credentials and gives an `Audit`, whose `report` is a `Report`; `Secret` is a
value that masks itself; `fingerprint` names a value without giving it away.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from tokenaudit._version import __version__
from tokenaudit.redaction import find_with

if TYPE_CHECKING:
    from tokenaudit.audit.auditor import Audit, scan
    from tokenaudit.audit.targets import Scope
    from tokenaudit.detect import Detector
    from tokenaudit.errors import AuditError
    from tokenaudit.model import Report
    from tokenaudit.secret import Secret, fingerprint

_HOMES = {
    "Audit": "tokenaudit.audit.auditor",
    "AuditError": "tokenaudit.errors",
    "Report": "tokenaudit.model",
    "Scope": "tokenaudit.audit.targets",
    "Secret": "tokenaudit.secret",
    "fingerprint": "tokenaudit.secret",
    "scan": "tokenaudit.audit.auditor",
}

__all__ = ["Audit", "AuditError", "Report", "Scope", "Secret", "__version__", "fingerprint", "scan"]


def _detector() -> Detector:
    detect = importlib.import_module("tokenaudit.detect")
    loaded: Detector = detect.Detector.load(limits=detect.Limits(size=16 << 20, work=4_000_000_000))
    return loaded


# Whatever is imported of this package, this file runs first: no text leaves without a look for credentials in it.
find_with(_detector)


def __getattr__(name: str) -> object:
    """Loads a public name when it is first used, so that a small command pays for nothing else."""
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found: object = getattr(importlib.import_module(_HOMES[name]), name)
    return found
