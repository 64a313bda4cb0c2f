"""Judging of labelled changes."""

from __future__ import annotations

from dataclasses import replace

from tests.content.changes import changed, facts
from tests.content.labelled_code import LabelledChange
from tokenaudit.content.change import ContentJudgement
from tokenaudit.content.judge import judge_change


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8")


def judgement(sample: LabelledChange) -> ContentJudgement:
    """The judgement of a labelled change in a repository that has the sample's other files too."""
    others = {path: _bytes(text) for path, text in sample.files.items()}
    after = _bytes(sample.after)
    before = None if sample.before is None else _bytes(sample.before)
    old = others if before is None else {**others, sample.path: before}
    repository = facts(old, {**others, sample.path: after}, type=sample.type)
    name = "acme/d" if sample.type == "dataset" else "acme/m"
    repository = replace(repository, id=name, holds_secrets=sample.holds_secrets)
    return judge_change(changed(sample.path, after, before), repository)


def missed(samples: list[LabelledChange]) -> list[str]:
    """Hostile changes whose rule does not find them."""
    return [f"{s.name} ({s.rule})" for s in samples if s.rule not in {f.rule for f in judgement(s).findings}]


def alarms(samples: list[LabelledChange]) -> list[str]:
    """Benign changes that have a finding or could not be examined; that a script changed is said of any script."""
    found = []
    for sample in samples:
        result = judgement(sample)
        findings = [f for f in result.findings if not (f.rule == "content-native-code" and sample.path.endswith(".sh"))]
        found += [f"{sample.name}: {f.rule} {f.message}" for f in findings]
        found += [f"{sample.name}: skipped: {reason}" for reason in result.skipped]
    return found
