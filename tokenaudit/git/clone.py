"""A temporary, complete copy of a repository named by URL."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from tokenaudit.errors import UsageError
from tokenaudit.git.command import GitError, GitLimitError, environment, git, reason, without_password
from tokenaudit.git.tempdir import scratch_folder
from tokenaudit.git.transfer import Transferred, transfer
from tokenaudit.interfaces import Progress

_OBJECT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCHEMES = ("https", "http", "ssh", "file")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SCP = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>[^:].*)")
_ANY_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?:://|::)")
_PACKET = re.compile(rb"packet:\s+(?:git|ls-remote)< ")
"""A packet from the server in the trace of `git ls-remote`; the helper for HTTP is called `git` there."""

_STAGES = (b"Receiving objects:", b"Resolving deltas:")
"""How git's own progress begins. The server's begins with `remote:`, is text of any kind, and is never parsed."""
_REMEDIES = {
    "could not read Username": "repository not found or credentials required; configure a git credential helper",
    "could not read Password": "repository not found or credentials required; configure a git credential helper",
    "Authentication failed": "authentication failed",
    "Could not resolve host": "unknown host or no network",
}
# Answers only for the host of the URL, so that a redirect can't carry the password elsewhere.
_HELPER = '!f() { printf "username=%s\\npassword=%s\\n" "$TOKENAUDIT_CLONE_USER" "$TOKENAUDIT_CLONE_PASSWORD"; }; f'


def is_clone_url(text: str) -> bool:
    """Whether `text` is meant as a repository's URL rather than as a path; it may still be one that is refused."""
    return bool(_ANY_URL.match(text) or (_SCP.fullmatch(text) and not Path(text).exists()))


@contextmanager
def cloned(url: str, progress: Progress) -> Iterator[Path]:
    """A bare mirror of every ref at `url` (branches, tags, notes, pull requests), removed at the end.

    No working tree is written, so no filter, hook or submodule comes into play. A user and password in `url` go to its
    host only, and into no message, no configuration file and no command line. Programs are never asked for a password.

    Raises:
        UsageError: the URL is none that may be cloned.
        GitError: the repository could not be cloned; one line without passwords.
    """
    bare, settings, secrets = _prepared(url)
    with scratch_folder("clone") as folder:
        _clone(bare, folder, settings, secrets, progress)
        yield folder / "repository.git"


@contextmanager
def mirrored(url: str, folder: Path, progress: Progress, belongings: Sequence[Path] = ()) -> Iterator[Path]:
    """Like `cloned`, but the mirror is `folder` and stays: where it is there already, only news are fetched.

    A mirror that can't be brought up to date is made anew, unless it was the server that took too long. `belongings`
    are files that tell of this very mirror: they go with it. Others that want the same mirror wait until this one is
    let go.

    Raises:
        UsageError: the URL is none that may be cloned.
        GitError: the repository could not be cloned; one line without passwords.
    """
    from filelock import FileLock  # noqa: PLC0415 - a plain scan keeps no mirrors

    prepared = _prepared(url)
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(folder.with_suffix(".lock")):
        if folder.is_dir():
            _advertised(*prepared)  # before an answer that is not git's could empty a mirror that is good
        if not (folder.is_dir() and _updated(folder, *prepared)):
            for path in belongings:
                path.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            with scratch_folder("mirror", folder.parent) as making:
                _clone(prepared[0], making, *prepared[1:], progress)
                (making / "repository.git").rename(folder)
        yield folder


def _updated(folder: Path, bare: str, settings: dict[str, str], secrets: dict[str, str]) -> bool:
    try:
        arguments = ["fetch", "--prune", "--no-auto-gc", "--progress", "--", bare, "+refs/*:refs/*"]
        _run(arguments, settings, secrets, folder)
    except (NoRoomError, GitLimitError):
        raise
    except GitError:  # made anew, which says what is wrong if it is the remote's fault
        return False
    (folder / "FETCH_HEAD").unlink(missing_ok=True)  # a new mirror has none, and both are to be read alike
    return True


def remote_refs(url: str) -> bytes:
    """What `git ls-remote` says of the repository at `url`: every ref and its object, sorted by name.

    Raises:
        UsageError: the URL is none that may be cloned.
        GitError: it can't be reached, or its answer is not that of a git server.
    """
    return _advertised(*_prepared(url))


