"""`--help`, `-V`, shell completion, and what is said of a mistyped word."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tests.support.cli import environment, tokenaudit
from tokenaudit.cli import main
from tokenaudit.cli.app import build
from tokenaudit.cli.help import parts
from tokenaudit.cli.parameters import choices

SENTENCES = {
    "": "Find exposed Hugging Face tokens, show what they can access, and rotate them",
    "scan": (
        "Default: current directory",
        "Respect inline ignore comments (ignored by default)",
        "Also scan the CI configuration at REF (`*`: all refs)",
        "Include zizmor findings",
        "one per CPU",
        "Load an additional detect-secrets plugin",
        "Measure what each active token can access",
    ),
    "inspect": ("Bypass the one-hour cache", "Show each token's owner, role and permissions"),
    "sweep": ("Scan a namespace and record the results", "Include Space build and runtime logs"),
    "rotate": (
        "Where the token is stored",
        "Show the changes without applying them",
        "Rotate one token step by step; resumable",
    ),
    "incident": "Assess exposure to an incident",
    "fingerprint": "one per line",
}


def commands(group: Any = None, path: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    """Every command and group by its whole name, the program itself first."""
    group = group or typer.main.get_command(build(complete=True))
    found = [(" ".join(path), group)]
    for name, command in getattr(group, "commands", {}).items():
        found += commands(command, (*path, name))
    return found


ALL = [one for one in commands() if one[0] != "detect-secrets"]  # hands `--help` on to detect-secrets
NAMES = [name for name, _ in ALL]
GROUPS = {name for name, command in ALL if hasattr(command, "commands")}


OURS = [one for one in ALL if one[0] != "detect-secrets"]  # which hands `--help` on to detect-secrets


def shown(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main([*name.split(), "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.mark.parametrize("columns", ["50", "80", "200"])
@pytest.mark.parametrize(("name", "command"), OURS, ids=[name for name, _ in OURS])
def test_every_help_is_in_one_style_and_breaks_no_word(
    name: str, command: Any, columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = shown(name, capsys)
    usage = f"Usage: {' '.join(['tokenaudit', *name.split()])} [OPTIONS]"
    assert " ".join(text.split()).startswith(usage)
    assert "\x1b" not in text
    assert not re.search(r"[│╭╰─<]|\[\[|list\[|\bbool\b|\bTEXT\b", text)
    assert "-h, --help" in text
    words = set(re.split(r"[\s\[\];,]+", text))
    for parameter in command.params:
        for option in parameter.opts if parameter.param_type_name == "option" else ():
            assert option in words, option
        assert {choice for choice in choices(parameter) if choice not in words} == set()
    examples = text.partition("Examples:\n")[2].splitlines()
    for line in text.splitlines():
        assert len(line) <= min(int(columns), 100) or len(line.split()) <= 2 or line in examples, line


@pytest.mark.parametrize(("name", "command"), ALL, ids=NAMES)
def test_every_command_has_a_short_summary_and_every_option_says_what_it_takes(name: str, command: Any) -> None:
    summary = (command.help or "").splitlines()[0]
    assert len(summary) <= 90, name
    assert summary.endswith(".")
    for parameter in command.params:
        assert parameter.help or parameter.name == "help", parameter.name
        if parameter.param_type_name == "option" and not parameter.is_flag and "completion" not in parameter.name:
            assert parameter.metavar, parameter.name


@pytest.mark.parametrize(("name", "command"), [pytest.param(*one, id=one[0]) for one in ALL if one[0] not in GROUPS])
def test_every_example_is_a_command_line_that_exists(name: str, command: Any) -> None:
    examples = parts(command.help)[1]
    assert examples
    assert any(f"tokenaudit {name}" in example for example in examples)
    for example in examples:
        for line in example.split("|"):
            program, *arguments = shlex.split(line)
            if program != "tokenaudit":
                continue
            used = max((n for n in NAMES if arguments[: len(n.split())] == n.split()), key=len)
            known = {option for one in dict(ALL)[used].params for option in one.opts}
            assert {word for word in arguments if word.startswith("-")} <= known, example


@pytest.mark.parametrize("name", SENTENCES)
def test_the_words_are_those_that_were_agreed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(shown(name, capsys).split())
    sentences = SENTENCES[name]
    for sentence in (sentences,) if isinstance(sentences, str) else sentences:
        assert sentence in text


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([option]) == 0
    assert re.fullmatch(r"tokenaudit \d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("scna .", "Did you mean 'scan'?"),
        ("inventory lst", "Did you mean 'list'?"),
        ("auth stauts", "Did you mean 'status'?"),
        ("scan --fromat json", "No such option: --fromat. Did you mean '--format'?"),
        ("scan --honor-ignores", "Did you mean '--honour-ignores'?"),
        ("inventory list --formt json", "Did you mean '--format'?"),
        ("scan --format sarf", "Did you mean 'sarif'?"),
        ("scan --format JSON", "Did you mean 'json'?"),
        ("scan --fail-on hihg", "Did you mean 'high'?"),
        ("plan --mode breech", "Did you mean 'breach'?"),
        ("scan --reach sumary --inspect", "Did you mean 'summary'?"),
        ("scan --only histroy", "did you mean 'history'?"),
        ("sweep acme --type modles", "did you mean 'model'?"),
        ("rules token-odl", "did you mean 'token-old'?"),
        ("incident platform-2026", "did you mean 'platform-2026-07'?"),
        ("--format json scan", "options of a command follow its name"),
    ],
)
def test_what_was_probably_meant_is_said(
    arguments: str, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1
    assert "Possible options" not in err


def test_nothing_is_suggested_for_what_is_like_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["xyz"], ["scan", "--xyzzy"], ["scan", "-f", "xyz"], ["rules", "xyz"]):
        assert main(arguments) == 2
        assert "id you mean" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tokenaudit sc", {"scan"}),
        ("tokenaudit inventory e", {"export"}),
        ("tokenaudit scan --up", {"--update-baseline"}),
        ("tokenaudit scan --format s", {"sarif"}),
        ("tokenaudit sweep --fail-on n", {"never"}),
    ],
)
def test_a_shell_can_complete(line: str, expected: set[str], tmp_path: Path) -> None:
    env = {
        "_TOKENAUDIT_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    ran = tokenaudit(home=tmp_path, env=env)
    assert set(ran.out.split()) == expected
    assert ran.err == ""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_completion_of_a_shell_can_be_shown(tmp_path: Path) -> None:
    """The shell is the one that the command was started from."""
    ran = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -m tokenaudit --show-completion; exit $?"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "_TOKENAUDIT_COMPLETE" in ran.stdout
