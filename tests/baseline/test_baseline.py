"""Baselines: what is known is taken out, what is new stays, labels and strangers' entries survive."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.baseline import Baseline, apply, load, save, updated
from tokenaudit.baseline.match import digest, of_document
from tokenaudit.errors import ConfigurationError
from tokenaudit.report import render
from tokenaudit.report.presentation import exit_code
from tokenaudit.secret import Secret

NOW = datetime(2026, 10, 12, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Plugin:
    """A detector as a baseline needs it."""

    name: str = "HuggingFaceUserToken"
    kind: str = "user_token"
    secret_type: str = "Hugging Face user access token"  # noqa: S105 - a name
    path: Path = Path("plugins/huggingface.py")


def found(*spots: model.Location, secret: Secret) -> model.Report:
    report = reports.leaked(secret)
    credential = replace(report.credentials[0], locations=spots)
    targets = tuple(model.Target(".", kind) for kind in ("git", "tree", "ci"))
    return replace(report, credentials=(credential,), targets=targets)


def tree(path: str, line: int = 1) -> model.Location:
    return model.Location("tree", ".", path, line, 1)


def history(path: str, commit: str = "a" * 40) -> model.Location:
    return model.Location("history", ".", path, 1, 1, commit=commit, reachable=True, in_head=False)


SECRET = Secret(Mint(1).user_token())
OTHER = Secret(Mint(2).user_token())


def test_what_a_baseline_was_written_for_is_not_reported_again() -> None:
    report = found(tree("app.py"), history("old.py"), replace(history("x"), path=None), secret=SECRET)
    known = updated(None, report, [SECRET], [Plugin()])
    after = apply(report, known, [SECRET])
    assert after.credentials == ()
    assert after.problems == ()
    assert after.summary == model.Summary(known=2)
    assert exit_code(after) == 0
    assert "No new findings" in render(after, "text")


def test_a_new_place_of_a_known_credential_is_reported_alone() -> None:
    known = updated(None, found(tree("app.py"), secret=SECRET), [SECRET], [Plugin()])
    after = apply(found(tree("app.py", 99), tree("new.py"), secret=SECRET), known, [SECRET])
    assert [spot.path for spot in after.credentials[0].locations] == ["new.py"]


def test_another_credential_in_a_known_file_is_reported() -> None:
    known = updated(None, found(tree("app.py"), secret=SECRET), [SECRET], [Plugin()])
    assert apply(found(tree("app.py"), secret=OTHER), known, [OTHER]).summary.credentials == 1


def test_without_the_value_nothing_is_taken_out() -> None:
    known = updated(None, found(tree("app.py"), secret=SECRET), [SECRET], [Plugin()])
    assert len(apply(found(tree("app.py"), secret=SECRET), known, []).credentials) == 1


def test_a_value_labelled_as_no_secret_goes_wherever_it_stands() -> None:
    known = updated(None, found(tree("app.py"), secret=SECRET), [SECRET], [Plugin()])
    known.document["results"]["app.py"][0]["is_secret"] = False
    labelled = of_document(known.document)
    assert apply(found(tree("b.py"), history("c.py"), secret=SECRET), labelled, [SECRET]).credentials == ()


def test_a_value_labelled_as_a_secret_is_known_only_where_it_stood() -> None:
    known = updated(None, found(tree("app.py"), secret=SECRET), [SECRET], [Plugin()])
    known.document["results"]["app.py"][0]["is_secret"] = True
    after = apply(found(tree("app.py"), tree("b.py"), secret=SECRET), of_document(known.document), [SECRET])
    assert [spot.path for spot in after.credentials[0].locations] == ["b.py"]


def test_entries_of_other_tools_match_by_value() -> None:
    entry = {"type": "Secret Keyword", "filename": "./app.py", "hashed_secret": digest(SECRET), "line_number": 4}
    known = of_document({"version": "1.5.0", "results": {"./app.py": [entry]}})
    assert apply(found(tree("app.py"), secret=SECRET), known, [SECRET]).credentials == ()


def test_an_update_keeps_labels_settings_and_strangers_and_drops_what_is_gone() -> None:
    stranger = {"type": "AWS Access Key", "filename": "aws.py", "hashed_secret": "b" * 40, "line_number": 2}
    first = updated(None, found(tree("app.py"), tree("gone.py"), secret=SECRET), [SECRET], [Plugin()], now=NOW)
    first.document["results"]["app.py"][0]["is_secret"] = True
    first.document["results"]["aws.py"] = [stranger]
    first.document["plugins_used"].append({"name": "AWSKeyDetector"})
    first.document["filters_used"] = [{"path": "detect_secrets.filters.heuristic.is_lock_file"}]
    second = updated(
        of_document(first.document), found(tree("app.py", 7), secret=SECRET), [SECRET], [Plugin()], now=NOW
    )
    results = second.document["results"]
    assert results.keys() == {"app.py", "aws.py"}
    assert results["app.py"][0] | {"is_secret": True, "line_number": 7} == results["app.py"][0]
    assert results["aws.py"] == [stranger]
    assert [plugin["name"] for plugin in second.document["plugins_used"]] == ["AWSKeyDetector", "HuggingFaceUserToken"]
    assert second.document["filters_used"] == first.document["filters_used"]


def test_an_incomplete_run_drops_nothing() -> None:
    first = updated(None, found(tree("app.py"), history("old.py"), secret=SECRET), [SECRET], [Plugin()])
    nothing = replace(reports.incomplete(), targets=())
    second = updated(first, nothing, [], [Plugin()])
    assert second.document["results"] == first.document["results"]
    assert second.document["tokenaudit"] == first.document["tokenaudit"]


def test_writing_again_changes_nothing_but_the_time() -> None:
    report = found(tree("b.py", 3), tree("a.py"), tree("a.py", 9), history("z.py"), secret=SECRET)
    first = updated(None, report, [SECRET], [Plugin()], now=NOW)
    assert updated(first, report, [SECRET], [Plugin()], now=NOW).document == first.document
    assert first.document["results"]["a.py"][0]["line_number"] == 1


def test_placeholders_are_not_written() -> None:
    report = found(tree("a.py"), secret=SECRET)
    placeholder = replace(report.credentials[0], likelihood="placeholder")
    assert updated(None, replace(report, credentials=(placeholder,)), [SECRET], [Plugin()]).document["results"] == {}


def test_a_plugin_inside_the_checkout_is_named_relative_to_it(tmp_path: Path) -> None:
    plugin = Plugin(path=tmp_path / "plugins" / "hf.py")
    document = updated(None, reports.clean(), [], [plugin], base=tmp_path).document
    assert document["plugins_used"] == [{"name": "HuggingFaceUserToken", "path": "file://plugins/hf.py"}]


@pytest.mark.parametrize("target", [".", "./", "sub/..", "{base}"])
def test_the_same_file_has_one_name_however_the_target_was_given(target: str, tmp_path: Path) -> None:
    known = updated(None, found(tree("app.py"), secret=SECRET), [SECRET], [Plugin()], base=tmp_path)
    spot = replace(tree("app.py"), target=target.format(base=tmp_path))
    assert apply(found(spot, secret=SECRET), known, [SECRET], base=tmp_path).credentials == ()


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / ".secrets.baseline"
    known = updated(None, found(tree("app.py"), history("old.py"), secret=SECRET), [SECRET], [Plugin()])
    save(known, path)
    assert load(path) == known
    assert [file.name for file in tmp_path.iterdir()] == [".secrets.baseline"]


@given(st.text(st.characters(), min_size=1, max_size=20))
def test_any_file_name_survives(name: str) -> None:
    report = found(tree(f"x{name}"), replace(history(f"y{name}"), source="note"), secret=SECRET)
    known = updated(None, report, [SECRET], [Plugin()])
    again = of_document(json.loads(json.dumps(known.document)))
    assert apply(report, again, [SECRET]).credentials == ()


def test_no_value_is_written(tmp_path: Path) -> None:
    path = tmp_path / "b"
    save(updated(None, found(tree("app.py"), history("old.py"), secret=SECRET), [SECRET], [Plugin()]), path)
    assert SECRET.reveal() not in path.read_text()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "format"),
        ("{}", "format"),
        ('{"results": []}', "format"),
        ('{"results": {"a": [{"type": "x"}]}}', "format"),
        ('{"results": {"a": [{"hashed_secret": 7}]}}', "format"),
        ('{"results": {}, "tokenaudit": {"credentials": [1]}}', "format"),
    ],
)
def test_what_is_no_baseline_gets_one_clear_line(content: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=says) as raised:
        load(path)
    assert "known.json" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_baseline_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--update-baseline"):
        load(tmp_path / "none")


def test_a_baseline_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    document: dict[str, Any] = {"results": {}}
    with pytest.raises(ConfigurationError, match="can't be written"):
        save(Baseline(document), tmp_path / "no" / "such")
