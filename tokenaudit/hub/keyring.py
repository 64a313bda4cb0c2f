"""The OS keyring: the only place where tokenaudit stores credentials, and only on request.

Entries of tokenaudit have the service `tokenaudit` and the name as user (`hf`, `github`, `gitlab`, or any other).
Entries of other programs can be read as `service/user`.
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
"""The names that tokenaudit reads: the auditor's tokens for the Hub, GitHub and GitLab."""

_REMEDY = "use an environment variable (HF_TOKEN) instead, or install a keyring such as GNOME Keyring or KWallet"
_UNSAFE_MODULES = ("keyrings.alt.", "keyring.backends.fail", "keyring.backends.null")


def read(name: str) -> Secret | None:
    """Return the value stored under `name`, or None if there is none.

    Raises:
        ConfigurationError: this machine has no keyring that encrypts values, or the keyring fails.
    """
    service, _, user = name.rpartition("/")
    value = _act(lambda backend: backend.get_password(service or SERVICE, user))
    return Secret(value) if value else None


def write(name: str, secret: Secret) -> None:
    """Store `secret` under `name`, which can be an entry of another program as `service/user`.

    Raises:
        ConfigurationError: as for `read`. Values are never stored in plain text instead.
    """
    service, _, user = name.rpartition("/")
    _act(lambda backend: backend.set_password(service or SERVICE, user, secret.reveal()))


def clear(name: str) -> bool:
    """Delete the value stored under `name`; return False if there was none.

    Raises:
        ConfigurationError: as for `read`.
    """
    if read(name) is None:
        return False
    _act(lambda backend: backend.delete_password(SERVICE, name))
    return True


def check() -> None:
    """Check that values can be stored.

    Raises:
        ConfigurationError: as for `read`.
    """
    _act(lambda backend: str(backend.name))


def available() -> str | None:
    """Return the name of this machine's keyring, or None if there is no safe one."""
    try:
        return _act(lambda backend: str(backend.name))
    except ConfigurationError:
        return None


def configured() -> KeyringBackend:
    """Return the keyring that is configured on this machine, safe or not.

    Raises:
        ConfigurationError: the keyring can't be loaded.
    """
    import keyring  # noqa: PLC0415 - slow to load, and most runs need none

    try:
        return keyring.get_keyring()
    except Exception as error:  # noqa: BLE001 - a configured backend can fail to load with any exception
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
        # The error of a backend can quote its input.
        message = f"keyring {backend.name} failed ({type(error).__name__}); unlock it, or {_REMEDY}"
        raise ConfigurationError(message) from None
