"""An open inventory: migrations, locks, one transaction per step, and one-line error messages."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import platformdirs
from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from tokenaudit.errors import InventoryError
from tokenaudit.inventory import read, record, tables
from tokenaudit.inventory.check import CheckResult, check
from tokenaudit.inventory.model import Consumer, Difference, KnownCredential, Outcome, PlaceRecord, Sweep
from tokenaudit.inventory.tables import DamagedRows
from tokenaudit.model import Credential, Inspection, Problem, SecretName, ServiceAccount, Skipped
from tokenaudit.text import one_line

if TYPE_CHECKING:
    from typing_extensions import Self

_LOCK_NUMBER = 0x746F6B656E  # "token": PostgreSQL's advisory locks are identified by number


class Inventory:
    """An open inventory. Every method is one transaction: its effect is durable once it returns.

    All methods raise a one-line `InventoryError` if the database can't be read or written. Damaged rows are omitted
    from results and recorded in `damage`.
    """

    def __init__(self, engine: Engine, shown: str, file: Path | None) -> None:
        self.engine = engine
        self.shown = shown
        self.file = file
        self.damage = DamagedRows()
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.engine.dispose()

    def prepare(self, *, migrate: bool) -> None:
        """Check the version and migrate the tables, all or nothing."""
        with self._transaction() as connection:
            if migrate and self.file is not None:
                connection.execute(text("BEGIN IMMEDIATE"))
            elif migrate:
                connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER + 1})
            version = self._version(connection)
            if version > len(tables.MIGRATIONS):
                message = f"{self.shown} was written by a newer tokenaudit (version {version}); upgrade tokenaudit"
                raise InventoryError(message)
            if version < len(tables.MIGRATIONS):
                if not migrate:
                    message = f"{self.shown} has no inventory of this version; run `tokenaudit sweep` once"
                    raise InventoryError(message)
                tables.migrate(connection, version)
        if migrate and self.file is not None:
            with self._translated_errors():
                self._open().exec_driver_sql("PRAGMA journal_mode=WAL")
                self._open().exec_driver_sql("PRAGMA synchronous=NORMAL")
                self._open().rollback()

    def _version(self, connection: Connection) -> int:
        present = set(inspect(connection).get_table_names())
        if tables.VERSION.name in present:
            number = connection.execute(select(tables.VERSION.c.number)).scalar() or 0
            if not isinstance(number, int):
                message = f"{self.shown}: version number can't be read; restore it from a backup"
                raise InventoryError(message)
            return number
        if present & {table.name for table in tables.METADATA.sorted_tables} and self.file is not None:
            message = f"{self.shown} is not an inventory; use another file with --inventory"
            raise InventoryError(message)
        return 0

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lock the inventory for one sweep; the operating system releases the lock of a killed process.

        Raises:
            InventoryError: another sweep holds the lock.
        """
        message = f"another sweep is writing {self.shown}; wait for it, or use another file with --inventory"
        if self.file is not None:
            lock = FileLock(f"{self.file}.lock", timeout=0)
            try:
                with lock:
                    yield
            except Timeout:
                raise InventoryError(message) from None
            except OSError as error:
                remedy_text = f"{self.shown} can't be locked: {error.strerror}; use another file with --inventory"
                raise InventoryError(remedy_text) from None
            return
        with self._translated_errors(), self.engine.connect() as connection:
            got = connection.execute(text("SELECT pg_try_advisory_lock(:number)"), {"number": _LOCK_NUMBER}).scalar()
            connection.commit()
            if not got:
                raise InventoryError(message)
            yield

    def begin(self, scope: str, namespaces: Sequence[str], now: datetime) -> Sweep:
        """Return the unfinished sweep of the same `scope` to continue it, else a new one."""
        with self._transaction() as connection:
            return record.begin(connection, scope, namespaces, now)

    def commit(self, sweep: int, outcomes: Iterable[Outcome], now: datetime) -> None:
        """Record the outcomes of some places."""
        with self._transaction() as connection:
            for outcome in outcomes:
                record.commit(connection, sweep, outcome, now)

    def end(self, sweep: int, now: datetime, *, complete: bool, removed: Iterable[str] = ()) -> None:
        """Finish the sweep; the places with the keys `removed` no longer exist."""
        with self._transaction() as connection:
            record.end(connection, sweep, now, complete=complete, removed=removed)

    def assessed(self, credentials: Iterable[Credential]) -> None:
        """Record the verdicts and recommendations of known credentials."""
        with self._transaction() as connection:
            record.assessed(connection, credentials)

    def across(self, sweep: int, problems: Sequence[Problem]) -> list[Problem]:
        """Record problems that are computed from several places; return those that no earlier sweep has found."""
        with self._transaction() as connection:
            return record.across(connection, sweep, problems)

    def ended(self, ends: Mapping[str, Inspection]) -> None:
        """Record known credentials as revoked: the Hub's inspections by fingerprint."""
        with self._transaction() as connection:
            record.ended(connection, ends)

    def forget(self, fingerprints: Sequence[str] = (), namespace: str | None = None) -> int:
        """Delete credentials, or everything about a namespace; return the number of deleted credentials."""
        with self._transaction() as connection:
            return record.forget(connection, fingerprints, namespace)

    def check(self, now: datetime) -> CheckResult:
        """Verify every row and repair what can be repaired."""
        with self._transaction() as connection:
            return check(connection, now)

    def done(self, sweep: int) -> set[str]:
        """Return keys of the places that this sweep has completed, except failed ones."""
        with self._transaction() as connection:
            return read.done(connection, sweep)

    def states(self) -> dict[str, str]:
        """Return the version that was read last, by place key."""
        with self._transaction() as connection:
            return read.states(connection)

    def fingerprints(self) -> dict[str, set[str]]:
        """Return the fingerprints of probable credentials last found there, by place key."""
        with self._transaction() as connection:
            return read.fingerprints(connection)

    def places(self, namespaces: Sequence[str]) -> list[PlaceRecord]:
        """Return the known places of some namespaces that still exist."""
        with self._transaction() as connection:
            return read.places(connection, namespaces, self.damage)

    def inspections(self, sweep: int) -> dict[str, Inspection]:
        """Return the inspections made during this sweep, by fingerprint."""
        with self._transaction() as connection:
            return read.inspections(connection, sweep, self.damage)

    def sweeps(self) -> list[Sweep]:
        """Return all sweeps, oldest first."""
        with self._transaction() as connection:
            return read.sweeps(connection, self.damage)

    def credentials(self) -> list[KnownCredential]:
        """Return all credentials with their current locations, or their last ones if they are gone."""
        with self._transaction() as connection:
            return read.credentials(connection, self.damage)

    def secrets(self) -> list[SecretName]:
        """Return all secrets and variables, sorted by name."""
        with self._transaction() as connection:
            return read.secrets(connection, self.damage)

    def service_accounts(self) -> list[ServiceAccount]:
        """Return the service accounts that sweeps have read, without verdicts."""
        with self._transaction() as connection:
            return read.service_accounts(connection, self.damage)

    def consumers(self, fingerprint: str | None = None, names: Sequence[str] = ()) -> list[Consumer]:
        """Return where a credential is known to be used: by its fingerprint, and by the `names` it is stored under."""
        with self._transaction() as connection:
            return read.consumers(connection, fingerprint, names, self.damage)

    def difference(self, since: int | None = None) -> list[Difference]:
        """Return the changes by the sweeps after number `since`; by default those of the last sweep."""
        with self._transaction() as connection:
            return read.difference(connection, since, self.damage)

    def swept(self, sweep: int) -> read.SweepRecord:
        """Return everything this sweep found or found unchanged, for its report."""
        with self._transaction() as connection:
            return read.swept(connection, sweep, self.damage)

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = self.engine.connect()
        return self._connection

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._translated_errors():
            connection = self._open()
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            message = f"{self.shown}: {error_message(str(error.orig))}"
            raise InventoryError(message) from None
        except SQLAlchemyError as error:
            message = f"{self.shown} can't be used ({type(error).__name__})"
            raise InventoryError(message) from None


