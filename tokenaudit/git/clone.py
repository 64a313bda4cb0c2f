"""Clone repositories by URL, as temporary or persistent mirrors."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from tokenaudit.errors import UsageError
from tokenaudit.git.command import GitError, GitLimitError, environment, git, reason, without_password
from tokenaudit.git.layout import open_repository
from tokenaudit.git.tempdir import scratch_folder
from tokenaudit.git.transfer import Transferred, transfer
from tokenaudit.interfaces import Progress

_OBJECT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCHEMES = ("https", "http", "ssh", "file")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SCP = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>[^:].*)")
_ANY_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?:://|::)")
_PACKET = re.compile(rb"packet:\s+(?:git|ls-remote)< ")
"""A packet from the server in the trace of `git ls-remote`; the trace calls the HTTP helper `git`."""

_STAGES = (b"Receiving objects:", b"Resolving deltas:")
"""Prefixes of git's own progress messages. Messages from the server begin with `remote:` and are never parsed."""
_REMEDIES = {
    "could not read Username": "repository not found or credentials required; configure a git credential helper",
    "could not read Password": "repository not found or credentials required; configure a git credential helper",
    "Authentication failed": "authentication failed",
    "Could not resolve host": "unknown host or no network",
}
# Responds only for the host of the URL, so that a redirect can't send the password to another host.
_HELPER = '!f() { printf "username=%s\\npassword=%s\\n" "$TOKENAUDIT_CLONE_USER" "$TOKENAUDIT_CLONE_PASSWORD"; }; f'


def is_clone_url(text: str) -> bool:
    """Return whether `text` is a repository URL rather than a path; the URL can still be unsupported."""
    return bool(_ANY_URL.match(text) or (_SCP.fullmatch(text) and not Path(text).exists()))


@contextmanager
def cloned(url: str, progress: Progress) -> Iterator[Path]:
    """Clone every ref at `url` (branches, tags, notes, pull requests) to a temporary bare mirror.

    There is no working tree, so no filter, hook or submodule is used. A user and password in `url` are sent only to its
    host, and never appear in messages, configuration files or command lines. No program is asked for a password.

    Raises:
        UsageError: the URL is not supported.
        GitError: the repository could not be cloned; the message is one line without passwords.
    """
    bare, settings, secrets = _prepared(url)
    with scratch_folder("clone") as folder:
        _clone(bare, folder, settings, secrets, progress)
        yield folder / "repository.git"


@contextmanager
def mirrored(url: str, folder: Path, progress: Progress, belongings: Sequence[Path] = ()) -> Iterator[Path]:
    """Like `cloned`, but the mirror is `folder` and persists: if it exists, only new objects are fetched.

    A mirror that can't be updated is cloned again, unless the server timed out. `belongings` are files with data about
    this mirror; they are removed together with it. The mirror is locked while in use.

    Raises:
        UsageError: the URL is not supported.
        GitError: the repository could not be cloned; the message is one line without passwords.
    """
    from filelock import FileLock  # noqa: PLC0415 - not needed by a plain scan

    prepared = _prepared(url)
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(folder.with_suffix(".lock")):
        if folder.is_dir():
            _advertised(*prepared)  # check first: a response not from a git server could empty a valid mirror
        if not (folder.is_dir() and _updated(folder, *prepared)):
            for path in belongings:
                path.unlink(missing_ok=True)
            _discard(folder)
            with scratch_folder("mirror", folder.parent) as making:
                _clone(prepared[0], making, *prepared[1:], progress)
                (making / "repository.git").rename(folder)
        yield folder


def _discard(folder: Path) -> None:
    """Remove the mirror in `folder` at once: a killed process must not leave one without some of its packs."""
    if folder.is_dir():
        with scratch_folder("mirror", folder.parent) as removed:
            folder.rename(removed / folder.name)


def _updated(folder: Path, bare: str, settings: dict[str, str], secrets: dict[str, str]) -> bool:
    try:
        arguments = ["fetch", "--prune", "--no-auto-gc", "--progress", "--", bare, "+refs/*:refs/*"]
        _run(arguments, settings, secrets, folder)
    except (NoRoomError, GitLimitError):
        raise
    except GitError:  # cloned again, which reports the error if it is the remote's
        return False
    (folder / "FETCH_HEAD").unlink(missing_ok=True)  # a new mirror has none, and results must be the same
    return True


