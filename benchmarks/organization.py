"""How long the service accounts and the audit log of a large organization take, and how much memory.

    python -m benchmarks.organization [ACCOUNTS [TOKENS]]
    python -m benchmarks.organization log [EVENTS [TOKENS]]

The first runs against the test double over loopback, in a process of its own: seconds are CPU time of this process
(what is left of the clock is the double's work), memory is its peak. The second reads an exported log.
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.resources import audit_event
from tests.hub.routes_service_accounts import service_account, service_token
from tests.support.mint import Mint
from tokenaudit.audit_log.aggregate import UsageAggregator
from tokenaudit.audit_log.model import FoundCredential
from tokenaudit.file_access import stream_argument
from tokenaudit.hub.client import Hub
from tokenaudit.model import Credential, Tool
from tokenaudit.policy.settings import Settings
from tokenaudit.report.service_accounts import FORMATS
from tokenaudit.report.usage import FORMATS as USAGE_FORMATS
from tokenaudit.report.usage import render as render_usage
from tokenaudit.secret import Secret
from tokenaudit.service_accounts.assess import ServiceAccountsReport, assessed
from tokenaudit.service_accounts.read import read_accounts

NOW = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)


def values(tokens: int) -> list[str]:
    """The values of all tokens; every second one was found by a sweep."""
    mint = Mint("organization")
    return [mint.user_token() for _ in range(tokens)]


def serve(accounts: int, tokens: int, own: str, channel: Connection) -> None:
    """Runs the double until the other end is closed."""
    with HubDouble() as double:
        world = double.world
        double.knows(own, bodies.classic("write", orgs=[bodies.org(role="admin")]))
        repositories = [world.add_repo(f"acme/m{number}", visibility="private") for number in range(500)]
        rows = [service_account(f"account-{number}", number + 1) for number in range(accounts)]
        for number, value in enumerate(values(tokens)):
            chosen = [repository.object_id for repository in repositories[number % 50 :: 50]]
            token = service_token(f"token-{number}", number, last4=value[-4:], repoIds=chosen)
            rows[number % accounts]["accessTokens"].append({**token, "repoPermissions": ["repo.content.read"]})
        world.service_accounts["acme"] = rows
        channel.send(double.endpoint)
        channel.recv()


@contextmanager
def served(accounts: int, tokens: int, own: str) -> Iterator[str]:
    """The address of a double in another process."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(accounts, tokens, own, there))
    process.start()
    try:
        yield here.recv()
    finally:
        here.send(None)
        process.join()


def main(accounts: int, tokens: int) -> None:
    """Prints seconds and memory of reading, judging and writing all service accounts."""
    own = Mint("own").user_token()
    with served(accounts, tokens, own) as endpoint:
        known = [
            Credential(secret.fingerprint, "user_token", secret.display, "credential")
            for secret in map(Secret, values(tokens)[::2])
        ]
        hub = Hub(endpoint)
        clock, cpu = time.perf_counter(), time.process_time()
        found = read_accounts(hub, "acme", Secret(own))
        report = ServiceAccountsReport("acme", assessed(found.accounts, known, Settings(), NOW), found.skipped)
        written = {name: len(render(report)) for name, render in FORMATS.items()}
        seconds, total = time.process_time() - cpu, time.perf_counter() - clock
    matched = sum(token.fingerprint is not None for token in report.tokens)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(report.accounts)} service accounts, {len(report.tokens)} tokens, {matched} matched")
    print(f"{seconds:.1f} s of our own, {total:.1f} s with the Hub's answers, peak {peak:.0f} MB")
    print("characters:", ", ".join(f"{name} {size:,}" for name, size in written.items()))


def log_chunks(events: int, tokens: int) -> Iterator[bytes]:
    """The export of a log of about 650 bytes per event, in which each token is used from up to three addresses."""
    chance = random.Random(1)
    newest = NOW
    yield b"["
    for number in range(events):
        token = chance.randrange(tokens)
        event = audit_event(
            chance.choice(("repo.create", "repo.update_secret", "jobs.create", "repo.update_settings")),
            _id=f"{number:024x}",
            createdAt=(newest - timedelta(seconds=30 * number)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            message=f"event {number} in acme/app {'x' * 100}",
            ip=f"192.0.{token % 200}.{chance.randrange(3)}",
            location={"formatted": "Paris, France", "country": "FR", "city": "Paris"},
            userAgent="huggingface_hub/1.0; python/3.12",
            data={"repo": {"name": "acme/app", "type": "space"}, "number": number},
        )
        used = {"type": "access_token", "id": f"{token:024x}", "role": "write", "last4": f"{token:04d}"}
        yield (b"," if number else b"") + msgspec.json.encode({**event, "token": {**used, "deleted": False}})
    yield b"]"


def read_log(events: int, tokens: int) -> None:
    """Prints seconds and memory of reading an audit log, of whose tokens every fourth is exposed."""
    with tempfile.NamedTemporaryFile() as file:
        for chunk in log_chunks(events, tokens):
            file.write(chunk)
        file.flush()
        exposed = NOW - timedelta(seconds=15 * events)
        found = [FoundCredential(f"{number:032x}", f"{number:04d}", exposed) for number in range(0, tokens, 4)]
        cpu = time.process_time()
        aggregator = UsageAggregator("acme", found)
        aggregator.read("log", stream_argument(file.name))
        report = aggregator.report(Tool("tokenaudit", "benchmark"))
        read = time.process_time() - cpu
        written = {name: len(render_usage(report, name)) for name in USAGE_FORMATS}
        seconds, size = time.process_time() - cpu, Path(file.name).stat().st_size >> 20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{report.events:,} events ({size} MB), {len(report.tokens):,} tokens, {len(report.flagged):,} flagged")
    print(f"{read:.1f} s to read, {seconds:.1f} s with all formats, peak {peak:.0f} MB")
    print("characters:", ", ".join(f"{name} {length:,}" for name, length in written.items()))


if __name__ == "__main__":
    if sys.argv[1:2] == ["log"]:
        sizes = [int(argument) for argument in sys.argv[2:]]
        read_log(sizes[0] if sizes else 100_000, sizes[1] if len(sizes) > 1 else 2000)
        sys.exit()
    numbers = [int(argument) for argument in sys.argv[1:]] or [500, 2000]
    main(numbers[0], numbers[1] if len(numbers) > 1 else 4 * numbers[0])
