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
    for command in step.script.commands:
        arguments = command.arguments
        if command.name in ("hf", "huggingface-cli") and arguments and arguments[0] in _VERBS:
            return True
        if command.name == "git" and "push" in arguments:
            hub = any(_HUB_URL.search(argument) for argument in arguments)
            remote = _HUB_URL.search(step.script.text.value) is not None
            if hub or remote:
                return True
    return _CALLS.search(step.script.text.value) is not None
