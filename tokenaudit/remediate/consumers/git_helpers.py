"""Git's credential helpers: which are configured for an address, and calls of one of them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from tokenaudit.file_access import read_regular
from tokenaudit.remediate.consumers import ConsumerError
from tokenaudit.secret import Secret, fingerprint

_ENTRY = re.compile(
    r"(?P<scheme>[^:/?#\s]+)://(?P<user>[^:@/?#]*):(?P<password>[^@/?#]*)@(?P<host>[^/?#]*)(?P<path>[^?#]*)"
)
"""A line as git parses it (credential.c, `credential_from_url_gently`): up to the first @, with every part
percent-encoded, including the port's colon."""
_PORTS = {"https": "443", "http": "80"}


@dataclass(frozen=True)
class Address:
    """The address that git needs a credential for. `path` and `user` are None if any value matches."""

    scheme: str
    host: str
    path: str | None = None
    user: str | None = None

    @property
    def shown(self) -> str:
        """The address as it is shown, and as git accepts it in `credential.<url>`."""
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        return f"{self.scheme}://{user}{self.host}" + (f"/{self.path}" if self.path else "")

    def server(self) -> tuple[str, str]:
        """Scheme and host with port, normalized: host names are case-insensitive, and schemes have default ports."""
        host, colon, port = self.host.lower().rpartition(":")
        if not colon or not port.isdigit():
            host, port = self.host.lower(), ""
        scheme = self.scheme.lower()
        return scheme, f"{host}:{port or _PORTS.get(scheme, '')}"


@dataclass(frozen=True)
class StoredCredential:
    """The credential of one line; `spans` are the positions of its user name and password in the text."""

    address: Address
    password: str
    spans: tuple[tuple[int, int], tuple[int, int]]

    @property
    def values(self) -> tuple[str, str]:
        """User name and password: a token can be either."""
        return self.address.user or "", self.password

    def serves(self, wanted: Address) -> bool:
        """Whether git would use it for `wanted`, for any user name or path that is not given."""
        return (
            self.address.server() == wanted.server()
            and wanted.path in {None, self.address.path}
            and wanted.user in {None, self.address.user}
        )


def entries(text: str) -> Iterator[StoredCredential]:
    """The credentials in `text`; lines that git would ignore are omitted."""
    at = 0
    for line in text.split("\n"):
        found = _ENTRY.fullmatch(line.removesuffix("\r"))
        if found and (found["user"] or found["password"]):
            path = unquote(found["path"].strip("/"), errors="surrogateescape") or None
            user = unquote(found["user"], errors="surrogateescape")
            address = Address(found["scheme"], unquote(found["host"]), path, user)
            spans = tuple((at + start, at + end) for start, end in (found.span("user"), found.span("password")))
            yield StoredCredential(address, unquote(found["password"], errors="surrogateescape"), (spans[0], spans[1]))
        at += len(line) + 1


def with_new_values(text: str, wanted: Address, old: str, new: Secret) -> str:
    """`text` with the value with the fingerprint `old` replaced by `new` in each entry for `wanted`."""
    pieces, at = [], 0
    for entry in entries(text):
        for value, (start, end) in zip(entry.values, entry.spans, strict=True):
            if entry.serves(wanted) and fingerprint(value) == old:
                pieces += [text[at:start], quote(new.reveal(), safe="")]
                at = end
    return "".join([*pieces, text[at:]])


_SECONDS = 30.0
_NO_PROMPT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true", "GCM_INTERACTIVE": "never"}
_FAILED = b"tokenaudit: the helper failed with exit code "
_STORE = re.compile(rb"credential[-_ ]store")
_SCRIPT = 1 << 16
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)\}|(?P<plain>\w+))")


