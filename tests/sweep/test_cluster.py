"""The same tasks on a real Dask cluster: a scheduler and two workers; one is killed."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hub.server import Request, until
from tests.support.cli import environment
from tests.sweep.example_org import Acme, everything
from tokenaudit.errors import UsageError
from tokenaudit.sweep import scheduler
from tokenaudit.sweep.scheduler import dask_cluster

distributed = pytest.importorskip("distributed")
ROOT = Path(__file__).parents[2]


@contextmanager
def running(org: Acme, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler's address, the scheduler, and its workers, each a process of one thread."""
    env = environment(
        org.folder, {"HF_TOKEN": org.own, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    )
    file = org.folder / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": env, "cwd": org.folder}
    start = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
    ]
    processes = [subprocess.Popen([*start, "--scheduler-file", str(file)], **quiet)]  # type: ignore[call-overload]
    try:
        assert until(file.exists, 60)
        work = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1"]
        work += ["--no-dashboard", "--no-nanny", "--host", "127.0.0.1"]
        processes += [subprocess.Popen(work, **quiet) for _ in range(workers)]  # type: ignore[call-overload]
        address = json.loads(file.read_text())["address"]
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=90)
        yield address, processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_a_cluster_finds_the_same_and_survives_the_loss_of_a_worker(org: Acme) -> None:
    everything(org)
    for number in range(6):
        org.repository(f"m{number}")
    with running(org, 2) as (address, (_, first, _)):
        lost = False

        def lose(request: Request) -> Mapping[str, str]:
            nonlocal lost
            if "upload-pack" in request.path and not lost:
                lost = True
                os.kill(first.pid, signal.SIGKILL)
            return {}

        org.double.server.extra_headers = lose
        swept = org.sweep(executor_pool=dask_cluster(address))
        org.double.server.extra_headers = lambda _request: {}
    assert lost
    assert swept.report.skipped == ()
    assert {credential.fingerprint for credential in swept.report.credentials} == org.marks
    alone = Acme(org.double, org.folder / "alone", org.own).sweep()
    assert alone.report.skipped == ()
    assert {(c.fingerprint, c.locations) for c in alone.report.credentials} == {
        (c.fingerprint, c.locations) for c in swept.report.credentials
    }


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
@pytest.mark.parametrize(
    ("killed", "told"),
    [(0, "connection to the Dask scheduler at {} lost"), (1, "the Dask cluster at {} has no workers")],
)
def test_a_cluster_that_is_gone_stops_the_sweep_which_is_continued(
    org: Acme, killed: int, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(6):
        org.repository(f"m{number}")
    with running(org, 1) as (address, processes):

        def lose(request: Request) -> Mapping[str, str]:
            if "upload-pack" in request.path:
                processes[killed].kill()
            return {}

        org.double.server.extra_headers = lose
        swept = org.sweep(executor_pool=dask_cluster(address, reconnect_seconds=1), inspect=False)
        org.double.server.extra_headers = lambda _request: {}
    assert not swept.finished
    assert [record for record in caplog.records if record.exc_info] == [], "no traceback"
    (rest,) = [gap for gap in swept.report.skipped if gap.where == "the rest of the sweep"]
    assert rest.reason.startswith(told.format(address))
    again = org.sweep()
    assert (again.number, again.finished) == (swept.number, True)
    assert again.report.skipped == ()
    assert {credential.fingerprint for credential in again.report.credentials} == org.marks


@pytest.mark.parametrize("address", ["foo", "nosuch://x", "tls://127.0.0.1:9", "tcp://127.0.0.1:9", "inproc://x"])
def test_a_cluster_that_is_not_there_is_one_line(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client that was not made whole must not complain when it is collected."""
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    monkeypatch.setattr(scheduler, "_CONNECT_SECONDS", 0.2)
    with pytest.raises(UsageError, match="no Dask scheduler"):
        dask_cluster(address)
    gc.collect()
    assert complaints == []
