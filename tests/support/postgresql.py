"""A database of its own on a real PostgreSQL server, where there is one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

SERVER = "TOKENAUDIT_TEST_POSTGRESQL"


@contextmanager
def fresh_database() -> Iterator[str]:
    """The URL of an empty database that is dropped at the end.

    Without a server the test is skipped, loudly; with a server named but not answering it fails.
    """
    server = os.environ.get(SERVER)
    if not server:
        pytest.skip(
            f"NOT TESTED ON POSTGRESQL: {SERVER} names no server (such as postgresql://postgres@127.0.0.1:5432/postgres)"
        )
    engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    name = f"tokenaudit_{uuid.uuid4().hex}"
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(server).set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
