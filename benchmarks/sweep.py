"""How the cost of a sweep grows, what a repeated one costs, and what a second worker brings.

A simulated Hub in a process of its own (real HTTP, real `git http-backend`) with many small repositories on loopback.
Everything is told as a ratio within one run, so that machines can be compared:

    python benchmarks/sweep.py 1000
    python benchmarks/sweep.py 200 --cluster
    python benchmarks/sweep.py 200 --cluster --latency 0.1

The simulated Hub is Python and shares the machine, so its own processor time is told, too. `--latency` lets each of its
answers wait that many seconds, as one on the internet would: without, two workers on two processors have to share them
with the Hub.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.server import Request, Response
from tests.hub.state import Repo
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint

TEMPLATES = 8
OWN = Mint(1).user_token()


def _templates(folder: Path) -> list[Path]:
    mint = Mint(2)
    made = []
    for number in range(TEMPLATES):
        repo = GitRepo(folder / f"template-{number}")
        repo.commit("start", {"README.md": f"# {number}\n", "push.py": f"token = '{mint.user_token()}'\n"})
        for change in range(6):
            repo.commit(f"change {change}", {f"src/part{change}.py": f"x = {change}\n" * 200})
        bare = folder / f"template-{number}.git"
        subprocess.run(["git", "clone", "-q", "--mirror", str(repo.path), str(bare)], check=True)
        made.append(bare)
    return made


def _hub(folder: Path, number: int, latency: float, pipe: Connection) -> None:
    """Serves `number` repositories as acme/r… until it is stopped; returns its CPU seconds on request."""
    with HubDouble() as double:
        double.world.organizations.add("acme")
        double.world.page_size = 1000
        double.knows(OWN, bodies.classic("write", orgs=[bodies.org("acme", "admin")]))
        for index, template in zip(range(number), _templates(folder) * (number // TEMPLATES + 1), strict=False):
            repo = Repo(f"acme/r{index:04}", git=folder / f"r{index:04}.git")
            shutil.copytree(template, folder / f"r{index:04}.git", copy_function=os.link)
            double.world.repos["model", repo.id] = repo
        if latency:
            answer = double.server.routes

            def late(request: Request) -> Response:
                time.sleep(latency)
                return answer(request)

            double.server.routes = late
        pipe.send(double.endpoint)
        while pipe.recv() != "end":
            spent = os.times()
            pipe.send(spent.user + spent.system + spent.children_user + spent.children_system)


@dataclass(frozen=True)
class Hub:
    """A running simulation."""

    endpoint: str
    pipe: Connection

    def processor(self) -> float:
        """Seconds of processor it has used so far, those of git included."""
        self.pipe.send("how much?")
        spent: float = self.pipe.recv()
        return spent


@contextmanager
def hub(number: int, latency: float = 0) -> Iterator[Hub]:
    """A Hub with `number` repositories."""
    with tempfile.TemporaryDirectory() as folder:
        here, there = multiprocessing.get_context("spawn").Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_hub, args=(Path(folder), number, latency, there))
        process.start()
        there.close()
        try:
            yield Hub(here.recv(), here)
        finally:
            here.send("end")
            process.join()


@dataclass(frozen=True)
class Cost:
    """One sweep: seconds on the clock, seconds of processor (git's included), peak memory in MB, credentials found.

    On a machine that has other things to do only the processor's seconds can be compared.
    """

    wall: float
    processor: float
    memory: int
    found: int


def sweep(endpoint: str, data: Path, *more: str) -> Cost:
    """One sweep in a process of its own."""
    code = "import sys; from tokenaudit.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "sweep", "acme", "--include", "*", "--type", "model", "--no-inspect", "-q"]
    where = ["--inventory", str(data / "inventory.sqlite"), "--endpoint", endpoint, "-f", "json"]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env = {**kept, "HF_TOKEN": OWN, "HOME": str(data), "PYTHONPATH": str(Path(__file__).parents[1])}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.Popen([*command, *where, *more], env=env, stdout=subprocess.PIPE)
    out, _ = done.communicate()
    spent = time.perf_counter() - started
    report = json.loads(out)
    if not report["complete"]:
        sys.exit(f"the sweep is incomplete: {report['skipped'][:3]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(spent, processor, after.ru_maxrss // 1024, len(report["credentials"]))


def grows(number: int) -> None:
    """First and second sweep at a quarter, half and the whole of `number` repositories."""
    print(
        "repositories  first s (processor)  ms each  second s (processor)  second/first (processor)  peak MB  the Hub"
    )
    for size in (number // 4, number // 2, number):
        with hub(size) as simulated, tempfile.TemporaryDirectory() as data:
            before = simulated.processor()
            first = sweep(simulated.endpoint, Path(data))
            part = simulated.processor() - before
            second = sweep(simulated.endpoint, Path(data))
        if first.found != second.found:
            sys.exit(f"the second sweep reports {second.found} credentials, the first {first.found}")
        each = 1000 * first.processor / size
        ratio, of_processor = second.wall / first.wall, second.processor / first.processor
        print(
            f"{size:12}  {first.wall:7.1f} ({first.processor:6.1f})  {each:11.0f}  {second.wall:8.1f} "
            f"({second.processor:6.1f})  {ratio:12.1%} ({of_processor:5.1%})  {first.memory:11}  "
            f"{part / (part + first.processor):7.0%}",
            flush=True,
        )


def on_a_cluster(number: int, latency: float) -> None:
    """The same repositories with one and with two workers of a local Dask cluster."""
    from distributed import LocalCluster  # noqa: PLC0415 - an extra

    os.environ["HF_TOKEN"] = OWN
    spent = {}
    for workers in (1, 2):
        with (
            hub(number, latency) as simulated,
            tempfile.TemporaryDirectory() as data,
            LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        ):
            spent[workers] = sweep(simulated.endpoint, Path(data), "--cluster", cluster.scheduler_address).wall
    print(f"one worker {spent[1]:.1f} s, two workers {spent[2]:.1f} s: {spent[1] / spent[2]:.2f} times as fast")


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("repositories", nargs="?", type=int, default=1000)
    parser.add_argument("--cluster", action="store_true", help="compare one and two Dask workers instead")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="of each answer, with --cluster")
    arguments = parser.parse_args()
    if arguments.cluster:
        on_a_cluster(arguments.repositories, arguments.latency)
    else:
        grows(arguments.repositories)


if __name__ == "__main__":
    main()
