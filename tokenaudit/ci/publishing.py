"""What a step writes to the Hub, as far as its commands and actions tell."""

from __future__ import annotations

import re

from tokenaudit.ci.model import Step

_CALLS = re.compile(
    r"\b(?:upload_folder|upload_file|upload_large_folder|create_commit|push_to_hub|create_repo|add_space_secret|"
    r"restart_space|sync_bucket|create_tag|create_branch)\s*\("
)
_HUB_URL = re.compile(r"(?:huggingface\.co|\bhf\.co)[/:]")
_ACTIONS = re.compile(
    r"hub-sync|(?:huggingface|hugging-face|[/_-]hf)(?=[/_-]).*(?:sync|upload|push|deploy|publish|space)|"
    r"(?:sync|upload|push|deploy|publish).*(?:huggingface|hugging-face|[_-]hf\b)",
    re.IGNORECASE,
)
_VERBS = frozenset({"upload", "upload-large-folder", "repos", "repo", "buckets", "spaces", "sync", "cp"})


def publishes(step: Step) -> bool:
    """Whether the step writes to the Hub for sure: an upload, a push, or an action made for it."""
    if step.action is not None:
        return _ACTIONS.search(step.action.name) is not None
    if step.script is None:
        return False
    remote = _HUB_URL.search(step.script.text.value) is not None
    for command in step.script.commands:
        arguments = command.arguments
        if command.name in ("hf", "huggingface-cli") and arguments and arguments[0] in _VERBS:
            return True
        if command.name == "git" and "push" in arguments and remote:
            return True
    return _CALLS.search(step.script.text.value) is not None


PIN = re.compile(
    r"huggingface[_-]hub(?:\[[^\]]*\])?\s*['\"]?\s*(?P<spec>(?:(?:===?|~=|<=?|>=?|!=)\s*[\d.*]+\s*,?\s*)+)",
    re.IGNORECASE,
)
_PART = re.compile(r"(===?|~=|<=?)\s*([\d.]+)")
_FIRST = (1, 19)


def too_old(spec: str) -> bool:
    """Whether a specifier rules out every version from 1.19 on."""
    for operator, version in _PART.findall(spec):
        numbers = tuple(int(part) for part in version.split(".") if part)
        if operator == "~=" and len(numbers) == 2:  # noqa: PLR2004 - `~=1.10` allows every later 1.x
            numbers = (numbers[0] + 1, 0)
            operator = "<"  # noqa: PLW2901 - the same bound in other words
        if operator == "<" and numbers <= _FIRST:
            return True
        if operator != "<" and numbers[:2] < _FIRST:
            return True
    return False
