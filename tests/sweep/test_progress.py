"""How far a sweep is, on a real terminal and in a log: the same numbers, and nothing of them on stdout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping

import pytest

from tests.hub.faults import error
from tests.hub.server import Request
from tests.support.cli import environment, tokenaudit
from tests.sweep.example_org import Acme, everything
from tokenaudit.cli.sweep_screen import PlainDisplay
from tokenaudit.hub.rate_limit import RateLimitWindow
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.inventory.model import Outcome, PlaceRecord
from tokenaudit.model import Credential
from tokenaudit.sweep.config import Task
from tokenaudit.sweep.progress import ReadCounter, SweepProgress, figures, how_far
from tokenaudit.sweep.scheduler import thread_pool

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def limited(org: Acme, delay: float = 0.0) -> None:
    """The Hub says how many requests are left, as the real one does. Each answer takes `delay` seconds."""

    def headers(_request: Request) -> Mapping[str, str]:
        time.sleep(delay)
        left = 1000 - len(org.double.requests)
        return {"RateLimit": f'"api";r={left};t=200', "RateLimit-Policy": '"fixed window";"api";q=1000;w=300'}

    org.double.server.extra_headers = headers


def variables(org: Acme) -> dict[str, str]:
    here = org.double.endpoint
    return {"HF_TOKEN": org.own, "HF_ENDPOINT": here, "TOKENAUDIT_ENDPOINTS_SERVICE": here}


def on_a_terminal(org: Acme, *arguments: str, **more: str) -> tuple[str, str, int]:
    """What a terminal of 110 columns showed while `tokenaudit` ran, what came on stdout, and the exit code."""
    pty = pytest.importorskip("pty", reason="needs a POSIX terminal")
    env = environment(org.folder, {**variables(org), "TERM": "xterm-256color", "COLUMNS": "110", **more})
    main, side = pty.openpty()
    command = [sys.executable, "-m", "tokenaudit", *arguments]
    with subprocess.Popen(command, env=env, stderr=side, stdin=side, stdout=subprocess.PIPE) as process:
        os.close(side)
        shown = b""
        while True:
            try:
                piece = os.read(main, 4096)
            except OSError:  # Linux: the other end was closed
                break
            if not piece:
                break
            shown += piece
        assert process.stdout is not None
        out = process.stdout.read().decode()
        code = process.wait(60)
    os.close(main)
    return shown.decode("utf-8", "replace"), out, code


def test_a_terminal_shows_repositories_speed_credentials_requests_and_time_left(org: Acme) -> None:
    everything(org)
    for number in range(5):
        org.repository(f"m{number}")
    limited(org, delay=0.05)  # otherwise all repositories can be read before the screen is drawn twice
    shown, out, code = on_a_terminal(org, "sweep", "acme", "--no-inspect", "-f", "json")
    plain = _ESCAPES.sub("", shown)
    assert code == 1
    assert len(json.loads(out)["credentials"]) == len(org.marks)
    assert "listing the namespace" in plain
    # The first one can be read before the screen is drawn for the first time.
    assert re.search(r"0 of 9 repositories, remaining time unknown|1 of 9 repositories, about \d+ s left", plain)
    assert re.search(r"[1-8] of 9 repositories, about \d+ s left", plain)
    found = re.findall(
        r"([\d,]+) objects/s, [\d.]+ MB/s, (\d+) credentials? found, (\d+) requests left for \d:\d\d", plain
    )
    assert len({counted for _, counted, _ in found}) > 1, "the number of credentials grows"
    assert any(int(speed.replace(",", "")) > 0 for speed, _, _ in found)
    assert all(0 < int(left) < 1000 for _, _, left in found)
    assert "9 of 9 repositories, nothing left" in plain
    assert not any(token in shown for token in org.tokens.values())
    # What is drawn is wiped away: the cursor goes up and clears both lines at the end.
    assert shown.rindex("\x1b[2K") > shown.rindex("objects/s")


@pytest.mark.parametrize("more", [{"CI": "true"}, {"TERM": "dumb"}])
def test_a_terminal_that_nobody_looks_at_gets_plain_lines(org: Acme, more: dict[str, str]) -> None:
    org.repository("m")
    shown, _, code = on_a_terminal(org, "sweep", "acme", "--no-inspect", **more)
    assert code == 1
    assert "\x1b" not in shown
    assert "sweeping 1 repository" in shown


def test_a_log_gets_the_same_numbers_as_lines(org: Acme) -> None:
    everything(org)
    limited(org)
    ran = tokenaudit("sweep", "acme", "--no-inspect", "-f", "json", home=org.folder, env=variables(org))
    assert "tokenaudit: sweeping 4 repositories" in ran.err
    assert re.search(
        r"tokenaudit: swept: 4 of 4 repositories, nothing left; [\d,]+ objects/s, [\d.]+ MB/s, "
        rf"{len(org.marks)} credentials found, \d+ requests left for \d:\d\d\n",
        ran.err,
    )
    assert "\x1b" not in ran.err


def test_lines_come_even_while_nothing_gets_done(org: Acme, capsys: pytest.CaptureFixture[str]) -> None:
    org.repository("m")
    slow = org.double.server.routes

    def routes(request: Request) -> object:
        if "upload-pack" in request.path:
            org.double.server.closing.wait(0.4)
        return slow(request)

    org.double.server.routes = routes  # type: ignore[assignment]
    with PlainDisplay(quiet=False, every=0.05) as screen:
        org.sweep(screen=screen, inspect=False)
    waiting = [line for line in capsys.readouterr().err.splitlines() if "0 of 1 repositories" in line]
    assert len(waiting) >= 3


def test_a_continued_or_repeated_sweep_counts_what_was_found_before(
    org: Acme, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        org.repository(f"m{number}")
    org.sweep(inspect=False)
    org.double.world.repos["model", "acme/m0"].git = org.folder / "away.git"
    with PlainDisplay(quiet=False) as screen:
        org.sweep(screen=screen, inspect=False, executor_pool=thread_pool(1))
    assert "3 of 3 repositories, nothing left" in (err := capsys.readouterr().err)
    assert "3 credentials found" in err


def test_what_a_killed_sweep_had_found_in_a_part_of_a_repository_counts(
    org: Acme, capsys: pytest.CaptureFixture[str]
) -> None:
    everything(org)
    org.double.fails("git-upload-pack", error(503, "Busy"), always=True)
    for place in ("jobs", "scheduled-jobs"):
        org.double.fails(f"/api/{place}", error(503, "Busy"), always=True)
    first = org.sweep(inspect=False)
    assert first.finished
    org.double.server.faults.clear()
    with org.book() as book:
        # As after a kill: the same sweep goes on, and its places are done but for those that failed.
        book._open().exec_driver_sql("UPDATE sweeps SET finished_at = NULL")
        book._open().commit()
    with PlainDisplay(quiet=False) as screen:
        again = org.sweep(screen=screen, inspect=False)
    assert again.number == first.number
    assert len(first.report.credentials) < len(again.report.credentials) == len(org.marks)
    assert f"{len(org.marks)} credentials found" in capsys.readouterr().err


def task(name: str) -> Task:
    repository = HubRepository("model", f"acme/{name}")
    return Task("acme", (PlaceRecord("acme", repository.target, "model", "history"),), repository)


class Clock:
    """Moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_left_counts_only_what_this_run_did() -> None:
    clock, meter = Clock(), ReadCounter()
    jobs = Task("acme", (PlaceRecord("acme", "jobs/acme", "jobs", "jobs"),))
    tasks = [task(str(number)) for number in range(9)] + [jobs]
    known = {tasks[0].places[0].key: {"a"}, tasks[1].places[0].key: {"b"}}
    sweep_progress = SweepProgress(
        tasks, known, {task.places[0].key for task in tasks[:5]}, meter, lambda: None, clock=clock
    )
    assert how_far(sweep_progress) == "0 of 9 repositories, remaining time unknown"
    for done in tasks[:5]:
        sweep_progress.skip(done)
    clock.now += 30
    meter.advance(600, 3_000_000)
    credential = Credential("c", "user_token", "hf_****", "credential")
    unlikely = Credential("d", "user_token", "hf_****", "placeholder")
    sweep_progress.done(
        tasks[5], [Outcome(tasks[5].places[0], "v", credentials=(credential, unlikely))], RateLimitWindow(3, 9.0)
    )
    assert how_far(sweep_progress) == "6 of 9 repositories, about 2 min left"
    assert (
        figures(sweep_progress, sweep_progress.average())
        == "20 objects/s, 0.1 MB/s, 3 credentials found, requests left: unknown"
    )
    sweep_progress.done(jobs, [], None)
    assert how_far(sweep_progress) == "6 of 9 repositories, about 45 s left"
    clock.now += 36_000
    assert how_far(sweep_progress) == "6 of 9 repositories, about 15 h 0 min left"