_ERRORS: Mapping[str, str] = {
    "disk is full": "disk full; free some space and run the same command again to resume",
    "readonly database": "not writable; make it and its directory writable, or use another file with --inventory",
    "unable to open": "can't be opened; check the permissions of its directory",
    "database is locked": "locked by another program; try again later",
    "not a database": "not an inventory; use another file with --inventory",
    "malformed": "damaged file; restore it from a backup, or move it away to start a new inventory",
    "disk i/o error": "I/O error; check the disk, then run the same command again",
    "password authentication failed": "wrong user or password",
    "does not exist": "database or user does not exist; create it first",
    "connection refused": "connection refused",
    "closed the connection": "connection lost; run the same command again to resume",
    "terminating connection": "connection lost; run the same command again to resume",
    "permission denied": "permission denied; grant the database user CREATE and write permissions",
}


def error_message(driver_message: str) -> str:
    """Return the remedy for a known `driver_message`; others are shortened to their first line."""
    low = driver_message.lower()
    for sign, remedy_text in _ERRORS.items():
        if sign in low:
            return remedy_text
    # Only the first line: later lines of PostgreSQL can repeat parameters.
    return one_line(driver_message.splitlines()[0], 200) if driver_message else "the database failed"


_BUSY_SECONDS = 10


def default_url() -> str:
    """Return the default inventory: `TOKENAUDIT_INVENTORY`, else a SQLite file in the user's data directory."""
    chosen = os.environ.get("TOKENAUDIT_INVENTORY")
    return chosen or str(Path(platformdirs.user_data_dir("tokenaudit", appauthor=False)) / "inventory.sqlite")


