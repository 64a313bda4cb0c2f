"""Where the inventory is, and how it is opened."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from tokenaudit.errors import InventoryError
from tokenaudit.inventory.database import Inventory

_BUSY_SECONDS = 10


def default_url() -> str:
    """Where the inventory is: `TOKENAUDIT_INVENTORY`, else a SQLite file in the user's data directory."""
    chosen = os.environ.get("TOKENAUDIT_INVENTORY")
    return chosen or str(Path(platformdirs.user_data_dir("tokenaudit", appauthor=False)) / "inventory.sqlite")


def open_inventory(where: str | os.PathLike[str] | None = None, *, must_exist: bool = False) -> Inventory:
    """The inventory at `where`: a file, a `sqlite:///` or a `postgresql://` URL; `default_url()` if not said.

    `must_exist` is for those who only look: then nothing is made or migrated.

    Raises:
        InventoryError: it can't be opened, or was written by a newer tokenaudit.
    """
    named = os.fspath(where) if where is not None else default_url()
    url = _url(named)
    file = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
    named_so = url.set(drivername=url.get_backend_name(), query={})  # as users write it, without the driver's name
    shown = str(file) if file else named_so.render_as_string(hide_password=True)
    if file is not None:
        _make_room(file, must_exist=must_exist)
    try:
        engine = create_engine(url, poolclass=NullPool) if file is None else _sqlite(url, file, readonly=must_exist)
    except (ArgumentError, NoSuchModuleError, ImportError):
        message = f"{shown}: no driver for it here; give a file, or pip install 'tokenaudit[postgresql]'"
        raise InventoryError(message) from None
    inventory = Inventory(engine, shown, file)
    inventory.prepare(migrate=not must_exist)
    return inventory


def _url(named: str) -> URL:
    if "://" not in named:
        return URL.create("sqlite", database=named)
    try:
        url = make_url(named)
    except ArgumentError:
        message = "the inventory's URL can't be read; give a file or postgresql://user@host/name"
        raise InventoryError(message) from None
    return url.set(drivername="postgresql+psycopg") if url.drivername in {"postgresql", "postgres"} else url


def _make_room(file: Path, *, must_exist: bool) -> None:
    if must_exist:
        if not os.path.isfile(file):  # noqa: PTH113 - of a name that is too long, pathlib raises an error
            message = f"there is no inventory at {file}; it is made by the first `tokenaudit sweep`"
            raise InventoryError(message)
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        os.close(handle)
    except OSError as error:
        message = f"the inventory {file} can't be written: {error.strerror}; choose another with --inventory"
        raise InventoryError(message) from None


def _sqlite(url: URL, file: Path, *, readonly: bool) -> Engine:
    asleep = not Path(f"{file}-wal").exists() and not os.access(file.parent, os.W_OK)
    if readonly and asleep:
        # A write-ahead log can't be opened in a directory that can't be written; without one the file is all there is.
        quoted = file.resolve().as_uri()
        engine = create_engine(f"sqlite:///{quoted}?mode=ro&immutable=1&uri=true", poolclass=NullPool)
    else:
        engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, poolclass=NullPool)

    def prepare(connection: object, _record: object) -> None:
        connection.text_factory = _decoded  # type: ignore[attr-defined]
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    event.listen(engine, "connect", prepare)
    return engine


def _decoded(stored: bytes) -> str:
    """Text as it was stored; the bytes of a damaged one that are not UTF-8 as backslash escapes."""
    return stored.decode("utf-8", "backslashreplace")
