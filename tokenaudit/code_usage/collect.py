"""Collects the permissions that code needs from a credential."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tokenaudit.code_usage import Needs, merged, needs_of, reads
from tokenaudit.file_access import read_regular
from tokenaudit.model import Credential, Entity, Evidence, Skipped, Visibility
from tokenaudit.permissions import READ
from tokenaudit.sources.local.filesystem import TreeSource

_MENTIONS = (b"hugg", b"HF_", b"hf_", b"from_pretrained", b"push_to_hub", b"load_dataset", b"hf ", b"Inference")
_MOST_FILES = 400
_LARGEST = 4_000_000


class CodeUses:
    """Evidence of what credentials are used for, from the code of the places they were found in.

    `trees` are the places that have files. What is read of a place is remembered: make one for a run.
    """

    def __init__(self, trees: Sequence[TreeSource]) -> None:
        self._trees = trees
        self._whole: dict[Path, Needs] = {}
        self._files: dict[tuple[Path, str], Needs] = {}

    def of(self, credential: Credential) -> tuple[tuple[Evidence, ...], tuple[Skipped, ...]]:
        """Needs of the current content of the files in which `credential` is or was.

        If those files only log in, or are configuration (such as a dotenv file), the use is elsewhere in the same
        target: then all code there is read, up to 400 files, and each need is listed once. An empty result means that
        nothing was found, not that nothing is needed. Files that could not be analyzed are returned with the evidence.
        """
        evidence: list[Needs] = []
        skipped: list[Skipped] = []
        for tree in self._trees:
            found = self._in_place(credential, tree)
            evidence.append(found)
            for reason in found.skipped:
                path, _, rest = reason.partition(": ")
                skipped.append(Skipped(f"{tree.target}: {path}", rest))
        return merged(evidence).evidence, tuple(skipped)

    def _in_place(self, credential: Credential, tree: TreeSource) -> Needs:
        root = tree.path
        paths = {place.path for place in credential.locations if place.target == tree.target and place.path}
        if not paths:
            return Needs()
        code = sorted(path for path in paths if "." in path.rsplit("/", 1)[-1] and reads(path))
        found = merged(self._of_file(root, path) for path in code)
        if not _says_something(found) and not root.is_file():
            found = merged((Needs(skipped=found.skipped), self._everywhere(tree)))
        return found if _says_something(found) else Needs(skipped=found.skipped)

    def _everywhere(self, tree: TreeSource) -> Needs:
        root = tree.path
        if root not in self._whole:
            seen: dict[tuple[object, ...], Evidence] = {}
            found = merged(self._of_file(root, path) for path in _all_code(tree))
            for each in found.evidence:
                seen.setdefault((each.need, each.certainty, each.entity), each)
            self._whole[root] = Needs(tuple(seen.values()), found.skipped)
        return self._whole[root]

    def _of_file(self, root: Path, path: str) -> Needs:
        key = (root, path)
        if key not in self._files:
            self._files[key] = _of_file(root, path)
        return self._files[key]


def _says_something(needs: Needs) -> bool:
    """Logging in alone needs no permission, and says nothing about what is done then."""
    return any(evidence.need != "valid-token" for evidence in needs.evidence)


def _of_file(root: Path, path: str) -> Needs:
    file = root if root.is_file() else root / path
    if not file.is_file() or file.is_symlink():
        return Needs()
    try:
        data = read_regular(file, _LARGEST, follow=False)
    except OSError as error:
        return Needs(skipped=(f"{path}: {error.strerror}",))
    return needs_of(path, data) if any(mention in data for mention in _MENTIONS) else Needs()


def _all_code(tree: TreeSource) -> Iterable[str]:
    top = len(str(tree.path))
    paths = (path[top:].lstrip("/\\").replace("\\", "/") for path in tree.files)
    code = sorted(path for path in paths if reads(path) and "/." not in f"/{path}".replace("/.github", ""))
    return code[:_MOST_FILES]


def with_visibility(evidence: Sequence[Evidence], of: Callable[[Entity], Visibility | None]) -> tuple[Evidence, ...]:
    """The same evidence, with the visibility of each repository that is read."""
    return tuple(replace(e, visibility=of(e.entity)) if e.need == READ and e.entity else e for e in evidence)
