"""Which Hub is asked, and whether a credential may be sent there."""

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
    """An address that credentials may be sent to, as scheme, host, port and path without a trailing slash.

    It is the argument, else `HF_ENDPOINT`, else the public Hub. Blanks around it are removed.

    Args:
        argument: the address that was given, None where none was.
        service: whose address it is, for messages.
        setting: where it is set, for messages.

    Raises:
        EndpointError: the address is neither https nor http on loopback; holds a user name, query, fragment, blank or
            control character; or a proxy would carry loopback traffic off this machine unencrypted.
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
    # The parser drops line breaks and tabs, and reads `\\` in another way than HTTP clients do.
    clean = all(c.isprintable() and not c.isspace() and c not in "?#\\" for c in address)
    if not clean or parts.scheme not in _PORTS or not _HOST.fullmatch(host):
        message = f"invalid address '{shown}' of {service}; set {setting} to https://host"
        raise EndpointError(message)
    if parts.scheme == "http":
        _only_on_this_machine(host, shown)
    place = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{place}{f':{port}' if port is not None else ''}{parts.path}"


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an absolute URL: what two addresses must share to be the same place."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 0)


def is_loopback(host: str) -> bool:
    """Whether `host` can only be this machine."""
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
