"""What the code around a credential needs it for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tokenaudit.model import Credential, Evidence
from tokenaudit.remediate.needs import Needs, merged, needs_of, reads

_MENTIONS = (b"hugg", b"HF_", b"hf_", b"from_pretrained", b"push_to_hub", b"load_dataset", b"hf ", b"Inference")
_MOST_FILES = 400
_LARGEST = 4_000_000


class CodeUses:
    """Evidence of what credentials are used for, from the code of the places they were found in.

    `roots` gives the folder of each target that has one. What is read of a place is remembered: make one for a run.
    """

    def __init__(self, roots: Mapping[str, Path]) -> None:
        self._roots = roots
        self._whole: dict[Path, Needs] = {}

    def of(self, credential: Credential) -> tuple[Evidence, ...]:
        """Needs read from the files in which `credential` stands or once stood, as they are now.

        Where those files only log in, or are configuration (a dotenv file, say), the use is elsewhere in that place:
        then all code there is read, up to 400 files, and each need told once. Nothing found here means that nothing
        was seen, not that nothing is needed.
        """
        return merged(self._in_place(credential, target, root) for target, root in self._roots.items()).evidence

    def _in_place(self, credential: Credential, target: str, root: Path) -> Needs:
        paths = {place.path for place in credential.locations if place.target == target and place.path}
        if not paths:
            return Needs()
        code = sorted(path for path in paths if "." in path.rsplit("/", 1)[-1] and reads(path))
        found = merged(_of_file(root, path) for path in code)
        if not _says_something(found) and not root.is_file():
            found = self._everywhere(root)
        return found if _says_something(found) else Needs()

    def _everywhere(self, root: Path) -> Needs:
        if root not in self._whole:
            seen: dict[tuple[object, ...], Evidence] = {}
            for each in merged(_of_file(root, path) for path in _all_code(root)).evidence:
                seen.setdefault((each.need, each.certainty, each.entity), each)
            self._whole[root] = Needs(tuple(seen.values()))
        return self._whole[root]


def _says_something(needs: Needs) -> bool:
    """Logging in alone needs no permission, and says nothing about what is done then."""
    return any(evidence.need != "valid-token" for evidence in needs.evidence)


def _of_file(root: Path, path: str) -> Needs:
    file = root if root.is_file() else root / path
    if not file.is_file() or file.is_symlink() or file.stat().st_size > _LARGEST:
        return Needs()
    try:
        data = file.read_bytes()
    except OSError as error:
        return Needs(skipped=(f"{path}: {error.strerror}",))
    return needs_of(path, data) if any(mention in data for mention in _MENTIONS) else Needs()


def _all_code(root: Path) -> Iterable[str]:
    from tokenaudit.sources.files import list_files  # noqa: PLC0415 - only for credentials in configuration

    top = str(root)
    paths = (path[len(top) :].lstrip("/\\").replace("\\", "/") for path in list_files(top).files)
    return sorted(path for path in paths if reads(path) and "/." not in f"/{path}".replace("/.github", ""))[
        :_MOST_FILES
    ]
