"""detect-secrets plugins for every kind of Hugging Face credential with a distinctive format.

This file requires only the standard library and detect-secrets:

    detect-secrets scan -p plugins/huggingface.py

It is also the only definition of credential formats in tokenaudit. Each class declares its `kind`, the
`literals`, at least one in every match, and an `evidence` expression of bounded length that every match
satisfies, all as plain literals so that they can be read without running the file. `surroundings` is the number of
bytes around the evidence that decide about a match, unless any number can.

Shapes: hub-docs (oauth.md, trusted-publishers.md, security-tokens.md), the redactor of hf-mcp-server, and for the
retired `api_` kinds third-party scanners. No kind has a checksum, so what tells a credential from a word of the same
shape is how its body is spread: see `saved_bits`.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import string
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

from detect_secrets.constants import VerifiedResult
from detect_secrets.plugins.base import BasePlugin


class _Candidate(NamedTuple):
    """A match: `text[start:end] == value`; `likelihood` is "credential", "placeholder" or "identifier"."""

    kind: str
    start: int
    end: int
    likelihood: str
    value: str

    def __repr__(self) -> str:
        return f"{self.kind} at {self.start}"


class _HuggingFaceDetector(BasePlugin):  # type: ignore[misc]  # detect-secrets ships no types
    """Base class of all kinds. A subclass sets `secret_type`, `kind`, `literals`, `evidence` and `shape`."""

    kind = ""
    literals: tuple[str, ...] = ()
    evidence = ""
    shape: re.Pattern[str]

    def candidates(self, text: str) -> Iterator[_Candidate]:
        """Yield every match in `text`, from left to right, with its likelihood."""
        held: _Candidate | None = None
        found = self.shape.search(text)
        while found:
            start, end = found.span()
            if _right_edge(text, start, end):
                if held and held.end <= start:
                    yield held
                # Of two overlapping matches the later is real: `hf_` can't be in a body, but a body can end in "hf".
                held = _Candidate(self.kind, start, end, self._likelihood(text, start, end), found.group())
            found = self.shape.search(text, start + 1)
        if held:
            yield held

    def _likelihood(self, text: str, start: int, end: int) -> str:
        judged = judge(text[start + len(self.literals[0]) : end])
        if judged != "credential" or _left_edge(text, start) or _is_string_of(text, start, end):
            return judged
        return "identifier"

    def analyze_string(self, string: str, **_: Any) -> Iterator[str]:  # noqa: ANN401 - signature of detect-secrets
        """Yield the values that are most likely credentials."""
        return (each.value for each in self.candidates(string) if each.likelihood == "credential")

    def verify(self, secret: str) -> VerifiedResult:  # noqa: ARG002 - detect-secrets passes it by name
        """Return `UNVERIFIED`: offline, and `VERIFIED_FALSE` would make detect-secrets drop the finding."""
        return VerifiedResult.UNVERIFIED


class HuggingFaceUserToken(_HuggingFaceDetector):
    """User access tokens: classic read and write, fine-grained, service accounts."""

    secret_type = "Hugging Face user access token"  # noqa: S105 - a name
    kind = "user_token"
    literals = ("hf_",)
    evidence = "hf_[A-Za-z0-9]{34}"
    surroundings = 256
    shape = re.compile("hf_[A-Za-z0-9]{34}")


class HuggingFaceOrganizationToken(_HuggingFaceDetector):
    """Organization tokens, removed in 2024 and probably dead."""

    secret_type = "Hugging Face organization token"  # noqa: S105 - a name
    kind = "org_token"
    literals = ("api_org_",)
    evidence = "api_org_[A-Za-z0-9]{34}"
    surroundings = 256
    shape = re.compile("api_org_[A-Za-z0-9]{34}")


class HuggingFaceLegacyToken(_HuggingFaceDetector):
    """The `api_` tokens of 2021. A common prefix, so a longer name in front makes it a look-alike."""

    secret_type = "Hugging Face legacy token"  # noqa: S105 - a name
    kind = "legacy_token"
    literals = ("api_",)
    evidence = "api_[A-Za-z0-9]{34}"
    surroundings = 256
    shape = re.compile("api_[A-Za-z0-9]{34}")

    def _likelihood(self, text: str, start: int, end: int) -> str:
        judged = super()._likelihood(text, start, end)
        return "identifier" if judged == "credential" and text[start - 1 : start] == "_" else judged


class HuggingFaceOAuthRefreshToken(_HuggingFaceDetector):
    """OAuth refresh tokens, as `hf auth login` stores them."""

    secret_type = "Hugging Face OAuth refresh token"  # noqa: S105 - a name
    kind = "oauth_refresh_token"
    literals = ("hf_oauth__refresh_",)
    evidence = "hf_oauth__refresh_[A-Za-z0-9]{34}"
    surroundings = 256
    shape = re.compile("hf_oauth__refresh_[A-Za-z0-9]{34}")


class HuggingFaceAppToken(_HuggingFaceDetector):
    """App tokens, two characters shorter than the others."""

    secret_type = "Hugging Face app token"  # noqa: S105 - a name
    kind = "app_token"
    literals = ("hf_app_",)
    evidence = "hf_app_[A-Za-z0-9]{32}"
    surroundings = 256
    shape = re.compile("hf_app_[A-Za-z0-9]{32}")


class HuggingFaceOAuthClientSecret(_HuggingFaceDetector):
    """Client secrets of OAuth apps."""

    secret_type = "Hugging Face OAuth client secret"  # noqa: S105 - a name
    kind = "oauth_client_secret"
    literals = ("oauth_app_secret_",)
    evidence = "oauth_app_secret_[A-Za-z0-9]{34}"
    surroundings = 256
    shape = re.compile("oauth_app_secret_[A-Za-z0-9]{34}")


_JWT = r"eyJ[A-Za-z0-9_-]{5,600}\.[A-Za-z0-9_-]{2,22000}\.[A-Za-z0-9_-]{16,2048}"


class _JwtDetector(_HuggingFaceDetector):
    """Kinds whose body is a JWT: real if its header names an algorithm and its payload is a JSON object."""

    def candidates(self, text: str) -> Iterator[_Candidate]:
        """Yield every match in `text`, from left to right, with its likelihood."""
        for found in self.shape.finditer(text):
            start, body = found.start(), found.start() + len(self.literals[0])
            end = _jwt_end(text, start, body, found.end())
            likelihood = "placeholder"
            if jwt_header(text[body:end]) is not None:
                likelihood = "credential" if _left_edge(text, start) else "identifier"
            yield _Candidate(self.kind, start, end, likelihood, text[start:end])


class HuggingFaceOAuthToken(_JwtDetector):
    """OAuth access tokens, and the user tokens of Trusted Publishers."""

    secret_type = "Hugging Face OAuth access token"  # noqa: S105 - a name
    kind = "oauth_token"
    literals = ("hf_oauth_",)
    evidence = "hf_oauth_eyJ[A-Za-z0-9_-]{5}"
    shape = re.compile("hf_oauth_" + _JWT)


class HuggingFaceOidcToken(_JwtDetector):
    """Repository tokens of Trusted Publishers."""

    secret_type = "Hugging Face OIDC token"  # noqa: S105 - a name
    kind = "oidc_token"
    literals = ("hf_jwt_",)
    evidence = "hf_jwt_eyJ[A-Za-z0-9_-]{5}"
    shape = re.compile("hf_jwt_" + _JWT)


class HuggingFaceS3Token(_JwtDetector):
    """Tokens of the S3 gateway."""

    secret_type = "Hugging Face S3 token"  # noqa: S105 - a name
    kind = "s3_token"
    literals = ("hf_s3_",)
    evidence = "hf_s3_eyJ[A-Za-z0-9_-]{5}"
    shape = re.compile("hf_s3_" + _JWT)


# Edges ----------------------------------------------------------------------------------------------------------------

_ALNUM = frozenset(string.ascii_letters + string.digits)
_CREDENTIAL_FOLLOWS = re.compile(
    r"hf_(?:[A-Za-z0-9]{34}|app_[A-Za-z0-9]{32}|oauth__refresh_[A-Za-z0-9]{34}|(?:oauth|jwt|s3)_eyJ)"
    r"|api_(?:org_)?[A-Za-z0-9]{34}|oauth_app_secret_[A-Za-z0-9]{34}"
)
_ESCAPE_ENDS = re.compile(
    r"(?:\\+(?:[abefnrtv0]|u\{?[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[0-7]{1,3})"
    r"|(?:%25)*%[0-9a-fA-F]{2}"
    r"|=[0-9A-F]{2}"
    r"|(?:\x1b|\\+(?:x1b|u001b|033|e)|\^\[|\u241b)\[[0-9;]{0,24}[A-Za-z])$",
    re.IGNORECASE,
)
_LONGEST_ESCAPE = 40
_BINARY = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def _right_edge(text: str, start: int, end: int) -> bool:
    """Return whether the match ends at a boundary: no letter or digit follows, or the format explains one."""
    if text[end : end + 1] not in _ALNUM or _CREDENTIAL_FOLLOWS.match(text, end):
        return True
    return _length_is_written_before(text, start, end)


def _left_edge(text: str, start: int) -> bool:
    r"""Return whether the match starts where a value can start, rather than inside a longer word.

    An underscore is allowed: `X_hf_…` is a credential glued to a name. A letter or digit is allowed where it ends an
    escape (`\n`, `%22`, an ANSI colour) or where the surroundings are binary and words have no meaning.
    """
    before = text[max(0, start - _LONGEST_ESCAPE) : start]
    return not before or before[-1] not in _ALNUM or bool(_ESCAPE_ENDS.search(before) or _BINARY.search(before[-24:]))


_STRING_BEGINS = re.compile("[xU\xd9\x8c](?P<length>.)\\Z", re.DOTALL)
"""Header of a string with its length in bytes in CBOR, pickle (protocols 1 and 4) and MessagePack."""

_PICKLED_LINE = re.compile(r"(?:\A|[\n(\]}])V\Z")
"""A string in pickle's protocol 0, which ends with its line."""


