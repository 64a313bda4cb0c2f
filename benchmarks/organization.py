"""How long the service accounts of a large organization take beyond the Hub's own pace, and how much memory.

    python -m benchmarks.organization [ACCOUNTS [TOKENS]]

Runs against the test double over loopback, in a process of its own. Seconds are CPU time of this process (what is
left of the clock is the double's work), memory is its peak.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from multiprocessing.connection import Connection

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.routes_service_accounts import service_account, service_token
from tests.support.mint import Mint
from tokenaudit.hub.client import Hub
from tokenaudit.model import Credential
from tokenaudit.policy.settings import Settings
from tokenaudit.report.service_accounts import FORMATS
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


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]] or [500, 2000]
    main(numbers[0], numbers[1] if len(numbers) > 1 else 4 * numbers[0])
