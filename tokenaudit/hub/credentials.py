"""The auditor's own token: libraries never read it implicitly; it is looked up here, in a documented order."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tokenaudit.errors import ConfigurationError
from tokenaudit.file_access import read_regular
from tokenaudit.hub import keyring
from tokenaudit.secret import Secret

_LARGEST_FILE = 1_000_000


@dataclass(frozen=True)
class AuditorToken:
    """A token of the auditor and a description of its source."""

    secret: Secret
    origin: str


def auditor_token(environment: Mapping[str, str] | None = None) -> AuditorToken | None:
    """Return `HF_TOKEN`, else the keyring's `hf`, else the token file of `hf auth login`; None if there is none."""
    environment = os.environ if environment is None else environment
    value = _cleaned(environment.get("HF_TOKEN", ""))
    if value:
        return AuditorToken(Secret(value), "the environment variable HF_TOKEN")
    stored = keyring.read("hf") if keyring.available() is not None else None
    if stored is not None:
        return AuditorToken(stored, "the keyring")
    path = token_path(environment)
    value = _cleaned(_read(path) or "")
    return AuditorToken(Secret(value), f"the token file {path}") if value else None


def token_path(environment: Mapping[str, str]) -> Path:
    """Return the path of the active token of `hf auth login` (source: huggingface_hub, constants)."""
    return token_file(Path.home(), environment)


def stored_tokens(environment: Mapping[str, str] | None = None) -> Iterator[tuple[str, Secret]]:
    """Yield the location and value of every token stored by `hf auth login`, active and named.

    Raises:
        ConfigurationError: the token store exists but can't be read.
    """
    path = token_path(os.environ if environment is None else environment)
    active = _cleaned(_read(path) or "")
    if active:
        yield str(path), Secret(active)
    named = path.with_name("stored_tokens")
    text = _read(named)
    if text is None:
        return
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        # The parser's own message quotes the line, which can contain a token.
        message = f"{named} is not a valid INI file; repair or remove it"
        raise ConfigurationError(message) from None
    for section in parser.sections():
        for key in ("hf_token", "refresh_token"):
            value = _cleaned(parser.get(section, key, fallback=""))
            if value:
                yield f"{named} [{section}] {key}", Secret(value)


def _read(path: Path) -> str | None:
    try:
        return read_regular(path, _LARGEST_FILE).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}; repair it, or use --no-token"
        raise ConfigurationError(message) from None


def _cleaned(value: str) -> str:
    return value.replace("\r", "").replace("\n", "").strip()


_VARIABLE = re.compile(r"\$(?:(?P<name>\w+)|\{(?P<braced>[^}]*)\})")
_WINDOWS_VARIABLE = re.compile(r"%(?P<name>[^%]+)%")


def token_file(home: Path, environment: Mapping[str, str]) -> Path:
    """Return the file of the active token: `HF_TOKEN_PATH`, else `token` in `HF_HOME`, else in the cache folder.

    The named tokens are in `stored_tokens` in the same folder.
    """
    named = environment.get("HF_TOKEN_PATH")
    return expanded(named, home, environment) if named else hf_home(home, environment) / "token"


def hf_home(home: Path, environment: Mapping[str, str]) -> Path:
    """Return the folder of Hugging Face: `HF_HOME`, else `huggingface` in the cache folder."""
    if environment.get("HF_HOME"):
        return expanded(environment["HF_HOME"], home, environment)
    cache = environment.get("XDG_CACHE_HOME")
    return (expanded(cache, home, environment) if cache else home / ".cache") / "huggingface"


def expanded(path: str, home: Path, environment: Mapping[str, str]) -> Path:
    """Expand `~` and variables in `path` like `os.path.expanduser` and then `os.path.expandvars`.

    Unset variables are left unchanged. On Windows `%NAME%` is also a variable.
    """

    def value(found: re.Match[str]) -> str:
        return environment.get(next(name for name in found.groups() if name is not None), found.group())

    if path == "~" or path.startswith(("~/", "~\\")):
        path = f"{home}{path[1:]}"
    elif path.startswith("~"):
        path = os.path.expanduser(path)  # noqa: PTH111 - leaves an unknown user unchanged, Path raises
    path = _VARIABLE.sub(value, path)
    return Path(_WINDOWS_VARIABLE.sub(value, path) if os.name == "nt" else path)