def test_speed_is_that_of_the_last_seconds() -> None:
    clock, meter = Clock(), ReadCounter()
    meter.advance(1000, 1000)
    sweep_progress = SweepProgress([task("a")], {}, set(), meter, lambda: None, clock=clock)
    for _ in range(60):
        clock.now += 1
        meter.advance(10, 20)
        assert sweep_progress.speed() == (10, 20)
    for _ in range(40):
        clock.now += 1
        sweep_progress.speed()
    assert sweep_progress.speed() == (0, 0)
    assert sweep_progress.objects == 600


def test_what_workers_elsewhere_read_and_were_told_counts_when_they_are_done() -> None:
    clock = Clock()
    tasks = [task("a"), task("b")]
    sweep_progress = SweepProgress(
        tasks, {}, set(), ReadCounter(), lambda: RateLimitWindow(900, 300.0), remote=True, clock=clock
    )
    sweep_progress.done(tasks[0], [Outcome(tasks[0].places[0], objects=7, bytes=70)], RateLimitWindow(1, 61.0))
    clock.now += 1
    assert sweep_progress.objects == 7
    assert sweep_progress.bytes == 70
    assert figures(sweep_progress, sweep_progress.average()).endswith("1 request left for 1:00")
    sweep_progress.done(tasks[1], [], RateLimitWindow(7, 179.7))
    assert figures(sweep_progress, sweep_progress.average()).endswith("7 requests left for 3:00")
    sweep_progress.done(tasks[1], [], RateLimitWindow(0, 5.0))
    assert figures(sweep_progress, sweep_progress.average()).endswith("rate limit reached: resets in 0:05")
    clock.now += 6
    assert figures(sweep_progress, sweep_progress.average()).endswith("requests left: unknown")
