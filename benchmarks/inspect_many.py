"""How long asking about many credentials takes beyond the Hub's own pace, and how much memory.

    python -m benchmarks.inspect_many [NUMBER]

Runs against the test double over loopback, whose rate limit stands on a simulated clock.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from datetime import datetime, timezone

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.support.mint import Mint
from tokenaudit.hub.client import Hub
from tokenaudit.inspect import inspect_credentials
from tokenaudit.secret import Secret

QUOTA, WINDOW = 500, 300


def main(number: int) -> None:
    """Prints questions, simulated waits, seconds, and memory after each tenth."""
    mint = Mint(1)
    waited = 0.0

    def clock() -> float:
        return waited

    def sleep(seconds: float) -> None:
        nonlocal waited
        waited += seconds

    with HubDouble() as double:
        body = bodies.one_model_read(orgs=[bodies.org()])
        secrets = [("user_token", Secret(double.knows(mint.user_token(), body))) for _ in range(number)]
        limit = double.limits(QUOTA, WINDOW, clock)
        hub = Hub(double.endpoint, clock=clock, sleep=sleep)
        tracemalloc.start()
        started = time.perf_counter()
        memory = []
        for done, _ in enumerate(inspect_credentials(secrets, hub, now=lambda: datetime.now(timezone.utc)), 1):
            if done % max(number // 10, 1) == 0:
                double.requests.clear()
                gc.collect()
                memory.append(tracemalloc.get_traced_memory()[0])
        seconds = time.perf_counter() - started
    print(f"{number} credentials: {limit.answered} questions, {limit.refused} refused, {waited:.0f} s simulated waits")
    print(f"{seconds:.1f} s of our own, {seconds / number * 1000:.1f} ms each (traced)")
    print("memory after each tenth, kB:", ", ".join(f"{used / 1000:.0f}" for used in memory))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
