"""The words of a command, told apart into options and operands."""

from __future__ import annotations

from collections.abc import Sequence

_FLAGS = frozenset(
    {
        "--private", "--no-private", "--public", "--protected", "--exist-ok", "--no-exist-ok", "--create-pr",
        "--no-create-pr", "--force-download", "--dry-run", "--no-dry-run", "--quiet", "-q", "--json", "--no-truncate",
        "--yes", "-y", "--detach", "-d", "--follow", "-f", "--build", "--factory-reboot", "--pull-request",
        "--pr", "--no-bar", "--add-to-git-credential", "--verbose", "--force", "--missing-ok", "--space", "--dataset",
        "--model", "--no-force-download", "--local-dir-use-symlinks",
    }
)  # fmt: skip


class Words:
    """Options and operands of one command. An option that is no known flag takes the next word as its value."""

    def __init__(self, words: Sequence[str]) -> None:
        self.operands: list[str] = []
        self._options: dict[str, str] = {}
        waiting = ""
        for word in words:
            if waiting and not word.startswith("--"):
                self._options[waiting] = word
                waiting = ""
            elif word.startswith("-") and len(word) > 1:
                name, equals, value = word.partition("=")
                self._options[name] = value if equals else ""
                waiting = "" if equals or name in _FLAGS else name
            else:
                self.operands.append(word)

    def option(self, *names: str) -> str | None:
        """The value of the first of `names` that is given; empty for a bare flag."""
        return next((self._options[n] for n in names if n in self._options), None)

    def has(self, *names: str) -> bool:
        """Whether any of `names` is given."""
        return self.option(*names) is not None
