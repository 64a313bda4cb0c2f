"""Evidence: a superset of what is found, the same with and without Hyperscan, in pieces as in one."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.contexts import CONTEXTS, Context
from tests.support.mint import Mint
from tokenaudit.detect import Detector, Limits, Prefilter, literals
from tokenaudit.detect.decode import concatenated
from tokenaudit.detect.limits import Budget
from tokenaudit.detect.scanner import RecursiveScan


@cache
def detector() -> Detector:
    loaded = Detector.load()
    loaded.prefilter.prepare()
    return loaded


@cache
def by_re() -> Prefilter:
    return Prefilter(detector().prefilter.patterns, engine="re")


@cache
def by_literals() -> Prefilter:
    return Prefilter(detector().prefilter.patterns, engine="literals")


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: f"{context.group}: {context.name}")
def test_both_engines_see_the_same(context: Context) -> None:
    data = context.write(Mint(context.name).user_token())
    assert by_re().may_contain(data)
    assert detector().may_contain(data)
    assert by_literals().may_contain(data)
    assert by_re().hits(data) == by_literals().hits(data) == detector().prefilter.hits(data)


def texts_of(expression: bytes) -> st.SearchStrategy[bytes]:
    """Texts that nearly always contain a match of `expression`."""
    never = b"(?!)"  # Hypothesis can't read it with newer versions of Python
    return st.from_regex(re.compile(expression.replace(never, rb"\0"), re.DOTALL))


SEARCHED = [
    (each.expression, literal_pattern)
    for each in detector().prefilter.patterns
    for literal_pattern in each.literal_patterns
    if literal_pattern.searched
]


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_what_is_searched_for_instead_of_literals_ends_in_each_match(data: st.DataObject) -> None:
    expression, tried = data.draw(st.sampled_from(SEARCHED))
    matched = data.draw(texts_of(expression))
    literal = re.compile(b"|".join(map(re.escape, tried.literals)))
    for whole in re.finditer(expression, matched, re.DOTALL):
        if literal.search(matched, whole.start(), whole.end() + 1) is None:
            continue  # another pattern is for this form
        found = re.compile(tried.searched, re.DOTALL).search(matched, whole.start(), whole.end() + 1)
        assert found is not None
        assert not tried.back or re.compile(tried.expression, re.DOTALL).match(matched, found.end() - tried.back)
        assert not whole.start() or matched[whole.start() - 1] not in tried.not_after


HEADS = [
    literal_pattern
    for each in detector().prefilter.patterns
    for literal_pattern in each.literal_patterns
    if literal_pattern.head
]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_is_tried_first_matches_wherever_the_expression_does(data: st.DataObject) -> None:
    tried = data.draw(st.sampled_from(HEADS))
    matched = data.draw(texts_of(tried.expression))
    for whole in re.finditer(tried.expression, matched, re.DOTALL):
        head = re.compile(tried.head, re.DOTALL).match(matched, whole.start())
        assert head is not None
        assert len(head[0]) <= literals.LONGEST_HEAD


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from([b"hf_", b"api_", b"x", b"_hf_api", b""]))
def test_words_that_begin_names_are_found_where_a_credential_follows(data: st.DataObject, before: bytes) -> None:
    tried = data.draw(st.sampled_from([each for each in HEADS if each.literals[0] in {b"hf_", b"api_"}]))
    text = before + data.draw(texts_of(tried.expression))
    assert by_re().hits(text) == by_literals().hits(text) == detector().prefilter.hits(text)


def test_a_whole_credential_needs_no_expression_for_split_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[bytes] = []

    def compile_and_note(expression: bytes) -> re.Pattern[bytes]:
        compiled.append(expression)
        return re.compile(expression, re.DOTALL)

    monkeypatch.setattr(literals, "_compiled", compile_and_note)
    prefilter = Prefilter(detector().prefilter.patterns, engine="literals")
    token = Mint("whole").user_token()
    assert prefilter.may_contain(f'hf_hub_download("x")\ntoken = "{token}"\n'.encode())
    assert max(map(len, compiled)) < 1000
    assert prefilter.may_contain(f'token = "{token[:9]}" + "{token[9:]}"\n'.encode())
    assert 1000 < max(map(len, compiled)) < 3000  # compiling takes a millisecond for 1,000 bytes


@pytest.mark.parametrize("joint", [b'" + "', b"'\r\n  '", b'\\" + f\\"', b'", \n\t"', b"` `"])
def test_literals_split_at_any_character_are_evidence(joint: bytes) -> None:
    spelled = [(literal.encode(), str(plugin.shape)) for plugin in detector().plugins for literal in plugin.literals]
    for literal, shape in spelled:
        body = (b"eyJ" if "eyJ" in shape else b"") + b"Aa1" * 15
        for at in range(1 if len(literal) == 3 else 3, len(literal) + 1):
            text = b'x = "' + literal[:at] + joint + literal[at:] + body
            found = by_re().hits(text)
            assert found, (literal, at)
            assert by_literals().hits(text) == detector().prefilter.hits(text) == found


def test_much_data_is_searched_at_once() -> None:
    prefilter = Prefilter(detector().prefilter.patterns)
    token = Mint("much").user_token()
    filler = b"x" * 40_000
    assert [prefilter.may_contain(data) for data in (b"x", token.encode(), filler, filler + token.encode())] == [
        False,
        True,
        False,
        True,
    ]
    assert "_hyperscan" in vars(prefilter)


_HELD = """
import hyperscan
from pathlib import Path
from tokenaudit.detect import Detector
def held():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))
prefilter = Detector.load().prefilter
prefilter.may_contain(b"x")
before = held()
prefilter.prepare()
print(held() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the kernel does not say what is held")
def test_what_compiling_needs_is_given_back() -> None:
    run = subprocess.run([sys.executable, "-c", _HELD], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 8 << 10, "KB"  # compiling itself takes more than 20 MB


def test_many_repeats_are_searched_without_preparation() -> None:
    repeated = b"hf_ " * 5_000
    assert not by_literals().may_contain(repeated)
    assert by_literals().hits(repeated) == by_re().hits(repeated)


FRAGMENTS = st.sampled_from(
    [
        b"hf_",
        b"api_org_",
        b"h",
        b"f_",
        b"aGZf",
        b"oZl8",
        b'"',
        b" + ",
        b"\\u005f",
        b"%5F",
        b"\n",
        b"\0",
        b"68665f",
        b"hf",
        b"_",
        b"'",
        b"104",
        b"68",
        b"\t",
        b"VV",
        b"\x1f\x9d",
        b"PK\3\4",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(FRAGMENTS | st.binary(max_size=40) | st.from_regex(rb"[A-Za-z0-9]{30,40}", fullmatch=True), max_size=12)
)
def test_both_engines_see_the_same_in_anything(parts: list[bytes]) -> None:
    data = b"".join(parts)
    assert by_re().hits(data) == by_literals().hits(data) == detector().prefilter.hits(data)
    assert (
        by_re().may_contain(data)
        == by_literals().may_contain(data)
        == detector().may_contain(data)
        == bool(detector().prefilter.hits(data))
    )


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(CONTEXTS), st.integers(0, 2000), st.integers(0, 2**32))
def test_pieces_that_overlap_by_the_width_lose_nothing(context: Context, at: int, seed: int) -> None:
    prefilter = detector().prefilter
    data = random.Random(seed).randbytes(999) + b"\n" + context.write(Mint(seed).user_token()) + bytes(1000)
    left, right = data[: at + prefilter.width], data[at:]
    assert prefilter.may_contain(left) or prefilter.may_contain(right)


@settings(max_examples=60)
@given(st.integers(0, 1 << 32))
def test_entries_with_evidence_are_those_that_have_it_alone(seed: int) -> None:
    """Whole contexts, pieces of them in neighboring entries, empty entries, and entries that belong together."""
    dice = random.Random(seed)
    entries: list[bytes] = []
    for number in range(dice.randrange(1, 12)):
        written = dice.choice(CONTEXTS).write(Mint(f"{seed} {number}").user_token())
        cut = dice.randrange(len(written) + 1)
        whole, parts = [written], [written[:cut], written[cut:]]
        entries += dice.choice([whole, parts, [b"", b"hf_"], [b"some text " * dice.randrange(300) + written[cut:]]])
    data = b"\0".join(entries)
    starts = [sum(len(entry) + 1 for entry in entries[:place]) for place in range(len(entries))]
    evidence = [place for place, entry in enumerate(entries) if detector().may_contain(entry)]
    matches = [place for place, entry in enumerate(entries) if place not in evidence and any_match(entry)]
    expected = (evidence, matches)
    assert detector().prefilter.with_evidence(data, starts) == expected
    assert by_literals().with_evidence(data, starts) == expected
    assert by_re().with_evidence(data, starts) == expected
    assert detector().prefilter.with_evidence(b"", []) == ([], [])


def any_match(data: bytes) -> bool:
    """Whether any pattern matches, even if that is no reason to decode the data."""
    return any(
        each.check is None or each.check(data, found.start())
        for each in detector().prefilter.patterns
        for found in re.finditer(each.expression, data, re.DOTALL)
    )


def test_names_of_functions_are_no_evidence() -> None:
    text = b"from huggingface_hub import hf_hub_download, hf_raise_for_status\nhf_token = os.environ['HF_TOKEN']\n"
    assert not detector().may_contain(text * 100)


@cache
def without_reasons() -> Prefilter:
    return Prefilter(tuple(each._replace(is_reason=None) for each in detector().prefilter.patterns))


def test_lists_of_names_are_no_evidence() -> None:
    names = b'["hf_id", "repo",\n    "api_key", "user"]; f("hf_token", "x"); `hf_xet` (`pip`); x = `api`, `_y`\n'
    text = names + b"# " + b"x" * 600
    assert without_reasons().may_contain(text)
    assert not detector().may_contain(text)
    token = Mint("names").user_token().encode()
    hits = detector().prefilter.hits(text + b'"' + token[:20] + b'" "' + token[20:] + b'"')
    assert hits[:5] == without_reasons().hits(text)


JOINTS = [
    b'", "', b'" "', b'" + "', b'",\n  "', b"\\\n", b"=\n", b"\n ", b"</b><b>", b"\x1b[0m", b"|\n0010: 41 42  ",
    b'";\nx += "', b'"],\n[1.5, "o", "', b"${X}", b'" + X + "', b"{X}", b"\\x41", b"%41", b"&#65;", b"=41", b"",
    b" ", b",", b")", b"\n", b'"\n', b"_",
]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["user_token", "org_token", "refresh_token", "app_token", "oauth_token"]),
    st.integers(0, 2**32),
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(JOINTS)), max_size=5),
    st.sampled_from([b"", b"x" * 600, b'\nX = "b0"\n']),
)
def test_evidence_that_is_no_reason_loses_nothing(
    kind: str, seed: int, cuts: list[tuple[int, bytes]], after: bytes
) -> None:
    token = getattr(Mint(seed), kind)().encode()
    parts, done = [b'"'], 0
    for at, joint in sorted(cuts):
        parts += [token[done:at], joint]
        done = at
    data = b"".join([*parts, token[done:], b'"\n', after])
    expected = RecursiveScan(without_reasons(), lambda: detector()._finds, Budget(Limits())).run(data)
    assert detector().scan(data) == expected


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CONTEXTS), st.integers(0, 2**32))
def test_every_context_has_a_reason(context: Context, seed: int) -> None:
    data = context.write(Mint(seed).user_token()) + b"\n" + bytes(600)
    assert detector().may_contain(data) == without_reasons().may_contain(data)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [b'"', b"'", b"`", b"\\", b"=", b"\r", b"\n", b"\x1b[", b"0m", b" ", b"+", b"a", b"f", b"<b>", b"|"]
        )
    )
)
def test_joints_are_found_by_what_they_begin_with(parts: list[bytes]) -> None:
    data = b"".join(parts)
    alternatives = (
        rb"\\{0,2}[\"'`]" + concatenated._LITERALS,
        rb"\\" + concatenated._CONTINUED,
        rb"=\r?\n",
        rb"\r?\n" + concatenated._FOLDED,
        rb"\x1b" + concatenated._COLOR,
        rb"<" + concatenated._MARKUP,
        rb"[|<]?\r?\n" + concatenated._DUMP,
    )
    slowly = re.sub(b"|".join(alternatives), b"", data)
    assert concatenated.joined(data, 0)[0] == slowly


