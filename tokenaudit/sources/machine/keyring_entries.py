"""What the OS keyring holds for Hugging Face."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.errors import ConfigurationError
from tokenaudit.hub.keyring import configured
from tokenaudit.model import Skipped

_ENTRIES = (
    ("huggingface_hub", "token"),
    ("huggingface", "token"),
    ("huggingface.co", "hf_user"),
    ("tokenaudit", "hf"),
)


def keyring_entries() -> Iterator[tuple[str, str | Skipped]]:
    """The entries under the names in use for Hugging Face tokens; a keyring can't be listed, only asked by name.

    A machine without a keyring has nothing there and yields nothing; a locked or failing one is `Skipped`.
    """
    from keyring.backends.fail import Keyring as NoKeyring  # noqa: PLC0415 - slow to load
    from keyring.errors import KeyringError  # noqa: PLC0415 - as above

    try:
        backend = configured()
    except ConfigurationError as error:
        yield "keyring", Skipped("OS keyring", str(error))
        return
    if isinstance(backend, NoKeyring):
        return
    for service, user in _ENTRIES:
        name = f"keyring entry {service}/{user}"
        try:
            value = backend.get_password(service, user)
        except KeyringError as error:
            yield name, Skipped("OS keyring", f"can't be read: {type(error).__name__}; unlock it and run again")
            return
        if value:
            yield name, value
