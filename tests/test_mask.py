"""`mask`: what it takes out of a text, found by an audit or not, and what it leaves alone."""

from __future__ import annotations

import base64
import json
import pickle
import re
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.mint import Mint
from tests.support.traces import KINDS, PIECE, assert_hidden, pieces
from tokenaudit import redaction
from tokenaudit.detect.plugins import read_declarations, shipped
from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.redaction import mask, mask_shapes, masked, redacted
from tokenaudit.secret import Secret, SecretUnavailableError, display
from tokenaudit.text import file_name, one_line, shorten

WAYS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in a URL": lambda value: f"https://user:{value}@huggingface.co/acme/m?x={value}",
    "in a path": lambda value: f"a/{value}/{value}.txt",
    "glued": lambda value: f"TOKEN_{value}_old",
    "percent": lambda value: "".join(f"%{byte:02X}" for byte in value.encode()),
    "percent in part": lambda value: urllib.parse.quote(value, safe="").replace("_", "%5F"),
    "backslash": lambda value: "".join(f"\\x{byte:02x}" for byte in value.encode()),
    "json": lambda value: json.dumps({value: [value]}),
    "base64": lambda value: base64.b64encode(f"user:{value}".encode()).decode(),
    "hex": lambda value: value.encode().hex(),
    "two strings": lambda value: f"'{value[:17]}' + \"{value[17:]}\"",
    "a folded line": lambda value: f'"{value[:17]}\\\n    {value[17:]}"',
}


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    redaction.forget()
    yield
    redaction.forget()


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from(KINDS),
    st.sampled_from(sorted(WAYS)),
    st.text(st.characters(codec="utf-8", exclude_categories=["L", "N", "P"]), max_size=6),
)
def test_a_value_that_nobody_found_is_masked(seed: int, kind: Callable[[Mint], str], way: str, around: str) -> None:
    redaction.forget()
    value = kind(Mint(seed))
    shown = mask(f"{around}{WAYS[way](value)}{around}")
    assert_hidden(shown, [value], way)
    assert shown.startswith(around)
    assert shown.endswith(around)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(KINDS), st.integers(0, 400), st.integers(PIECE, 60), st.text(max_size=5))
def test_a_piece_of_a_known_value_is_masked(
    seed: int, kind: Callable[[Mint], str], start: int, length: int, around: str
) -> None:
    """As a server echoes it without its prefix, or as it stands in two lines."""
    redaction.forget()
    value = Secret(kind(Mint(seed))).reveal()
    body = value[value.rindex("_", 0, value.find(".") if "." in value else None) + 1 :]
    at = min(start, len(body) - PIECE)
    shown = mask(f"{around} {body[at : at + length]} {around}")
    assert not {piece for piece in pieces(value) if piece in shown}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(KINDS), st.integers(1, 400))
def test_a_text_is_masked_before_it_is_cut(seed: int, kind: Callable[[Mint], str], most: int) -> None:
    redaction.forget()
    value = kind(Mint(seed))
    for cut in (shorten, one_line, file_name):
        shown = cut(f"{'x ' * (most // 4)}{value} and {'y ' * 300}{value}", most)
        assert len(shown) <= max(most, 2)
        assert_hidden(shown, [value], cut.__name__)


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_text_without_an_end_only_the_beginning_is_looked_at(kind: Callable[[Mint], str]) -> None:
    value = kind(Mint(11))
    for size in range((1 << 16) - len(value) - 2, (1 << 16) + 3, 7):
        assert_hidden(shorten(f"{'x' * 60} {'y' * (size - 61)} {value}", 1 << 17), [value], str(size))


@pytest.mark.parametrize("kind", KINDS)
def test_a_longer_word_that_begins_like_a_value_is_masked(kind: Callable[[Mint], str]) -> None:
    """No plugin takes it for a credential, but whoever reads the text can."""
    value = kind(Mint(12))
    for text in (f"{value}x", f"x{value}", f"{value}Extended.txt", f"{value}{value[-12:]}"):
        assert_hidden(mask(text), [value[:-8]], text[:6])


@pytest.mark.parametrize("kind", [Mint.oauth_token, Mint.oidc_token, Mint.s3_token])
def test_a_cut_jwt_is_masked(kind: Callable[[Mint], str]) -> None:
    value = kind(Mint(13))
    for end in range(value.index(".") + 1, len(value), 9):
        assert not {piece for piece in pieces(value) if piece in mask(value[:end])}


def test_a_display_form_stays_as_it_is() -> None:
    for kind in KINDS:
        value = Secret(kind(Mint(14))).reveal()
        text = f"{display(value)} and hf_****abcd, hf_..., hf_xxx, $HF_TOKEN, {value}"
        once = mask(text)
        assert once == f"{display(value)} and hf_****abcd, hf_..., hf_xxx, $HF_TOKEN, {display(value)}"
        assert mask(once) == once


ORDINARY = (
    "huggingface_hub.hf_hub_download(repo_id='acme/model', filename='config.json')",
    "9b2d0f5c7a1e4b6d8f0a2c4e6b8d0f1a3c5e7f9b introduced by A Committer on 2026-01-01",
    "/home/user/.cache/huggingface/hub/models--acme--model/snapshots/0123456789abcdef0123456789abcdef01234567",
    "api_documentation_generator_for_everything_that_has_an_interface.md",
    "https://huggingface.co/settings/tokens/new?tokenType=fineGrained&ownUserPermissions=repo.content.read",
    "Ein Satz mit Umlauten: äöü, 令牌, \udcff\ud800 and \x1b[31m",
    "",
)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_left_alone(text: str) -> None:
    Secret(Mint(15).user_token())
    assert mask(text) == text
    assert mask_shapes(text) == text


