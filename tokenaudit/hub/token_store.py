"""Where `hf auth login` keeps tokens, worked out as huggingface_hub does it (`huggingface_hub/constants.py`)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

_VARIABLE = re.compile(r"\$(?:(?P<name>\w+)|\{(?P<braced>[^}]*)\})")
_WINDOWS_VARIABLE = re.compile(r"%(?P<name>[^%]+)%")


def token_file(home: Path, environment: Mapping[str, str]) -> Path:
    """The file of the active token: `HF_TOKEN_PATH`, else `token` in `HF_HOME`, else in the cache folder.

    The named tokens are in `stored_tokens` beside it.
    """
    named = environment.get("HF_TOKEN_PATH")
    return expanded(named, home, environment) if named else hf_home(home, environment) / "token"


def hf_home(home: Path, environment: Mapping[str, str]) -> Path:
    """Hugging Face's own folder: `HF_HOME`, else `huggingface` in the cache folder."""
    if environment.get("HF_HOME"):
        return expanded(environment["HF_HOME"], home, environment)
    cache = environment.get("XDG_CACHE_HOME")
    return (expanded(cache, home, environment) if cache else home / ".cache") / "huggingface"


def expanded(path: str, home: Path, environment: Mapping[str, str]) -> Path:
    """`path` with `~` and variables replaced, as `os.path.expanduser` and then `os.path.expandvars` do it.

    A variable that is not set stays as it is written. On Windows `%NAME%` is one, too.
    """

    def value(found: re.Match[str]) -> str:
        return environment.get(next(name for name in found.groups() if name is not None), found.group())

    if path == "~" or path.startswith(("~/", "~\\")):
        path = f"{home}{path[1:]}"
    elif path.startswith("~"):
        path = os.path.expanduser(path)  # noqa: PTH111 - leaves an unknown user as it is, Path raises
    path = _VARIABLE.sub(value, path)
    return Path(_WINDOWS_VARIABLE.sub(value, path) if os.name == "nt" else path)
