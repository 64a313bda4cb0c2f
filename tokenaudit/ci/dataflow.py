"""Where credentials go: from the bindings of a pipeline into its steps, their commands and their actions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tokenaudit.ci.model import Binding, BindingKind, BindingScope, Job, Pipeline, Step
from tokenaudit.ci.names import Names, sources, stands_in
from tokenaudit.ci.shell import EXPRESSION, Command, Reference, Script, Word

_LOGIN = re.compile(r"\b(?:hf\s+auth|huggingface-cli)\s+login\b|\blogin\s*\(")
_MASK = "::add-mask::"
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")


@dataclass(frozen=True)
class Carrier:
    """A variable that holds a credential. `minted` says that it was exchanged or read out in the script itself."""

    credential: str
    level: BindingScope
    minted: bool = False


@dataclass(frozen=True)
class CredentialUse:
    """A credential in one word of a command."""

    credential: str
    word: Word
    reference: Reference | None
    minted: bool = False

    @property
    def offset(self) -> int:
        """Where in the script it stands."""
        return self.word.offset if self.reference is None else self.reference.offset


def credential_of(binding: Binding, names: Names) -> str | None:
    """The credential that a binding carries, by the name of its source or its own; None where it carries none."""
    for source in binding.sources:
        if names.match(source):
            return source
    if not names.match(binding.name):
        return None
    if binding.sources:
        return binding.sources[0]
    if binding.dynamic:
        # an expression without a source only tests something: `${{ secrets.HF_TOKEN != '' }}`
        return None if "${{" in binding.value.value else binding.name
    return None if stands_in(binding.value.value) else binding.name


def is_token_printer(command: Command) -> bool:
    """Whether the command writes the machine's own token to its output: `hf auth token`."""
    return command.name in ("hf", "huggingface-cli") and command.arguments[:2] == ["auth", "token"]


@dataclass
class VariableScope:
    """The variables a script sees, as they are when one of its commands runs."""

    names: Names
    carriers: dict[str, Carrier] = field(default_factory=dict)
    harmless: set[str] = field(default_factory=set)
    """Names that look like a credential's and were given something else."""
    masked: set[str] = field(default_factory=set)
    exchanges: bool = False
    """Whether tokens are exchanged from the job's identity here (`HF_OIDC_RESOURCE` is set)."""

    def bind(self, binding: Binding) -> None:
        """Adds a binding; a nearer one hides a wider one of the same name."""
        credential = credential_of(binding, self.names)
        if binding.name == "HF_OIDC_RESOURCE":
            self.exchanges = True
        if credential is None:
            inner = next((self.carriers[s] for s in binding.sources if s in self.carriers), None)
            self.carriers.pop(binding.name, None)
            if inner is not None:
                self.carriers[binding.name] = Carrier(inner.credential, binding.level)
            elif self.names.match(binding.name):
                self.harmless.add(binding.name)
        else:
            self.harmless.discard(binding.name)
            self.carriers[binding.name] = Carrier(credential, binding.level)

    def variable(self, name: str) -> Carrier | None:
        """The credential that a variable holds; a name that says so is believed unless it was given something else."""
        found = self.carriers.get(name)
        if found is None and name not in self.harmless and self.names.match(name):
            return Carrier(name, BindingScope.FILE)
        return found

    def expression(self, text: str) -> Carrier | None:
        """The credential that a CI expression lets out."""
        for source in sources(text):
            if source.context == "env":
                found = self.variable(source.name)
                if found is not None:
                    return found
            elif self.names.match(source.name):
                return Carrier(source.name, BindingScope.STEP)
        return None

    def carried(self, reference: Reference) -> Carrier | None:
        """The credential behind a reference."""
        if reference.name is not None:
            return self.variable(reference.name)
        return self.expression(reference.expression or "")

    def hits(self, word: Word) -> Iterator[CredentialUse]:
        """The credentials in a word, also those that a substituted command writes into it."""
        for reference in word.references:
            found = self.carried(reference)
            if found is not None:
                yield CredentialUse(found.credential, word, reference, found.minted)
        for command in word.substitutions:
            if is_token_printer(command):
                yield CredentialUse("HF_TOKEN", word, None, minted=True)
            elif command.name in ("echo", "printf", "cat") and command.feeds is None:
                for inner in (*command.words[1:], *(redirect.word for redirect in command.redirects)):
                    yield from self.hits(inner)

    def in_text(self, value: str) -> list[str]:
        """The credentials in a text that is no shell: an input, the value of a variable."""
        return [credential for _, credential in self.placed_in_text(value)]

    def placed_in_text(self, value: str) -> list[tuple[int, str]]:
        """The credentials in a text that is no shell, each with its offset, in order."""
        found = [(match.start(), self.expression(match.group(1))) for match in EXPRESSION.finditer(value)]
        found += [(match.start(), self.variable(match[1])) for match in _VARIABLE.finditer(value)]
        return sorted((offset, carrier.credential) for offset, carrier in found if carrier is not None)

    def after(self, command: Command) -> None:
        """Takes in what a command does to the variables: assignments and masks."""
        for name, word in command.assignments:
            found = next(self.hits(word), None)
            if found is not None:
                minted = found.minted or (found.reference is None)
                self.carriers[name] = Carrier(found.credential, BindingScope.STEP, minted)
            elif self.names.match(name) and word.substitutions:
                self.carriers[name] = Carrier(
                    name, BindingScope.STEP, minted=True
                )  # read out of an answer, unknown to the runner
            elif self.names.match(name) and not word.references:
                self.carriers.pop(name, None)
                if stands_in(word.value):
                    self.harmless.add(name)
                else:
                    self.carriers[name] = Carrier(name, BindingScope.STEP)
        if command.name in ("echo", "printf") and any(_MASK in word.value for word in command.words):
            self.masked.update(ref.name for word in command.words for ref in word.references if ref.name)


