"""Which Hub is asked, and whether a credential may be sent there."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import SplitResult, urlsplit

from tokenaudit.errors import EndpointError
from tokenaudit.text import one_line

DEFAULT = "https://huggingface.co"
_PORTS = {"https": 443, "http": 80}


def resolve_endpoint(argument: str | None = None) -> str:
    """The Hub's address, without a trailing slash: the argument, else `HF_ENDPOINT`, else the public Hub.

    Raises:
        EndpointError: the address is neither https nor http on loopback, or holds a user name, query or fragment, or
            a proxy would carry the loopback traffic off this machine in clear.
    """
    address = (argument or os.environ.get("HF_ENDPOINT") or DEFAULT).strip().rstrip("/")
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        parts, host = SplitResult("", "", "", "", ""), ""
    if parts.username is not None or parts.password is not None:
        message = "the Hub's address must not hold a user name or password; give it as https://host"
        raise EndpointError(message)
    shown = one_line(address, 200)
    if parts.scheme not in _PORTS or not host or parts.query or parts.fragment:
        message = f"'{shown}' is no address of a Hub; give --endpoint or HF_ENDPOINT as https://host"
        raise EndpointError(message)
    if parts.scheme == "http":
        _only_on_this_machine(host, shown)
    return address


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
        message = f"'{shown}' would carry credentials in clear; use https (http is allowed on loopback only)"
        raise EndpointError(message)
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - slow to load

    proxies = getproxies()
    if (proxies.get("http") or proxies.get("all")) and not proxy_bypass(host):
        message = f"a proxy would carry credentials for '{shown}' off this machine; add {host} to NO_PROXY"
        raise EndpointError(message)
