"""The page on sweeps is followed word for word."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.hub import bodies
from tests.support.cli import tokenaudit
from tests.sweep.example_org import Acme, everything
from tokenaudit.hub.spaces import LogLimits
from tokenaudit.rule_index import find_rules
from tokenaudit.sweep.config import SweepConfig

PAGE = (Path(__file__).parents[2] / "docs" / "sweep.md").read_text("utf-8")
BLOCK = re.compile(r"```console\n(?P<lines>.*?)```\n<!-- exit code: (?P<code>\d) -->", re.DOTALL)


def test_every_command_of_the_page_does_what_the_page_says(org: Acme) -> None:
    everything(org)
    org.double.knows(org.tokens["variable"], bodies.classic("write"))
    env = {"HF_TOKEN": org.own, "HF_ENDPOINT": org.double.endpoint, "TOKENAUDIT_ENDPOINTS_SERVICE": org.double.endpoint}
    blocks = [(found["lines"], int(found["code"])) for found in BLOCK.finditer(PAGE)]
    assert len(blocks) == PAGE.count("```console")
    for lines, code in blocks:
        for line in lines.splitlines():
            program, *arguments = shlex.split(line.removeprefix("$ "))
            if program == "tokenaudit":
                ran = tokenaudit(*arguments, home=org.folder, env=env, cwd=org.folder)
                assert ran.code == code, (line, ran.out, ran.err)
    assert (org.folder / "night.json").is_file()
    assert (org.folder / "inventory.json").is_file()


def test_the_rules_and_limits_of_the_page_are_those_of_the_program() -> None:
    named = set(re.findall(r"^\| `(space-[a-z-]+)`", PAGE, re.MULTILINE))
    assert named <= {rule.id for rule in find_rules(None)}
    assert len(named) == 5
    assert (
        f"up to {SweepConfig('').largest_text >> 20} MiB each and {SweepConfig('').most_bucket_bytes >> 30} GiB in all"
        in PAGE
    )
    assert LogLimits().seconds == 60
    assert f"up to {LogLimits().most // 1_000_000} million characters" in PAGE
