"""The table of calls against the library it describes."""

from __future__ import annotations

import inspect

import huggingface_hub
import pytest

from tokenaudit.code_usage.calls import HUB

METHODS = {
    name: method for name, method in inspect.getmembers(huggingface_hub.HfApi, inspect.isfunction) if name in HUB
}


def test_most_of_the_table_is_in_the_installed_library() -> None:
    """Names that a release dropped stay in the table, for the code that still uses them."""
    assert len(METHODS) > 100


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_parameter_stands_where_the_table_says(name: str) -> None:
    parameters = [p for p in inspect.signature(METHODS[name]).parameters.values() if p.name != "self"]
    by_name = {p.name: number for number, p in enumerate(parameters)}
    for call in HUB[name]:
        if call.on in {"nothing", "user"}:
            continue
        assert call.parameter in by_name
        if call.position is not None:
            assert by_name[call.parameter] == call.position
            assert parameters[call.position].kind is not inspect.Parameter.KEYWORD_ONLY
        else:
            assert parameters[by_name[call.parameter]].kind is inspect.Parameter.KEYWORD_ONLY