def _is_string_of(text: str, start: int, end: int) -> bool:
    """Return whether a serialized string has exactly this range, so that a letter before it is part of the format."""
    before = text[max(0, start - 2) : start]
    announced = _STRING_BEGINS.search(before)
    if announced:
        return announced["length"] == chr(end - start)
    return bool(_PICKLED_LINE.search(before)) and text[end : end + 1] == "\n"


def _length_is_written_before(text: str, start: int, end: int) -> bool:
    """Return whether the length before the string matches `end`, as in pickle, marshal, msgpack or protobuf.

    Such strings have no terminator, so the next byte can be a letter. A 32-bit length contains zeros.
    """
    before = text[max(0, start - 12) : start]
    length = chr(end - start)
    announced = _STRING_BEGINS.search(before)
    if announced and announced["length"] == length:
        return True
    written = before.endswith(length) or before.rstrip("\0").endswith(length)
    return written and bool(_BINARY.search(before[:-1] + text[end : end + 8]) or before.endswith("\0"))


_SIGNATURES = {"EdDSA": 86, "ES256": 86, "HS256": 43}
"""Length of a signature in characters, for algorithms with a fixed length."""


def _jwt_end(text: str, start: int, body: int, end: int) -> int:
    """Return the end of a JWT, without following characters that can belong to it: `_x`, or the next byte of a binary.

    The end is determined by a 32-bit length before the JWT, or by its algorithm.
    """
    written = text[max(0, start - 4) : start].encode("latin-1", "replace")
    for length in (int.from_bytes(written, "little"), int.from_bytes(written, "big")):
        if body < start + length < end and text.count(".", body, start + length) == text.count(".", body, end):
            return start + length
    header = jwt_header(text[body:end]) or {}
    usual = text.rindex(".", body, end) + 1 + _SIGNATURES.get(str(header.get("alg")), end)
    if usual < end and (text[usual] in "-_" or _BINARY.search(text[max(0, start - 12) : start] + text[end : end + 8])):
        return usual
    return end


