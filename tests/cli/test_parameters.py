"""Values of options are converted as typer would convert them, without the library that it does this with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.support.cli import environment
from tokenaudit.cli.app import build
from tokenaudit.cli.parameters import convert_without_pydantic

VALUES: tuple[Any, ...] = (
    None, "", "a", "low", "LOW", "summary", "text", "json", "text=", "csv=out.csv", "1", "0", "007", "-1", "+1", " 1 ",
    "1.0", "9" * 30, "65", "٣", "yes", "-", "missing/file", ".", "2026-01-02", "a\0b", "näme", "\udce9",
    "long" * 2_000, 5, True, 1.5,
)  # fmt: skip


def parameters(command: Any) -> Iterator[Any]:
    yield from command.params
    for subcommand in getattr(command, "commands", {}).values():
        yield from parameters(subcommand)


def outcome(parameter: Any, value: Any) -> tuple[str, Any]:
    """What the parameter makes of the value: its result, or the kind and text of the error."""
    try:
        result = parameter.get_runtime_param().coerce(value, param=parameter, ctx=None)
    except Exception as error:  # noqa: BLE001 - any kind is compared
        return type(error).__name__, getattr(error, "message", str(error))
    return type(result).__name__, result


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def kind(parameter: Any) -> str:
    """What the conversion depends on: annotation, number of values, limits and parser."""
    described = parameter.type_descriptor
    info = described.parameter_info
    parser = getattr(info.parser, "choices", info.parser)
    return repr((described.annotation, parameter.nargs, getattr(parameter, "multiple", 0), info.min, info.max, parser))


@pytest.mark.usefixtures("in_folder")
def test_every_option_has_the_value_or_error_that_typer_gives() -> None:
    (theirs, ours) = (
        {kind(one): one for one in parameters(typer.main.get_command(build(complete=True)))} for _ in range(2)
    )
    if not hasattr(next(iter(theirs.values())), "get_runtime_param"):
        pytest.skip("this typer converts without pydantic")
    convert_without_pydantic(ours.values())
    assert len(theirs) > 10
    for name, parameter in theirs.items():
        several = parameter.nargs == -1 or getattr(parameter, "multiple", False)
        for value in VALUES:
            given = (value, "b") if several and value is not None else value
            assert outcome(ours[name], given) == outcome(parameter, given), (name, given)


def test_converting_twice_is_as_once() -> None:
    parameter = next(iter(parameters(typer.main.get_command(build("scan")))))
    convert_without_pydantic([parameter])
    first = getattr(parameter, "get_runtime_param", None)
    convert_without_pydantic([parameter])
    assert getattr(parameter, "get_runtime_param", None) is first


@pytest.mark.parametrize("arguments", [["scan", "text.txt"], ["scan", "--fail-on", "high", "-f", "json", "text.txt"]])
def test_a_scan_does_not_load_pydantic(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("nothing here\n")
    program = f"import sys; from tokenaudit.cli import main; main({arguments!r}); print('pydantic' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.rstrip().endswith("False"), run.stderr
