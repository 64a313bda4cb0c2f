"""Nouns of object reading, shared by every engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

ObjectType: TypeAlias = Literal["blob", "commit", "tag", "tree"]
READ_TYPES = ("blob", "commit", "tag")
"""Trees hold names and ids only: they are read for attribution, never searched."""


@dataclass(frozen=True)
class GitObject:
    """One object, whole."""

    id: str
    type: ObjectType
    data: bytes


@dataclass(frozen=True)
class Unread:
    """An object (or a whole pack or share of objects) that could not be read, and why."""

    id: str
    reason: str


class Share(Protocol):
    """A part of a repository's objects that one process reads.

    `size` estimates the work. Shares are disjoint, and together they are every blob, commit and tag exactly once.
    """

    @property
    def size(self) -> int:
        """Work in bytes, roughly."""

    def read(self) -> Iterator[GitObject | Unread]:
        """The objects, each once, in an order that does not change from run to run."""
