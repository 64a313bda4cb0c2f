"""Entries of trees and links of commits, found in many contents at once, against reading them one by one."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenaudit.git.pack.layout import places_in, sorted_ids
from tokenaudit.git.pack.texts import ObjectTexts, read_links
from tokenaudit.git.pack.trees import WantedIds, windows

_PARTS = st.sampled_from([b"\0", b"4", b"40000 ", b"100644 a", b"\x20", b"7", b"x", b"\xff", bytes(4)])
_IDS = st.lists(_PARTS, min_size=20, max_size=20).map(lambda parts: b"".join(parts)[:20].ljust(20, b"\1"))
_MODES = st.sampled_from([b"40000", b"100644", b"100755", b"120000", b"160000", b"040000", b"7", b"100600"])
_NAMES = st.sampled_from([b"a", b"b c", b"40000 d", b"7", b"name.txt", b"\xc3\xa4"])
_TREES = st.lists(st.lists(st.tuples(_MODES, _NAMES, _IDS), max_size=5), max_size=5)


@given(_TREES, st.lists(_IDS, max_size=3), st.data())
@settings(deadline=None)
def test_entries_with_wanted_ids_are_those_of_each_tree(
    trees: list[list[tuple[bytes, bytes, bytes]]], others: list[bytes], data: st.DataObject
) -> None:
    known = [found for tree in trees for _, _, found in tree]
    ids = {*others, *(data.draw(st.lists(st.sampled_from(known))) if known else ())}
    texts = ObjectTexts.of([b"".join(mode + b" " + name + b"\0" + raw for mode, name, raw in tree) for tree in trees])
    wanted = WantedIds(np.frombuffer(b"".join(sorted(ids)), np.uint8).reshape(-1, 20))
    hits = wanted.hits(windows(texts)).tolist()
    rows = np.arange(20 * len(trees), dtype=np.uint8).reshape(-1, 20)
    entries = wanted.entries(texts, rows)
    found: dict[int, list[tuple[bytes, bytes]]] = {}
    for owner, name, raw in zip(entries.trees.tolist(), entries.names, entries.ids, strict=True):
        found.setdefault(rows.tolist().index(owner), []).append((name, raw.tobytes()))
    for node, tree in enumerate(trees):
        expected = [(mode + b" " + name, raw) for mode, name, raw in tree if raw in ids]
        if expected:
            assert node in hits
        # What looks like an entry in the middle of others can be added, but none is lost.
        assert Counter(expected) <= Counter(found.get(node, []))
        if not any(b"\0" in raw for _, _, raw in tree):
            assert found.get(node, []) == expected


@given(st.lists(_IDS, max_size=30), st.lists(_IDS, max_size=30))
def test_positions_of_ids_are_those_of_a_dictionary(within: list[bytes], others: list[bytes]) -> None:
    rows = sorted_ids(np.frombuffer(b"".join(within), np.uint8).reshape(-1, 20))
    place_of = {row.tobytes(): place for place, row in enumerate(rows)}
    assert sorted(place_of) == list(place_of) == sorted(set(within))
    asked = [*within, *others]
    found = places_in(np.frombuffer(b"".join(asked), np.uint8).reshape(-1, 20), rows)
    assert found.tolist() == [place_of.get(each, -1) for each in asked]


_ID_TEXT = st.text("0123456789abcdef", min_size=40, max_size=40).map(str.encode)
_LINES = st.lists(st.sampled_from([b"author A <a@example.org> 1 +0000", b"gpgsig x", b"parent ", b"parent x", b""]))
_COMMITS = st.tuples(st.lists(_ID_TEXT, min_size=1, max_size=4), _LINES, st.integers(0, 200), st.sampled_from(b"gZ\n "))


@given(st.lists(_COMMITS, max_size=5), st.booleans())
@settings(deadline=None)
def test_links_are_those_of_each_commit(
    made: list[tuple[list[bytes], list[bytes], int, int]], is_damaged: bool
) -> None:
    contents = []
    for (tree, *parents), lines, place, byte in made:
        text = bytearray(b"\n".join([b"tree " + tree, *(b"parent " + each for each in parents), *lines, b"", b"text"]))
        if is_damaged and place < len(text):
            text[place] = byte
        contents.append(bytes(text))
    ids = np.arange(20 * len(contents), dtype=np.uint8).reshape(-1, 20)
    links = read_links(ObjectTexts.of(contents), ids)
    rows, odd, at = list(zip(links.ids.tolist(), links.trees, links.counts.tolist(), strict=True)), [], 0
    for own, content in zip(ids.tolist(), contents, strict=True):
        header = re.match(rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)(?!parent )", content)
        if header is None:
            odd.append(own)
            continue
        above = bytes.fromhex(header[2].replace(b"parent ", b"").decode())
        raw, tree, count = rows.pop(0)
        assert (raw, tree.tobytes(), count) == (own, bytes.fromhex(header[1].decode()), len(above) // 20)
        assert links.parents[at : at + count].tobytes() == above
        at += count
    assert rows == []
    assert links.odd.tolist() == odd
    assert len(links.parents) == at
