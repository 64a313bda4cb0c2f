"""Rewrites a job to work without a stored token. Changes replace whole lines; all other bytes are preserved."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tokenaudit.ci.dataflow import CommandRun, DataFlow, credential_of
from tokenaudit.ci.keyless import PIN, SYNC_ACTION, too_old
from tokenaudit.ci.model import Binding, Job, Pipeline, Step
from tokenaudit.ci.yaml_document import Mapping, ParseError
from tokenaudit.work_budget import WorkBudget

Parse = Callable[[str, str, WorkBudget], Pipeline]

CLIENT = "huggingface_hub>=1.19"
_OPTION = r"\s--token(?:=|\s+)(?:\"[^\"]*\"|'[^']*'|\$\{\{.*?\}\}|\S+)"
_HUB = re.compile(r"(?:huggingface\.co|\bhf\.co)/")
_LOGIN = re.compile(r"(?:hf\s+auth\s+login|huggingface-cli\s+login)\b")
_LOGIN_FIRST = re.compile(r"(?:hf\s+auth\s+login|huggingface-cli\s+login)\b[^&;|]*(?:&&|;)\s*")
_PREFIX = re.compile(r"(datasets|spaces|kernels)/")
_TYPES = {"datasets": "dataset", "spaces": "space", "kernels": "kernel"}
_UNCHANGED = frozenset({"powershell", "cmd"})
"""Languages whose scripts are not rewritten: the changes are those of a Unix shell."""


class CannotRewriteError(Exception):
    """The job can't be changed safely line by line."""


def keyless(flows: DataFlow, job: Job, resource: str, step: Step, parse: Parse) -> str | None:
    """A unified diff that removes the stored token from a job; None if that can't be done safely.

    The changed file is parsed again: a patch that leaves the token accessible to the job is not offered.
    """
    pipeline = flows.pipeline
    if any(one.script is not None and one.script.language in _UNCHANGED for one in job.steps):
        return None
    edits = Edits(pipeline.source)
    try:
        for one in job.steps:
            _strip_script(flows, job, one, edits, resource)
        if pipeline.system == "gitlab":
            _strip_bindings(flows, job.env, edits)
            _gitlab(job, resource, edits)
        else:
            _github(flows, job, resource, step, edits)
        changed = edits.result()
        again = parse(pipeline.path, changed, WorkBudget(len(changed)))
    except (CannotRewriteError, ParseError):
        return None  # the caller describes the change in words
    after = DataFlow(again, flows.names)
    same = next((one for one in again.jobs if one.id == job.id), None)
    if same is None or after.job_credentials(same) or again.notes:
        return None
    return edits.diff(pipeline.path)


def _github(flows: DataFlow, job: Job, resource: str, step: Step, edits: Edits) -> None:
    own = [binding for binding in step.env if credential_of(binding, flows.names)]
    wide = [binding for binding in job.env if credential_of(binding, flows.names)]
    if flows.pipeline.env and any(credential_of(binding, flows.names) for binding in flows.pipeline.env):
        raise CannotRewriteError
    if step.action is not None:
        _sync_step(step, resource, edits)
    elif own:
        _exchange(own[0], resource, edits)
    else:
        _add_environment(step, resource, edits)
    others = [binding for one in job.steps if one is not step for binding in one.env]
    _strip_bindings(flows, [*own[1:], *wide, *others], edits)
    _allow_identity(flows.pipeline, job, edits)


def _exchange(binding: Binding, resource: str, edits: Edits) -> None:
    line = edits.line(binding.line)
    changed = _entry(binding.name).sub(lambda match: f"{match[1]}HF_OIDC_RESOURCE: {resource}", line, count=1)
    if changed == line:
        raise CannotRewriteError
    edits.replace(binding.line, changed)