@cache
def splits() -> re.Pattern[bytes]:
    """An expression for the literals that begin with `hf_`, in which each split has an alternative of its own."""
    literals = (b"hf_", b"hf_app_", b"hf_jwt_", b"hf_oauth__refresh_")
    wholes = [each + concatenated._BODY + concatenated._SHOWN for each in literals]
    cuts = [
        each[:at] + b"(?:%b%b|[|<]?\r?\n%b)" % (concatenated._SHORT, each[at:], concatenated._DUMP_START)
        for each in literals
        for at in range(3, len(each))
    ]
    return re.compile(b"|".join((*wholes, *cuts)), re.DOTALL)


@cache
def together() -> re.Pattern[bytes]:
    literals = ("hf_", "hf_app_", "hf_jwt_", "hf_oauth__refresh_")
    found = [each for each, tried in concatenated.evidence(literals, (b"hf_",)) if tried.literals == (b"hf_",)]
    return re.compile(b"|".join(found), re.DOTALL)


SPLIT_JOINTS = [
    b'"',
    b"'",
    b"\\",
    b"=",
    b"\r",
    b"\n",
    b"\x1b[",
    b"0m",
    b" ",
    b"+",
    b"<",
    b"b>",
    b"|",
    b"0000a: 6869 6a6b ",
]


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from([b"hf_", b"hf_a", b"hf_app", b"hf_app_", b"hf_app_7", b"hf_oauth", b"hf_oauth__re", b"hf_jwt_a_"]),
    st.lists(st.sampled_from(SPLIT_JOINTS), min_size=1, max_size=5),
    st.sampled_from([b"_", b"pp_", b"p_", b"a", b"fresh_", b"__refresh_", b""]),
)
def test_split_literals_are_found_wherever_one_expression_for_each_matches(
    left: bytes, joint: list[bytes], right: bytes
) -> None:
    text = left + b"".join(joint) + right
    assert len(together().pattern) < len(splits().pattern) / 4
    for found in splits().finditer(text):
        ends = [alike.end() for alike in [together().match(text, found.start())] if alike]
        assert ends
        assert ends[0] >= found.end()


def test_the_result_of_the_last_search_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    prefilter = Prefilter(detector().prefilter.patterns, engine="literals")
    searched: list[bytes] = []
    real = prefilter._search

    def count(data: bytes, *others: Any) -> bool:
        searched.append(data)
        return real(data, *others)

    monkeypatch.setattr(prefilter, "_search", count)
    first, second = (b"token = '%b'\n" % Mint(seed).user_token().encode() for seed in (1, 2))
    fresh = by_literals().hits(first)
    for data in (first, second, first):
        hits = prefilter.hits(data)
        assert prefilter.may_contain(data)
        assert prefilter.with_evidence(data, [0]) == ([0], [])
        assert prefilter.hits(data) == hits == fresh
    assert searched == [first, second, first]
    large = first + bytes(1 << 20)
    assert prefilter.hits(large) == prefilter.hits(large) == fresh
    assert searched == [first, second, first, large, large]
