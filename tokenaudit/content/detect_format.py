"""The format of a file by its first bytes; the name decides only where the content is text."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from tokenaudit.content.change import FileFormat

HEAD = 8192
"""Bytes at the beginning of a file that decide its format."""

ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")

COMPRESSED: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x5d\x00\x00", "lzma"),
)
"""First bytes of compressed streams. zlib has no fixed ones: see `compression`."""

OPAQUE_ARCHIVES: tuple[tuple[bytes, str], ...] = (
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"MSCF\x00\x00\x00\x00", "cab"),
    (b"!<arch>\n", "ar"),
    (b"xar!", "xar"),
    (b"\x60\xea", "arj"),
    (b"hsqs", "squashfs"),
    (b"\xed\xab\xee\xdb", "rpm"),
)
"""First bytes of archives whose members are not read."""

DATA_STARTS: tuple[bytes, ...] = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF8",
    b"PAR1",
    b"ARROW1",
    b"OggS",
    b"fLaC",
    b"ID3",
    b"%PDF-",
    b"SQLite format 3\x00",
    b"\x00\x00\x00\x0cjP  ",
    b"II*\x00",
    b"MM\x00*",
    b"wOF2",
    b"Obj\x01",
)
"""First bytes of data formats that no model loader unpickles."""

TAR_MARK = 257
"""Offset of the signature of a tar archive."""

_PE_FIELDS = 64
"""Size in bytes of the first header of a Windows program."""

_NATIVE_STARTS = (
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\xca\xfe\xd0\x0d",
    b"dex\n",
    b"\x00asm",
)
MODEL_NAMES = re.compile(
    r"\.(?:pkl|pickle|p|dat|data|bin|pt|pth|pt2|ckpt|chkpt|th|dill|joblib|jl|npy|npz|model|weights?|tar|pdparams|pdopt"
    r"|pdiparams|nemo|keras|h5|hdf5|onnx|gguf|ggml|safetensors|mar|pmml|skops|msgpack|pb|z|gz|bz2|xz|lzma|lz4|zst)$",
    re.IGNORECASE,
)
"""Names under which people look for a model or a part of it."""

_SCRIPT_NAMES = frozenset({".sh", ".bash", ".zsh", ".bat", ".cmd", ".ps1", ".psm1", ".vbs", ".command", ".desktop"})
_CARD_NAMES = frozenset({".md", ".markdown", ".mdx"})
_CONFIG_NAMES = frozenset(
    {".json", ".jsonl", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".conf", ".jinja", ".jinja2", ".j2", ".txt", ".lock"}
)
_CONFIG_FILES = re.compile(r"(?:dockerfile|containerfile|makefile|mlmodel|procfile|pipfile)(?:\..*)?|.*\.dockerfile")


def compression(head: bytes) -> str | None:
    """The compression of a stream that begins with `head`; None if it is not compressed."""
    for start, name in COMPRESSED:
        if head.startswith(start):
            return name
    # RFC 1950: deflate with a window of at most 32 KiB, and a check sum of the two bytes.
    if len(head) > 2 and head[0] & 0x8F == 0x08 and int.from_bytes(head[:2], "big") % 31 == 0 and not head[1] & 0x20:  # noqa: PLR2004 - the check sum
        return "zlib"
    return None


def opaque_archive(head: bytes) -> str | None:
    """The name of an archive format that is not read and whose files begin with `head`; None for other files."""
    return next((name for start, name in OPAQUE_ARCHIVES if head.startswith(start)), None)


def is_safetensors(head: bytes, size: int) -> bool:
    """Whether the first eight bytes are the length of a JSON header that fits into the file."""
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= max(size - 8, 0)  # noqa: PLR2004 - the length's own size


def is_native(head: bytes) -> bool:
    """Whether `head` begins a program or library: ELF, Mach-O, PE, Java, WebAssembly."""
    return head.startswith(_NATIVE_STARTS) or _is_pe(head)


def _is_pe(head: bytes) -> bool:
    # Text can begin with "MZ" too; the fields of the header are not text.
    return head.startswith(b"MZ") and (0 <= head.find(b"\x00") < _PE_FIELDS or not is_text(head))


def is_text(head: bytes) -> bool:
    """Whether the beginning of a file is text: UTF-8, or UTF-16 with a byte order mark."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if b"\x00" in head or head[:1] == b"\x80":
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return len(head) - error.start < 4 and error.reason == "unexpected end of data"  # noqa: PLR2004 - a cut character
    return True


def detect_format(path: str, head: bytes, size: int) -> FileFormat:  # noqa: PLR0911 - a table of first matches
    """The format of a file whose content begins with `head` and is `size` bytes long.

    Torch and joblib files differ from other archives and pickles only in their content; here they are `archive` and
    `pickle`.
    """
    if is_native(head):
        return "native"
    if head.startswith(b"GGUF"):
        return "gguf"
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "keras"
    if head.startswith(b"\x93NUMPY"):
        return "numpy"
    if is_safetensors(head, size):
        return "safetensors"
    if head.startswith(ZIP_STARTS) or opaque_archive(head) or head.startswith(b"ustar", TAR_MARK):
        return "archive"
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":
        return "pickle"
    if is_text(head):
        return _text_format(path, head)
    if PurePosixPath(path).suffix.lower() == ".onnx":
        return "onnx"
    return "archive" if compression(head) and not head.startswith(DATA_STARTS) else "other"


def _text_format(path: str, head: bytes) -> FileFormat:
    name = PurePosixPath(path).name.lower()
    suffix = PurePosixPath(name).suffix
    if suffix in {".py", ".pyi", ".pyw"}:
        return "python"
    if suffix == ".ipynb":
        return "notebook"
    if suffix in _SCRIPT_NAMES or head.startswith(b"#!"):
        return "native"
    if suffix in _CARD_NAMES or name in {"readme", "model_card", "license"}:
        return "card"
    if suffix in _CONFIG_NAMES or _CONFIG_FILES.fullmatch(name) or name.startswith("requirements"):
        return "config"
    return "other"
