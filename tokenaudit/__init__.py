"""Finds, assesses and replaces Hugging Face credentials.

Public API: `scan` finds credentials and returns an `Audit`, whose `report` is a `Report`; `Secret` is a
value that is always masked; `fingerprint` identifies a value without revealing it.
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


# This module runs before all other modules of the package, so redaction is always configured.
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
"""Imports a public name on first use, to keep start-up fast."""
