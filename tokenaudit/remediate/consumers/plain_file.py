"""A file that contains only the value, with mode 0600 and never inside a git working tree."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tokenaudit.git.layout import enclosing_git_dir
from tokenaudit.remediate.consumers import ConsumerError, ConsumerState, Content
from tokenaudit.remediate.consumers.files import read, replace, whole
from tokenaudit.secret import Secret, fingerprint

_PRIVATE = 0o600
_LONGEST = 4096


class PlainFile:
    """The file at `path`, created if it is missing. A symbolic link is preserved: its target is written."""

    kind = "file"

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def where(self) -> str:
        """The place, as it is shown."""
        return str(self._path)

    def look(self) -> ConsumerState:
        """See `consumers.Updater`."""
        text = read(self._path)
        if text is None:
            return ConsumerState(exists=False)
        value = text.strip()
        return ConsumerState(exists=True, fingerprint=fingerprint(value) if value else None)

    def check_writable(self, *, dry_run: bool) -> None:
        """See `consumers.Updater`: with `dry_run` no temporary file is created."""
        self._refuse()
        real = Path(os.path.realpath(self._path))
        if not real.parent.is_dir():
            message = f"{self._path} can't be written: {real.parent} is not a folder"
            raise ConsumerError(message)
        text = read(self._path)
        if text is not None and (len(text) > _LONGEST or len(text.split()) > 1):
            message = f"{self._path} contains more than a token, which would be lost; choose another file"
            raise ConsumerError(message)
        if text is not None and real.stat().st_nlink > 1:
            message = f"{self._path} has several hard links; choose another file"
            raise ConsumerError(message)
        if dry_run:
            writable = os.access(real.parent, os.W_OK)
        else:
            try:
                with tempfile.NamedTemporaryFile(prefix=f".{real.name}.tokenaudit-", dir=real.parent):
                    writable = True
            except OSError:
                writable = False
        if not writable:
            message = f"{self._path} can't be written: no file can be created in {real.parent}"
            raise ConsumerError(message)

    def update(self, old: str, new: Secret) -> None:
        """See `consumers.Updater`."""
        self._refuse()
        real = Path(os.path.realpath(self._path))
        if read(self._path) is None:
            try:
                os.close(os.open(real, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
            except OSError as error:
                message = f"{self._path} can't be created: {error.strerror}"
                raise ConsumerError(message) from None
        before = read(self._path) or ""
        if before.strip() and fingerprint(before.strip()) not in {old, new.fingerprint}:
            message = f"{self._path} was changed by another process; not changed"
            raise ConsumerError(message)
        replace(self._path, new.reveal(), _PRIVATE, expected=before)

    def contents(self) -> Iterator[Content]:
        """See `consumers.Updater`."""
        yield from whole(self._path)

    def refusal(self) -> str | None:
        """Return why the path is refused: inside a repository, `git add .` would publish the value; None if it is not.

        Links are followed.
        """
        for path in (Path(os.path.abspath(self._path)), Path(os.path.realpath(self._path))):  # noqa: PTH100 - resolves ".."
            found = enclosing_git_dir(path.parent)
            if found is not None:
                return f"{self._path} is inside the git repository {found.parent}; choose a file outside it"
        try:
            mode = os.lstat(os.path.realpath(self._path)).st_mode
        except OSError:
            return None
        return None if stat.S_ISREG(mode) else f"{self._path} is not a regular file; choose another file"

    def _refuse(self) -> None:
        reason = self.refusal()
        if reason is not None:
            raise ConsumerError(reason)
