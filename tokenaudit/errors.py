"""The errors a user can meet, as one tree.

    AuditError                exit 2 unless said otherwise
    ├── UsageError            an argument or setting is wrong
    ├── ConfigurationError    a configuration, baseline or plugin file is wrong
    ├── InventoryError        the inventory can't be opened, read or written
    └── EndpointError         the Hub's address is not one a credential may be sent to

What can't be *read or asked* during an audit is no error: it is a `model.Skipped` entry of the report.
Messages name the thing and the remedy in one line, and never hold a credential, even where the user typed one.
"""

from __future__ import annotations

from tokenaudit.redaction import mask


class AuditError(Exception):
    """Something only the user can put right; `str()` is the one line to show, without any credential."""

    def __init__(self, message: str) -> None:
        super().__init__(mask(message))


class UsageError(AuditError):
    """An argument is wrong."""


class ConfigurationError(AuditError):
    """A configuration, baseline or plugin file is wrong."""


class EndpointError(AuditError):
    """The Hub's address is neither https nor http on loopback."""


class InventoryError(AuditError):
    """The inventory can't be opened, read or written, or another sweep is writing it."""
