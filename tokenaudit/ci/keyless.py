"""Determines what a job does on the Hub, and whether that works without a stored token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from tokenaudit.ci.batch import in_process
from tokenaudit.ci.dataflow import CommandRun, DataFlow
from tokenaudit.ci.model import Job, Step
from tokenaudit.ci.shell import Command

HubAction: TypeAlias = Literal["write", "read", "create", "manage", "unknown"]

_NEUTRAL = frozenset(
    [
        "apt",
        "apt-get",
        "bash",
        "cat",
        "cd",
        "chmod",
        "cp",
        "curl",
        "date",
        "echo",
        "exit",
        "export",
        "false",
        "find",
        "git",
        "grep",
        "head",
        "if",
        "jq",
        "ls",
        "mkdir",
        "mv",
        "pip",
        "pip3",
        "printf",
        "pwd",
        "read",
        "rm",
        "sed",
        "set",
        "sleep",
        "source",
        "sudo",
        "tail",
        "tar",
        "test",
        "touch",
        "tree",
        "true",
        "unset",
        "unzip",
        "uv",
        "wget",
        "zip",
        "[",
        "[[",
        "wc",
    ]
)
_HF = ("hf", "huggingface-cli")
_HF_NEUTRAL = frozenset(
    {"auth", "cache", "env", "version", "login", "whoami", "lfs-enable-largefiles", "--version", "--help"}
)
_HF_WRITES = frozenset({"upload", "upload-large-folder"})
HUB_REPO = re.compile(
    r"(?:huggingface\.co|hf\.co)/(?:(?P<type>datasets|spaces|kernels)/)?(?P<id>[^/\s'\"]+/[^/\s'\"]+?)(?:\.git)?(?:/|$|['\"\s])"
)
_TYPES = {
    "dataset": "datasets/",
    "datasets": "datasets/",
    "space": "spaces/",
    "spaces": "spaces/",
    "kernels": "kernels/",
}
_PYTHON = re.compile(
    r"\b(?P<call>upload_folder|upload_file|upload_large_folder|create_commit|push_to_hub|create_repo|delete_repo|"
    r"duplicate_space|add_space_secret|run_job|create_inference_endpoint|create_webhook|snapshot_download|"
    r"hf_hub_download|load_dataset|from_pretrained)\s*\((?P<body>(?:[^()]|\([^()]*\))*)\)"
)
_PYTHON_WRITES = frozenset({"upload_folder", "upload_file", "upload_large_folder", "create_commit", "push_to_hub"})
_PYTHON_READS = frozenset({"snapshot_download", "hf_hub_download", "load_dataset", "from_pretrained"})
_REPO_ID = re.compile(r"(?:repo_id\s*=\s*|^\s*)[\"'](?P<id>[^\"'/]{1,200}/[^\"'/]{1,200})[\"']")
_REPO_TYPE = re.compile(r"repo_type\s*=\s*[\"'](?P<type>\w+)[\"']")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_BUCKET = re.compile(r"hf://buckets/([\w.-]+/[\w.-]+)")
_LONGEST = 500
"""Maximum number of characters of a constant that replaces a variable."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PINNED = re.compile(r"revision\s*=\s*[\"'][0-9a-f]{40}[\"']")
SYNC_ACTION = "huggingface/hub-sync"


@dataclass(frozen=True)
class Use:
    """One action on the Hub. `resource` is the publisher's name for the repository, None if it is not constant.

    `subject` describes the action in words.
    """

    what: HubAction
    resource: str | None
    subject: str
    step: Step
    fixed: bool = False
    """A read of a pinned revision, or with an earlier login, which a publisher would not replace."""


@dataclass(frozen=True)
class KeylessVerdict:
    """Whether a job could do without a stored token: `resource` for a publisher of one repository, else `reason`.

    `reads` is true if the job only reads, which needs a publisher of the user's account.
    """

    resource: str | None = None
    reads: bool = False
    reason: str = ""
    step: Step | None = None