def remote_refs(url: str) -> bytes:
    """Return the output of `git ls-remote` for `url`: every ref and its object, sorted by name.

    Raises:
        UsageError: the URL is not supported.
        GitError: the server can't be reached, or the response is not from a git server.
    """
    return _advertised(*_prepared(url))


def _advertised(bare: str, settings: dict[str, str], secrets: dict[str, str]) -> bytes:
    """Return every ref of the repository at `bare`.

    If there are none, the response must be in git's own protocol: git treats an empty page, `{}` or a word of HTML as
    the file list of a "dumb" HTTP server, and so as an empty repository.

    Raises:
        GitError: the server can't be reached, or the response is not from a git server.
    """
    arguments = ["ls-remote", "--", bare]
    found = _run(arguments, settings, secrets, None)
    if not found and not _PACKET.search(_traced(arguments, settings, secrets)):
        message = "not a git server: invalid response"
        raise GitError(message)
    return found


def _traced(arguments: list[str], settings: dict[str, str], secrets: dict[str, str]) -> bytes:
    """Return git's trace of each packet that it receives."""
    options, variables = _guards(settings, secrets)
    return transfer([*options, *arguments], {**variables, "GIT_TRACE_PACKET": "1"}).complaint


def _run(arguments: list[str], settings: dict[str, str], secrets: dict[str, str], git_dir: Path | None) -> bytes:
    options, variables = _guards(settings, secrets)
    where = [f"--git-dir={git_dir}"] if git_dir is not None else []
    done = transfer([*options, *where, *arguments], variables, folder=git_dir)
    _check(done, git_dir)
    return done.output


def _check(done: Transferred, folder: Path | None) -> None:
    """Raise an error with a remedy, if any, if the transfer failed; `folder` is the repository that git wrote to."""
    if done.disk_full and folder is not None:
        raise NoRoomError(folder.parent)
    if done.stopped:
        message = f"git was stopped: {done.stopped}"
        raise GitLimitError(message)
    if not done.code:
        return
    message = reason(done.complaint, done.code)
    if folder is not None and ran_out(message, folder):
        raise NoRoomError(folder.parent)
    raise GitError(next((remedy for sign, remedy in _REMEDIES.items() if sign in message), message))


def _prepared(url: str) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return the URL without password, and the settings and environment that contain the password."""
    if _SCP.fullmatch(url):
        return url, {"scheme": "ssh"}, {}
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        message = f"invalid URL {without_password(url)}: {error}"
        raise UsageError(message) from None
    scheme = parts.scheme.lower()
    if scheme not in _SCHEMES or not url[len(scheme) :].startswith("://") or not url.isprintable():
        shown = without_password("".join(mark if mark.isprintable() else "?" for mark in url))
        message = f"{shown} can't be cloned; use an https, ssh or file URL"
        raise UsageError(message)
    if scheme == "http" and host not in _LOOPBACK:
        message = f"{without_password(url)} is not encrypted; use https"
        raise UsageError(message)
    if host.startswith("-") or (not host and scheme != "file"):
        message = f"{without_password(url)} has no host"
        raise UsageError(message)
    place = f"[{host}]" if ":" in host else host
    place += f":{port}" if port else ""
    if scheme == "ssh" and parts.username:
        return _joined(parts, f"{parts.username}@{place}"), {"scheme": scheme}, {}
    settings, secrets = {"scheme": scheme}, {}
    if parts.username and scheme != "file":
        settings[f"credential.{scheme}://{place}.helper"] = _HELPER
        secrets = {
            "TOKENAUDIT_CLONE_USER": unquote(parts.username),
            "TOKENAUDIT_CLONE_PASSWORD": unquote(parts.password or ""),
        }
    return _joined(parts, place), settings, secrets


def _joined(parts: SplitResult, place: str) -> str:
    return urlunsplit((parts.scheme, place, parts.path, parts.query, ""))


def _guards(settings: dict[str, str], secrets: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return the options before git's subcommand, and the environment."""
    variables = environment(network=True) | secrets
    variables["GIT_ALLOW_PROTOCOL"] = settings["scheme"]  # a redirect must not change the transport
    options = ["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=25"]
    for key, value in settings.items():
        if key != "scheme":
            # The empty helper resets the user's helpers, so that the credentials of the URL are used.
            options += ["-c", "credential.helper=", "-c", f"{key}={value}"]
    return options, variables