class GitHelpers:
    """Git on this machine, with the configuration of its owner; never prompts.

    Values are passed to git on standard input, never as an argument.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**environment, **_NO_PROMPT}

    def configured(self, address: Address) -> tuple[str, ...]:
        """The helpers that git queries for `address`, in its order; an empty setting removes those before it.

        Helpers for one path or user of the same host are included, since they can contain a value for it.

        Raises:
            ConsumerError: git can't be run.
        """
        found: list[str] = []
        for key, value in self._settings(r"^credential\.(.*\.)?helper$"):
            pattern = key.removeprefix("credential.").removesuffix("helper").removesuffix(".")
            if not _fits(pattern, address):
                continue
            if value:
                found.append(value)
            else:
                found.clear()
        return tuple(dict.fromkeys(found))

    def user_names(self, address: Address) -> tuple[str, ...]:
        """The user names that git is configured to use for `address`."""
        rows = self._settings(r"^credential\.(.*\.)?username$")
        fitting = (
            value
            for key, value in rows
            if _fits(key.removeprefix("credential.").removesuffix("username").removesuffix("."), address)
        )
        return tuple(dict.fromkeys(fitting))

    def by_path(self, address: Address) -> bool:
        """Whether git distinguishes the repositories of one host (`credential.useHttpPath`)."""
        arguments = ["config", "--type=bool", "--get-urlmatch", "credential.useHttpPath", address.shown]
        return self._run(arguments).stdout.strip() == b"true"

    def stores(self, helper: str) -> tuple[Path, ...] | None:
        """The files of `helper` if it is `git credential-store`, else None.

        Without `--file` these are `~/.git-credentials` and `git/credentials` of the configuration folder
        (git-credential-store(1)). `~` and variables are expanded like in the shell that git runs helpers with.
        """
        words = self._command(helper, "store")
        if words is None:
            return None
        options = words[1:]
        for number, word in enumerate(options, start=1):
            if word == "--file" and number < len(options):
                return (Path(options[number]),)
            if word.startswith("--file="):
                return (Path(word.removeprefix("--file=")),)
        return self.usual_stores()

    def is_cache(self, helper: str) -> bool:
        """Whether `helper` is `git credential-cache`, which keeps values in memory for some minutes."""
        return self._command(helper, "cache") is not None

    def usual_stores(self) -> tuple[Path, ...]:
        """The files of `git credential-store` without `--file`."""
        home = Path(self._environment.get("HOME") or Path.home())
        config = self._environment.get("XDG_CONFIG_HOME")
        return (home / ".git-credentials", (Path(config) if config else home / ".config") / "git" / "credentials")

    def wraps_store(self, helper: str) -> bool:
        """Whether `helper` is a custom command or script that runs `git credential-store`.

        Storing a credential for a host would drop the entries of its repositories with the same user name.
        """
        if _STORE.search(os.fsencode(helper)):
            return True
        try:
            word = (_words(helper, self._environment) or [""])[0]
        except ValueError:
            return False
        name = word if helper.startswith("!") or Path(word).is_absolute() else f"git-credential-{word}"
        program = shutil.which(name, path=self._environment.get("PATH"))
        try:
            text = read_regular(program)[:_SCRIPT] if program else b""
        except OSError:
            return False
        return text.startswith(b"#!") and _STORE.search(text) is not None

    def fill(self, helper: str, address: Address) -> dict[str, str]:
        """The entry of `helper` for `address`, with `username` and `password`; empty if it has none.

        `failed` is the exit code of a helper that fails without output: it is locked or broken, or has no entry and
        can't prompt, like Git Credential Manager.
        """
        done = self._ask(helper, "fill", _described(address))
        rows = done.stdout.decode("utf-8", "surrogateescape").splitlines()
        found = dict(row.split("=", 1) for row in rows if "=" in row)
        if not done.returncode and found.get("password"):
            return found
        _, failed, rest = done.stderr.partition(_FAILED)
        return {"failed": rest.split()[0].decode()} if failed else {}

    def approve(self, helper: str, address: Address, password: str) -> None:
        """Stores `password` for `address` in `helper`.

        Raises:
            ConsumerError: the helper fails.
        """
        self._send(helper, "approve", address, password)

    def reject(self, helper: str, address: Address, password: str) -> None:
        """Deletes `password` for `address` from `helper`.

        Raises:
            ConsumerError: the helper fails.
        """
        self._send(helper, "reject", address, password)

    def _command(self, helper: str, name: str) -> list[str] | None:
        """The words of `helper` if it is git's `name` in any spelling; else None."""
        try:
            words = _words(helper, self._environment)
        except ValueError:
            return None
        if words[:1] == ["git"]:
            words = words[1:]
        program = words[0].replace("\\", "/").rpartition("/")[2].removesuffix(".exe") if words else ""
        return words if program in {name, f"credential-{name}", f"git-credential-{name}"} else None

    def _send(self, helper: str, verb: str, address: Address, password: str) -> None:
        done = self._ask(helper, verb, {**_described(address), "password": password})
        if done.returncode:
            message = f"`git credential {verb}` for {address.shown} failed with exit code {done.returncode}"
            raise ConsumerError(message)

    def _ask(self, helper: str, verb: str, given: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
        text = "".join(f"{key}={value}\n" for key, value in given.items()) + "\n"
        if verb == "fill":
            helper = _telling(helper)
        only = ["-c", "credential.helper=", "-c", f"credential.helper={helper}"]
        return self._run([*only, "credential", verb], text.encode("utf-8", "surrogateescape"))

    def _settings(self, pattern: str) -> Iterator[tuple[str, str]]:
        done = self._run(["config", "--null", "--get-regexp", pattern])
        for row in done.stdout.decode("utf-8", "surrogateescape").split("\0"):
            if row:
                key, _, value = row.partition("\n")
                yield key, value

    def _run(self, arguments: Sequence[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                ["git", *arguments],
                input=given,
                env=self._environment,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            verb = " ".join(word for word in arguments if not word.startswith("credential.") and word != "-c")
            message = f"`git {verb}` failed ({type(error).__name__})"
            raise ConsumerError(message) from None


def _telling(helper: str) -> str:
    """`helper` wrapped to print its exit code, which git ignores (see gitcredentials(7) for how git runs it)."""
    own = helper.startswith("!") or os.path.isabs(helper)  # noqa: PTH117 - a command line, not a path
    command = helper.removeprefix("!") if own else f"git credential-{helper}"
    failed = f"echo '{_FAILED.decode()}'$tokenaudit_code >&2"
    return (
        f'!tokenaudit_ask() {{ ( {command} "$1" ); tokenaudit_code=$?; '
        f"test $tokenaudit_code -eq 0 || {failed}; return $tokenaudit_code; }}; tokenaudit_ask"
    )


def _described(address: Address) -> dict[str, str]:
    known = {"protocol": address.scheme, "host": address.host, "path": address.path, "username": address.user}
    return {key: value for key, value in known.items() if value}


def _fits(pattern: str, address: Address) -> bool:
    """Whether `credential.<pattern>` matches the host of `address`; a pattern without a scheme matches any."""
    if not pattern:
        return True
    scheme, separator, _ = pattern.partition("://")
    try:
        parts = urlsplit(pattern if separator else f"{address.scheme}://{scheme}")
        host = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return False
    if not host:
        return not separator or parts.scheme == address.scheme
    remaining, other_entries = Address(parts.scheme, host).server(), address.server()
    return remaining[0] == other_entries[0] and fnmatchcase(other_entries[1], remaining[1])


def _words(helper: str, environment: Mapping[str, str]) -> list[str]:
    """The words of a helper's setting, expanded like in a shell; a leading `!` marks a shell command."""
    home = environment.get("HOME") or str(Path.home())
    words = []
    for word in shlex.split(helper.removeprefix("!")):
        expanded = _VARIABLE.sub(lambda found: environment.get(found["braced"] or found["plain"], ""), word)
        words.append(home + expanded[1:] if expanded == "~" or expanded.startswith(("~/", f"~{os.sep}")) else expanded)
    return words
