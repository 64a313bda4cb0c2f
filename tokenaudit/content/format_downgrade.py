"""Safetensors that were removed, or a pickle that no longer matches the safetensors next to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tokenaudit.content.change import ContentFinding, FileChange, FileVersion, RepositoryFacts
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.model import Rule, Severity

RULE = Rule(
    id="content-format-downgrade",
    title="Safetensors removed, or a pickle next to them changed alone",
    severity=Severity.HIGH,
    why="Safetensors can't run code. Without them, loaders fall back to the pickle next to them. A pickle that "
    "changed while its safetensors did not no longer contains the same weights.",
    remedy="Restore the safetensors from the last good revision, and delete the pickle.",
    bad="model.safetensors deleted, pytorch_model.bin kept; pytorch_model.bin replaced, model.safetensors not",
    good="model.safetensors replaced together with pytorch_model.bin, or the pickle deleted",
    references=("https://huggingface.co/docs/safetensors",),
)
RULES = (RULE,)

_PICKLE = re.compile(r"\.(?:bin|pt|pth|ckpt|pkl|pickle|th)$", re.IGNORECASE)
_TRAINER = re.compile(r"(?:training_args|optimizer|scheduler|rng_state.*|scaler)\.(?:bin|pt|pth|pkl)$", re.IGNORECASE)
_SHARD = re.compile(r"-\d{5}-of-\d{5}")
_NAMES = {
    "pytorch_model": "model",
    "diffusion_pytorch_model": "diffusion_pytorch_model",
    "adapter_model": "adapter_model",
}


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """Compares what the repository offers before and after."""
    path = change.path
    if change.after is None and path.endswith(".safetensors"):
        pickles = [each for each in repository.after if _is_weights(each) and _folder(each) == _folder(path)]
        kept = any(_stem(each) == _stem(path) and each.endswith(".safetensors") for each in repository.after)
        if pickles and not kept:
            message = f"{path} is deleted, so loaders fall back to {pickles[0]}"
            yield finding(RULE, message, risk="weakens", names=())
        return
    if change.after is None or not _is_weights(path) or content.format in {"safetensors", "gguf"}:
        return
    twins = [each for each in repository.after if each.endswith(".safetensors") and _stem(each) == _stem(path)]
    if not twins or _turned_into(change):
        return
    if all(_same(repository.before.get(each), repository.after.get(each)) for each in twins):
        verb = "is added to" if change.before is None else "changes without"
        message = f"{path} {verb} {twins[0]}, which has the same content as before"
        yield finding(RULE, message, risk="weakens", severity=Severity.MEDIUM)


def _is_weights(path: str) -> bool:
    return bool(_PICKLE.search(path)) and not _TRAINER.search(path)


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _stem(path: str) -> tuple[str, str]:
    """The folder and the name without suffix, which a pickle and its safetensors share."""
    stem = _SHARD.sub("", PurePosixPath(path).stem)
    return _folder(path), _NAMES.get(stem, stem)


def _turned_into(change: FileChange) -> bool:
    """Whether the file was only renamed."""
    return change.before is not None and change.after is not None and _same(change.before, change.after)


def _same(before: FileVersion | None, after: FileVersion | None) -> bool:
    return before is not None and after is not None and before.content_id == after.content_id is not None