def _clone(url: str, folder: Path, settings: dict[str, str], secrets: dict[str, str], progress: Progress) -> None:
    options, variables = _guards(settings, secrets)
    copy = folder / "repository.git"
    done = transfer(
        [*options, "clone", "--mirror", "--template=", "--progress", "--", url, copy.name],
        variables,
        cwd=folder,
        folder=copy,
        line=_Shown(f"cloning {without_password(url)}", progress),
    )
    _check(done, folder)
    # A clone writes all refs into this file; without it, in other formats of refs, git is asked.
    if not (copy / "packed-refs").exists() and not has_refs(copy):
        _advertised(url, settings, secrets)


class _Shown:
    """Reports git's progress to `progress`."""

    def __init__(self, what: str, progress: Progress) -> None:
        self._what = what
        self._progress = progress
        self._stage = ""
        self._done = 0
        self._parse: Callable[[str], None] | None = None

    def __call__(self, line: bytes) -> bool:
        """Return whether `line` is a progress message."""
        if not line.startswith(_STAGES):
            return False
        if self._parse is None:
            self._parse = _parser(self._report_progress)
        self._parse(line.decode("utf-8", "replace"))
        return True

    def _report_progress(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self._stage, self._done = stage, 0
            self._progress.start(f"{self._what}: {stage}", total)
        self._progress.advance(done - self._done)
        self._done = done


def _parser(report_progress: Callable[[str, int, int], None]) -> Callable[[str], None]:
    """Return a function that passes each progress line to `report_progress`: stage, completed and total number."""
    from git import RemoteProgress  # noqa: PLC0415 - slow to import, needed for clones only

    names = {RemoteProgress.RECEIVING: "receiving objects", RemoteProgress.RESOLVING: "resolving deltas"}

    class Parser(RemoteProgress):
        def update(
            self, op_code: int, cur_count: str | float, max_count: str | float | None = None, message: str = ""
        ) -> None:
            del message
            stage = names.get(op_code & RemoteProgress.OP_MASK)
            if stage is not None and max_count:
                report_progress(stage, int(float(cur_count)), int(float(max_count)))

        def line_dropped(self, line: str) -> None:
            """Ignore lines that are not progress."""

    return Parser().new_message_handler()


NO_ROOM = "the disk is full"
_LEAST = 8 << 20
"""Free bytes below which a disk is considered full; even the smallest repository needs some space."""

_SIGNS = ("No space left on device", "Out of diskspace", "Disk quota exceeded")


class NoRoomError(GitError):
    """A repository could not be cloned because the disk is full."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{NO_ROOM}: {folder} has no room for a copy of it")


def is_full(folder: Path) -> bool:
    """Return whether the disk of `folder` is full."""
    try:
        return shutil.disk_usage(folder).free < _LEAST
    except OSError:
        return False  # missing: reported on writing to it


def ran_out(message: str, folder: Path) -> bool:
    """Return whether git failed in `folder` with `message` because the disk is full. Not every message says so."""
    return any(sign in message for sign in _SIGNS) or is_full(folder)


def has_refs(git_dir: Path) -> bool:
    """Return whether there is any ref.

    Raises:
        GitError: `git_dir` is not a repository.
    """
    return bool(git("for-each-ref", "--count=1", git_dir=git_dir))


def missing_refs(git_dir: Path, named: Mapping[str, str]) -> list[str]:
    """Return the names in `named` (full ref name to commit id) whose ref or commit is missing, in order.

    A ref can have been updated in the meantime, so the commit only has to exist.

    Raises:
        GitError: `git_dir` is not a repository.
    """
    there = open_repository(git_dir).refs
    held = set(there.values())  # what they lead to is followed when the repository is read
    ids = sorted({commit for commit in named.values() if _OBJECT_ID.fullmatch(commit)} - held)
    if ids:
        lines = git("cat-file", "--batch-check", git_dir=git_dir, stdin="".join(f"{name}\n" for name in ids).encode())
        answers = lines.decode("ascii", "replace").splitlines()
        held |= {line.split()[0] for line in answers if not line.endswith(" missing")}
    return sorted(ref for ref, commit in named.items() if ref not in there or commit not in held)
