"""One order over credentials and problems, dead credentials folded, remedies in full and once."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.model import Severity
from tokenaudit.remediate.runbook.plan import plan
from tokenaudit.report import presentation, render
from tokenaudit.report.plan import to_json, to_markdown
from tokenaudit.secret import Secret

LONG = " ".join(f"Step {number} of a remedy that nobody wants to see cut." for number in range(40))


def credential(
    number: int, path: str, severity: Severity = Severity.HIGH, status: model.Status = "active", remedy: str = ""
) -> model.Credential:
    secret = Secret(Mint(number).user_token())
    return model.Credential(
        secret.fingerprint,
        "user_token",
        secret.display,
        "credential",
        (model.Location("tree", ".", path, 3, 1),),
        inspection=model.Inspection(
            status, reports.NOW, "the Hub answered", model.Account("user", "alice"), role="write"
        ),
        verdict=model.Verdict(severity, "over", (model.Reason("token-exposed", severity, "exposed", remedy),)),
        recommendation=model.Recommendation("fine-grained"),
    )


def problem(path: str, severity: Severity = Severity.HIGH, remedy: str = "Fix it.", line: int = 1) -> model.Problem:
    return model.Problem("ci-token-in-argv", severity, ".", path, line, 1, None, "HF_TOKEN", f"in {path}", remedy)


def report(*findings: model.Credential | model.Problem) -> model.Report:
    credentials = tuple(found for found in findings if isinstance(found, model.Credential))
    problems = tuple(found for found in findings if isinstance(found, model.Problem))
    summary = model.Summary.of(credentials, problems)
    return replace(reports.clean(), credentials=credentials, problems=problems, summary=summary)


MIXED: tuple[model.Credential | model.Problem, ...] = (
    credential(1, "z.py", Severity.CRITICAL),
    problem("a.yml", Severity.CRITICAL, line=9),
    problem("a.yml", Severity.CRITICAL, line=10),
    credential(2, "m.py"),
    problem("b.yml"),
    credential(3, "a.py", status="unknown"),
    credential(4, "aa.py", status="invalid"),
    credential(5, "b.py", Severity.LOW, "expired"),
    problem("c.yml", Severity.INFO),
)
ORDER = ["a.yml:9", "a.yml:10", "z.py:3", "a.py:3", "b.yml:1", "m.py:3", "aa.py:3", "b.py:3", "c.yml:1"]


def shuffled(seed: int) -> list[model.Credential | model.Problem]:
    every = list(MIXED)
    random.Random(seed).shuffle(every)
    return every


@pytest.mark.parametrize("name", ["text", "markdown"])
def test_credentials_and_problems_are_in_one_order(name: str) -> None:
    for seed in range(5):
        page = render(report(*shuffled(seed)), name, show_dead=True)
        places = re.findall(r"(?:where\s+|at `)(\w+\.\w+:\d+)", page)
        assert list(dict.fromkeys(places)) == ORDER


def test_flat_formats_have_the_same_order() -> None:
    mixed = report(*shuffled(3))
    rows = list(csv.DictReader(io.StringIO(render(mixed, "csv"))))
    assert [f"{row['path']}:{row['line']}" for row in rows] == ORDER
    results = json.loads(render(mixed, "sarif"))["runs"][0]["results"]
    places = [result["locations"][0]["physicalLocation"] for result in results]
    assert [f"{p['artifactLocation']['uri']}:{p['region']['startLine']}" for p in places] == ORDER


def test_json_keeps_two_lists_each_in_the_order() -> None:
    for seed in range(5):
        document = json.loads(render(report(*shuffled(seed)), "json"))
        paths = [one["locations"][0]["path"] for one in document["credentials"]]
        assert paths == ["z.py", "a.py", "m.py", "aa.py", "b.py"]
        assert [(one["path"], one["line"]) for one in document["problems"]] == [
            ("a.yml", 9),
            ("a.yml", 10),
            ("b.yml", 1),
            ("c.yml", 1),
        ]


@given(st.lists(st.sampled_from(MIXED), unique=True))
def test_the_order_is_definite(findings: Sequence[model.Credential | model.Problem]) -> None:
    found = presentation.findings(report(*findings))
    assert found == [one for one in presentation.findings(report(*MIXED)) if one in findings]


@pytest.mark.parametrize("name", ["text", "markdown"])
def test_dead_credentials_are_one_block_with_their_number(name: str) -> None:
    dead = [credential(number, f"d{number}.py", Severity.LOW, "invalid") for number in range(10, 32)]
    dead += [credential(40, "e.py", Severity.LOW, "expired")]
    page = render(report(credential(1, "z.py"), *dead), name)
    assert "23 credentials are no longer valid (22 invalid, 1 expired)" in page
    assert "active" in page
    assert page.count("Replace it with") == 1
    if name == "text":
        assert dead[0].display not in page
        assert len(page.splitlines()) < 20
        shown = render(report(credential(1, "z.py"), *dead), name, show_dead=True)
        assert all(one.display in shown for one in dead)
        assert shown.count("Replace it with") == 1


@pytest.mark.parametrize(
    ("name", "words"), [("text", "are no longer valid"), ("markdown", "are no longer valid"), ("html", "2 dead")]
)
def test_the_dead_ones_come_before_what_is_less_severe(name: str, words: str) -> None:
    dead = [credential(number, f"d{number}.py", Severity.LOW, "invalid") for number in range(10, 12)]
    page = render(report(problem("z.yml", Severity.INFO), problem("a.yml", Severity.LOW), *dead), name)
    page = page[page.find('id="findings"') + 1 :]  # the summary of the HTML page is for print
    assert page.index("a.yml") < page.index(words) < page.index("z.yml")


def test_a_long_heading_goes_on_under_its_text() -> None:
    long = replace(problem("a.yml"), message=" ".join(["a long message"] * 8))
    rows = render(report(long), "text", width=80).splitlines()
    assert rows[1].startswith("  message a long")
    assert max(map(len, rows)) <= 80


def test_the_runbook_has_one_line_for_each_dead_credential() -> None:
    dead = [credential(number, f"d{number}.py", Severity.LOW, "invalid") for number in range(10, 50)]
    live = credential(1, "z.py")
    runbook = plan(report(live, *dead))
    page = to_markdown(runbook)
    assert page.count("\n## ") == 2
    for one in dead:
        (line,) = [line for line in page.splitlines() if one.fingerprint[:12] in line]
        assert "invalid" in line
    alone = to_markdown(plan(report(live)))
    assert len(page.splitlines()) - len(alone.splitlines()) < len(dead) + 8
    assert [one["dead"] for one in json.loads(to_json(runbook))["credentials"]] == [False] + 40 * [True]


@pytest.mark.parametrize("width", [None, 80, 30])
def test_a_remedy_is_never_cut(width: int | None) -> None:
    longest = report(credential(1, "a.py", remedy=LONG), problem("b.yml", remedy=f"{LONG} Last."))
    words = " ".join(render(longest, "text", width=width).split())
    assert words.count(LONG) == 2
    assert f"{LONG} Last." in words
    for name in ("markdown", "json", "github"):
        assert render(longest, name).count(LONG) >= 2, name


def test_the_remedies_of_a_rule_fit_where_a_format_has_a_limit() -> None:
    from tokenaudit.rule_index import all_rules  # noqa: PLC0415 - reads every rule

    for rule in all_rules().values():
        one = replace(problem("a.yml", remedy=rule.remedy), rule=rule.id, message="x" * 900)
        run = json.loads(render(report(one), "sarif", rules=all_rules()))["runs"][0]
        assert rule.remedy in run["results"][0]["message"]["text"].replace("\\", "")
        assert rule.remedy in run["tool"]["driver"]["rules"][0]["help"]["text"]


@pytest.mark.parametrize("name", ["text", "markdown"])
def test_the_same_sentence_is_shown_once(name: str) -> None:
    same = "Set HF_TOKEN in the environment of the step."
    page = render(report(*(problem(f"{letter}.yml", remedy=same) for letter in "abcde")), name)
    assert page.count(same) == 1
    assert page.replace("`", "").count("As for a.yml:1:1, above.") == 4
    tokens = report(*(credential(number, f"{number}.py", remedy=same) for number in range(10, 15)))
    page = render(tokens, name)
    assert page.count(same) == 1
    assert page.count("Replace it with") == 1


@pytest.mark.parametrize("name", ["text", "markdown"])
def test_a_patch_is_shown(name: str) -> None:
    patch = "--- a/x.yml\n+++ b/x.yml\n@@ -1 +1 @@\n-token: ```\n+id-token: write\n"
    page = render(report(replace(problem("x.yml"), patch=patch)), name)
    lines = [line.replace("patch", "     ", 1).strip() for line in page.splitlines()]
    assert [line for line in lines if line in patch.splitlines()] == patch.splitlines()


def test_advice_alone_leaves_a_run_clean() -> None:
    advice = report(problem("a.yml", Severity.INFO), problem("b.yml", Severity.INFO))
    assert presentation.exit_code(advice) == 0
    assert presentation.exit_code(advice, "info") == 1
    assert render(advice, "text").splitlines()[-2].endswith("; 2 notes.")
    both = render(report(problem("a.yml"), problem("b.yml", Severity.INFO)), "text")
    assert "1 configuration problem (worst: high); 1 note." in both