@given(st.text())
def test_text_without_a_credential_is_left_alone(text: str) -> None:
    assert mask(text) == text


def test_pieces_of_a_placeholder_are_words() -> None:
    """The placeholder is masked as a whole; the words that it is made of stay."""
    placeholder = "hf_" + "yourHuggingFaceTokenGoesHere" + "abcdef"
    assert placeholder not in mask(f"set {placeholder} please")
    assert mask("your HuggingFaceToken GoesHere abcdef") == "your HuggingFaceToken GoesHere abcdef"


def test_values_of_variables_are_not_words_to_mask() -> None:
    Secret("acme/model-with-a-name", masking="none")
    assert mask("acme/model-with-a-name") == "acme/model-with-a-name"


def test_a_value_of_a_foreign_plugin_is_known_once_it_was_found() -> None:
    value = "AKIA" + Mint(16).body(28)
    Secret(value)
    for way in ("plain", "percent", "base64", "hex", "json"):
        assert_hidden(mask(WAYS[way](value)), ["_" + value], way)


def test_keys_and_values_of_every_container_are_masked() -> None:
    value = Mint(17).user_token()
    tree = {value: [value, (value, {value})], "kept": [1, None, 2.5]}
    assert_hidden(repr(masked(tree)), [value], "the tree")
    assert masked(tree)["kept"] is tree["kept"]


@dataclass(frozen=True)
class Box:
    """A tree with two parts."""

    first: tuple[str, ...]
    second: object = None
    third: tuple[object, ...] = ()


def test_a_masked_tree_with_another_part_is_masked_in_this_part(monkeypatch: pytest.MonkeyPatch) -> None:
    mint = Mint(170)
    seen: list[str] = []

    def noting(text: str) -> str:
        seen.append(text)
        return mask(text)

    monkeypatch.setattr(redaction, "mask", noting)
    done = masked(Box((f"a {mint.user_token()}", "kept"), Box(("inner",))))
    assert (done.first[1], done.second) == ("kept", Box(("inner",)))
    seen.clear()
    value = mint.user_token()
    other = masked(replace(done, second=f"b {value}"))
    assert seen == [f"b {value}"]
    assert other == replace(done, second=f"b {display(value)}")
    assert masked(other) is other
    # A value that became known since then can be in the other parts.
    late = Mint(171).body(40)
    again = masked(Box((late,), (late, None)))
    assert again == Box((late,), (late, None))
    Secret(late)
    assert late not in repr(masked(replace(again, third=("new",))))


def test_secrets_of_a_report_are_added_only_if_they_are_not_known() -> None:
    mint = Mint(172)
    known, variable = Secret(mint.user_token()), Secret(mint.body(40), masking="none")
    assert mask(variable.reveal()) == variable.reveal()
    tree = Box((f"a {known.reveal()}", f"b {variable.reveal()}"))
    assert redacted(tree, [known, variable]) == Box((f"a {known.display}", f"b {variable.display}"))
    version = redaction._process.version
    assert redacted(tree, [known, variable]) == Box((f"a {known.display}", f"b {variable.display}"))
    assert redaction._process.version == version
    redaction.forget()
    assert variable.reveal() not in repr(redacted(tree, [known, variable]))
    with pytest.raises(SecretUnavailableError):
        redacted(tree, [pickle.loads(pickle.dumps(known))])  # noqa: S301 - its own


def test_errors_mask_their_message() -> None:
    value = Mint(18).user_token()
    error = UsageError(f"{value} can't be read")
    assert str(error) == f"{display(value)} can't be read"
    assert_hidden(repr(error), [value], "the error")


def test_a_finding_masks_nothing_but_itself() -> None:
    """Examining a text makes texts of its own; masking them must not examine them again without end."""
    value = Mint(19).user_token()
    nested = value
    for _ in range(6):
        nested = base64.b64encode(nested.encode()).decode()
    assert len(mask(nested)) <= len(nested)


def test_no_plugin_knows_a_shorter_value() -> None:
    shortest = min(len(kind(Mint(20))) for kind in KINDS)
    assert shortest >= redaction.SHORTEST_VALUE
    assert len(KINDS) == len(read_declarations(shipped()))


def test_secrets_of_other_threads_are_known_too() -> None:
    import threading  # noqa: PLC0415 - only here

    value = Mint(21).user_token()
    thread = threading.Thread(target=lambda: Secret(value))
    thread.start()
    thread.join()
    assert re.fullmatch(r"\*{4}", mask(value[5:30]))


def test_detectors_that_can_not_be_loaded_are_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of loading them has a text too, which is masked without them."""

    def load() -> redaction.Finder:
        message = "plugin /opt/huggingface_token.py can't be read (Too many open files); check the path"
        raise ConfigurationError(message)

    monkeypatch.setattr(redaction._process, "finder", None)
    monkeypatch.setattr(redaction._process, "load", load)
    with pytest.raises(ConfigurationError, match="Too many open files"):
        mask(f"a text with {Mint(1).user_token()}")
