"""Parses the words of a command to options and operands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokenaudit.code_usage import web
from tokenaudit.code_usage.model import Need
from tokenaudit.model import Entity
from tokenaudit.permissions import READ, WRITE

_FLAGS = frozenset(
    {
        "--private", "--no-private", "--public", "--protected", "--exist-ok", "--no-exist-ok", "--create-pr",
        "--no-create-pr", "--force-download", "--dry-run", "--no-dry-run", "--quiet", "-q", "--json", "--no-truncate",
        "--yes", "-y", "--detach", "-d", "--follow", "-f", "--build", "--factory-reboot", "--pull-request",
        "--pr", "--no-bar", "--add-to-git-credential", "--verbose", "--force", "--missing-ok", "--space", "--dataset",
        "--model", "--no-force-download", "--local-dir-use-symlinks",
    }
)  # fmt: skip


class CommandLine:
    """Options and operands of one command. An option that is not a known flag takes the next word as its value."""

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


class Remotes:
    """Remembers `git remote add`, `set-url` and `clone`; says what pushing and pulling through them needs."""

    def __init__(self) -> None:
        self._known: dict[str, Entity] = {}

    def needs(self, words: Sequence[str]) -> Iterator[Need]:
        """Needs of a git command that names a remote instead of a URL."""
        if not words or words[0] != "git":
            return
        at = 1
        while at < len(words) and words[at] in {"-C", "-c"}:
            at += 2
        plain = [w for w in words[at:] if not w.startswith("-")]
        if plain[:1] == ["remote"] and plain[1:2] in (["add"], ["set-url"]) and len(plain) > 3:  # noqa: PLR2004 - remote add NAME URL
            self._remember(plain[2], plain[3])
        elif plain[:1] == ["clone"] and len(plain) > 1:
            self._remember("origin", plain[1])
        elif plain[:1] in (["push"], ["pull"], ["fetch"]):
            yield from self._through(plain)

    def _remember(self, name: str, url: str) -> None:
        entity = web.git_remote(url)
        if entity:
            self._known[name] = entity
        else:
            self._known.pop(name, None)

    def _through(self, plain: Sequence[str]) -> Iterator[Need]:
        named = len(plain) > 1
        entity = self._known.get(plain[1] if named else "origin")
        if entity is None:
            return
        need = READ if plain[0] != "push" else "discussion.write" if any("refs/pr/" in w for w in plain) else WRITE
        yield Need(need, entity, "needed" if named else "perhaps")
