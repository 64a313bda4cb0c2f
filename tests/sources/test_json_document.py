"""Every text of a JSON document is read, however deep it lies."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.interfaces import LocatedDetection, ScanContext
from tokenaudit.model import Location
from tokenaudit.sources.platforms.json_document import read_document, strings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


def texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *texts(item))]
    return [text for item in value for text in texts(item)] if isinstance(value, list) else []


@given(JSON)
def test_every_text_and_every_key_comes_once(document: object) -> None:
    assert sorted(text for _, text in strings(document)) == sorted(texts(document))


def test_paths_are_dotted_and_in_order() -> None:
    document = {"a": [{"b": "x"}, "y"], "c": "z"}
    found = [("a", "a"), ("c", "c"), ("a.0.b", "b"), ("a.0.b", "x"), ("a.1", "y"), ("c", "z")]
    assert list(strings(document)) == found


def test_a_credential_below_many_levels_is_found() -> None:
    value = Mint(4).user_token()
    for depth in (59, 60, 61, 400):
        document = json.loads('{"a":[' * depth + json.dumps(value) + "]}" * depth)
        run = ScanContext(Detector.load())
        (found,) = read_document(run, document, Location("job", "jobs/acme", "j"))
        assert isinstance(found, LocatedDetection)
        assert found.detection.secret.reveal() == value
