"""The hierarchy of errors shown to users.

    AuditError                exit 2 unless said otherwise
    ├── UsageError            an argument or setting is wrong
    ├── ConfigurationError    a configuration, baseline or plugin file is wrong
    ├── InventoryError        the inventory can't be opened, read or written
    └── EndpointError         the Hub's address is not one a credential may be sent to

Failed reads and requests during an audit are not errors: they are `model.Skipped` entries of the report.
Messages are one line with the cause and the remedy, and never contain a credential, even if the user typed one.
"""

from __future__ import annotations

from tokenaudit.redaction import mask


class AuditError(Exception):
    """An error that the user must fix; `str()` is a one-line message without credentials."""

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
