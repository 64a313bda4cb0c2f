"""Long scripts are cut between their commands, and mean the same as whole ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ci.support import audited, problems
from tokenaudit.ci.shell import LARGEST, WHOLE, pieces
from tokenaudit.model import Skipped

FUNCTION = """\
publish_{n}() {{
  if [ -n "$1" ]; then
    cat > notes.txt <<EOF
  }} echo "not a command $(
EOF
    python publish.py --name "two
lines" --part {n} \\
      --more
  fi
}}
"""
_PARTS = ["a\n", "(", ")", '"', "'", "$(", "{ ", "}", "<<A\n", "A\n", "\\\n", "`\n", "@'\n", "'@", "x" * 900, "é"]


@pytest.mark.parametrize("language", ["bash", "powershell"])
@settings(max_examples=100, deadline=None)
@given(parts=st.lists(st.sampled_from(_PARTS), max_size=60))
def test_pieces_are_in_order_and_without_gaps(language: str, parts: list[str]) -> None:
    script = "".join(parts)
    found = list(pieces(script, language))
    assert [start for start, _ in found] == [0, *(end for _, end in found[:-1])]
    assert found[-1][1] == len(script)
    assert all(start < end for start, end in found) or not script


def test_a_long_script_is_cut_between_functions_and_read_to_the_end() -> None:
    body = "".join(FUNCTION.format(n=n) for n in range(400))
    script = body + 'echo "$HF_TOKEN"\n'
    found = list(pieces(script, "bash"))
    assert len(found) > 5
    assert all(end - start <= WHOLE for start, end in found)
    assert all(script[start:].startswith(("publish_", "echo")) for start, _ in found)
    assert [(one.rule, one.line) for one in problems({"a.sh": script})] == [("ci-token-printed", script.count("\n"))]


def test_a_here_document_is_never_cut() -> None:
    script = "cat > a <<EOF\n" + "echo $HF_TOKEN\n" * 500 + "EOF\n" + "true\n" * 2_000
    found = [one for one in problems({"a.sh": script}) if one.rule != "ci-token-to-disk"]
    assert not found


def test_a_command_that_is_too_long_is_named_and_the_others_are_read() -> None:
    script = "echo $HF_TOKEN\n" + "true " + "a " * LARGEST + "\necho $HF_TOKEN\n"
    found = audited({"a.sh": script})
    assert [one.where for one in found if isinstance(one, Skipped)] == ["repo: a.sh:2"]
    assert [one.line for one in found if not isinstance(one, Skipped)] == [1, 3]