def _entry(name: str) -> re.Pattern[str]:
    """An `env` entry whose whole value is one expression or variable."""
    value = r"(?:\"\$[^\"]*\"|'\$[^']*'|\$\{\{.*?\}\}|\$\{\w+\}|\$\w+)"
    return re.compile(rf"(^\s*(?:-\s+)?|[{{,]\s*)[\"']?{re.escape(name)}[\"']?\s*:\s*{value}(?=\s*(?:$|#|,|\}}))")


def _strip_bindings(flows: DataFlow, bindings: list[Binding], edits: Edits) -> None:
    """Removes entries with a token, and mappings that become empty."""
    for binding in bindings:
        if credential_of(binding, flows.names) is None or edits.replaced.get(binding.line) == []:
            continue
        line = edits.line(binding.line)
        if not _entry(binding.name).fullmatch(line.split(" #")[0].rstrip()):
            raise CannotRewriteError
        edits.replace(binding.line)
        above = binding.line - 1
        head = edits.lines[above - 1].rstrip()
        if re.fullmatch(r"\s*(?:env|variables):", head) and block_end(edits.lines, above) == binding.line:
            edits.replace(above)


def _add_environment(step: Step, resource: str, edits: Edits) -> None:
    """Adds `HF_OIDC_RESOURCE` at the end of a step."""
    first = edits.lines[step.line - 1]
    pad = " " * (step.column - 1)
    last = _item_end(edits, step)
    if any(re.match(rf"{pad}(?:- )?env:", edits.lines[number - 1]) for number in range(step.line, last + 1)):
        at = next(n for n in range(step.line, last + 1) if re.match(r"\s*(?:- )?env:", edits.lines[n - 1]))
        if edits.lines[at - 1].split("#")[0].rstrip().endswith("env:"):
            edits.insert_after(at, f"{pad}  HF_OIDC_RESOURCE: {resource}")
            return
        raise CannotRewriteError
    if "{" in first.split("run:")[0] or not first.strip():
        raise CannotRewriteError
    edits.insert_after(last, f"{pad}env:", f"{pad}  HF_OIDC_RESOURCE: {resource}")


def _item_end(edits: Edits, step: Step) -> int:
    return block_end(edits.lines, step.line)


def _sync_step(step: Step, resource: str, edits: Edits) -> None:
    """Replaces the sync action, which requires a stored token, by an upload."""
    if step.action is None or step.action.name != SYNC_ACTION or step.input("subdirectory"):
        raise CannotRewriteError
    pad = " " * (step.column - 1)
    line = edits.lines[step.action.uses.line - 1]
    lead = line[: line.index("uses:")]
    edits.replace(
        step.action.uses.line,
        f"{lead}env:",
        f"{pad}  HF_OIDC_RESOURCE: {resource}",
        f"{pad}run: |",
        f'{pad}  pip install "{CLIENT}"',
        f"{pad}  {upload(resource)}",
    )
    last = _item_end(edits, step)
    given = next((n for n in range(step.line, last + 1) if re.match(rf"{pad}with:", edits.lines[n - 1])), None)
    if given is not None:
        edits.remove(given, block_end(edits.lines, given))


def upload(resource: str) -> str:
    """The command that uploads the working folder to a repository."""
    kind = _PREFIX.match(resource)
    name = _PREFIX.sub("", resource, count=1) if kind else resource
    return f"hf upload {name} . ." + (f" --repo-type {_TYPES[kind[1]]}" if kind else "")


def _allow_identity(pipeline: Pipeline, job: Job, edits: Edits) -> None:
    """Adds `id-token: write` to the job's permissions."""
    node = job.node
    if node is None or not node.entries:
        raise CannotRewriteError
    pad = " " * (node.entries[0][0].column - 1)
    own = node.get("permissions")
    general = pipeline.root.get("permissions") if pipeline.root else None
    if own is not None:
        _extend(own, node, edits)
    elif isinstance(general, Mapping):
        if general.string("id-token") != "write":
            kept = [
                f"{pad}  {key.value}: {general.string(key.value)}"
                for key, _ in general.entries
                if key.value != "id-token"
            ]
            edits.insert_after(job.line, f"{pad}permissions:", f"{pad}  id-token: write", *kept)
    elif general is None:
        edits.insert_after(job.line, f"{pad}permissions:", f"{pad}  id-token: write", f"{pad}  contents: read")
    elif getattr(general, "value", "") != "write-all":
        raise CannotRewriteError


