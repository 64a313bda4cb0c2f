"""The policy's settings: finds and reads `tokenaudit.toml`.

In this order: the file of `--config`, the one in the user's configuration folder, the one in the current directory if
that is outside every scanned target. A scanned target never sets the policy that applies to it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from platformdirs import user_config_path

from tokenaudit.errors import ConfigurationError
from tokenaudit.model import Policy
from tokenaudit.policy.settings import Settings

_LOG = logging.getLogger(__name__)

FILE = "tokenaudit.toml"


def find_settings(
    scanned: Sequence[Path] = (), *, file: Path | None = None, directory: Path | None = None, user: Path | None = None
) -> Settings:
    """The settings that apply; the built-in ones without a file.

    Args:
        scanned: the files and folders that are scanned.
        file: the only file to read, as given by `--config`.
        directory: the current directory.
        user: the user's configuration folder; by default that of the system.

    Raises:
        ConfigurationError: a file can't be read or has an invalid setting.
    """
    if file is not None:
        return _from(file, Policy(str(file), "option", inside_target=_inside(file, scanned)))
    own = (user or user_folder()) / FILE
    if _exists(own):
        return _from(own, Policy(str(own), "user", inside_target=_inside(own, scanned)))
    here = (directory or _current_directory()) / FILE
    if not _exists(here):
        return Settings()
    if _inside(here.parent, scanned) or _inside(here, scanned):
        return Settings(policy=Policy(not_read=str(here)))
    return _from(here, Policy(str(here), "directory"))


def user_folder() -> Path:
    """The user's configuration folder. A relative one would depend on the current directory and is ignored."""
    found = user_config_path("tokenaudit", appauthor=False)
    return found if found.is_absolute() else Path.home() / ".config" / "tokenaudit"


def load_settings(directory: Path | None = None) -> Settings:
    """The settings in `directory` (default: the current one), regardless of targets; built-in ones without a file.

    Raises:
        ConfigurationError: as `find_settings`.
    """
    path = (directory or _current_directory()) / FILE
    return _from(path, Policy(str(path), "directory")) if _exists(path) else Settings()


def _current_directory() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was removed
        return Path(os.sep)


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        message = f"{path} can't be read: {reason}; name another file with --config, or use --no-config"
        raise ConfigurationError(message) from None
    return True


def _inside(path: Path, scanned: Sequence[Path]) -> bool:
    """Whether `path`, or the target of the link that it is, is a scanned target or inside one."""
    try:
        real = Path(os.path.realpath(path))
    except ValueError:  # an invalid file name; reading it reports that
        return False
    return any(_same(parent, place) for place in scanned for parent in (real, *real.parents))


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)  # also if names differ in case, or a folder is mounted twice
    except OSError:
        return one == other


def _from(path: Path, policy: Policy) -> Settings:
    _LOG.info("policy: %s", path)
    from tokenaudit.policy.settings_file import read_settings  # noqa: PLC0415 - libraries that few scans need

    return replace(read_settings(path), policy=policy)
