"""Web pages of repositories, commits and files at GitHub, GitLab and the Hugging Face Hub.

The address of a repository comes from its configuration, which anybody can have written. An address becomes a link only
if its host is known, its path consists of plain names, and the link is https.
"""

from __future__ import annotations

import os
import re
from urllib.parse import quote, urlsplit

_HOSTS = {
    "github.com": "github.com",
    "www.github.com": "github.com",
    "ssh.github.com": "github.com",
    "gitlab.com": "gitlab.com",
    "www.gitlab.com": "gitlab.com",
    "altssh.gitlab.com": "gitlab.com",
    "huggingface.co": "huggingface.co",
    "www.huggingface.co": "huggingface.co",
    "hf.co": "huggingface.co",
}
"""Known hosts and their aliases, with the host of their web pages."""

_SCHEMES = frozenset({"https", "http", "ssh", "git", "git+ssh"})
_PORTS = frozenset({None, 22, 80, 443, 9418})
_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)?(?P<host>[A-Za-z0-9.-]+):(?P<path>[^/\\].*)")
_NAME = re.compile(r"(?!\.+\Z)[A-Za-z0-9_.][A-Za-z0-9_.-]{0,99}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LONGEST = 500
_OWNER_AND_NAME = ("owner", "name")
_GITLAB_DEPTHS = range(2, 22)
"""GitLab nests groups up to 20 deep (docs.gitlab.com/user/group/subgroups)."""

_HUB_TYPES = frozenset({"datasets", "spaces", "kernels"})
_RENDERED = (".md", ".markdown", ".rst", ".ipynb", ".adoc")
"""Files that the hosts show as a document without line numbers unless asked for the plain text."""


def repository_page(address: str | None) -> str | None:
    """The web page of the repository with the git URL `address`; None for an unknown host or a path with odd names.

    The user name, the password, the query and the fragment of `address` are never part of it.
    """
    if not address or len(address) > _LONGEST or not address.isascii() or not address.isprintable():
        return None
    scp = _SCP.fullmatch(address) if "://" not in address else None
    if scp:
        host, path = scp["host"], scp["path"]
    else:
        try:
            parts = urlsplit(address)
            host, path, port = parts.hostname or "", parts.path, parts.port
        except ValueError:
            return None
        if parts.scheme not in _SCHEMES or port not in _PORTS:
            return None
    return _page(_HOSTS.get(host.lower(), ""), path.strip("/").removesuffix(".git").split("/"))


def hub_page(endpoint: str | None, target: str) -> str | None:
    """The web page of a Hub repository by its name in reports, such as `spaces/acme/app`; None if it is not one."""
    if endpoint != "https://huggingface.co":
        return None
    return _page("huggingface.co", target.removeprefix("models/").split("/"))


def _page(host: str, names: list[str]) -> str | None:
    if not all(_NAME.fullmatch(name) for name in names):
        return None
    if host == "gitlab.com":
        fits = len(names) in _GITLAB_DEPTHS and "-" not in names
    elif host == "huggingface.co" and names[0] in _HUB_TYPES:
        fits = len(names[1:]) == len(_OWNER_AND_NAME)
    else:
        fits = bool(host) and len(names) == len(_OWNER_AND_NAME)
    return f"https://{host}/{'/'.join(names)}" if fits else None


def commit_page(page: str | None, commit: str | None) -> str | None:
    """The page of a commit of the repository at `page`; None where either is unknown."""
    return _below(page, "commit", commit)


def file_page(page: str | None, commit: str | None, path: str | None, line: int | None = None) -> str | None:
    """The page of a file of a commit, at `line` where that is known; None where the commit or the path is unknown."""
    if not path or path.startswith("/") or {"", ".", ".."} & set(path.split("/")):
        return None
    blob = _below(page, "blob", commit)
    if blob is None:
        return None
    rendered = path.lower().endswith(_RENDERED) and not blob.startswith("https://huggingface.co/")
    plain = "?plain=1" if rendered and line is not None else ""
    return f"{blob}/{quote(os.fsencode(path))}{plain}{f'#L{line}' if line is not None else ''}"


def _below(page: str | None, what: str, commit: str | None) -> str | None:
    # A report can be written by hand: the page is checked again.
    if page is None or commit is None or repository_page(page) != page or not _COMMIT.fullmatch(commit):
        return None
    separator = "/-/" if page.startswith("https://gitlab.com/") else "/"
    return f"{page}{separator}{what}/{commit}"
