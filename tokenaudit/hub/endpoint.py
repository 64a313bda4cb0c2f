"""The endpoint of the Hub, and whether a credential can be sent to it."""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import SplitResult, urlsplit

from tokenaudit.errors import EndpointError
from tokenaudit.text import one_line

DEFAULT = "https://huggingface.co"
_PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[^\s%/@]{1,253}")


def resolve_endpoint(
    argument: str | None = None, *, service: str = "the Hub", setting: str = "--endpoint or HF_ENDPOINT"
) -> str:
    """Return a URL that credentials can be sent to, as scheme, host, port and path without a trailing slash.

    The URL is the argument, else `HF_ENDPOINT`, else the public Hub. Surrounding whitespace is removed.

    Args:
        argument: the given URL, or None.
        service: name of the service, for messages.
        setting: where the URL is set, for messages.

    Raises:
        EndpointError: the URL is neither https nor http on loopback; contains a user name, query, fragment, whitespace
            or control character; or a proxy would send loopback traffic off this machine unencrypted.
    """
    given = argument if argument is not None else os.environ.get("HF_ENDPOINT") or DEFAULT
    address = given.strip().rstrip("/")
    shown = one_line(address, 200)
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = SplitResult("", "", "", "", ""), "", None
    if "@" in parts.netloc:
        message = f"the address of {service} ({setting}) must not contain a user name or password; use https://host"
        raise EndpointError(message)
    # The parser drops line breaks and tabs, and parses `\\` differently from HTTP clients.
    clean = all(c.isprintable() and not c.isspace() and c not in "?#\\" for c in address)
    if not clean or parts.scheme not in _PORTS or not _HOST.fullmatch(host):
        message = f"invalid address '{shown}' of {service}; set {setting} to https://host"
        raise EndpointError(message)
    if parts.scheme == "http":
        _only_on_this_machine(host, shown)
    place = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{place}{f':{port}' if port is not None else ''}{parts.path}"


def origin(url: str) -> tuple[str, str, int]:
    """Return the scheme, host and port of an absolute URL: its origin."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 0)


def is_loopback(host: str) -> bool:
    """Return whether `host` can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _only_on_this_machine(host: str, shown: str) -> None:
    if not is_loopback(host):
        message = f"'{shown}' is not encrypted; use https (http is allowed on loopback only)"
        raise EndpointError(message)
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - slow to load

    proxies = getproxies()
    if (proxies.get("http") or proxies.get("all")) and not proxy_bypass(host):
        message = f"a proxy would send credentials for '{shown}' to another host; add {host} to NO_PROXY"
        raise EndpointError(message)
