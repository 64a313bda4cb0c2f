"""Places in which a credential can stand: each turns a value into bytes, and says how it has to be unwrapped."""

from __future__ import annotations

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import marshal
import pickle
import sqlite3
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from tests.support import zstd


@dataclass(frozen=True)
class Context:
    """`write` makes the bytes; `via` is how they have to be unwrapped; `line` and `column` the expected position."""

    group: str
    name: str
    write: Callable[[str], bytes]
    via: tuple[str, ...] = ()
    line: int | None = 1
    column: int | None = None


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _times(count: int, data: bytes) -> bytes:
    for _ in range(count):
        data = base64.b64encode(data)
    return data


def _small_window(text: str) -> bytes:
    made = zlib.compressobj(9, zlib.DEFLATED, 12)
    return made.compress(text.encode()) + made.flush()


def _zip(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def _tar(files: dict[str, bytes], mode: Literal["w", "w:gz", "w:xz"] = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _sqlite(value: str) -> bytes:
    database = sqlite3.connect(":memory:")
    database.execute("create table settings (name text, value text, note text)")
    database.execute("insert into settings values ('HF_TOKEN', ?, 'mine')", (value,))
    database.commit()
    with tempfile.TemporaryDirectory() as folder:
        copy = sqlite3.connect(Path(folder) / "copy.db")
        database.backup(copy)
        copy.close()
        return (Path(folder) / "copy.db").read_bytes()


def _left(value: str) -> str:
    """The prefix and a few characters."""
    return value[: 20 if "." in value else value.rindex("_") + 14]


def _right(value: str) -> str:
    return value.removeprefix(_left(value))


def _dump(value: str, offset: str, group: int, left: str, right: str) -> bytes:
    """A listing of bytes with the text on the right, 16 bytes a line."""
    data = f"T={value}\n".encode()
    lines = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        digits = " ".join(row[i : i + group].hex() for i in range(0, len(row), group))
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{offset.format(at)}{digits.ljust(16 * 2 + 16 // group - 1)}{left}{text}{right}\n")
    return "".join(lines).encode()


def _dump_of_words(text: str) -> bytes:
    """As `hexdump` writes by itself."""
    data = text.encode() + bytes(len(text) % 2)
    rows = []
    for at in range(0, len(data), 16):
        row = struct.unpack(f"<{len(data[at : at + 16]) // 2}H", data[at : at + 16])
        rows.append(f"{at:07x} {' '.join(f'{word:04x}' for word in row)}\n")
    return "".join(rows).encode() + f"{len(text):07x}\n".encode()


def _notebook(value: str, *, output: bool) -> bytes:
    source = ["import os\n", "x = 1\n" if output else f'os.environ["HF_TOKEN"] = "{value}"\n']
    outputs = [{"output_type": "stream", "name": "stdout", "text": [f"Token: {value}\n"]}] if output else []
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": outputs, "source": source}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1).encode()


def _escaped(value: str, form: str) -> str:
    return "".join(form.format(ord(c)) for c in value)


def _cut(value: str, at: int, between: str) -> bytes:
    return f'x = "{value[:at]}{between}{value[at:]}"\n'.encode()


def _after(text: str) -> Context:
    return Context("followed by", repr(text)[1:-1], lambda v: f"a {v}{text}".encode(), (), 1, 3)


def _before(text: str) -> Context:
    return Context("preceded by", repr(text)[1:-1], lambda v: f"{text}{v} ".encode(), (), text.count("\n") + 1)


CONTEXTS = (
    Context("text", "alone", lambda v: v.encode(), (), 1, 1),
    Context("text", "call argument", lambda v: f'api = HfApi(token="{v}")\n'.encode(), (), 1, 20),
    Context("text", "header", lambda v: f"\nAuthorization: Bearer {v}\r\n".encode(), (), 2, 23),
    Context("text", "URL user info", lambda v: f"https://user:{v}@huggingface.co/x".encode(), (), 1, 14),
    Context("text", "latin-1", lambda v: f"é {v} é".encode("latin-1"), (), 1, 3),
    Context("text", "UTF-8, wide characters", lambda v: f"令牌「{v}」".encode(), (), 1, 4),
    Context("text", "UTF-8 with mark", lambda v: f"\ufeff{v}".encode(), (), 1, 1),
    Context("text", "invalid UTF-8 after it", lambda v: v.encode() + b"\xff\xfe\x80", (), 1, 1),
    Context("text", "notebook source", lambda v: _notebook(v, output=False), (), 10),
    Context("text", "notebook output", lambda v: _notebook(v, output=True), (), 12),
    *map(_after, ("@", ",", ")", "]", "<", "}", "&", ".\n", "/", "|", "%26", "\\n", '\\"', "&quot;", "_x", "-", ";", "é")),
    *map(_before, ("\\n", "%22", "%3D", "\\u0022", "NAME_", "=", ":", "“", "«", "`", "\x1b[31m", "\\x1b[0m", "&#34;", "é")),
    Context("encoded", "base64", lambda v: f"x: {_b64(v)}\n".encode(), ("base64",), 1, 4),
    Context("encoded", "base64, one byte before", lambda v: _b64(f":{v}").encode(), ("base64",), 1),
    Context("encoded", "base64, user: before", lambda v: f"Basic {_b64(f'user:{v}')}".encode(), ("base64",), 1),
    Context("encoded", "base64, url-safe", lambda v: base64.urlsafe_b64encode(f"??>>{v}??>>".encode()), ("base64",), 1),
    Context("encoded", "base64, folded", lambda v: base64.encodebytes(f"{'ab ' * 13}{v}{' cd' * 40}".encode()), ("base64",)),
    Context("encoded", "base64, glued to a name", lambda v: f"key_{_b64(v)}".encode(), ("base64",)),
    Context("encoded", "base64 of base64", lambda v: _b64(_b64(f" {v}")).encode(), ("base64", "base64"), 1),
    Context("encoded", "base64, three times", lambda v: _b64(_b64(_b64(v))).encode(), ("base64",) * 3, 1, 1),
    Context("encoded", "hexadecimal", lambda v: v.encode().hex().encode(), ("hex",), 1, 1),
    Context("encoded", "hexadecimal, upper case", lambda v: b"0x" + v.encode().hex().upper().encode(), ("hex",), 1),
    Context("encoded", "base64 of hexadecimal", lambda v: _b64(v.encode().hex()).encode(), ("base64", "hex"), 1, 1),
    Context("encoded", "hexadecimal of base64", lambda v: _b64(v).encode().hex().encode(), ("hex", "base64"), 1, 1),
    Context("encoded", "base64 of UTF-16", lambda v: base64.b64encode(f"$t='{v}'".encode("utf-16-le")), ("base64", "utf-16"), 1),
    Context("encoded", "percent, all", lambda v: _escaped(v, "%{:02X}").encode(), ("percent",), 1, 1),
    Context("encoded", "percent, underscores", lambda v: v.replace("_", "%5F").encode(), ("percent",), 1, 1),
    Context("encoded", "percent, twice", lambda v: quote(_escaped(v, "%{:02x}")).encode(), ("percent",), 1, 1),
    Context("encoded", "unicode escapes, all", lambda v: _escaped(v, "\\u{:04x}").encode(), ("unicode-escape",), 1, 1),
    Context("encoded", "unicode escapes, underscores", lambda v: v.replace("_", "\\u005f").encode(), ("unicode-escape",), 1, 1),
    Context("encoded", "unicode escapes in JSON in JSON", lambda v: v.replace("_", "\\\\u005F").encode(), ("unicode-escape",), 1, 1),
    Context("encoded", "\\x escapes", lambda v: _escaped(v, "\\x{:02x}").encode(), ("unicode-escape",), 1, 1),
    Context("encoded", "HTML, decimal", lambda v: _escaped(v, "&#{};").encode(), ("html",), 1, 1),
    Context("encoded", "HTML, hexadecimal", lambda v: _escaped(v, "&#x{:x};").encode(), ("html",), 1, 1),
    Context("encoded", "HTML, quoted", lambda v: html.escape(f'"{v}"').encode(), (), 1, 7),
    Context("encoded", "Markdown, underscores", lambda v: v.replace("_", "\\_").encode(), ("backslash",), 1, 1),
    Context("encoded", "UTF-16 with mark", lambda v: f"a\nb {v}\n".encode("utf-16"), ("utf-16",), 2, 3),
    Context("encoded", "UTF-16 without mark", lambda v: f"a\nb {v}\n".encode("utf-16-le"), ("utf-16",), 2, 3),
    Context("encoded", "UTF-16, big endian", lambda v: f"a\nb {v}\n".encode("utf-16-be"), ("utf-16",), 2, 3),
    Context("encoded", "UTF-16 string in a binary", lambda v: b"\x00\x01\x02\x81" * 99 + v.encode("utf-16-le"), ("utf-16",), None),
    Context("encoded", "UTF-32 with mark", lambda v: f"a\nb {v}\n".encode("utf-32"), ("utf-32",), 2, 3),
    Context("encoded", "UTF-32, big endian", lambda v: f"a\nb {v}\n".encode("utf-32-be"), ("utf-32",), 2, 3),
    Context("encoded", "UTF-32 string in a binary", lambda v: b"\x00\x01\x02\x81" * 99 + v.encode("utf-32-le"), ("utf-32",), None),
    Context("encoded", "base64 in UTF-16", lambda v: f"k: {_b64(v)}".encode("utf-16"), ("utf-16", "base64"), 1, 4),
    Context("reconstructed", "plus", lambda v: _cut(v, 12, '" + "'), ("concatenated",), 1, 6),
    Context("reconstructed", "dot (PHP, Perl)", lambda v: _cut(v, 20, "' . '"), ("concatenated",), 1, 6),
    Context("reconstructed", "two dots (Lua)", lambda v: _cut(v, 20, '" .. "'), ("concatenated",), 1, 6),
    Context("reconstructed", "adjacent", lambda v: _cut(v, 20, '" "'), ("concatenated",), 1, 6),
    Context("reconstructed", "adjacent, on new lines", lambda v: _cut(v, 20, '"\n    "'), ("concatenated",), 1, 6),
    Context("reconstructed", "shell quotes", lambda v: _cut(v, 20, "\"'") + b"'", ("concatenated",), 1, 6),
    Context("reconstructed", "continued line", lambda v: _cut(v, 20, "\\\n"), ("concatenated",), 1, 6),
    Context("reconstructed", "quoted-printable soft break", lambda v: f"{v[:20]}=\r\n{v[20:]}\r\n".encode(), ("concatenated",), 1, 1),
    Context("reconstructed", "folded line (iCalendar, LDIF)", lambda v: f"x:{v[:20]}\r\n {v[20:]}\r\n".encode(), ("concatenated",), 1, 3),
    Context("reconstructed", "colors of grep", lambda v: f"\x1b[01;31m\x1b[K{v[:20]}\x1b[m\x1b[K{v[20:]}\n".encode(), ("concatenated",), 1),
    Context("reconstructed", "colors of a recorded terminal (.cast)", lambda v: json.dumps([0.1, "o", f"\x1b[31m{v[:20]}\x1b[0m{v[20:]}"]).encode() + b"\n", ("concatenated",), 1),
    Context("reconstructed", "prefix and body", lambda v: _cut(v, v.rindex("_") + 1 if "." not in v else 8, '" + "'), ("concatenated",), 1, 6),
    Context("reconstructed", "list and join", lambda v: f'"".join(["{v[:20]}", "{v[20:]}"])'.encode(), ("concatenated",), 1, 11),
    Context("reconstructed", "appended", lambda v: f't = "{_left(v)}"\nt += "{_right(v)}"\n'.encode(), ("concatenated",), 1, 6),
    Context("reconstructed", "variable first", lambda v: f'A = "{_left(v)}"\nt = A + "{_right(v)}"\n'.encode(), ("concatenated",), 2),
    Context("reconstructed", "variable first, macro of C", lambda v: f'#define A "{_left(v)}"\nchar *t = A "{_right(v)}";\n'.encode(), ("concatenated",), 2),
    Context("reconstructed", "variable in a shell", lambda v: f'A={_left(v)}\nexport T="${{A}}{_right(v)}"\n'.encode(), ("concatenated",), 2),
    Context("reconstructed", "variable in an f-string", lambda v: f'A = "{_left(v)}"\nt = f"{{A}}{_right(v)}"\n'.encode(), ("concatenated",), 2),
    Context("reconstructed", "variable in a format", lambda v: f'A = "{_left(v)}"\nt = "%s{_right(v)[:9]}" % A + "{_right(v)[9:]}"\n'.encode(), ("concatenated",), 2),
    Context("reconstructed", "plus, behind another argument", lambda v: f'login("o", "{_left(v)}" + "{_right(v)}")\n'.encode(), ("concatenated",), 1, 13),
    Context("reconstructed", "variable, behind another argument", lambda v: f'A = "{_left(v)}"\nlogin("o", A + "{_right(v)}")\n'.encode(), ("concatenated",), 2),
    Context("reconstructed", "runs of Word", lambda v: _zip({"word/document.xml": f'<w:p><w:r><w:t>{_left(v)}</w:t></w:r><w:r w:rsidR="00"><w:rPr><w:b/></w:rPr><w:t xml:space="preserve">{_right(v)}</w:t></w:r></w:p>'.encode()}), ("zip", "concatenated"), 1, 16),
    Context("reconstructed", "rest in a variable", lambda v: f'B = "{_right(v)}"\nt = "{_left(v)}" + B\n'.encode(), ("concatenated",), 2),
    Context("reconstructed", "highlighted in HTML", lambda v: f"<pre><span>{_left(v)}</span><b>{_right(v)}</b></pre>".encode(), ("concatenated",), 1, 12),
    Context("reconstructed", "events of a .cast recording", lambda v: f'{{"version": 2}}\n[0.1, "o", "$ {_left(v)}"]\n[0.2, "o", "{_right(v)}"]\n'.encode(), ("concatenated",), 2, 15),
    Context("reconstructed", "dump of xxd", lambda v: _dump(v, "{:08x}: ", 2, "  ", ""), ("concatenated",), 1),
    Context("reconstructed", "dump of hexdump -C", lambda v: _dump(v, "{:08x}  ", 1, "  |", "|"), ("concatenated",), 1),
    Context("reconstructed", "dump of od -t x1z", lambda v: _dump(v, "{:07o} ", 1, "  >", "<"), ("concatenated",), 1),
    Context("encoded", "dump of hexdump", lambda v: _dump_of_words(f"T={v}\n"), ("bytes",), 1),
    Context("encoded", "dump of hexdump, odd", lambda v: _dump_of_words(f"T= {v}\n"), ("bytes",), 1),
    Context("encoded", "RFC 2047, folded", lambda v: f"Subject: =?utf-8?B?{_b64(_left(v))}?=\r\n =?utf-8?B?{_b64(_right(v))}?=\r\n".encode(), ("rfc2047",), 1, 20),
    Context("encoded", "RFC 2047, Q", lambda v: f"Subject: =?utf-8?q?{v.replace('_', '=5F')}?=\r\n".encode(), ("rfc2047",), 1, 20),
    Context("encoded", "C array", lambda v: ("{" + ", ".join(f"0x{c:02x}" for c in v.encode()) + "};").encode(), ("bytes",), 1, 2),
    Context("encoded", "Buffer in JSON", lambda v: json.dumps({"type": "Buffer", "data": list(v.encode())}).encode(), ("bytes",), 1),
    Context("encoded", "Buffer in JSON, one number a line", lambda v: json.dumps({"type": "Buffer", "data": list(v.encode())}, indent=2).encode(), ("bytes",), 4, 5),
    Context("encoded", "decimal array", lambda v: ",".join(str(c) for c in v.encode()).encode(), ("bytes",), 1, 1),
    Context("encoded", "hexadecimal with blanks", lambda v: v.encode().hex(" ").encode(), ("bytes",), 1, 1),
    Context("encoded", "hexadecimal with colons", lambda v: v.encode().hex(":").upper().encode(), ("bytes",), 1, 1),
    Context("encoded", "registry file, hex(2)", lambda v: ('"T"=hex(2):' + v.encode("utf-16-le").hex(",").replace("00,", "00,\\\r\n  ", 40)).encode(), ("bytes", "utf-16"), 1),
    Context("compressed", "gzip", lambda v: gzip.compress(f"a\nb {v}".encode()), ("gzip",), 2, 3),
    Context("compressed", "gzip, two members", lambda v: gzip.compress(b"a\n") + gzip.compress(v.encode()), ("gzip",), 2, 1),
    Context("compressed", "bzip2", lambda v: bz2.compress(f"a\nb {v}".encode()), ("bzip2",), 2, 3),
    Context("compressed", "xz", lambda v: lzma.compress(f"a\nb {v}".encode()), ("xz",), 2, 3),
    Context("compressed", "zstd", lambda v: zstd.compress(f"a\nb {v}".encode()), ("zstd",), 2, 3),
    Context("compressed", "gzip in the middle of a binary", lambda v: b"\x00" * 99 + gzip.compress(f"{'x ' * 50}{v}".encode()), ("gzip",), 1),
    Context("compressed", "base64 of gzip", lambda v: b"x: " + base64.b64encode(gzip.compress(v.encode())), ("base64", "gzip"), 1, 4),
    Context("encoded", "base64 with escaped slashes in JSON", lambda v: b'{"k": "' + base64.b64encode(f"user:{v}??????".encode()).replace(b"/", b"\\/") + b'"}', ("base64",), 1),
    Context("compressed", "base64 of gzip with escaped slashes", lambda v: b'{"k": "' + base64.b64encode(gzip.compress(v.encode())).replace(b"/", b"\\/") + b'"}', ("base64", "gzip"), 1, 8),
    Context("compressed", "base64 of bzip2", lambda v: base64.b64encode(bz2.compress(v.encode())), ("base64", "bzip2"), 1, 1),
    Context("compressed", "base64 of base64 of gzip (Helm)", lambda v: b"x: " + base64.b64encode(base64.b64encode(gzip.compress(v.encode()))), ("base64", "base64", "gzip"), 1, 4),
    Context("compressed", "base64 of gzip, five times", lambda v: base64.b64encode(base64.b64encode(base64.b64encode(base64.b64encode(base64.b64encode(gzip.compress(v.encode())))))), ("base64",) * 5 + ("gzip",), 1, 1),
    Context("compressed", "base64 of base64 of xz", lambda v: base64.b64encode(base64.b64encode(lzma.compress(v.encode()))), ("base64", "base64", "xz"), 1, 1),
    Context("compressed", "base64 of base64 of bzip2", lambda v: base64.b64encode(base64.b64encode(bz2.compress(v.encode()))), ("base64", "base64", "bzip2"), 1, 1),
    Context("compressed", "base64 of gzip in UTF-16", lambda v: base64.b64encode(gzip.compress(v.encode())).decode().encode("utf-16"), ("utf-16", "base64", "gzip"), 1, 1),
    Context("compressed", "hexadecimal of gzip", lambda v: gzip.compress(v.encode(), mtime=1_700_000_000).hex().encode(), ("hex", "gzip"), 1, 1),
    Context("compressed", "hexadecimal of bzip2", lambda v: bz2.compress(v.encode()).hex().upper().encode(), ("hex", "bzip2"), 1, 1),
    Context("compressed", "zlib", lambda v: zlib.compress(f"a\nb {v}".encode()), ("zlib",), 2, 3),
    Context("compressed", "zlib, fastest", lambda v: zlib.compress(f"a\nb {v}".encode(), 1), ("zlib",), 2, 3),
    Context("compressed", "zlib, best", lambda v: zlib.compress(f"a\nb {v}".encode(), 9), ("zlib",), 2, 3),
    Context("compressed", "zlib in the middle of a binary", lambda v: b"\x00" * 99 + zlib.compress(f"{'x ' * 50}{v}".encode()), ("zlib",), 1),
    Context("compressed", "PDF, FlateDecode", lambda v: b"%PDF-1.4\n1 0 obj<</Filter/FlateDecode>>stream\r\n" + zlib.compress(f"BT ({v}) Tj ET".encode()) + b"\r\nendstream", ("zlib",), 1, 5),
    Context("compressed", "PDF, smaller window", lambda v: b"%PDF-1.4\nstream\n" + _small_window(f"BT ({v}) Tj ET" + " x" * 99) + b"\nendstream", ("zlib",), 1, 5),
    Context("compressed", "base64 of zlib", lambda v: b"x: " + base64.b64encode(zlib.compress(v.encode())), ("base64", "zlib"), 1, 4),
    Context("compressed", "base64 of zlib, folded", lambda v: base64.encodebytes(zlib.compress(f"{v} {'ab ' * 99}".encode(), 9)), ("base64", "zlib"), 1, 1),
    Context("compressed", "base64 of zlib, four times", lambda v: _times(4, zlib.compress(v.encode())), ("base64",) * 4 + ("zlib",), 1, 1),
    Context("compressed", "base64 of zlib, six times", lambda v: _times(6, zlib.compress(v.encode())), ("base64",) * 6 + ("zlib",), 1, 1),
    Context("compressed", "base64 of gzip, seven times", lambda v: _times(7, gzip.compress(v.encode())), ("base64",) * 7 + ("gzip",), 1, 1),
    Context("encoded", "base64, four times", lambda v: b"x: " + _times(4, f"token: {v}".encode()), ("base64",) * 4, 1),
    Context("encoded", "base64, eight times", lambda v: b"x: " + _times(8, f"token: {v}".encode()), ("base64",) * 8, 1),
    Context("compressed", "hexadecimal of zlib", lambda v: zlib.compress(v.encode()).hex().encode(), ("hex", "zlib"), 1, 1),
    Context("archive", "zip", lambda v: _zip({"a/b.txt": f"a\nb {v}".encode()}), ("zip",), 2, 3),
    Context("archive", "zip, stored", lambda v: _zip({"b": f"a\nb {v}".encode()}, zipfile.ZIP_STORED), ("zip",), 2, 3),
    Context("archive", "zip, directory lost", lambda v: _zip({"b": f"a\nb {v}".encode()})[:-60], ("zip",), 2, 3),
    Context("archive", "zip in zip", lambda v: _zip({"i.zip": _zip({"b": f"a\nb {v}".encode()})}), ("zip", "zip"), 2, 3),
    Context("archive", "tar", lambda v: _tar({"b": f"a\nb {v}".encode()}), ("tar",), 2, 3),
    Context("archive", "tar.gz", lambda v: _tar({"b": f"a\nb {v}".encode()}, "w:gz"), ("gzip", "tar"), 2, 3),
    Context("archive", "tar.xz in zip", lambda v: _zip({"t": _tar({"b": v.encode()}, "w:xz")}), ("zip", "xz", "tar"), 1, 1),
    Context("archive", "gzip in tar", lambda v: _tar({"b.gz": gzip.compress(v.encode())}), ("tar", "gzip"), 1, 1),
    Context("archive", "notebook in wheel", lambda v: _zip({"x/n.ipynb": _notebook(v, output=True)}), ("zip",), 12),
    Context("binary", "pickle", lambda v: pickle.dumps({"token": v, "x": 1}), (), None),
    Context("binary", "pickle, protocol 1", lambda v: pickle.dumps([v, "q"], 1), (), None),
    Context("binary", "pickle, protocol 4", lambda v: pickle.dumps((v, "q"), 4), (), None),
    Context("binary", "pickle, protocol 2", lambda v: pickle.dumps([v, "q"], 2), (), None),
    Context("binary", "compiled Python", lambda v: marshal.dumps(compile(f"x = {v!r}\ny = 'z'", "f", "exec")), (), None),
    Context("binary", "safetensors header", lambda v: struct.pack("<Q", 70 + len(v)) + json.dumps({"__metadata__": {"token": v}}).encode(), (), None),
    Context("binary", "SQLite", _sqlite, ("sqlite",), None),
)  # fmt: skip
