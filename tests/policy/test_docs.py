"""The tables in docs/inspect.md match the code.

After a change: `python -m tests.policy.test_docs` writes them anew.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.hub import bodies
from tokenaudit.hub.result import Reply
from tokenaudit.inspect.whoami import parse_whoami
from tokenaudit.model import Credential, Location, Severity, Verdict
from tokenaudit.permissions import KNOWN
from tokenaudit.policy import RULES, Settings
from tokenaudit.policy.evaluate import evaluate
from tokenaudit.secret import Secret

PAGE = Path(__file__).parents[2] / "docs" / "inspect.md"
NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)
VALUE = Secret("not a token at all")


def verdict(shape: str, *locations: Location) -> Verdict:
    inspection = parse_whoami(Reply(200, bodies.shapes()[shape]), VALUE, now=NOW, endpoint="https://hub.example.com")
    held = Credential("0" * 32, "user_token", "hf_****", "credential", locations=locations, inspection=inspection)
    return evaluate(held, Settings(), NOW)


def shapes() -> str:
    rows = ["| whoami response | severity | privilege | severity if exposed | rules |", "|---|---|---|---|---|"]
    for shape in bodies.shapes():
        held = verdict(shape)
        found = verdict(shape, Location("tree", "repository", "app.py", 1, 1))
        rules = ", ".join(f"`{rule}`" for rule in dict.fromkeys(reason.rule for reason in held.reasons)) or "none"
        rows.append(f"| {shape} | {held.severity.value} | {held.privilege} | {found.severity.value} | {rules} |")
    return "\n".join(rows)


def permissions() -> str:
    rows = ["| permission | on one repository | on a user or organization | allows to |", "|---|---|---|---|"]
    for name, (narrow, wide, words) in KNOWN.items():
        mark = "! " if wide.rank >= Severity.HIGH.rank else ""
        rows.append(f"| {mark}`{name}` | {narrow.value} | {wide.value} | {words} |")
    return "\n".join(rows)


TABLES = {"shapes": shapes, "permissions": permissions}


def section(name: str, text: str) -> re.Match[str]:
    found = re.search(rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)", text, re.DOTALL)
    assert found is not None
    return found


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_code_says(name: str) -> None:
    assert section(name, PAGE.read_text())[2].strip() == TABLES[name]()


def test_every_rule_the_page_names_exists() -> None:
    assert set(re.findall(r"`(token-[a-z-]+)`", PAGE.read_text())) <= {*RULES, "token-policy", "token-revoked"}


if __name__ == "__main__":
    page = PAGE.read_text()
    for name, table in TABLES.items():
        found = section(name, page)
        page = f"{page[: found.start()]}{found[1]}{table()}\n{found[3]}{page[found.end() :]}"
    PAGE.write_text(page)
