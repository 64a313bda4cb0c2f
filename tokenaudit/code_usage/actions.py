"""Actions that use a Hugging Face token, and what they need, by the inputs given to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tokenaudit.code_usage.arguments import is_repository
from tokenaudit.code_usage.model import Need
from tokenaudit.model import Entity
from tokenaudit.remediate.permissions import WRITE

_SYNCING = frozenset({"huggingface/hub-sync", "nateraw/huggingface-sync-action", "nateraw/spaces-action"})
_TOKEN_INPUTS = ("hf_token", "hf-token", "huggingface_token", "huggingface-token", "huggingface_hub_token")


def action_needs(uses: str, inputs: Mapping[str, str]) -> Iterator[Need]:
    """What a `uses:` step needs; a "perhaps" for an action not known here that is handed a token."""
    name = uses.split("@", 1)[0].split("/.github/", 1)[0].strip()
    if name in _SYNCING:
        yield from _sync(inputs.get("huggingface_repo_id", ""), inputs.get("repo_type") or "space")
    elif name == "JacobLinCool/huggingface-sync":
        yield from _sync(f"{inputs.get('user', '')}/{inputs.get('space', '')}", "space")
    elif any(i in inputs for i in _TOKEN_INPUTS):
        yield Need(WRITE, None, "perhaps")


def _sync(name: str, kind: str) -> Iterator[Need]:
    """The repository is created where it is missing, then mirrored (huggingface/hub-sync action.yml)."""
    if not is_repository(name) or not kind.isalpha():
        yield Need(WRITE, None, "perhaps")
        return
    yield Need(WRITE, Entity(kind, name))
    yield Need(WRITE, Entity("namespace", name.split("/", maxsplit=1)[0]) if "/" in name else Entity("user"), "perhaps")