def uses(flows: DataFlow, job: Job) -> Iterator[Use]:
    """The operations of the job's steps that can access a credential."""
    found = list(_uses(flows, job))
    cloned = [use for use in found if use.subject == "git clone"]
    if cloned and _pushes_later(job):
        # a clone keeps the token in its own configuration, and pushes with it
        found = [replace(use, what="write", subject="git push") if use in cloned else use for use in found]
    yield from found


def _pushes_later(job: Job) -> bool:
    commands = [command for step in job.steps if step.script is not None for command in step.script.commands]
    return any(command.name == "git" and "push" in command.arguments for command in commands)


def _uses(flows: DataFlow, job: Job) -> Iterator[Use]:
    for step, _ in flows.holding(job):
        found = _in_step(flows, job, step)
        if flows.step_credentials(job, step):
            yield from found
        else:
            yield from (replace(use, fixed=use.what == "read") for use in found)


def _in_step(flows: DataFlow, job: Job, step: Step) -> Iterator[Use]:
    if step.action is not None:
        yield from _by_action(flows, step)
    elif step.script is not None and step.script.language == "python":
        yield from _in_python(step.script.text.value, step)
    else:
        constants = _Constants(flows, job, step)
        hub = HUB_REPO.search(step.script.text.value) if step.script is not None else None
        for run in flows.step_runs(job, step):
            yield from _by_command(run, constants.put_into(run.command.arguments), hub)


def judge(found: list[Use]) -> KeylessVerdict | None:
    """The verdict on a job's operations; None if none was recognized."""
    known = [use for use in found if use.what != "unknown"]
    if all(use.fixed for use in known):
        return None
    first = next((use.step for use in known if use.what == "write"), known[0].step)
    for what, words in (
        ("create", "creates or deletes repositories ({}), which a Trusted Publisher can't"),
        ("manage", "changes more than the files of a repository ({}), which a Trusted Publisher can't"),
        ("unknown", "also passes the credential to {}, whose required permissions are unknown"),
    ):
        other = next((use for use in found if use.what == what), None)
        if other is not None:
            return KeylessVerdict(reason=words.format(other.subject), step=first)
    return _of_names(known, first)


def _of_names(known: list[Use], first: Step) -> KeylessVerdict:
    """The verdict on reads and writes alone, by the repositories they name."""
    written = {use.resource for use in known if use.what == "write"}
    read = {use.resource for use in known if use.what == "read"} - written
    reason = ""
    if None in written:
        reason = "writes to a repository whose name is set at run time"
    elif len(written) > 1:
        names = ", ".join(sorted(name for name in written if name))
        reason = f"writes to several repositories ({names}); each needs a separate step and Trusted Publisher"
    elif written and read:
        reason = "also reads other repositories, which a Trusted Publisher can only do if they are public"
    if reason:
        return KeylessVerdict(reason=reason, step=first)
    return KeylessVerdict(resource=next(iter(written), None), reads=not written, step=first)


def _by_action(flows: DataFlow, step: Step) -> Iterator[Use]:
    action = step.action
    if action is None or not step.inputs or not any(flows.names.match(s) for b in step.inputs for s in b.sources):
        return
    if action.name == SYNC_ACTION:
        name = step.input("huggingface_repo_id")
        kind = step.input("repo_type") or "space"
        yield Use("write", _resource(name, kind), f"{action.name} to {name}", step)
    else:
        yield Use("unknown", None, f"the action {action.name}", step)


class _Constants:
    """The variables that a step's environment sets to a constant."""

    def __init__(self, flows: DataFlow, job: Job, step: Step) -> None:
        env = (*flows.pipeline.env, *job.env, *step.env)
        flows.budget.spend(len(env))
        self._known = {one.name: one.value.value[:_LONGEST] for one in env if not one.dynamic and not one.sources}

    def put_into(self, arguments: list[str]) -> list[str]:
        """The arguments with constants instead of their variables."""
        return [_VARIABLE.sub(self._constant, argument) for argument in arguments]

    def _constant(self, match: re.Match[str]) -> str:
        return self._known.get(match[1] or match[2], match.group())