def open_inventory(where: str | os.PathLike[str] | None = None, *, must_exist: bool = False) -> Inventory:
    """Open the inventory at `where`: a file, a `sqlite:///` or a `postgresql://` URL; default `default_url()`.

    With `must_exist`, for read-only commands, nothing is created or migrated.

    Raises:
        InventoryError: the inventory can't be opened, or was written by a newer tokenaudit.
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
        message = f"{shown}: no driver installed; use a file, or pip install 'tokenaudit[postgresql]'"
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
        message = "invalid inventory URL; use a file or postgresql://user@host/name"
        raise InventoryError(message) from None
    return url.set(drivername="postgresql+psycopg") if url.drivername in {"postgresql", "postgres"} else url


def _make_room(file: Path, *, must_exist: bool) -> None:
    if must_exist:
        if not os.path.isfile(file):  # noqa: PTH113 - pathlib raises an error for a name that is too long
            message = f"no inventory at {file}; run `tokenaudit sweep` first"
            raise InventoryError(message)
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        os.close(handle)
    except OSError as error:
        message = f"inventory {file} can't be written: {error.strerror}; use another file with --inventory"
        raise InventoryError(message) from None


def _sqlite(url: URL, file: Path, *, readonly: bool) -> Engine:
    asleep = not Path(f"{file}-wal").exists() and not os.access(file.parent, os.W_OK)
    if readonly and asleep:
        # A write-ahead log can't be opened in a read-only directory; without one the file contains all data.
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
    """Decode stored text; invalid UTF-8 in damaged text is replaced by backslash escapes."""
    return stored.decode("utf-8", "backslashreplace")


def known_credentials(where: str | None) -> tuple[list[Credential], list[Skipped]]:
    """Return the credentials of the inventory at `where` (None: the default), and what of it can't be read.

    A missing inventory knows none, unless `where` names it.

    Raises:
        InventoryError: there is none at `where`.
    """
    named = where or default_url()
    implied = named == default_url()
    if implied and "://" not in named and not Path(named).is_file():
        return [], []
    try:
        with open_inventory(named, must_exist=True) as inventory:
            found = [known.credential for known in inventory.credentials()]
            return found, inventory.damage.skipped()
    except InventoryError as error:
        if not implied:
            raise
        return [], [Skipped("inventory", str(error))]