def _advertised(bare: str, settings: dict[str, str], secrets: dict[str, str]) -> bytes:
    """Every ref of the repository at `bare`.

    Without one the answer has to be in git's own protocol: git takes an empty page, `{}` or a word of HTML for the list
    of files of an older kind of server, and so for an empty repository.

    Raises:
        GitError: it can't be reached, or its answer is not that of a git server.
    """
    arguments = ["ls-remote", "--", bare]
    found = _run(arguments, settings, secrets, None)
    if not found and not _PACKET.search(_traced(arguments, settings, secrets)):
        message = "not a git server: invalid response"
        raise GitError(message)
    return found


def _traced(arguments: list[str], settings: dict[str, str], secrets: dict[str, str]) -> bytes:
    """What git says of each packet that it gets."""
    options, variables = _guards(settings, secrets)
    return transfer([*options, *arguments], {**variables, "GIT_TRACE_PACKET": "1"}).complaint


def _run(arguments: list[str], settings: dict[str, str], secrets: dict[str, str], git_dir: Path | None) -> bytes:
    options, variables = _guards(settings, secrets)
    where = [f"--git-dir={git_dir}"] if git_dir is not None else []
    done = transfer([*options, *where, *arguments], variables, folder=git_dir)
    _check(done, git_dir)
    return done.output


def _check(done: Transferred, folder: Path | None) -> None:
    """Says what went wrong, with a remedy where there is one; `folder` is where git wrote to."""
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
    """The URL without a password, with the settings and the environment that hold it instead."""
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
    """Options before git's subcommand, and its environment."""
    variables = environment(network=True) | secrets
    variables["GIT_ALLOW_PROTOCOL"] = settings["scheme"]  # a redirect must not lead to another kind of transport
    options = ["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=25"]
    for key, value in settings.items():
        if key != "scheme":
            # An empty helper first forgets the user's own: the URL's credentials are the ones meant.
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
    if not has_refs(copy):
        _advertised(url, settings, secrets)


class _Shown:
    """Tells `progress` what git says it has done."""

    def __init__(self, what: str, progress: Progress) -> None:
        self._what = what
        self._progress = progress
        self._stage = ""
        self._done = 0
        self._parse: Callable[[str], None] | None = None

    def __call__(self, line: bytes) -> bool:
        """Whether `line` is progress."""
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
    """Passes each progress line of git to `report_progress`: stage, completed and total number."""
    from git import RemoteProgress  # noqa: PLC0415 - slow to load, and only clones need it

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
            """Nothing: there is nobody to tell."""

    return Parser().new_message_handler()


NO_ROOM = "the disk is full"
_LEAST = 8 << 20
"""Bytes below which a disk counts as full: git needs some room for the smallest repository."""

_SIGNS = ("No space left on device", "Out of diskspace", "Disk quota exceeded")


class NoRoomError(GitError):
    """A copy could not be made because the disk is full."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{NO_ROOM}: {folder} has no room for a copy of it")


def is_full(folder: Path) -> bool:
    """Whether the disk that holds `folder` has next to nothing left."""
    try:
        return shutil.disk_usage(folder).free < _LEAST
    except OSError:
        return False  # not there: whoever wants to write to it says so


def ran_out(message: str, folder: Path) -> bool:
    """Whether git failed in `folder`, saying `message`, for want of room. It doesn't always say so."""
    return any(sign in message for sign in _SIGNS) or is_full(folder)


def has_refs(git_dir: Path) -> bool:
    """Whether there is any ref.

    Raises:
        GitError: it is not a repository.
    """
    return bool(git("for-each-ref", "--count=1", git_dir=git_dir))


def missing_refs(git_dir: Path, named: Mapping[str, str]) -> list[str]:
    """Those of `named` (full ref name to commit id) that are not there, or whose commit is not, in order.

    A ref can have moved on meanwhile, so it is enough that the commit is among the objects.

    Raises:
        GitError: it is not a repository.
    """
    there = set(git("for-each-ref", "--format=%(refname)", git_dir=git_dir).decode("utf-8", "replace").splitlines())
    ids = sorted({commit for commit in named.values() if _OBJECT_ID.fullmatch(commit)})
    lines = git("cat-file", "--batch-check", git_dir=git_dir, stdin="".join(f"{name}\n" for name in ids).encode())
    held = {line.split()[0] for line in lines.decode("ascii", "replace").splitlines() if not line.endswith(" missing")}
    return sorted(ref for ref, commit in named.items() if ref not in there or commit not in held)
