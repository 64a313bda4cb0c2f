"""Credentials in responses of the Hub (or another platform): every text of a JSON document, with its path."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeAlias, TypeVar

from tokenaudit.errors import UsageError
from tokenaudit.hub.pagination import with_items
from tokenaudit.hub.platforms.transport import PlatformError
from tokenaudit.hub.result import PagedListing
from tokenaudit.interfaces import Detection, Finding, LocatedDetection, ScanContext
from tokenaudit.model import Location, SecretName, Skipped
from tokenaudit.timestamps import is_undecidable

Found: TypeAlias = "Finding | SecretName"
"""Findings in a platform's settings, and the names of the secrets and variables there."""

UNDATED = "age unknown: invalid time from the Hub"


def strings(value: object) -> Iterator[tuple[str, str]]:
    """Yield every text in `value` with its dotted path, including keys of objects, which are texts at their own path.

    The depth is not limited here, since the JSON parser limits it.
    """
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, str):
            yield path, node
        elif isinstance(node, Mapping):
            inner = [(f"{path}.{key}" if path else str(key), key, item) for key, item in node.items()]
            yield from ((below, str(key)) for below, key, _ in inner)
            waiting += [(below, item) for below, _, item in reversed(inner)]
        elif isinstance(node, (list, tuple)):
            waiting += [(f"{path}.{number}", item) for number, item in reversed(list(enumerate(node)))]


def examined(run: ScanContext, content: str, location: Location) -> Iterator[LocatedDetection | Skipped]:
    """Yield the credentials in `content`; `location` is complete except for line, column and wrapping."""
    data = content.encode("utf-8", "surrogateescape" if _escaped(content) else "backslashreplace")
    if not run.scanner.may_contain(data):
        return
    result = run.scanner.scan(data, location.path or "")
    where = f"{location.target}: {location.path or location.source}"
    yield from (Skipped(where, reason) for reason in result.skipped)
    for seen in result.detections:
        yield LocatedDetection(seen, _at(location, seen))


def read_document(run: ScanContext, document: object, location: Location) -> Iterator[LocatedDetection | Skipped]:
    """Yield the credentials in every text of a JSON document; the dotted path of each is the location's `member`."""
    size = 0
    for path, content in strings(document):
        size += len(content)
        yield from examined(run, content, replace(location, member=path))
    run.read(1, size)


def undated(value: object, where: str) -> Iterator[Skipped]:
    """Yield a `Skipped` if the Hub returns an invalid time, such as one outside the years 1 to 9999."""
    if is_undecidable(value):
        yield Skipped(where, UNDATED)


def first_likely(found: list[LocatedDetection]) -> Detection | None:
    """Return the first detection that is most probably a credential."""
    return next((seen.detection for seen in found if seen.detection.likelihood == "credential"), None)


def names_of(secrets: object) -> list[str]:
    """Return the names in a list of names or in an object: responses of the Hub use either."""
    if isinstance(secrets, Mapping):
        return sorted(str(name) for name in secrets)
    return sorted({name for name in secrets if isinstance(name, str)}) if isinstance(secrets, list) else []


def section(document: Mapping[str, Any], *keys: str) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return the value at `keys`, one inside the other; None if the path does not exist."""
    node: Any = document
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node


def _at(location: Location, seen: Detection) -> Location:
    member = "!/".join(part for part in (location.member, seen.member) if part) or None
    return replace(
        location,
        line=seen.line,
        column=seen.column,
        via=seen.via,
        member=member,
        end_line=seen.end_line,
        end_column=seen.end_column,
        repeats=seen.repeats,
    )


def _escaped(content: str) -> bool:
    try:
        content.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


T = TypeVar("T")


def listed(where: str, ask: Callable[[], PagedListing[T]], needed: str = "") -> Generator[Skipped, None, tuple[T, ...]]:
    """Return the items that `ask` lists; yield a `Skipped` of `where` for failures, with the permission `needed`."""
    try:
        listing = ask()
    except PlatformError as error:
        remedy = f"; needs {needed}" if needed and error.kind == "refused" else ""
        yield Skipped(where, f"{error}{remedy}")
        return ()
    if listing.incomplete:
        yield Skipped(where, listing.incomplete)
    return listing.items


class _Clonable(Protocol):
    @property
    def clone_url(self) -> str: ...


C = TypeVar("C", bound=_Clonable)


def clone_urls(ask: Callable[[], PagedListing[C]], what: str, check: str) -> PagedListing[str]:
    """Return the URLs of everything that `ask` lists. `what` names it, `check` the variables used by the request.

    Raises:
        UsageError: the platform doesn't respond.
    """
    try:
        found = ask()
    except PlatformError as error:
        message = f"{what} can't be listed: {error}; check {check}"
        raise UsageError(message) from None
    return with_items(found, sorted(one.clone_url for one in found if one.clone_url))


def variable(run: ScanContext, name: SecretName, value: str) -> Iterator[Found]:
    """Yield the credentials in a variable with a known value, then its name with the most probable of them."""
    location = Location(name.kind, name.target, name.name, date=name.updated_at)
    found = list(examined(run, value, location))
    yield from found
    run.read(1, len(value))
    held = first_likely([seen for seen in found if isinstance(seen, LocatedDetection)])
    yield replace(name, fingerprint=held.secret.fingerprint) if held else name
