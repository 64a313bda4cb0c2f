"""Every option of every command has an effect, or is refused where it would have none."""

from __future__ import annotations

import importlib
import inspect
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.server import Request
from tests.support.cli import tokenaudit
from tests.support.mint import Mint
from tokenaudit.cli import main
from tokenaudit.cli.app import COMMANDS
from tokenaudit.inventory import open_inventory

HUB = "http://127.0.0.1:9"


def functions() -> Iterator[tuple[str, Callable[..., object]]]:
    """Every command and subcommand with its function."""
    for name in COMMANDS:
        module = importlib.import_module(f"tokenaudit.cli.{name.replace('-', '_')}")
        if hasattr(module, "app"):
            for command in module.app.registered_commands:
                yield f"{name} {command.name or command.callback.__name__}", command.callback
        else:
            yield name, getattr(module, name.replace("-", "_"))


@pytest.mark.parametrize(("name", "function"), [pytest.param(*pair, id=pair[0]) for pair in functions()])
def test_no_parameter_of_a_command_is_left_unused(name: str, function: Callable[..., object]) -> None:
    used = function.__code__.co_names + function.__code__.co_freevars
    source = inspect.getsource(function).partition('"""')[2]
    for parameter in inspect.signature(function).parameters:
        assert not parameter.startswith("_"), name
        assert parameter in source or parameter in used, (name, parameter)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("scan --reach full .", "--reach needs --inspect"),
        (f"scan --endpoint {HUB} .", "--endpoint needs --inspect"),
        ("scan --skip ci --zizmor .", "--zizmor has no effect"),
        ("scan --only history --secret-name X .", "--secret-name has no effect"),
        ("scan --only tree,history --ci-ref * .", "--ci-ref has no effect"),
        ("scan --staged --ci-ref main .", "--ci-ref can't be combined"),
        ("scan --since HEAD --zizmor .", "--zizmor can't be combined"),
        ("scan --update-baseline .", "--update-baseline needs --baseline"),
        ("scan --show-unlikely -f sarif .", "--show-unlikely is not supported by sarif"),
        ("scan --show-unlikely -f csv .", "--show-unlikely is not supported by csv"),
        ("report --show-unlikely -f junit -", "--show-unlikely is not supported by junit"),
        ("doctor --reach summary", "--reach needs --inspect"),
        (f"doctor --endpoint {HUB}", "--endpoint needs --inspect"),
        ("inspect --no-token --stored", "--no-token and --stored can't be combined"),
        ("inspect --no-token --env HF_TOKEN", "--no-token and --env HF_TOKEN can't be combined"),
        ("rules -f sarif", "sarif"),
        ("rules -f html", "html"),
        ("plugins -f html", "html"),
        ("plugins -f csv", "csv"),
        ("sweep acme --cluster tcp://127.0.0.1:1 --jobs 2", "--cluster and --jobs can't be combined"),
        ("sweep github:acme --type model", "--type needs a user or an organization of the Hub"),
        ("sweep github:acme --include x*", "--include needs"),
        ("sweep gitlab:acme --exclude x*", "--exclude needs"),
        ("sweep github:acme --members", "--members needs"),
        ("sweep github:acme --logs", "--logs needs"),
        ("sweep acme --logs --type model", "--type excludes them"),
        ("revoke 12345678 --token-id abc --yes", "--token-id needs --organization"),
        ("revoke 12345678 --no-token --organization acme --yes", "--no-token and --organization can't be combined"),
        (
            "rotate 12345678 --yes --new-keyring a --keep-in-keyring",
            "--new-keyring and --keep-in-keyring can't be combined",
        ),
        ("rotate 12345678 --dry-run --keep-in-keyring", "--dry-run and --keep-in-keyring can't be combined"),
        ("incident --report r.json", "--report needs ID"),
        ("incident --from .", "--from needs ID"),
        ("incident --keyring hf", "--keyring needs ID"),
        ("incident --inventory i.sqlite", "--inventory needs ID"),
        ("incident --since 2026-01-01", "--since needs ID"),
        ("incident --limit 5", "--limit needs ID"),
        (f"incident --endpoint {HUB}", "--endpoint needs ID"),
        ("incident --no-token", "--no-token needs ID"),
        ("incident -f csv", "--format csv needs an ID"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    arguments: str, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", HUB)
    assert main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err


def test_inspect_asks_about_as_many_at_a_time_as_jobs_says(hub_double: HubDouble, tmp_path: Path) -> None:
    values = [hub_double.knows(Mint(seed).user_token(), bodies.classic("read")) for seed in range(3)]
    together = threading.Barrier(3)

    def wait(request: Request) -> dict[str, str]:
        if request.path == "/api/whoami-v2":
            together.wait(30)  # goes on only where three requests are here at once
        return {}

    hub_double.server.extra_headers = wait
    ran = tokenaudit(
        "inspect", "-j", "3", "-f", "json", "--no-token", "--endpoint", hub_double.endpoint,
        home=tmp_path, cwd=tmp_path, stdin="\n".join(values).encode(),
    )  # fmt: skip
    assert {c["inspection"]["status"] for c in ran.report["credentials"]} == {"active"}
    assert not together.broken


def test_inspect_asks_one_after_the_other_by_default(hub_double: HubDouble, tmp_path: Path) -> None:
    values = [hub_double.knows(Mint(seed).user_token(), bodies.classic("read")) for seed in range(3)]
    ran = tokenaudit(
        "inspect", "-f", "json", "--no-token", "--endpoint", hub_double.endpoint,
        home=tmp_path, cwd=tmp_path, stdin="\n".join(values).encode(), env={"HF_TOKEN": Mint(9).user_token()},
    )  # fmt: skip
    assert len(ran.report["credentials"]) == 3
    assert [request.token for request in hub_double.requests] == values


def test_the_parts_of_a_change_can_be_chosen(tmp_path: Path) -> None:
    from tests.support.gitrepo import GitRepo  # noqa: PLC0415 - only here

    value = Mint(4).user_token()
    repo = GitRepo(tmp_path / "repo")
    repo.commit("start", {"README": "x\n"})
    step = "{run: hf auth login --token $HF_TOKEN, env: {HF_TOKEN: '${{ secrets.HF_TOKEN }}'}}"
    workflow = f"on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - {step}\n"
    repo.write("a.py", f"token = '{value}'\n")
    repo.write(".github/workflows/a.yml", workflow)
    repo.git("add", ".")
    found = {}
    for part in ("ci", "tree", "history"):
        ran = tokenaudit("scan", "--staged", "--only", part, "-f", "json", repo.path, home=tmp_path)
        found[part] = (len(ran.report["credentials"]), bool(ran.report["problems"]))
    assert found == {"ci": (0, True), "tree": (1, False), "history": (1, False)}


def test_a_list_of_sweeps_is_one_in_every_format(tmp_path: Path) -> None:
    from tests.inventory.test_damage import filled  # noqa: PLC0415 - only here

    path = tmp_path / "inventory.sqlite"
    with open_inventory(path) as book:
        filled(book)
    ran = tokenaudit("inventory", "list", "--sweeps", "-f", "json", "--inventory", path, home=tmp_path)
    assert len(ran.report["sweeps"]) == 1
    assert ran.report["credentials"] == []


def test_members_of_a_user_are_refused(hub_double: HubDouble, tmp_path: Path) -> None:
    hub_double.world.users.add("alice")
    ran = tokenaudit(
        "sweep", "alice", "--members", "--endpoint", hub_double.endpoint, "--no-token", home=tmp_path, cwd=tmp_path
    )
    assert ran.code == 2
    assert "--members needs an organization" in ran.err


def test_a_baseline_counts_for_credentials_that_are_handed_over(hub_double: HubDouble, tmp_path: Path) -> None:
    value = hub_double.knows(Mint(5).user_token(), bodies.classic("write"))
    (tmp_path / "a.py").write_text(f"token = '{value}'\n")
    base = tmp_path / "base.json"
    tokenaudit("scan", "--baseline", base, "--update-baseline", "a.py", home=tmp_path, cwd=tmp_path)
    assert json.loads(base.read_text())["results"]
    arguments = ("inspect", "-f", "json", "--endpoint", hub_double.endpoint)
    ran = tokenaudit(*arguments, "--baseline", base, home=tmp_path, cwd=tmp_path, stdin=value.encode())
    assert ran.code == 0, ran.err
    assert ran.report["summary"]["known"] == 1