def _extend(own: object, node: Mapping, edits: Edits) -> None:
    key = node.key("permissions")
    if not isinstance(own, Mapping) or key is None:
        if getattr(own, "value", "") != "write-all":
            raise CannotRewriteError
        return
    if own.string("id-token") == "write":
        return
    given = own.key("id-token")
    line = edits.line(key.line)
    if given is not None:
        edits.replace(given.line, re.sub(r"(id-token\s*:\s*)\w+", r"\1write", edits.line(given.line)))
    elif "{" in line:
        rest = line[line.index("{") + 1 :].lstrip()
        edits.replace(
            key.line, f"{line[: line.index('{') + 1]}id-token: write{'' if rest.startswith('}') else ', '}{rest}"
        )
    else:
        edits.insert_after(key.line, f"{' ' * (own.column - 1)}id-token: write")


def _gitlab(job: Job, resource: str, edits: Edits) -> None:
    node = job.node
    if node is None or not node.entries:
        raise CannotRewriteError
    pad = " " * (node.entries[0][0].column - 1)
    identity = [f"{pad}  HF_OIDC_ID_TOKEN:", f"{pad}    aud: https://huggingface.co"]
    new: list[str] = []
    for key, lines in (("id_tokens", identity), ("variables", [f"{pad}  HF_OIDC_RESOURCE: {resource}"])):
        given = node.key(key)
        if given is None or edits.replaced.get(given.line) == []:
            new += [f"{pad}{key}:", *lines]
        elif edits.lines[given.line - 1].split("#")[0].rstrip().endswith(":"):
            edits.insert_after(given.line, *lines)
        else:
            raise CannotRewriteError
    if new:
        edits.insert_after(job.line, *new)


def _strip_script(flows: DataFlow, job: Job, step: Step, edits: Edits, resource: str) -> None:
    """Removes log-ins, `--token` options and pushes from a script; a step that only logs in is removed."""
    if step.script is None:
        return
    runs = [run for run in flows.step_runs(job, step) if not run.command.captured]
    logins = [run for run in runs if _is_login(run)]
    if logins and len(logins) == len(runs) and flows.pipeline.system != "gitlab":
        edits.remove(step.line, _item_end(edits, step))
        return
    for run in runs:
        first, _ = run.script.text.at(run.command.offset)
        last, _ = run.script.text.at(max(run.command.end - 1, run.command.offset))
        if run in logins:
            _remove_login(first, last, edits)
        elif run.command.name == "git" and "push" in run.command.arguments:
            _replace_push(run, first, last, edits, resource)
        else:
            for number in range(first, last + 1):
                _strip_option(number, last, edits)
                _raise_pin(number, edits)


def _is_login(run: CommandRun) -> bool:
    words = [word.value for word in run.command.words[:3]]
    return (words[:1] == ["huggingface-cli"] and words[1:2] == ["login"]) or words == ["hf", "auth", "login"]


def _remove_login(first: int, last: int, edits: Edits) -> None:
    line = edits.line(first)
    body = re.sub(r"^\s*(?:- )?(?:run:\s*)?(?:- )?", "", line)
    alone = _LOGIN.match(body) is not None and not re.search(r"&&|;|\|", body)
    if alone and "run:" not in line:
        edits.remove(first, last)
    elif first == last and _LOGIN_FIRST.search(line):
        edits.replace(first, _LOGIN_FIRST.sub("", line, count=1))
    else:
        raise CannotRewriteError