def jwt_header(text: str) -> dict[str, Any] | None:
    """Return the header of a JWT if it contains an `alg` and a JSON object follows it, without verification."""
    header, payload, _ = text.split(".", 2)
    first, second = _json_object(header), _json_object(payload)
    return first if first is not None and second is not None and "alg" in first else None


def _json_object(part: str) -> dict[str, Any] | None:
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None  # not a JSON object
    return value if isinstance(value, dict) else None


# Likelihood -----------------------------------------------------------------------------------------------------------

THRESHOLD = 5.0
"""Bits a body must save to not count as a credential; benchmarks/likelihood.py measures both error rates."""

_STAND_INS = (  # noqa: SIM905 - a list of a hundred quotes reads worse
    "access api change changeme dummy enter example face fake foo goes hash here hf hub hugging huggingface insert "
    "invalid key lorem ipsum masked mock model my personal placeholder put paste qwerty asdf zxcv read redacted "
    "replace sample secret some stub test testing the this token user value with write your abc xyz bar"
).split()
# Costs in bits of each letter after a start (first row), after "a" (second row) …: digrams of identifiers.
_DIGRAMS = """
45444455477545547434565788 844487595a6343a5a343667769 35563678358367469446488958 375637835b446727a453589a6b
3665257828856746954657897a 474355687a8453756334867579 465543782a947736a45448896a 476727644b946457b345488988
277627883d766737a56459896a 554555598a844245954395b7c6 3655257847576636a73737698c 46652656377465569635575a7a
376527793b837736a75557994a 257627893b755733a75658897a 47433538496676479743559a7a 6544866969644254b344465799
386637854b8377349354578a5b 666676897bd477875445167aa8 375527693b665636a544678b5c 584726743a656744774248796b
375626843b8667469345587959 5456466a4c944364c33399a8ba 276717783ca76756c656887979 376636743a767436a34689779a
563535763b9657639652778558 56564658498444529533766876 376616863d8668468775788a66
""".split()  # noqa: SIM905 - one block of digits


