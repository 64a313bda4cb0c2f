"""How well bodies are told from words: misses among random bodies, false alarms among identifiers and placeholders.

    python benchmarks/likelihood.py [--random N] [--noise MEGABYTES]

Identifiers are real: those of this Python's standard library and installed packages, squeezed to the length of a body
in the ways in which they would follow `hf_`. Placeholders are written as people write them.
"""

from __future__ import annotations

import argparse
import keyword
import random
import re
import string
import sys
import sysconfig
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from itertools import cycle, islice
from pathlib import Path
from types import ModuleType

from tokenaudit.detect import Detector

BODY = 34
ALNUM = string.ascii_letters + string.digits


_STAND_INS = (
    "your_token_here your token here xxxx XXXX abcd abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890",
    "0123456789abcdef replace me with your token insert your huggingface token placeholder example dummy fake test",
    "secret redacted hidden masked changeme mytoken myToken MyAccessToken YourHuggingFaceTokenGoesHere yourtoken a1",
    "thisIsNotARealToken qwertyuiop asdfghjkl foobar foobarbaz aaaa AAAA 0000 xXxX abcABC123 deadbeef cafebabe",
    "HUGGINGFACE_TOKEN accessToken lorem ipsum dolor",
)


def plugin() -> ModuleType:
    """The shipped plugin file, loaded the way detect-secrets does."""
    spec = spec_from_file_location("huggingface", Path(__file__).parents[1] / "plugins" / "huggingface.py")
    assert spec  # noqa: S101 - the file stands beside this one
    assert spec.loader  # noqa: S101 - so does its loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def identifiers() -> set[str]:
    """Names of 34 letters and digits, in camel case, Pascal case, lower and upper case."""
    found: set[str] = set()
    for name in _names():
        parts = [part for part in name.split("_") if part and not keyword.iskeyword(part)]
        if not parts or sum(map(len, parts)) < BODY:
            continue
        pascal = "".join(part[:1].upper() + part[1:] for part in parts)
        joined = "".join(parts)
        found |= {each[:BODY] for each in (pascal, pascal[:1].lower() + pascal[1:], joined.lower(), joined.upper())}
    return found


def _names() -> Iterator[str]:
    """Names with at least three parts in Python files: those of functions, classes, variables, tests."""
    for root in {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")}:
        for file in sorted(Path(root).rglob("*.py")):
            text = file.read_text(encoding="utf-8", errors="replace")
            yield from re.findall(r"\b(?:def|class)\s+([A-Za-z_]\w{33,})", text)


def placeholders() -> set[str]:
    """Stand-ins of 34 characters."""
    words = [word for line in _STAND_INS for word in line.split()]
    phrases = [*words, *(f"{a}{b}" for a in words for b in words[:8])]
    return {"".join(islice(cycle(phrase.replace("_", "")), BODY)) for phrase in phrases if phrase.strip("_")}


def misses(module: ModuleType, alphabet: str, count: int) -> tuple[int, float]:
    """How many of `count` random bodies are not called credentials, and the most bits that one of them saved."""
    source = random.Random(20_260_101)
    saved = [module.saved_bits("".join(source.choices(alphabet, k=BODY)))[0] for _ in range(count)]
    return sum(each >= module.THRESHOLD for each in saved), max(saved)


def noise(megabytes: int) -> Iterator[tuple[str, bytes]]:
    """Machine-made text in which `hf_` and 34 letters occur: each kind, about `megabytes` in all.

    Half of each is the alphabet alone, half is cut into words of 34 characters behind a prefix, which is the hardest.
    """
    source = random.Random(20_260_102)
    kinds = {
        "FASTQ quality": "ABCDEFGHI",
        "nucleotides": "ACGT",
        "nucleotides, any case": "ACGTacgt",
        "Morse-like": "oO",
        "hexadecimal": "0123456789abcdef",
        "upper hexadecimal": "0123456789ABCDEF",
        "decimal": "0123456789",
        "base32": string.ascii_uppercase + "234567",
        "UUID": "",
    }
    size = megabytes * 1_000_000 // len(kinds)
    for name, alphabet in kinds.items():
        if alphabet:
            letters = "".join(source.choices(alphabet, k=size))
        else:
            letters = "".join(f"{source.getrandbits(128):032x}" for _ in range(size // 32 + 1))
        half = size // 2
        words = (f"hf_{letters[at : at + BODY]}" for at in range(half, size - BODY, BODY + 3))
        yield name, (letters[:half] + "\n" + "\n".join(words)).encode()


def alarms(megabytes: int) -> Iterator[tuple[str, int, int, int]]:
    """For each kind of noise: its bytes, the words of the shape in it, and how many were called credentials."""
    detector = Detector.load()
    step = 2_000_000
    for name, data in noise(megabytes):
        words = taken = 0
        for at in range(0, len(data), step):
            found = detector.scan(data[at : at + step]).detections
            words += len(found)
            taken += sum(each.likelihood == "credential" for each in found)
        yield name, len(data), words, taken


def main() -> int:
    """Prints the figures; fails if one is worse than promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--random", type=int, default=20_000, help="random bodies of each alphabet")
    parser.add_argument("--noise", type=int, default=5, help="megabytes of machine-made text")
    options = parser.parse_args()
    count = options.random
    module = plugin()
    print(f"a body that saves {module.THRESHOLD:g} bits or more is called no credential")
    bad = 0
    for name, alphabet in (("letters", string.ascii_letters), ("letters and digits", ALNUM)):
        missed, most = misses(module, alphabet, count)
        bad += missed * 10_000 > count
        print(f"random {name}: {missed} of {count} missed; the nearest saved {most:.1f} bits")
    for name, bodies in (("identifiers", identifiers()), ("placeholders", placeholders())):
        scored = sorted((module.saved_bits(body)[0], body) for body in bodies)
        taken = [body for bits, body in scored if bits < module.THRESHOLD]
        bad += len(taken)
        print(f"real {name}: {len(taken)} of {len(bodies)} taken; the nearest saves {scored[0][0]:.1f} bits")
        for body in taken[:20]:
            print(f"    {body}")
    for name, size, words, taken_for_real in alarms(options.noise):
        bad += taken_for_real
        print(f"{name}: {taken_for_real} of {words} taken in {size / 1e6:.1f} MB")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
