"""What the tests of the configuration audit share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.support.mint import Mint
from tests.support.toy import ToyExaminer
from tokenaudit.ci import audit_files
from tokenaudit.model import Problem, Skipped

LITERAL = "hf_<34 letters>"


def filled(example: str, seed: int = 7) -> str:
    """The example with a token minted now in place of each stand-in."""
    return example.replace(LITERAL, Mint(seed).user_token())


def problems(files: Mapping[str, str], secret_names: Sequence[str] = ()) -> list[Problem]:
    """The problems of a few files, which must all be readable."""
    found = list(audited(files, secret_names))
    assert not [one for one in found if isinstance(one, Skipped)], found
    return [one for one in found if isinstance(one, Problem)]


def audited(files: Mapping[str, str], secret_names: Sequence[str] = ()) -> list[Problem | Skipped]:
    """Problems and what was skipped in a few files."""
    data = [(path, text.encode()) for path, text in files.items()]
    found = audit_files(data, "repo", secret_names, ToyExaminer())
    return [one for one in found if isinstance(one, (Problem, Skipped))]


def rules(files: Mapping[str, str]) -> set[tuple[str, int | None]]:
    """Rule ids with their lines."""
    return {(problem.rule, problem.line) for problem in problems(files)}


def example(text: str) -> dict[str, str]:
    """A rule's example as the file that its first line names."""
    path = text.split("\n", 1)[0].removeprefix("# ")
    return {path: filled(text)}
