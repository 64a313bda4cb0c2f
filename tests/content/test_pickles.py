"""Pickles wherever they hide: the labelled set, what is new since the version before, limits, open-ended input."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.content.changes import facts, judge
from tests.content.samples import opcodes as op
from tests.content.samples.benign import benign_files
from tests.content.samples.containers import compressed, npy, tarred, torch_zip, zipped
from tests.content.samples.hostile import hostile_files
from tokenaudit.content.byte_range import ContentBudget, MemoryRange
from tokenaudit.content.change import FileChange, FileVersion
from tokenaudit.content.changed_content import ContentLimits
from tokenaudit.content.judge import judge_change
from tokenaudit.content.pickle_names import name_verdict
from tokenaudit.content.pickle_reader import read_pickles

FOUND = {"content-pickle-code", "content-pickle-unreadable"}
HOSTILE = hostile_files()
BENIGN = benign_files()
CALL = op.call("posix", "system")


def rules(path: str, after: bytes, before: bytes | None = None) -> set[str]:
    return {each.rule for each in judge(path, after, before).findings}


def test_the_set_is_large_enough() -> None:
    assert len(HOSTILE) >= 120
    assert len(BENIGN) >= 60


def test_every_hostile_file_is_code_or_unreadable() -> None:
    assert [name for name, (path, data) in HOSTILE.items() if not rules(path, data) & FOUND] == []


# Only a loader that is told where to begin reaches these, or the name is what makes them worth a word.
BY_NAME = ("stream-", "benign-zip", "duplicate-benign", "tar-duplicate", "pointer", "zip-prefix")


@pytest.mark.parametrize("path", ["x", "model.safetensors", "notes.txt", "a/b/picture.png", "Dockerfile", "app.py"])
def test_no_hostile_file_is_clean_under_any_name(path: str) -> None:
    hostile = {name: data for name, (_, data) in HOSTILE.items() if not name.startswith(BY_NAME)}
    assert [name for name, data in hostile.items() if judge(path, data).risk == "none"] == []


def test_every_benign_file_is_clean() -> None:
    judged = {name: judge(path, data) for name, (path, data) in BENIGN.items()}
    assert {name: each for name, each in judged.items() if each.findings or each.skipped or each.risk != "none"} == {}


def test_what_python_itself_pickles_is_clean() -> None:
    values = [{"a": [1, 2.5, None, True, b"bytes", "text", (1, (2, 3)), {4}, frozenset({5})]}, list(range(1000))]
    for value in values:
        for protocol in range(6):
            judged = judge("data.pkl", pickle.dumps(value, protocol))
            assert (judged.risk, judged.findings) == ("none", ()), protocol


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("state-zip-FloatStorage", "torch"),
        ("state-legacy", "torch"),
        ("joblib", "joblib"),
        ("joblib-gz", "joblib"),
        ("npy", "numpy"),
        ("npz", "numpy"),
        ("plain-dict", "pickle"),
        ("safetensors", "safetensors"),
        ("zip-pictures", "archive"),
    ],
)
def test_the_format_of_a_container_is_that_of_its_content(name: str, form: str) -> None:
    path, data = BENIGN[name]
    assert judge("any.bin" if form != "archive" else path, data).format == form


# What is new


def test_new_weights_with_the_same_names_are_no_finding() -> None:
    before, after = op.state_dict(2), op.state_dict(3)
    judged = judge("pytorch_model.bin", torch_zip(after), torch_zip(before))
    assert (judged.risk, judged.findings) == ("none", ())


def test_a_new_name_is_the_finding_and_says_the_name() -> None:
    judged = judge("pytorch_model.bin", torch_zip(op.state_dict(extra=op.body())), torch_zip(op.state_dict()))
    (found,) = judged.findings
    assert (found.rule, found.severity.value, found.names) == ("content-pickle-code", "critical", ("posix.system",))
    assert "which is new" in found.message
    assert judged.risk == "executes"


def test_objects_of_a_known_library_are_a_finding_only_when_they_are_new() -> None:
    forest = op.only_import("sklearn.ensemble._forest.RandomForestClassifier")
    scaled = op.only_import(
        "sklearn.ensemble._forest.RandomForestClassifier", "sklearn.preprocessing._data.StandardScaler"
    )
    assert judge("m.pkl", forest).risk == "none"
    assert judge("m.pkl", forest + b"", forest[:-1] + b"0N.").risk == "none"
    (found,) = judge("m.pkl", scaled, forest).findings
    assert (found.severity.value, found.names) == ("medium", ("sklearn.preprocessing._data.StandardScaler",))


def test_a_class_that_the_version_before_needed_too_is_info_without_risk() -> None:
    before, after = (op.only_import("ultralytics.nn.tasks.DetectionModel")[:-1] + end for end in (b".", b"0]."))
    judged = judge("best.pt", after, before)
    assert [each.severity.value for each in judged.findings] == ["info"]
    assert judged.risk == "none"
    assert judge("best.pt", before).risk == "executes"


def test_a_program_is_a_finding_though_the_version_before_had_it_too() -> None:
    assert judge("m.pkl", op.call("posix", "system", "false"), CALL).risk == "executes"


def test_a_torch_storage_of_another_type_is_no_finding() -> None:
    before, after = op.state_dict(storage="FloatStorage"), op.state_dict(storage="BFloat16Storage")
    assert judge("m.bin", torch_zip(after), torch_zip(before)).findings == ()


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("collections.OrderedDict", "only-tensors"),
        ("collections.OrderedDict.fromkeys", "code"),
        ("torch._utils._rebuild_tensor_v2", "only-tensors"),
        ("torch._utils", "code"),
        ("sklearn.svm._classes.SVC", "known-library-objects"),
        ("sklearn.utils._testing.Popen", "code"),
        ("sklearn.svm._classes.os.system", "code"),
        ("sklearn.datasets._base.load_files", "code"),
        ("numpy.load", "code"),
        ("builtins.getattr", "code"),
        ("builtins.set", "only-tensors"),
        ("xsklearn.svm._classes.SVC", "code"),
        ("", "code"),
    ],
)
def test_the_whole_dotted_name_is_compared(name: str, verdict: str) -> None:
    assert name_verdict(name) == verdict


# Reading little


class Sparse(io.RawIOBase):
    """A file of any size that holds a few stretches, zeros elsewhere, and counts what is read."""

    def __init__(self, size: int, stretches: dict[int, bytes]) -> None:
        self.size, self.stretches, self.at, self.bytes_read, self.reads = size, stretches, 0, 0, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (0, self.at, self.size)[whence]
        return self.at

    def read(self, size: int = -1) -> bytes:
        wanted = max(0, min(self.size - self.at, size if size >= 0 else self.size))
        data = bytearray(wanted)
        for start, stretch in self.stretches.items():
            low, high = max(start, self.at), min(start + len(stretch), self.at + wanted)
            if low < high:
                data[low - self.at : high - self.at] = stretch[low - start : high - start]
        self.at += wanted
        self.bytes_read += wanted
        self.reads += 1
        return bytes(data)


def large_torch(pickled: bytes, storages: int = 300, each: int = 70 << 20) -> Sparse:
    """A torch file of 20 GB, as zip64."""
    members = [("archive/data.pkl", pickled)] + [(f"archive/data/{n}", each) for n in range(storages)]
    at, stretches, directory = 0, {}, b""
    for name, content in [*members, ("archive/version", b"3\n")]:
        data = content if isinstance(content, bytes) else b""
        size, crc = (len(data), zlib.crc32(data)) if isinstance(content, bytes) else (content, 0)
        assert isinstance(size, int)
        raw = name.encode()
        stretches[at] = (
            struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 45, 0, 0, 0, 0, crc, size, size, len(raw), 0) + raw + data
        )
        extra = struct.pack("<HHQ", 1, 8, at)
        directory += struct.pack(
            "<4sHHHHHHIIIHHHHHII",
            *(b"PK\x01\x02", 45, 45, 0, 0, 0, 0, crc, size, size, len(raw), len(extra), 0, 0, 0, 0, 0xFFFFFFFF),
        )
        directory += raw + extra
        at += 30 + len(raw) + size
    count = storages + 2
    end64 = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(directory), at)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, at + len(directory), 1)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    stretches[at] = directory + end64 + locator + end
    return Sparse(at + len(stretches[at]), stretches)


@pytest.mark.parametrize(("extra", "risk"), [(b"", "none"), (op.body(), "executes")])
def test_a_torch_file_of_20_gigabytes_costs_less_than_300_kilobytes(extra: bytes, risk: str) -> None:
    file = large_torch(op.state_dict(300, extra=extra))
    assert file.size > 20_000_000_000
    version = FileVersion("pytorch_model.bin", file.size, "a" * 64, lambda: file)  # type: ignore[arg-type,return-value]
    judged = judge_change(FileChange("added", None, version), facts())
    assert (judged.risk, judged.format, judged.skipped) == (risk, "torch", ())
    assert file.bytes_read < 300_000
    assert file.reads < 30


def test_an_array_of_gigabytes_inside_a_joblib_file_is_not_read() -> None:
    head = op.joblib_array("f8", 1 << 28, content=b"\x00")
    split = head.index(b"b\x00") + 2
    size = 8 << 28
    file = Sparse(split + size + len(head) - split, {0: head[:split], split + size: head[split:]})
    version = FileVersion("model.joblib", file.size, None, lambda: file)  # type: ignore[arg-type,return-value]
    judged = judge_change(FileChange("added", None, version), facts())
    assert (judged.risk, judged.format) == ("none", "joblib")
    assert file.bytes_read < 2_000_000


# Limits


def test_what_a_limit_cut_is_never_clean() -> None:
    large = op.proto(2) + b"](" + b"K\x01" * 50_000 + b"e."
    for limits in (ContentLimits(pickle_bytes=10_000), ContentLimits(operations=1000)):
        judged = judge("m.pkl", large, limits=limits)
        assert judged.risk == "unknown"
        assert "only the first" in judged.skipped[0]
    assert judge("m.pkl", large).risk == "none"


def test_a_call_before_the_limit_is_still_found() -> None:
    large = op.proto(2) + op.body() + b"](" + b"K\x01" * 50_000 + b"e."
    assert judge("m.pkl", large, limits=ContentLimits(operations=5000)).risk == "executes"


@pytest.mark.parametrize("kind", ["gz", "z", "bz2", "xz", "lzma", "zst"])
def test_a_decompression_bomb_is_cut(kind: str) -> None:
    bomb = compressed(op.proto(2) + b"](" + b"N" * 400_000)[kind]
    assert judge(f"m.pkl.{kind}", bomb, limits=ContentLimits(pickle_bytes=30_000)).risk == "unknown"


def test_memory_stays_small() -> None:
    words = b"".join(op.text(f"word{n}") + b"\x94" for n in range(30_000))
    large = op.proto(4) + b"](" + words + b"e."
    tracemalloc.start()
    try:
        assert judge("vocab.pkl", large).risk == "none"
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_words_that_begin_like_opcodes_are_no_pickles() -> None:
    words = b"".join(op.text(f"{start}ataract{n}") for n in range(2000) for start in "c(])[}")
    assert judge("vocab.pkl", op.proto(4) + b"](" + words + b"e.").risk == "none"


def test_the_program_of_torchscript_is_not_looked_into() -> None:
    names = op.only_import("__torch__.torch.nn.modules.linear.Linear")
    judged = judge("model.pt", torch_zip(names, [("archive/code/__torch__.py", b"def forward(): pass\n")]))
    assert (judged.risk, judged.findings) == ("unknown", ())
    assert "TorchScript" in judged.skipped[0]


def test_a_pickle_named_as_data_inside_a_model_is_found() -> None:
    for name in ("archive/readme.txt", "archive/x.py", "archive/a.png"):
        assert judge("model.pt", torch_zip(op.state_dict(), [(name, CALL)])).risk == "executes"


def test_an_archive_in_an_archive_in_an_archive_ends() -> None:
    data = CALL
    for _ in range(20):
        data = zipped([("a.zip", data)])
    assert judge("m.zip", data).risk in {"executes", "unknown"}


# Open-ended input

SAMPLES = st.sampled_from(
    [data for name, (_, data) in HOSTILE.items() if name.startswith(("form-", "stream-", "torch"))]
)
JUNK = st.binary(max_size=300)
WRAPPERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: compressed(data)["gz"],
    "xz": lambda data: compressed(data)["xz"],
    "lz4": lambda data: compressed(data)["lz4"],
    "zip": lambda data: zipped([("m.pkl", data)]),
    "torch": torch_zip,
    "tar": lambda data: tarred([("m.ckpt", data)]),
    "npy": npy,
    "bytes": lambda data: op.proto(3) + b"B" + struct.pack("<I", len(data)) + data + b".",
    "second": lambda data: op.proto(2) + b"}." + data,
}
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(SAMPLES, JUNK)
def test_appending_never_makes_code_clean(data: bytes, junk: bytes) -> None:
    assert judge("m.bin", data + junk).risk != "none"


@FEW
@given(st.sampled_from([CALL, op.call("posix", "system", protocol=4), torch_zip(CALL)]), JUNK)
def test_prefixing_never_makes_code_clean(data: bytes, junk: bytes) -> None:
    assert judge("m.bin", junk + data).risk != "none"


@FEW
@given(SAMPLES, st.sampled_from(sorted(WRAPPERS)))
def test_wrapping_never_makes_code_clean(data: bytes, wrapper: str) -> None:
    if wrapper in {"bytes", "second"} and not data.startswith(b"\x80"):
        return  # no loader gets at it
    assert judge("m.bin", WRAPPERS[wrapper](data)).risk != "none"


@FEW
@given(
    st.binary(max_size=2000), st.sampled_from(["m.bin", "m.pkl", "m.npy", "x", "a.json", "README.md", "m.safetensors"])
)
def test_bytes_of_any_kind_are_judged(data: bytes, path: str) -> None:
    judged = judge(path, data)
    assert judged.risk != "unknown" or judged.skipped


@FEW
@given(st.sampled_from(sorted({**HOSTILE, **BENIGN})), st.floats(0, 1), st.binary(max_size=3))
def test_damaged_files_of_any_kind_are_judged(name: str, where: float, junk: bytes) -> None:
    path, data = {**HOSTILE, **BENIGN}[name]
    at = int(len(data) * where)
    for damaged in (data[:at], data[:at] + junk + data[at + len(junk) :], data[at:]):
        judged = judge(path, damaged)
        assert judged.risk != "unknown" or judged.skipped


@FEW
@given(st.lists(st.integers(0, 255), max_size=60))
def test_any_sequence_of_opcodes_is_judged(codes: list[int]) -> None:
    judged = judge("m.pkl", b"\x80\x04" + bytes(codes))
    assert judged.risk in {"none", "unknown", "executes"}


def test_zeros_are_no_pickle() -> None:
    assert judge("m.bin", bytes(1_000_000)).risk == "none"


def test_a_pickle_that_is_cut_is_unreadable() -> None:
    state = op.state_dict()
    for at in (3, 40, len(state) // 2, len(state) - 1):
        assert rules("m.pkl", state[:at]) == {"content-pickle-unreadable"}, at


# A second opinion


def test_our_names_hold_those_of_picklescan() -> None:
    scanner = pytest.importorskip("picklescan.scanner")
    short = {}
    for name, (path, data) in {**HOSTILE, **BENIGN}.items():
        if data[:1] != b"\x80":
            continue
        theirs = {f"{each.module}.{each.name}" for each in scanner.scan_pickle_bytes(io.BytesIO(data), "x").globals}
        ours = read_pickles(MemoryRange(data), path, ContentBudget(ContentLimits()))
        missing = {each for each in theirs - set(ours.names) if "unknown" not in each}
        if missing and not ours.unknown:
            short[name] = missing
    assert short == {}


def test_the_opinion_of_the_hub_is_said_and_makes_a_finding_critical() -> None:
    pytest.importorskip("picklescan")
    (found,) = judge("m.pkl", CALL).findings
    assert "picklescan, which the Hub runs, rates it dangerous" in found.message
    (found,) = judge("m.pkl", op.call("helper", "run")).findings
    assert ("rates it suspicious" in found.message, found.severity.value) == (True, "high")


def test_an_opinion_that_fails_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    scanner = pytest.importorskip("picklescan.scanner")

    def fail(*_: object) -> None:
        raise OverflowError

    monkeypatch.setattr(scanner, "scan_pickle_bytes", fail)
    (found,) = judge("m.pkl", CALL).findings
    assert found.message == "calls posix.system when it is loaded"


def test_without_picklescan_the_judgement_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picklescan.scanner", None)
    (found,) = judge("m.pkl", CALL).findings
    assert (found.severity.value, found.message) == ("critical", "calls posix.system when it is loaded")


# Content that is made to take long


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" + b"\x80\x04X\xff\xff\x0f\x00" * 150_000,
        b"\x00" + b"cab\nab\n" * 150_000,
        b"\x00" + b"iab\nab\n" * 150_000,
        b"\x80\x04" + b"(t" * 500_000,
        b"\x80\x04N" + b"\x85" * 1_000_000,
    ],
    ids=["long strings", "imports", "instances", "tuples", "nested tuples"],
)
def test_content_that_takes_long_is_cut_and_never_clean(data: bytes) -> None:
    judged = judge("m.bin", data, limits=ContentLimits(operations=100_000))
    assert judged.risk == "unknown"
    assert "opcodes" in judged.skipped[0]
