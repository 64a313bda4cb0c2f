"""The reach of a credential as a graph: credential, entities, repositories."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokenaudit.text import listed, shorten, visible

if TYPE_CHECKING:
    from tokenaudit.model import Credential, ReachedRepo

MOST_REPOS = 12
MOST_ENTITIES = 8
_ROW = 28
_TOP = 30
_LEFT, _MIDDLE, _RIGHT = 90, 300, 520
_WIDTH = 760
_BIGGEST = 13.0
_SMALLEST = 3.0
_LONGEST_NAME = 30


@dataclass(frozen=True)
class GraphNode:
    """A circle with a name to its `right` or `up` above it. `sort` is self, entity, write or read, by initial."""

    x: int
    y: int
    radius: int
    name: str
    sort: str

    @property
    def right(self) -> int:
        """How far right of the circle's middle the name begins."""
        return 22 if self.sort in {"w", "r"} else 0

    @property
    def up(self) -> int:
        """How far above the circle's middle the name stands."""
        return {"s": 14, "e": 10}.get(self.sort, -4)


@dataclass(frozen=True)
class ReachGraph:
    """A drawing of `width` by `height` units. `lines` are the paths from node to node, one of each sort."""

    width: int
    height: int
    nodes: tuple[GraphNode, ...]
    lines: tuple[tuple[str, str], ...]
    more: int


def reach_graph(credential: Credential) -> ReachGraph | None:
    """The drawing, None where no repository is known."""
    reach = credential.reach
    if reach is None or not reach.repos:
        return None
    repos = _ranked(reach.repos)[:MOST_REPOS]
    entities = _entities(credential, repos)
    rows = max(len(repos), len(entities), 1)
    height = _TOP * 2 + _ROW * (rows - 1)
    start = GraphNode(_LEFT, height // 2, 8, visible(credential.display), "s")
    most = max((repo.downloads or 0 for repo in repos), default=0)
    owners = {
        name: GraphNode(_MIDDLE, _y(number, len(entities), rows), 6, _name(name), "e")
        for number, name in enumerate(entities)
    }
    nodes = [start, *owners.values()]
    lines = {"e": [_line(start, node) for node in owners.values()], "w": [], "r": []}
    for number, repo in enumerate(repos):
        sort = repo.access[0]
        name = f"{_name(repo.id)}, {_note(repo)}"
        node = GraphNode(_RIGHT, _y(number, len(repos), rows), _radius(repo, most), name, sort)
        nodes.append(node)
        lines[sort].append(_line(owners.get(_owner(repo, entities), start), node))
    paths = tuple((sort, "".join(drawn)) for sort, drawn in lines.items() if drawn)
    return ReachGraph(_WIDTH, height, tuple(nodes), paths, max(reach.readable, len(reach.repos)) - len(repos))


def in_words(credential: Credential) -> str:
    """The same as a sentence; empty where no repository is known."""
    repos = credential.reach.repos if credential.reach else ()
    return listed([f"{_name(repo.id)}, {_note(repo)}" for repo in _ranked(repos)], MOST_REPOS, "; ")


def _ranked(repos: tuple[ReachedRepo, ...]) -> list[ReachedRepo]:
    return sorted(repos, key=lambda repo: (-(repo.downloads or 0), repo.access != "write", repo.id))


def _line(start: GraphNode, end: GraphNode) -> str:
    return f"M{start.x} {start.y} {end.x} {end.y}"


def _entities(credential: Credential, repos: list[ReachedRepo]) -> list[str]:
    granted = (
        [grant.entity.name or grant.entity.id or "" for grant in credential.inspection.grants]
        if credential.inspection
        else []
    )
    namespaces = [repo.id.split("/")[0] for repo in repos]
    names = [name for name in granted if name and name not in {repo.id for repo in repos}]
    return list(dict.fromkeys([*names, *namespaces]))[:MOST_ENTITIES]


def _owner(repo: ReachedRepo, entities: list[str]) -> str:
    return next((name for name in (repo.id, repo.id.split("/")[0]) if name in entities), "")


def _y(number: int, count: int, rows: int) -> int:
    return _TOP + round(((rows - count) / 2 + number) * _ROW)


def _radius(repo: ReachedRepo, most: int) -> int:
    share = (repo.downloads or 0) / most if most else 0.0
    return round(_SMALLEST + (_BIGGEST - _SMALLEST) * math.sqrt(share))


def _note(repo: ReachedRepo) -> str:
    pulls = "downloads unknown" if repo.downloads is None else f"{repo.downloads:,}"
    return f"{'private, ' if repo.private else ''}{pulls}, {repo.access}"


def _name(name: str) -> str:
    return shorten(visible(name), _LONGEST_NAME)
