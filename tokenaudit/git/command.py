"""Running git against repositories that may be hostile.

A repository's configuration can name programs: a file-system monitor, hooks, ssh commands, credential helpers, filters,
`ext::` transports. Every git process of this package is started here, with those off, without the user's own
configuration, with English messages, no pager, no prompt, no network (unless asked for) and without touching anything
in the repository.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenaudit.redaction import mask

NETWORK_PROTOCOLS = ("https", "http", "ssh", "file")
"""Transports that only move data; the others run programs or are plain text."""

_SAFE_CONFIG = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.pager": "cat",
    "core.alternateRefsCommand": "",
    "core.quotePath": "false",
    "diff.renames": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "log.showSignature": "false",
    "maintenance.auto": "false",
    "protocol.ext.allow": "never",
    "protocol.fd.allow": "never",
    "safe.directory": "*",
    "submodule.recurse": "false",
    "transfer.credentialsInUrl": "allow",
}
# GIT_* settings of the caller that say where git itself lives, or how its owner reaches the network.
_KEPT_ALWAYS = frozenset({"GIT_EXEC_PATH", "GIT_TEMPLATE_DIR"})
_KEPT_FOR_NETWORK = frozenset(
    {"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY"}
    | {"GIT_PROXY_SSL_CAINFO", "GIT_HTTP_PROXY_AUTHMETHOD", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"}
    | {"GIT_SSL_NO_VERIFY"}
)


class GitError(Exception):
    """Git could not do what was asked. `str()` is one line, without any password, fit for a `Skipped` entry."""


def environment(*, network: bool = False, keep: Iterable[str] = ()) -> dict[str, str]:
    """The environment for a git process.

    With `network` the user's own configuration applies (proxies, certificates, credential helpers): it is needed to
    clone, and no scanned repository has a say in it. `keep` names further `GIT_*` variables to hand on, such as
    `GIT_INDEX_FILE` inside a pre-commit hook.
    """
    kept = _KEPT_ALWAYS | frozenset(keep) | (_KEPT_FOR_NETWORK if network else frozenset())
    found = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in kept}
    found |= {
        "GIT_ALLOW_PROTOCOL": ":".join(NETWORK_PROTOCOLS) if network else "none",
        "GIT_ATTR_NOSYSTEM": "1",
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
        # An empty answer from a program that can't ask: ssh and https fail at once instead of waiting for a person.
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
    """A running git whose standard output is a pipe; `git_dir` names the repository, else it is looked for in `cwd`.

    Raises:
        GitError: git is not installed, or `cwd` is not a folder.
    """
    # Git would look for a relative folder in `cwd`, callers mean it from where they are.
    where = [f"--git-dir={git_dir.absolute()}"] if git_dir is not None else []
    try:
        return subprocess.Popen(
            ["git", *where, *map(str, arguments)],
            cwd=cwd,
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


def git(
    *arguments: str | Path,
    git_dir: Path | None = None,
    cwd: Path | None = None,
    keep: Iterable[str] = (),
    stdin: bytes = b"",
    allowed: Iterable[int] = (0,),
) -> bytes:
    """What git wrote to its standard output.

    Raises:
        GitError: git is missing, or left with an exit code not in `allowed`; the text is git's own first complaint.
    """
    process = start(arguments, git_dir=git_dir, cwd=cwd, keep=keep, stdin=subprocess.PIPE)
    try:
        output, complaint = process.communicate(stdin)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode not in allowed:
        raise GitError(reason(complaint, process.returncode))
    return output


def reason(complaint: bytes, code: int) -> str:
    """Git's first fatal complaint as one line without prefix, passwords or control characters."""
    lines = [line.strip() for line in complaint.decode("utf-8", "replace").splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
    if not fatal:
        return f"git failed with code {code}" if code >= 0 else f"git was ended by signal {-code}"
    text = fatal[0].removeprefix("fatal:").removeprefix("error:").strip()
    return mask(without_password("".join(mark if mark.isprintable() else "?" for mark in text)))


_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<userinfo>[^/?#\s]*)@")


def without_password(text: str) -> str:
    """`text` (a URL, or a message of git's that quotes one) with the user part of every URL in it left out.

    The user goes with the password, since a token may stand in either. `ssh://git@host/…` keeps its `git`, which is
    part of how that place is called.
    """
    return _USERINFO.sub(_bare, text)


def _bare(found: re.Match[str]) -> str:
    scheme = found["scheme"]
    keeps_user = scheme.lower() in {"ssh://", "git+ssh://"} and found["userinfo"] == "git"
    return f"{scheme}git@" if keeps_user else scheme
