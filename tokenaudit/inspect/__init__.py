"""From a credential to who it is, what it may do and how far that reaches."""

from tokenaudit.inspect.inspector import Cache, inspect_credentials

__all__ = ["Cache", "inspect_credentials"]