def _letter_costs() -> dict[str, dict[str, float]]:
    costs = {}
    for before, row in zip("^" + string.ascii_lowercase, _DIGRAMS, strict=True):
        shares = [2.0 ** -int(digit, 16) for digit in row]
        total = sum(shares)  # so that each row is a probability distribution despite rounding
        costs[before] = {c: -math.log2(share / total) for c, share in zip(string.ascii_lowercase, shares, strict=True)}
    return costs


_LETTER = _letter_costs()
# Costs in bits of a change of class between neighbours: "^" start, "l" lower, "u" upper, "U" more upper, "d" digit.
_CLASS = {
    before: {after: -math.log2(share) for after, share in zip("lud", shares, strict=True)}
    for before, shares in (
        ("^", (0.5, 0.45, 0.05)),
        ("l", (0.85, 0.12, 0.03)),
        ("u", (0.72, 0.24, 0.04)),
        ("U", (0.12, 0.84, 0.04)),
        ("d", (0.2, 0.2, 0.6)),
    )
}
_LETTER_STEP = -math.log2(0.80)
_WORD_STEP = -math.log2(0.10) + math.log2(len(_STAND_INS)) + 2  # which word; lower, Title, UPPER or any case
_RUN_STEP = (
    -math.log2(0.06) + 5 + math.log2(20) + 1
)  # length (1 to 32); same, next, previous, 17 lags; case as is or not
_PLAIN_STEP = -math.log2(0.04) + 5 + math.log2(5)  # length; which of the alphabets below
_LONGEST_RUN, _LONGEST_LAG, _SHORTEST_COPY, _SHORTEST_PLAIN = 32, 18, 3, 9
_PLAIN = tuple(
    (re.compile(f"[{alphabet}]{{{_SHORTEST_PLAIN},}}"), math.log2(size))
    for alphabet, size in (("0-9a-f", 16), ("a-z", 26), ("A-Z", 26), ("a-z0-9", 36), ("A-Z0-9", 36))
)
_ONE_CASE = re.compile(f"[a-z0-9]{{{_SHORTEST_PLAIN}}}|[A-Z0-9]{{{_SHORTEST_PLAIN}}}")
_RANDOM_LETTERS = -math.log2(0.9)
_RANDOM_ALNUM = -math.log2(0.1)
_AS_TEXT, _AS_COUNTS = -math.log2(0.9), -math.log2(0.1)
"""Bits to encode which description follows: by preceding characters, or by the frequency of characters."""


@lru_cache(maxsize=4096)
def judge(body: str) -> str:
    """Return the likelihood of a body of letters and digits: "credential", "placeholder" or "identifier"."""
    saved, stood_in = saved_bits(body)
    if saved < THRESHOLD:
        return "credential"
    return "placeholder" if stood_in else "identifier"


