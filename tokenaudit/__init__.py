"""Finds, judges and replaces Hugging Face credentials.

The library in four names: `scan` finds credentials and gives an `Audit`, whose `report` is a `Report`; `Secret` is a
value that masks itself; `fingerprint` names a value without giving it away.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from tokenaudit._version import __version__
from tokenaudit.lazy_names import lazy_names
from tokenaudit.redaction import find_with

if TYPE_CHECKING:
    from tokenaudit.audit.auditor import Audit, scan
    from tokenaudit.audit.targets import Scope
    from tokenaudit.detect import Detector
    from tokenaudit.errors import AuditError
    from tokenaudit.model import Report
    from tokenaudit.secret import Secret, fingerprint

__all__ = ["Audit", "AuditError", "Report", "Scope", "Secret", "__version__", "fingerprint", "scan"]


def _detector() -> Detector:
    detect = importlib.import_module("tokenaudit.detect")
    loaded: Detector = detect.Detector.load(limits=detect.Limits(size=16 << 20, work=4_000_000_000))
    return loaded


# Whatever is imported of this package, this file runs first: no text leaves without a look for credentials in it.
find_with(_detector)


__getattr__ = lazy_names(
    __name__,
    {
        "Audit": ".audit.auditor",
        "AuditError": ".errors",
        "Report": ".model",
        "Scope": ".audit.targets",
        "Secret": ".secret",
        "fingerprint": ".secret",
        "scan": ".audit.auditor",
    },
)
"""Loads a public name when it is first used, so that a small command pays for nothing else."""
