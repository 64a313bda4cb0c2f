"""Run git in untrusted repositories.

A repository's configuration can run programs: a file-system monitor, hooks, ssh commands, credential helpers, filters,
`ext::` transports. Every git process of this package is started here with these disabled, without the user's own
configuration, with English messages, no pager, no prompt, no network (unless requested) and without changes to the
repository. Time and memory are limited, depending on the size of the repository.
"""

from __future__ import annotations

import logging
import math
import os
import re
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple, cast

from tokenaudit.git.files import BrokenLinkError, look_at
from tokenaudit.redaction import mask

_LOG = logging.getLogger(__name__)

NETWORK_PROTOCOLS = ("https", "http", "ssh", "file")
"""Transports that only transfer data; the others run programs or are unencrypted."""

if sys.platform == "linux":
    import resource

_NEUTRAL = Path(__file__).parent
_SAFE_CONFIG = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.pager": "cat",
    "core.alternateRefsCommand": "",
    "core.bigFileThreshold": "16m",
    "core.deltaBaseCacheLimit": "64m",
    "core.packedGitLimit": "256m",
    "core.packedGitWindowSize": "32m",
    "core.quotePath": "false",
    "diff.renames": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "log.mailmap": "false",
    "log.showSignature": "false",
    "maintenance.auto": "false",
    "protocol.ext.allow": "never",
    "protocol.fd.allow": "never",
    "safe.directory": "*",
    "submodule.recurse": "false",
    "transfer.credentialsInUrl": "allow",
}
# GIT_* variables of the caller that configure git's installation or the network.
_ENV_ALWAYS = frozenset({"GIT_EXEC_PATH", "GIT_TEMPLATE_DIR"})
_ENV_FOR_NETWORK = frozenset(
    {"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY"}
    | {"GIT_PROXY_SSL_CAINFO", "GIT_HTTP_PROXY_AUTHMETHOD", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"}
    | {"GIT_SSL_NO_VERIFY"}
)


MOST_OUTPUT = 256 << 20
"""Maximum output of a git command in bytes: a malicious tree can have an endless listing."""

SECONDS = 20.0
"""Maximum seconds for git to respond, and for the whole response, in a small repository."""

MEMORY = 512 << 20
"""Maximum memory in bytes of a git process in a small repository."""

NETWORK_MEMORY = 800 << 20
"""The same for a clone, because the size of the repository is not known in advance."""

_SECONDS_A_BYTE = 1 / (1 << 20)
_MEMORY_A_BYTE = 2
_TICK = 0.25
_PART = 1 << 16


_NO_MEMORY = re.compile(r"[Oo]ut of memory|Cannot allocate memory|mmap failed")


class GitError(Exception):
    """A git command failed. `str()` is one line without passwords, suitable for a `Skipped` entry."""


class GitLimitError(GitError):
    """Git was stopped because it took too long or printed too much."""


class Allowance(NamedTuple):
    """Limits of a git process: seconds until the response (or its next part), bytes of memory.

    `stored` is the size in bytes of the repository's objects on disk.
    """

    seconds: float = SECONDS
    memory: int = MEMORY
    stored: int = 0


def allowance(git_dir: Path | None) -> Allowance:
    """Return limits that grow with the size of the repository on disk, which can't be forged."""
    if git_dir is None:
        return Allowance(SECONDS, MEMORY)
    size = _stored_bytes(os.path.abspath(git_dir))  # noqa: PTH100 - links are not followed, and this is called often
    return Allowance(SECONDS + size * _SECONDS_A_BYTE, MEMORY + size * _MEMORY_A_BYTE, size)


@lru_cache(maxsize=64)
def _stored_bytes(git_dir: str) -> int:
    try:
        return look_at(Path(git_dir)).stored
    except BrokenLinkError:
        return 0


def _silent(seconds: float) -> str:
    return f"git was stopped: no output for {seconds:.0f} seconds"


class Watchdog:
    """Stops a process that does not respond in time. Time that its reader spends elsewhere does not count."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.has_ended = False
        """Whether the watchdog stopped the process."""
        self.seconds = seconds
        self._process = process
        self._due = math.inf
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Limit the time that the body of the `with` statement waits for the process."""
        self._due = time.monotonic() + self.seconds
        try:
            yield
        finally:
            self._due = math.inf

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()

    def explain(self) -> str:
        """Return the reason why the process was stopped."""
        return _silent(self.seconds)

    def _run(self) -> None:
        while not self._stop.wait(min(_TICK, self.seconds)):
            if time.monotonic() > self._due:
                self.has_ended = True
                self._process.kill()
                return


class Drain:
    """Reads the stderr of a process in the background, so that the process never blocks on it."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._output = b""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._pipe:
            while part := self._pipe.read1(1 << 16) if hasattr(self._pipe, "read1") else self._pipe.read(1 << 16):
                if len(self._output) < 1 << 16:
                    self._output += part

    def text(self) -> bytes:
        """Return the whole stderr after the process has ended."""
        self._thread.join()
        return self._output


def environment(*, network: bool = False, keep: Iterable[str] = ()) -> dict[str, str]:
    """Return the environment for a git process.

    With `network`, the user's own configuration applies (proxies, certificates, credential helpers): it is needed to
    clone, and a scanned repository can't change it. `keep` contains further `GIT_*` variables to pass on, such as
    `GIT_INDEX_FILE` in a pre-commit hook.
    """
    kept = _ENV_ALWAYS | frozenset(keep) | (_ENV_FOR_NETWORK if network else frozenset())
    found = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in kept}
    found |= {
        "GIT_ALLOW_PROTOCOL": ":".join(NETWORK_PROTOCOLS) if network else "none",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_FLUSH": "0",  # to a pipe, rev-list and log would write each record separately
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PAGER": "cat",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        "LANGUAGE": "C",
    }
    if network:
        # A program that returns an empty password: ssh and https fail at once instead of prompting.
        found |= {"GIT_ASKPASS": "true", "SSH_ASKPASS": "true"}
        found.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
    else:
        found |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    found["GIT_CONFIG_COUNT"] = str(len(_SAFE_CONFIG))
    for number, (key, value) in enumerate(_SAFE_CONFIG.items()):
        found[f"GIT_CONFIG_KEY_{number}"] = key
        found[f"GIT_CONFIG_VALUE_{number}"] = value
    return found


def start(
    arguments: Sequence[str | Path],
    *,
    git_dir: Path | None = None,
    cwd: Path | None = None,
    keep: Iterable[str] = (),
    stdin: int = subprocess.DEVNULL,
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    """Start git with its stdout as a pipe; without `git_dir`, git searches for the repository in `cwd`.

    Raises:
        GitError: git is not installed, or `cwd` is not a folder.
    """
    # Git resolves a relative folder from `cwd`, callers from the current directory.
    where = [f"--git-dir={git_dir.absolute()}"] if git_dir is not None else []
    try:
        process = subprocess.Popen(
            ["git", *where, *map(str, arguments)],
            # Git uses its current directory as the working tree, and reads `.mailmap` and `.gitmodules` there.
            cwd=cwd or _NEUTRAL,
            env=environment(keep=keep),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            message = f"{cwd} is not a folder"
        else:
            message = "git is not installed or not on PATH"
        raise GitError(message) from error
    except OSError as error:
        message = f"git could not be started: {error.strerror}"
        raise GitError(message) from error
    _LOG.debug("git %s in %s", " ".join(map(str, arguments)), git_dir or cwd or _NEUTRAL)
    limit_memory(process, allowance(git_dir).memory)
    return process


def limit_memory(process: subprocess.Popen[bytes], most: int) -> None:
    """Limit `process` and its children to `most` bytes of memory each (Linux only).

    Only writable memory counts, not packs that git maps into memory.
    """
    if sys.platform == "linux":
        # The process has ended, or a lower limit is already set.
        with suppress(OSError, ValueError):
            resource.prlimit(process.pid, resource.RLIMIT_DATA, (most, most))


def git(
    *arguments: str | Path,
    git_dir: Path | None = None,
    cwd: Path | None = None,
    keep: Iterable[str] = (),
    stdin: bytes = b"",
    allowed: Iterable[int] = (0,),
    seconds: float | None = None,
    warnings: bytearray | None = None,
    most: int = MOST_OUTPUT,
) -> bytes:
    """Run git and return its stdout; `seconds` can lower the time limit, `warnings` receives stderr.

    Raises:
        GitError: git is missing, or its exit code is not in `allowed`; the text is git's first error message.
        GitLimitError: git took too long, or printed more than `most` bytes.
    """
    process = start(
        arguments,
        git_dir=git_dir,
        cwd=cwd,
        keep=keep,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
    )
    limit = allowance(git_dir).seconds if seconds is None else seconds
    return answer(process, stdin, limit, allowed, warnings, most)


def answer(
    process: subprocess.Popen[bytes],
    stdin: bytes = b"",
    seconds: float = SECONDS,
    allowed: Iterable[int] = (0,),
    warnings: bytearray | None = None,
    most: int = MOST_OUTPUT,
) -> bytes:
    """Return the stdout of `process`, a git process with pipes, within `seconds`; `warnings` receives its stderr.

    Raises:
        GitError: the exit code is not in `allowed`.
        GitLimitError: git took too long, or printed more than `most` bytes.
    """
    collect = (
        _collect if os.name == "posix" and process.stdin is None and process.stderr is not None else _collect_in_threads
    )
    answered = collect(process, stdin, seconds, most)
    if answered.size > most:
        message = f"git was stopped: output larger than {most >> 20} MiB"
        raise GitLimitError(message)
    if answered.is_late:
        raise GitLimitError(_silent(seconds))
    if process.returncode not in allowed:
        raise GitError(reason(answered.complaints, process.returncode))
    if warnings is not None:
        warnings += answered.complaints
    return b"".join(answered.parts)


@dataclass
class _Answer:
    """What a process has written until it ended or was stopped."""

    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    complaints: bytes = b""
    is_late: bool = False


def _collect(process: subprocess.Popen[bytes], _: bytes, seconds: float, most: int) -> _Answer:
    """Read the output of a process without stdin. Threads would take as long as a short command."""
    answered = _Answer()
    until = time.monotonic() + seconds
    output, complaints = cast("IO[bytes]", process.stdout), cast("IO[bytes]", process.stderr)
    try:
        with output, complaints, selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            selector.register(complaints, selectors.EVENT_READ)
            while selector.get_map() and answered.size <= most and not answered.is_late:
                left = until - time.monotonic()
                ready = selector.select(left) if left > 0 else []
                answered.is_late = not ready
                for key, _events in ready:
                    part = os.read(key.fd, _PART)
                    if not part:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is output:
                        answered.parts.append(part)
                        answered.size += len(part)
                    elif len(answered.complaints) < _PART:
                        answered.complaints += part
        if answered.size <= most and not answered.is_late:
            process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        answered.is_late = True  # it has closed its output, but does not end
    finally:
        process.kill()  # nothing if it has ended
        process.wait()
    return answered


def _collect_in_threads(process: subprocess.Popen[bytes], stdin: bytes, seconds: float, most: int) -> _Answer:
    complaints = Drain(cast("IO[bytes]", process.stderr))
    watchdog = Watchdog(process, seconds)
    parts: list[bytes] = []
    size = 0
    try:
        if process.stdin is not None:
            threading.Thread(target=feed, args=(process.stdin, [stdin]), daemon=True).start()
        with watchdog.waiting(), cast("IO[bytes]", process.stdout) as pipe:
            while size <= most and (part := pipe.read(1 << 20)):
                parts.append(part)
                size += len(part)
            if size > most:
                process.kill()
            process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        watchdog.close()
    return _Answer(parts, size, complaints.text(), watchdog.has_ended)


def feed(pipe: IO[bytes], lines: Iterable[bytes]) -> None:
    """Write `lines` to a process that can end before it has read them."""
    try:
        with pipe:
            pipe.writelines(lines)
    except (BrokenPipeError, ValueError):
        return  # the reader of its output reports it


def reason(complaint: bytes, code: int) -> str:
    """Return git's first fatal error as one line without prefix, passwords or control characters."""
    lines = [line.strip() for line in complaint.decode("utf-8", "replace").splitlines() if line.strip()]
    if any(_NO_MEMORY.search(line) for line in lines):
        return "git was stopped: out of memory"
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
    if not fatal:
        return f"git failed with code {code}" if code >= 0 else f"git was killed by signal {-code}"
    text = fatal[0].removeprefix("fatal:").removeprefix("error:").strip()
    return mask(without_password("".join(mark if mark.isprintable() else "?" for mark in text)))


_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<userinfo>[^/?#\s]*)@")


def without_password(text: str) -> str:
    """Remove the user part of every URL in `text` (a URL, or a message of git that contains one).

    The user is removed with the password, because either can be a token. The user `git` in `ssh://git@host/…` remains,
    because it is part of the usual URL.
    """
    return _USERINFO.sub(_bare, text)


def _bare(found: re.Match[str]) -> str:
    scheme = found["scheme"]
    keeps_user = scheme.lower() in {"ssh://", "git+ssh://"} and found["userinfo"] == "git"
    return f"{scheme}git@" if keeps_user else scheme
