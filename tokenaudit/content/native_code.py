"""Programs, libraries and scripts in a repository of models or data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tokenaudit.content.change import ContentFinding, FileChange, RepositoryFacts
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.content.detect_format import is_native
from tokenaudit.model import Rule, Severity

RULE = Rule(
    id="content-native-code",
    title="Program, library or script added or changed",
    severity=Severity.HIGH,
    why="Native code runs with the rights of whoever starts or links it, and weights don't need any. A look-alike of a "
    "popular model needed only a script and a README that asked to run it.",
    remedy="Do not run the file. Remove it, or rebuild it from source that you have reviewed.",
    bad="run.sh added to a model repository; build/torch/_kernel.so replaced in a kernel repository",
    good="A model repository with weights, configuration and a card.",
    references=("https://huggingface.co/docs/hub/security-malware",),
)

RULES = (RULE,)

_KINDS = (
    (b"\x7fELF", "ELF program or library"),
    (b"MZ", "Windows program or library"),
    (b"\xca\xfe\xba\xbe", "Mach-O program or Java class"),
    (b"dex\n", "Android program"),
    (b"\x00asm", "WebAssembly module"),
)
_LINE = 200
"""Maximum number of bytes of a script's first line that are quoted."""

_END_OF_ZIP = b"PK\x05\x06"
_TAIL = 65_557
"""Bytes at the end of a file that can contain a zip archive's end record: 22, and a comment of at most 65,535."""

_SHELL = frozenset({".sh", ".bash", ".zsh", ""})
_WINDOWS = frozenset({".bat", ".cmd", ".ps1", ".psm1", ".vbs"})
_OPAQUE = {
    ".engine": "a TensorRT engine",
    ".plan": "a TensorRT engine",
    ".trt": "a TensorRT engine",
    ".pte": "an ExecuTorch program",
    ".tflite": "a TensorFlow Lite model",
    ".mlmodel": "a Core ML model",
    ".rknn": "an RKNN model",
    ".mnn": "an MNN model",
    ".pdmodel": "a Paddle program",
    ".rds": "R objects",
    ".rda": "R objects",
    ".rdata": "R objects",
}
_OPAQUE_NAMES = {"saved_model.pb": "a TensorFlow graph"}
"""Model formats that contain programs, custom operations or plug-ins."""

_LLAMAFILE = re.compile(rb"\AMZqFpD='")
"""First bytes of the Actually Portable Executable format, which llamafiles use."""


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """Finds files that run when they are started or linked."""
    version = change.after
    if version is None:
        return
    head = content.head(version)
    opaque = _OPAQUE.get(PurePosixPath(change.path).suffix.lower()) or _OPAQUE_NAMES.get(
        PurePosixPath(change.path).name
    )
    if opaque is not None and content.format not in {"python", "card"}:
        content.skip(f"{opaque}; its program is not examined")
    if content.format != "native":
        return
    verb = "added" if change.before is None else "changed"
    severity = RULE.severity
    suffix = PurePosixPath(change.path).suffix.lower()
    if is_native(head):
        kind = next((kind for start, kind in _KINDS if head.startswith(start)), "program or library")
        if _LLAMAFILE.match(head) or _END_OF_ZIP in content.read(version, max(version.size - _TAIL, 0), _TAIL):
            kind = f"{kind} with an appended archive, such as a llamafile"
    elif repository.type in {"space", "kernel"} or (suffix in _SHELL and change.before is not None):
        return  # the rules about code judge its commands
    elif suffix in _SHELL:
        kind, severity = "script", Severity.LOW
    else:
        kind = "script for Windows" if suffix in _WINDOWS else "script under the name of data"
        severity = Severity.MEDIUM
    where = " in a kernel repository, which `get_kernel` loads" if repository.type == "kernel" else ""
    yield finding(
        RULE,
        f"{kind} {verb}: {PurePosixPath(change.path).name}{where}",
        risk="executes",
        severity=severity,
        evidence=head[:_LINE].split(b"\n", 1)[0].decode("utf-8", "replace") if "script" in kind else None,
    )
