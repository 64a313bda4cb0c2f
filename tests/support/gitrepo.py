"""Real git repositories for tests, built with the real git and nothing of tokenaudit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

AUTHOR = "A Committer <committer@example.org>"
_FIRST = 1_600_000_000
_DAY = 86_400


class GitRepo:
    """A repository in `path`, created on first use. Every commit is a day later than the one before."""

    def __init__(self, path: Path, *, bare: bool = False, object_format: str = "sha1") -> None:
        self.path = path
        self._commits = 0
        if not (path / ("HEAD" if bare else ".git")).exists():
            path.mkdir(parents=True, exist_ok=True)
            options = ["--bare"] if bare else []
            self.git("init", "-q", "-b", "main", f"--object-format={object_format}", *options)

    @property
    def git_dir(self) -> Path:
        return Path(self.git("rev-parse", "--absolute-git-dir"))

    def git(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, strip: bool = True) -> str:
        """What git printed; fails the test with git's complaint."""
        output = self.git_bytes(*arguments, stdin=stdin, env=env).decode("utf-8", "surrogateescape")
        return output.strip() if strip else output

    def git_bytes(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            input=stdin,
            env=self._environment(AUTHOR) | dict(env or {}),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def write(self, name: str, content: str | bytes) -> Path:
        """A file of the working tree, not yet added."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def commit(
        self, message: str = "change", files: Mapping[str, str | bytes] | None = None, *, author: str = AUTHOR
    ) -> str:
        """Writes `files`, adds everything (ignored files too) and commits; the new commit's id."""
        for name, content in (files or {}).items():
            self.write(name, content)
        self.git("add", "-A", "-f", ".")
        self._commits += 1
        self.git(
            "commit", "-q", "--allow-empty", "--allow-empty-message", "--cleanup=verbatim", "-F", "-",
            stdin=message.encode(), env=self._environment(author),
        )  # fmt: skip
        return self.head()

    def head(self, revision: str = "HEAD") -> str:
        """The full id that `revision` names."""
        return self.git("rev-parse", "--verify", revision)

    def switch(self, branch: str, start: str | None = None) -> None:
        """To `branch`, made anew at `start` where that is given."""
        self.git("checkout", "-q", *(["-b", branch, start] if start else [branch]))

    def merge(self, branch: str, message: str = "merge") -> str:
        """A true merge commit of `branch` into the current one."""
        self._commits += 1
        self.git("merge", "-q", "--no-ff", "-m", message, branch, env=self._environment(AUTHOR))
        return self.head()

    def tag(self, name: str, message: str | None = None, target: str = "HEAD") -> None:
        """A light tag, or an annotated one where there is a message."""
        self.git("tag", *(["-a", "-m", message] if message is not None else []), name, target)

    def note(self, text: str, target: str = "HEAD", ref: str = "commits") -> None:
        self.git("notes", f"--ref={ref}", "add", "-f", "-m", text, target)

    def blob(self, data: bytes) -> str:
        """A blob that nothing refers to; its id."""
        return self.git("hash-object", "-w", "--stdin", stdin=data)

    def repack(self, *options: str) -> None:
        """All reachable objects into one pack; further options such as `--depth=50`."""
        self.git("repack", "-adq", *options)

    def _environment(self, author: str) -> dict[str, str]:
        name, _, mail = author.rstrip(">").rpartition(" <")
        when = f"{_FIRST + _DAY * self._commits} +0000"
        found = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        for role in ("AUTHOR", "COMMITTER"):
            found |= {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": mail, f"GIT_{role}_DATE": when}
        return found | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
