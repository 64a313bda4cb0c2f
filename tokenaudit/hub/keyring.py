"""The OS keyring: the one place where a value may be kept, and only on request.

Entries of tokenaudit live under the service `tokenaudit`, one a name (`hf`, `github`, `gitlab`, or any other).
Other programs' entries can be read as `service/user`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from tokenaudit.errors import ConfigurationError
from tokenaudit.secret import Secret

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")

SERVICE = "tokenaudit"
NAMES = ("hf", "github", "gitlab")
"""The names that tokenaudit itself looks for: the auditor's tokens at the Hub, GitHub and GitLab."""

_REMEDY = "use an environment variable (HF_TOKEN) instead, or install a keyring such as GNOME Keyring or KWallet"
_UNSAFE_MODULES = ("keyrings.alt.", "keyring.backends.fail", "keyring.backends.null")


def read(name: str) -> Secret | None:
    """The value kept under `name`, or None where there is none.

    Raises:
        ConfigurationError: this machine has no keyring that keeps values encrypted, or it refuses.
    """
    service, _, user = name.rpartition("/")
    value = _act(lambda backend: backend.get_password(service or SERVICE, user))
    return Secret(value) if value else None


def write(name: str, secret: Secret) -> None:
    """Keeps `secret` under `name`, which may be another program's entry as `service/user`.

    Raises:
        ConfigurationError: as for `read`. Nothing is ever written in clear instead.
    """
    service, _, user = name.rpartition("/")
    _act(lambda backend: backend.set_password(service or SERVICE, user, secret.reveal()))


def clear(name: str) -> bool:
    """Forgets what is kept under `name`; False where nothing was.

    Raises:
        ConfigurationError: as for `read`.
    """
    if read(name) is None:
        return False
    _act(lambda backend: backend.delete_password(SERVICE, name))
    return True


def available() -> str | None:
    """The name of this machine's keyring, or None where there is no safe one."""
    try:
        return _act(lambda backend: str(backend.name))
    except ConfigurationError:
        return None


def configured() -> KeyringBackend:
    """The keyring that this machine is set up to use, safe or not.

    Raises:
        ConfigurationError: it can't be loaded.
    """
    import keyring  # noqa: PLC0415 - slow to load, and most runs need none

    try:
        return keyring.get_keyring()
    except Exception as error:  # noqa: BLE001 - a backend that configuration names may fail to load in any way
        kind = type(error).__name__
        message = f"the configured keyring can't be loaded ({kind}); check PYTHON_KEYRING_BACKEND"
        raise ConfigurationError(message) from None


def _act(action: Callable[[KeyringBackend], T]) -> T:
    from keyring.errors import KeyringError  # noqa: PLC0415 - slow to load, and most runs need none

    backend = configured()
    parts = getattr(backend, "backends", None) or [backend]
    unsafe = [part for part in parts if type(part).__module__.startswith(_UNSAFE_MODULES)]
    if unsafe or not backend.priority > 0:
        message = f"no secure keyring on this machine; {_REMEDY}"
        raise ConfigurationError(message)
    try:
        return action(backend)
    except (KeyringError, RuntimeError, OSError) as error:
        # The error of a backend may quote what it was given.
        message = f"keyring {backend.name} failed ({type(error).__name__}); unlock it, or {_REMEDY}"
        raise ConfigurationError(message) from None