def saved_bits(body: str) -> tuple[float, bool]:
    """Return how many bits shorter `body` is as text than as a random string, and whether due to placeholder words.

    A likelihood ratio. Generated bodies are uniformly random, so their best description costs log2(52) bits per letter
    (with digits, log2(62) per character plus a small constant). Names and placeholders have a cheaper description: the
    better of `_as_text` and `_as_counts`. These are the costs of a code (their probabilities sum to at most one), so at
    most one random body in 2^n can save n bits, which bounds the false negatives.
    """
    has_digits = not body.isalpha()
    random_cost = (
        len(body) * math.log2(62) + _RANDOM_ALNUM if has_digits else len(body) * math.log2(52) + _RANDOM_LETTERS
    )
    folded = body.lower()
    text, stood_in = _as_text(body, folded)
    counts = _as_counts(body, folded, has_digits=has_digits)
    return random_cost - min(_AS_TEXT + text, _AS_COUNTS + counts), stood_in


# Few distinct symbols: quality strings, nucleotides, dots and dashes.

_RARE = 0.12  # what a symbol counts before it occurs: small, so that few distinct symbols are cheap
_FEW = {52: 18, 62: 18, 26: 13, 36: 13}  # distinct symbols, by how many there are, beyond which nothing is saved
_FEW_DISTANCES = 9
_DISTANCES = (1, 2)
_COUNTS_FORM = math.log2(2 + len(_DISTANCES))
_ORDER = {c: number for number, c in enumerate(string.ascii_lowercase + string.digits)}


def _as_counts(body: str, folded: str, *, has_digits: bool) -> float:
    """Return the cost of `body` by the frequency of its symbols.

    The symbols are its characters; or its letters, with their case separate; or, for sequences such as `aBcDeF` and
    `a1b2c3`, the distance in the alphabet of each character from the one 1 or 2 positions before it, with the case
    separate.
    """
    size, order = (62, 36) if has_digits else (52, 26)
    cost = _adaptive(body, size) if len(set(body)) <= _FEW[size] else math.inf
    spelled = _adaptive(folded, order) if len(set(folded)) <= _FEW[order] else math.inf
    codes = [_ORDER[c] for c in folded]
    for distance in _DISTANCES:
        steps = [(now - before) % order for now, before in zip(codes[distance:], codes, strict=False)]
        if len(set(steps)) <= _FEW_DISTANCES:
            spelled = min(spelled, distance * math.log2(order) + _adaptive(steps, order))
    if spelled < math.inf:
        cost = min(cost, spelled + _case_cost(body))
    return cost + _COUNTS_FORM


def _adaptive(symbols: Sequence[Hashable], size: int) -> float:
    """Return the cost of symbols of an alphabet of `size` in the adaptive code of order 0 (Dirichlet-multinomial)."""
    return _rising(size * _RARE, len(symbols)) - sum(_rising(_RARE, count) for count in Counter(symbols).values())


@lru_cache(maxsize=1024)
def _rising(first: float, count: int) -> float:
    """Return the logarithm of the product `first` * (`first` + 1) * … with `count` factors."""
    return sum(math.log2(first + at) for at in range(count))


def _case_cost(body: str) -> float:
    """Return the cost of the case of letters, coded as same as or different from the previous letter."""
    cases = [c.isupper() for c in body if c.isalpha()]
    return 1 + _adaptive([now == before for now, before in zip(cases[1:], cases, strict=False)], 2)


# Names and placeholders.

_Step = tuple[int, int, float, bool]
"""One encoding of a range: its start and end, its cost in bits, whether it is typical of placeholders."""


def _as_text(body: str, folded: str) -> tuple[float, bool]:
    """Return the cost of `body` by preceding characters, and whether at least a quarter of it is placeholder text.

    The description consists of: letters with the frequencies of identifiers, and their changes of case; words of a
    small list; runs (`xxxx`, `abcd`, `4321`) and repetitions of earlier text, in any case; ranges of hexadecimal digits
    or of letters of one case.
    """
    letters = _letter_by_letter(body)
    reached = list(accumulate(letters, initial=0.0))
    steps: dict[int, list[_Step]] = {}
    for step in (*_words(body, folded), *_runs(body, folded), *_plain(body)):
        start, end, cost, _ = step
        if cost < reached[end] - reached[start]:  # otherwise it is cheaper letter by letter
            steps.setdefault(start, []).append(step)
    if not steps:
        return reached[-1], False
    best = [0.0] + [math.inf] * len(body)
    stood_in = [0] * (len(body) + 1)
    for at, letter in enumerate(letters):
        if best[at] + letter < best[at + 1]:
            best[at + 1] = best[at] + letter
            stood_in[at + 1] = stood_in[at]
        for _, end, cost, counts in steps.get(at, ()):
            if best[at] + cost < best[end]:
                best[end] = best[at] + cost
                stood_in[end] = stood_in[at] + (end - at if counts else 0)
    return best[-1], stood_in[-1] * 4 >= len(body)