def _by_command(run: CommandRun, arguments: list[str], hub: re.Match[str] | None) -> Iterator[Use]:
    """What one command does; `hub` is the first repository of the Hub that its script names."""
    command, step = run.command, run.step
    name = command.name
    if name in _HF:
        yield from _by_hf(arguments, step)
    elif name == "git":
        yield from _by_git(run, arguments, hub)
    elif name.startswith("python"):
        code = _inline_python(command)
        found = list(_in_python(code, step)) if code else []
        if not found and not (command.arguments[:1] == ["-m"] and "pip" in command.arguments):
            found = [Use("unknown", None, f"`{' '.join([name, *arguments[:1]])}`", step)]
        yield from found
    elif name in ("curl", "wget") and _holds(run):
        yield Use("unknown", None, f"a call by {name}", step)
    elif name and name not in _NEUTRAL and not in_process(name, run.script.language):
        yield Use("unknown", None, f"`{name}`", step)


def _by_git(run: CommandRun, arguments: list[str], hub: re.Match[str] | None) -> Iterator[Use]:
    target = next((match for one in arguments if (match := HUB_REPO.search(one))), None)
    if "push" in arguments:
        target = target or hub  # to a remote that was set before
        if target is not None:
            yield Use("write", _resource(target["id"], target["type"] or "model"), "git push", run.step)
    elif "clone" in arguments and target is not None and _holds(run):
        yield Use("read", _resource(target["id"], target["type"] or "model"), "git clone", run.step)


def _holds(run: CommandRun) -> bool:
    return any(True for word in run.command.words for _ in run.scope.hits(word))


def _by_hf(arguments: list[str], step: Step) -> Iterator[Use]:
    verb = arguments[0] if arguments else "--help"
    shown = f"hf {' '.join(arguments[:2])}"
    plain = [one for one in arguments[1:] if not one.startswith("-")]
    if verb in _HF_NEUTRAL:
        return
    if verb in _HF_WRITES and plain:
        yield Use("write", _resource(plain[0], _option(arguments, "--repo-type", "--type") or "model"), shown, step)
    elif verb == "download" and plain:
        fixed = _COMMIT.fullmatch(_option(arguments, "--revision") or "") is not None
        yield Use(
            "read", _resource(plain[0], _option(arguments, "--repo-type", "--type") or "model"), shown, step, fixed
        )
    elif verb in ("cp", "sync") and plain and (bucket := _BUCKET.match(plain[-1])) is not None:
        yield Use("write", f"buckets/{bucket[1]}", shown, step)
    elif verb in ("repo", "repos"):
        yield Use("create", None, shown, step)
    else:
        yield Use("manage", None, shown, step)


def _option(arguments: list[str], *names: str) -> str | None:
    for index, one in enumerate(arguments):
        for name in names:
            if one == name and index + 1 < len(arguments):
                return arguments[index + 1]
            if one.startswith(f"{name}="):
                return one.split("=", 1)[1]
    return None


def _inline_python(command: Command) -> str:
    arguments = command.arguments
    if "-c" in arguments[:-1]:
        return arguments[arguments.index("-c") + 1]
    return "\n".join(redirect.word.raw for redirect in command.redirects if redirect.operator == "<<")


def _in_python(code: str, step: Step) -> Iterator[Use]:
    for match in _PYTHON.finditer(code):
        call, body = match["call"], match["body"]
        repo, kind = _REPO_ID.search(body), _REPO_TYPE.search(body)
        resource = _resource(repo["id"], kind["type"] if kind else "model") if repo else None
        if call in _PYTHON_WRITES:
            yield Use("write", resource, call, step)
        elif call in _PYTHON_READS:
            yield Use("read", resource, call, step, _PINNED.search(body) is not None)
        else:
            yield Use(
                "create" if call in ("create_repo", "delete_repo", "duplicate_space") else "manage", None, call, step
            )


def _resource(name: str, kind: str) -> str | None:
    """The publisher's name of a repository: `acme/model`, `datasets/acme/x`; None if the name is not constant."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        return None
    return _TYPES.get(kind, "") + name


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
    """Whether the step certainly writes to the Hub: an upload, a push, or an action for this purpose."""
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
    """Whether a specifier excludes every version from 1.19 on."""
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