@dataclass(frozen=True)
class CommandRun:
    """One command with the variables it sees."""

    pipeline: Pipeline
    job: Job
    step: Step
    script: Script
    command: Command
    scope: VariableScope


class DataFlow:
    """A pipeline seen through the names that count as credentials."""

    def __init__(self, pipeline: Pipeline, names: Names) -> None:
        self.pipeline = pipeline
        self.names = names

    def scope(self, job: Job, step: Step) -> VariableScope:
        """The variables at the start of a step."""
        scope = VariableScope(self.names)
        for binding in (*self.pipeline.env, *job.env, *step.env):
            scope.bind(binding)
        return scope

    def runs(self) -> Iterator[CommandRun]:
        """Every command of every script, in order."""
        for job, step in self.pipeline.steps():
            yield from self.step_runs(job, step)

    def step_runs(self, job: Job, step: Step) -> Iterator[CommandRun]:
        """Every command of one step."""
        if step.script is None:
            return
        scope = self.scope(job, step)
        for command in step.script.commands:
            yield CommandRun(self.pipeline, job, step, step.script, command, scope)
            scope.after(command)

    def step_credentials(self, job: Job, step: Step) -> list[str]:
        """Every credential that a step can get at, the nearest last, each once."""
        scope = self.scope(job, step)
        found = [carrier.credential for carrier in scope.carriers.values()]
        for binding in step.inputs:
            own = credential_of(binding, self.names)
            found += [own] if own else scope.in_text(binding.value.value)
        if step.script is not None:
            found += self.named_in(step.script, scope)
        return list(dict.fromkeys(found))

    def holding(self, job: Job) -> Iterator[tuple[Step, list[str]]]:
        """The steps that can use a credential, with its names: also those after one that logged the machine in."""
        stored: list[str] = []
        for step in job.steps:
            own = self.step_credentials(job, step)
            found = list(dict.fromkeys([*own, *stored]))
            if found:
                yield step, found
            if own and step.script is not None and _LOGIN.search(step.script.text.value):
                stored = own

    def named_in(self, script: Script, scope: VariableScope) -> list[str]:
        """The credentials that a script's own text refers to."""
        found: list[str] = []
        for command in script.commands:
            words: Sequence[Word] = [
                *command.words,
                *(word for _, word in command.assignments),
                *(redirect.word for redirect in command.redirects),
            ]
            found += [hit.credential for word in words for hit in scope.hits(word)]
        if not script.commands:
            found += scope.in_text(script.text.value)
        return found

    def job_credentials(self, job: Job) -> list[str]:
        """Every credential that any step of a job can get at, or that its containers are given."""
        found = [name for step in job.steps for name in self.step_credentials(job, step)]
        found += [c for binding in job.others if (c := credential_of(binding, self.names))]
        return list(dict.fromkeys(found))


_URL_END = re.compile(r"https?://[^\s'\"]*$")
_USERINFO = re.compile(r"[^\s/'\"]*@|[^\s'\"]*")


def in_url(text: str, offset: int, length: int) -> bool:
    """Whether the piece of `text` at `offset` stands in the user part or the query of a URL."""
    before = _URL_END.search(text, max(0, offset - 300), offset)
    if before is None:
        return False
    head = before.group()
    after = text[offset + length : offset + length + 200]
    in_user = "/" not in head.split("://", 1)[1] and re.match(r"[^\s/'\"]*@", after) is not None
    return in_user or "?" in head


def way_of(binding: Binding, value: str, start: int, length: int) -> BindingKind:
    """By which way a credential inside a binding's value travels: in a URL, or as the value itself."""
    return BindingKind.URL if in_url(value, start, length) else binding.way