def _replace_push(run: CommandRun, first: int, last: int, edits: Edits, resource: str) -> None:
    if first != last or not any(_HUB.search(one) for one in run.command.arguments):
        raise CannotRewriteError
    line = edits.line(first)
    command = run.script.text.value[run.command.offset : run.command.end]
    if command not in line:
        raise CannotRewriteError
    alone = line.replace(command, "").strip() in ("", "-")
    if alone:
        lead = line[: line.index(command)]
        edits.replace(first, f'{lead}pip install "{CLIENT}"', f"{lead}{upload(resource)}")
    else:
        edits.replace(first, line.replace(command, f"pip install '{CLIENT}' && {upload(resource)}"))


def _strip_option(number: int, last: int, edits: Edits) -> None:
    line = edits.line(number)
    changed = re.sub(_OPTION, "", line)
    if changed == line or not re.search(r"\b(?:hf|huggingface-cli)\b|^\s*--", line):
        return
    if changed.strip() in ("", "\\"):
        edits.replace(number)
        before = edits.line(number - 1)
        if number == last and before.endswith("\\"):
            edits.replace(number - 1, before[:-1].rstrip())
    else:
        edits.replace(number, changed)


def _raise_pin(number: int, edits: Edits) -> None:
    """Raises a pinned version of the client that is too old to exchange tokens."""
    line = edits.line(number)
    for match in PIN.finditer(line):
        if too_old(match["spec"]):
            quoted = line[: match.start()].endswith(("'", '"'))
            new = CLIENT if quoted else f"'{CLIENT}'"
            edits.replace(
                number, line[: match.start()] + new + line[match.start() + len(match.group().rstrip(" '\"")) :]
            )
            return


@dataclass
class Edits:
    """Changes to the lines of a file, numbered from 1; everything else stays byte for byte."""

    source: str
    replaced: dict[int, list[str]] = field(default_factory=dict)
    inserted: dict[int, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lines = self.source.splitlines(keepends=True)
        self.ending = "\r\n" if self.lines and self.lines[0].endswith("\r\n") else "\n"

    def line(self, number: int) -> str:
        """The current line without its line ending."""
        if number in self.replaced:
            return "\n".join(self.replaced[number])
        return self.lines[number - 1].rstrip("\r\n")

    def replace(self, number: int, *lines: str) -> None:
        """Replaces a line; without new lines, removes it."""
        self.replaced[number] = list(lines)

    def remove(self, first: int, last: int) -> None:
        """Removes the lines from `first` to `last`, both included."""
        for number in range(first, last + 1):
            self.replaced[number] = []

    def insert_after(self, number: int, *lines: str) -> None:
        """Adds lines behind a line."""
        self.inserted.setdefault(number, []).extend(lines)

    def result(self) -> str:
        """The file after the changes."""
        out: list[str] = []
        for number, line in enumerate(self.lines, 1):
            if number in self.replaced:
                out.extend(new + self.ending for new in self.replaced[number])
            else:
                out.append(line)
            if number in self.inserted:
                if out and not out[-1].endswith("\n"):
                    out[-1] += self.ending
                out.extend(new + self.ending for new in self.inserted[number])
        return "".join(out)

    def diff(self, path: str) -> str:
        """The changes as a unified diff; empty if there are none."""
        new = self.result().splitlines(keepends=True)
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in difflib.unified_diff(self.lines, new, f"a/{path}", f"b/{path}")
        )


def indent_of(line: str) -> int:
    """How many blanks a line begins with."""
    return len(line) - len(line.lstrip(" "))


def block_end(lines: list[str], first: int) -> int:
    """The last line of the YAML block that begins on line `first`, with all lines that are indented further."""
    indent = indent_of(lines[first - 1])
    last = first
    for number in range(first + 1, len(lines) + 1):
        line = lines[number - 1]
        if not line.strip():
            continue
        if indent_of(line) <= indent:
            break
        last = number
    return last
