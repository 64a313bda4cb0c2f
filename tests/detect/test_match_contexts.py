"""What the bytes around matches decide is what a scan finds."""

from __future__ import annotations

import pickle
import random
import tarfile
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.contexts import CONTEXTS
from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.detect.limits import Limits
from tokenaudit.interfaces import MatchContext

FIXED = (Mint.user_token, Mint.org_token, Mint.refresh_token, Mint.app_token, Mint.client_secret, Mint.legacy_token)
EDGES = [
    "",
    "a",
    "_",
    " ",
    "\n",
    "\\n",
    "%22",
    "\x1b[0m",
    "V",
    "\nV",
    "X%",
    "x\x25",
    "U%",
    "\x00\x00\x00%",
    "%",
    "hf",
    "é",
]


@cache
def detector() -> Detector:
    return Detector.load()


def fingerprints(contexts: tuple[MatchContext, ...]) -> set[str]:
    return set().union(*(context.fingerprints for context in contexts))


def scanned(data: bytes) -> set[str]:
    return {each.secret.fingerprint for each in detector().scan(data).detections}


def crowded(dice: random.Random) -> bytes:
    """Credentials whose neighbors decide about them: glued, overlapping, cut, announced by a length."""
    mint = Mint(dice.randrange(1 << 32))
    parts = []
    for _ in range(dice.randrange(1, 12)):
        token = dice.choice(FIXED)(mint)
        if dice.random() < 0.2:
            token = token[: dice.randrange(len(token))]
        if dice.random() < 0.2:
            token = token[:-2] + "hf" + mint.user_token()[2:]
        parts += [dice.choice(EDGES), token, dice.choice(EDGES)]
        if dice.random() < 0.5:
            parts.append("word 12 " * dice.randrange(60))
    return "".join(parts).encode()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 32))
def test_contexts_decide_which_fingerprints_a_scan_finds(seed: int) -> None:
    data = crowded(random.Random(seed))
    contexts = detector().contexts(data)
    assume(contexts is not None)  # something has to be decoded, such as a prefix cut by a color
    assert contexts is not None
    assert fingerprints(contexts) == scanned(data)
    assert bool(contexts) == detector().may_contain(data)
    assert detector().contexts(data) == contexts  # from memory


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1 << 32))
def test_what_is_far_from_a_context_does_not_change_it(seed: int) -> None:
    dice = random.Random(seed)
    data = crowded(dice)
    far = b"another text \n" * 40
    before, after = (dice.choice([b"", far, far * 2]) for _ in range(2))
    assert scanned(far + data + far) == scanned(before + far + data + far + after)
    wide, wider = detector().contexts(far + data + far), detector().contexts(before + far + data + far + after)
    assume(wide is not None)
    assert wide is not None
    assert wide == wider == detector().kept(wide, before + far + data + far + after)
    assert detector().kept(wide, before + far + after) == ()


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: f"{context.group}: {context.name}")
def test_whatever_has_to_be_decoded_is_scanned(context: object) -> None:
    data = context.write(Mint("context").user_token())  # type: ignore[attr-defined]
    contexts = detector().contexts(data)
    examined = detector().scan(data)
    if contexts is None:
        return
    assert not examined.skipped
    assert not examined.pointers
    assert fingerprints(contexts) == {each.secret.fingerprint for each in examined.detections}


def test_contexts_are_not_enough_for() -> None:
    mint = Mint("not enough")
    token = mint.user_token()
    plain = f"token = {token}\n".encode()
    assert detector().contexts(plain)
    assert detector().contexts(plain + mint.oauth_token().encode()) is None
    assert detector().contexts(plain + b"# xet version 1\n") is None
    assert detector().contexts(b"\n".join(mint.user_token().encode() for _ in range(70))) is None
    assert detector().contexts(plain + bytes(1 << 20)) is None
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("config.py")
        member.size = len(plain)
        archive.addfile(member, BytesIO(plain))
    contexts = detector().contexts(plain)
    assert contexts
    assert detector().contexts(packed.getvalue()) is None
    assert detector().kept(contexts, packed.getvalue()) is None
    assert detector().kept(contexts, plain + bytes(1 << 20)) is None


def test_other_plugins_and_low_limits_need_a_scan(tmp_path: Path) -> None:
    file = tmp_path / "other.py"
    file.write_text(
        "from detect_secrets.plugins.base import RegexBasedDetector\nimport re\n"
        "class Other(RegexBasedDetector):\n"
        "    secret_type = 'other'\n    literals = ('other_',)\n    denylist = [re.compile('other_[0-9]{9}')]\n"
    )
    data = f"token = {Mint('plugin').user_token()}\n".encode()
    for scanner in (Detector.load([file]), Detector.load(limits=Limits(work=1_000_000))):
        assert scanner.contexts(data) is None
        assert scanner.kept((), data) is None


def test_the_memory_of_contexts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from tokenaudit.detect import match_contexts  # noqa: PLC0415 - its constant is replaced

    monkeypatch.setattr(match_contexts, "_MOST_KNOWN", 4)
    scanner = Detector.load()
    mint = Mint("bounded")
    lines = [f"token = {mint.user_token()}\n".encode() for _ in range(11)]
    for line in lines * 2:
        contexts = scanner.contexts(line)
        assert contexts is not None
        assert fingerprints(contexts) == scanned(line)
        memory = scanner._contexts
        assert memory is not None
        assert len(memory._known) <= 4


def test_results_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    from tokenaudit.detect import scanner as scanning  # noqa: PLC0415 - its constants are replaced

    mint = Mint("results")
    lines = [f"token = {mint.user_token()}\n".encode() for _ in range(7)]
    remembering, fresh = Detector.load(), Detector.load()
    first = remembering.scan(lines[0])
    assert remembering.scan(bytes(bytearray(lines[0]))) is first
    assert fresh.scan(lines[0]) == first
    monkeypatch.setattr(scanning, "_MOST_RESULTS", 3)
    monkeypatch.setattr(scanning, "_MOST_DETECTIONS", 2)
    for line in (*lines, b"".join(lines)) * 2:
        assert remembering.scan(line) == fresh.scan(line)
        assert len(remembering._results) <= 3
    assert remembering.scan(b"".join(lines)) is not remembering.scan(b"".join(lines))
    assert pickle.loads(pickle.dumps(remembering))._results == {}  # noqa: S301 - its own


def test_a_context_does_not_show_its_bytes() -> None:
    token = Mint("shown").user_token()
    contexts = detector().contexts(f"token = {token}\n".encode())
    assert contexts
    assert token not in repr(contexts)
    assert token not in str(contexts[0])