def _words(body: str, folded: str) -> Iterator[_Step]:
    for at in range(len(body) - 1):
        for word in _BY_BEGINNING.get(folded[at : at + 2], ()):
            if folded.startswith(word, at):
                written = body[at : at + len(word)]
                in_one_case = written in {word, word.title(), word.upper()}
                yield at, at + len(word), _WORD_STEP + (0 if in_one_case else len(word)), True


_BY_BEGINNING = {word[:2]: tuple(each for each in _STAND_INS if each[:2] == word[:2]) for word in _STAND_INS}
_SEQUENCE = re.compile(rb"\x00\x00+|\x01\x01+|\xff\xff+")


def _runs(body: str, folded: str) -> Iterator[_Step]:
    """Yield runs and repetitions, also ignoring case at a cost of one bit per letter."""
    if body == folded or body.isupper():
        yield from _sequences(body, 0)
        yield from _repetitions(body, 0)
        return
    in_any_case = [*_sequences(folded, 1), *_repetitions(folded, 1)]
    if in_any_case:
        yield from in_any_case
        yield from _sequences(body, 0)
        yield from _repetitions(body, 0)


def _sequences(text: str, bits: int) -> Iterator[_Step]:
    """Yield runs of the same, ascending or descending characters. `bits` is the cost of a character's case."""
    codes = text.encode()
    steps = bytes([(now - before) & 0xFF for now, before in zip(codes[1:], codes, strict=False)])
    for found in _SEQUENCE.finditer(steps):
        for start in range(found.start(), found.end() - 1):
            end = min(found.end(), start + _LONGEST_RUN)
            yield start + 1, end + 1, _RUN_STEP + bits * (end - start), True


def _repetitions(text: str, bits: int) -> Iterator[_Step]:
    """Yield repetitions of text up to `_LONGEST_LAG` characters before. `bits` is the cost of a character's case."""
    chunks = {text[at : at + _SHORTEST_COPY] for at in range(len(text) - _SHORTEST_COPY + 1)}
    if len(chunks) == len(text) - _SHORTEST_COPY + 1:
        return
    length = _SHORTEST_COPY
    for at in range(1, len(text) - _SHORTEST_COPY + 1):
        length = max(length - 1, _SHORTEST_COPY)  # one less than at the character before, at least
        while (
            at + length <= len(text)
            and text.find(text[at : at + length], max(0, at - _LONGEST_LAG), at + length - 1) >= 0
        ):
            length += 1
        copied = min(length - 1, _LONGEST_RUN)
        if copied >= _SHORTEST_COPY:
            yield at, at + copied, _RUN_STEP + bits * copied, True


def _plain(body: str) -> Iterator[_Step]:
    if not _ONE_CASE.search(body):
        return
    cheaper: set[tuple[int, int]] = set()  # ranges that a smaller alphabet already covers
    for expression, cost in _PLAIN:
        for found in expression.finditer(body):
            if found.span() in cheaper:
                continue
            cheaper.add(found.span())
            for start in range(found.start(), found.end() - _SHORTEST_PLAIN + 1):
                end = min(found.end(), start + _LONGEST_RUN)
                yield start, end, _PLAIN_STEP + cost * (end - start), False


def _letter_by_letter(body: str) -> list[float]:
    """Return the cost of each character given the characters before it."""
    costs = []
    before, was = "^", "^"
    for character in body:
        cost, was = _AFTER[was, before, character]
        costs.append(cost)
        before = character
    return costs


class _After(dict[tuple[str, str, str], tuple[float, str]]):
    """Maps (class of the previous character, that character, the next one) to the next one's cost and class."""

    def __missing__(self, key: tuple[str, str, str]) -> tuple[float, str]:
        was, before, after = key
        now = "l" if after.islower() else "u" if after.isupper() else "d"
        cost = _LETTER_STEP + _CLASS[was][now]
        if now == "d":
            cost += math.log2(10)
        else:
            starts_word = was in "^d" or (was == "l" and now == "u")
            cost += _LETTER["^" if starts_word else before.lower()][after.lower()]
        self[key] = cost, "U" if now == "u" and was in "uU" else now
        return self[key]


_AFTER = _After()
