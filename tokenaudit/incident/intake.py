"""From what a user names on the command line to what is known: inventory, reports, values."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tokenaudit.errors import InventoryError, UsageError
from tokenaudit.incident.evidence import Material
from tokenaudit.inspect import input as intake
from tokenaudit.interfaces import Examiner
from tokenaudit.inventory import Inventory, open_inventory
from tokenaudit.model import Report

STDIN = "-"


@dataclass(frozen=True)
class Named:
    """What the user named.

    Args:
        inventory: its place; None for the usual one.
        reports: report files, `-` for standard input.
        targets: places in which values are found again.
        keyring: entries of the OS keyring that hold values.
        lines: values, one a line; None where standard input is a terminal or holds a report.
    """

    inventory: str | None = None
    reports: Sequence[str] = ()
    targets: Sequence[str] = ()
    keyring: Sequence[str] = ()
    lines: BinaryIO | None = None


def gathered(named: Named, examiner: Examiner, load: Callable[[bytes, str], Report]) -> Material:
    """Everything that is known of what was named.

    Reports, which `load` reads from their bytes and name, take the place of the inventory, unless that is named too.
    Without an inventory values will do.

    Raises:
        UsageError: a report can't be read, or the keyring keeps nothing under a name.
        ConfigurationError: a report is none, or there is no safe keyring.
        InventoryError: there is no inventory and nothing else, or it can't be read.
    """
    material = Material()
    for path in named.reports:
        from_stdin = path == STDIN
        name = "standard input" if from_stdin else path
        material.report(load(_read(path), name), f"the report {name}", None if from_stdin else path)
    _values(named, examiner, material)
    if named.inventory is not None or not named.reports:
        try:
            inventory = open_inventory(named.inventory, must_exist=True)
        except InventoryError as error:
            if named.inventory is not None or not material.sources:
                message = f"{error}; or give --report REPORT.json, or values"
                raise InventoryError(message) from None
        else:
            with inventory:
                _inventory(inventory, material)
    return material


def _values(named: Named, examiner: Examiner, material: Material) -> None:
    if named.keyring:
        material.handed(intake.from_keyring(named.keyring, examiner), "the keyring")
    if named.targets:
        from tokenaudit.audit.auditor import scan  # noqa: PLC0415 - the whole scanner, only with --from

        audit = scan(named.targets)
        material.values.update(audit.secrets)
        material.report(audit.report, f"a scan of {', '.join(named.targets)}")
    if named.lines is not None and not (named.keyring or named.targets):
        material.handed(intake.from_lines(named.lines, examiner), "standard input")


def _inventory(book: Inventory, material: Material) -> None:
    material.inventory(book.credentials(), book.secrets())
    latest = {sweep.scope: sweep for sweep in book.sweeps()}
    skipped = [entry for sweep in latest.values() for entry in book.swept(sweep.id).skipped]
    material.sweeps(tuple(latest.values()), skipped)


def _read(path: str) -> bytes:
    if path == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}; name a report written with --format json"
        raise UsageError(message) from None
