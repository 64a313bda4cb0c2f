"""500 repositories with one change each, examined against the double of the Hub: seconds and bytes.

`python benchmarks/changes.py [REPOSITORIES]`. The time is that of this process; the double runs in another one.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from datetime import datetime, timezone
from multiprocessing.connection import Connection
from pathlib import Path

from tests.changes.hosted import HostedRepository
from tests.hub.double import HubDouble
from tokenaudit.changes.judgements import Judgements
from tokenaudit.changes.run import ChangesRun
from tokenaudit.changes.window import ChangesWindow
from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.model import Tool

WEIGHTS = 200_000


def weights(index: int) -> bytes:
    """A torch file in its zip form, different for every index."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("m/data.pkl", b"\x80\x02}q\x00.")
        written.writestr("m/version", b"3\n")
        written.writestr("m/data/0", index.to_bytes(4, "big") + bytes(WEIGHTS))
    return archive.getvalue()


def serve(number: int, channel: Connection) -> None:
    """Hosts the repositories: one history, of which each repository is a copy with a large file of its own."""
    with tempfile.TemporaryDirectory() as folder, HubDouble() as double:
        first = HostedRepository(double, Path(folder), "acme/first")
        first.commit("start", "2026-06-01", {"README.md": "# M\n", "config.json": "{}\n"})
        for index in range(number):
            content = weights(index)
            key = hashlib.sha256(content).hexdigest()
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{key}\nsize {len(content)}\n"
            first.commit("tune", "2026-07-10", {"pytorch_model.bin": pointer})
            bare = Path(folder) / f"{index}.git"
            subprocess.run(["cp", "-r", str(first.hosted.git), str(bare)], check=True)
            double.world.add_repo(
                f"acme/m{index}", git=bare, downloads=index, large_files={key: content},
                info={"createdAt": "2026-01-01T00:00:00.000Z"},
            )  # fmt: skip
            first.repo.git("reset", "-q", "--hard", "HEAD^")
        channel.send(double.endpoint)
        channel.recv()


def main(number: int) -> None:
    """Prints the figures."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(number, theirs))
    process.start()
    hub = Hub(ours.recv(), auditor_token=False)
    window = ChangesWindow(datetime(2026, 7, 9, tzinfo=timezone.utc))
    run = ChangesRun(
        hub, None, window, Tool("tokenaudit", "0"), lambda: datetime.now(timezone.utc), judgements=Judgements()
    )
    repositories = [HubRepository("model", f"acme/m{index}") for index in range(number)]
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    report = run.report(repositories)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF)
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{number} repositories: {wall:.1f} s, {own:.1f} s of our own")
    print(f"changed files {report.summary.changed_files}, {report.downloaded / max(number, 1):,.0f} bytes a repository")
    if not report.complete:
        print(f"skipped {len(report.skipped)}: {report.skipped[0]}")
    ours.send(None)
    process.join()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
