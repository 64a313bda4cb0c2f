"""Data flow of credentials: from the bindings of a pipeline to its steps, commands and actions."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from tokenaudit.ci.model import Binding, BindingScope, Job, Names, Pipeline, Step, is_placeholder, sources
from tokenaudit.ci.shell import EXPRESSION, Command, Reference, Script, Word
from tokenaudit.work_budget import WorkBudget

_LOGIN = re.compile(r"\b(?:hf\s+auth|huggingface-cli)\s+login\b|\blogin\s*\(")
_MASK = "::add-mask::"
_VARIABLE = re.compile(r"\$\(?\$?\{?(?:env:)?([A-Za-z_]\w*)|%([A-Za-z_]\w*)%|!([A-Za-z_]\w*)!")
_ECHOES = frozenset({"echo", "printf", "write-host", "write-output"})
_STEPS = 20
"""Steps of the work budget per command or credential."""
_MOST_CARRIERS = 100
_BIND = 100
"""Steps of the work budget per binding."""
_NEAR = 300
"""Maximum number of characters between the beginning of a URL and a credential in it."""


@dataclass(frozen=True)
class Carrier:
    """A variable with a credential. `minted` is whether the script itself created it, by an exchange or from output."""

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
        """The offset in the script."""
        return self.word.offset if self.reference is None else self.reference.offset


def credential_of(binding: Binding, names: Names) -> str | None:
    """The credential in a binding, by the name of its source or its own; None if there is none."""
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
    return None if is_placeholder(binding.value.value) else binding.name


def is_token_printer(command: Command) -> bool:
    """Whether the command writes the machine's own token to its output: `hf auth token`."""
    return command.name in ("hf", "huggingface-cli") and command.arguments[:2] == ["auth", "token"]


@dataclass
class VariableScope:
    """The variables of a script at the time when one of its commands runs.

    `known` has the variables with a credential, and None for those that are known to have none. Its maps are layers:
    step, job and pipeline, the nearest first.
    """

    names: Names
    budget: WorkBudget
    known: ChainMap[str, Carrier | None] = field(default_factory=ChainMap)
    masked: set[str] = field(default_factory=set)

    def inner(self, bindings: Iterable[Binding]) -> VariableScope:
        """A nested scope with its own bindings."""
        scope = VariableScope(self.names, self.budget, self.known.new_child())
        for binding in bindings:
            scope.bind(binding)
        return scope

    def bind(self, binding: Binding) -> None:
        """Adds a binding; a nearer one hides a wider one of the same name."""
        self.budget.spend(_BIND + len(binding.sources))
        credential = credential_of(binding, self.names)
        if credential is None:
            inner = next((found for s in binding.sources if (found := self.known.get(s)) is not None), None)
            if inner is not None:
                self.known[binding.name] = Carrier(inner.credential, binding.level)
            elif binding.name in self.known or self.names.match(binding.name):
                self.known[binding.name] = None
        else:
            self.known[binding.name] = Carrier(credential, binding.level)

    def carriers(self) -> dict[str, Carrier]:
        """The variables with a credential, the widest first; at most a hundred per scope."""
        names = (name for layer in reversed(self.known.maps) for name in islice(layer, _MOST_CARRIERS))
        found = {name: carrier for name in names if (carrier := self.known[name]) is not None}
        self.budget.spend(_STEPS * (1 + len(found)))
        return found

    def variable(self, name: str) -> Carrier | None:
        """The credential in a variable; a name of a credential counts unless another value was assigned."""
        if name in self.known:
            return self.known[name]
        return Carrier(name, BindingScope.FILE) if self.names.match(name) else None

    def expression(self, text: str) -> Carrier | None:
        """The credential to which a CI expression evaluates."""
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
        self.budget.spend(_STEPS * (1 + len(word.references) + len(word.substitutions)))
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
        """The credentials in a text that is not shell code: an input, the value of a variable."""
        return [credential for _, credential in self.placed_in_text(value)]

    def placed_in_text(self, value: str) -> list[tuple[int, str]]:
        """The credentials in a text that is not shell code, each with its offset, in order."""
        found = [(match.start(), self.expression(match.group(1))) for match in EXPRESSION.finditer(value)]
        found += [
            (match.start(), self.variable(match[1] or match[2] or match[3])) for match in _VARIABLE.finditer(value)
        ]
        return sorted((offset, carrier.credential) for offset, carrier in found if carrier is not None)

    def after(self, command: Command) -> None:
        """Applies the assignments and masks of a command to the variables."""
        for name, word in command.assignments:
            found = next(self.hits(word), None)
            if found is not None:
                minted = found.minted or (found.reference is None)
                self.known[name] = Carrier(found.credential, BindingScope.STEP, minted)
            elif self.names.match(name) and word.substitutions:
                # read from output, so the runner does not mask it
                self.known[name] = Carrier(name, BindingScope.STEP, minted=True)
            elif self.names.match(name) and not word.references:
                self.known[name] = None if is_placeholder(word.value) else Carrier(name, BindingScope.STEP)
        if command.name.lower() in _ECHOES and any(_MASK in word.value for word in command.words):
            self.masked.update(ref.name for word in command.words for ref in word.references if ref.name)


@dataclass(frozen=True)
class CommandRun:
    """One command with its variables."""

    pipeline: Pipeline
    job: Job
    step: Step
    script: Script
    command: Command
    scope: VariableScope


class DataFlow:
    """A pipeline with the names that count as credentials."""

    def __init__(self, pipeline: Pipeline, names: Names) -> None:
        self.pipeline = pipeline
        self.names = names
        self.budget = pipeline.budget
        self._whole = VariableScope(names, self.budget).inner(pipeline.env)
        self._shared: dict[int, tuple[VariableScope, int]] = {}
        """For each list of shared bindings, by identity, the scope with the bindings applied so far."""
        self._jobs: dict[int, tuple[VariableScope, VariableScope]] = {}
        """For each job, by identity, the enclosing scope and its scope."""

    def scope(self, job: Job, step: Step) -> VariableScope:
        """The variables at the start of a step."""
        around = self._around(job, len(job.shared) if step.preceding is None else step.preceding)
        known = self._jobs.get(id(job))
        if known is None or known[0] is not around:
            known = self._jobs[id(job)] = (around, around.inner(job.env))
        return known[1].inner(step.env)

    def _around(self, job: Job, count: int) -> VariableScope:
        """The scope of the first `count` bindings that a job shares; extended step by step."""
        if not job.shared:
            return self._whole
        scope, bound = self._shared.get(id(job.shared), (self._whole.inner(()), 0))
        if bound > count:
            scope, bound = self._whole.inner(()), 0
        for binding in islice(job.shared, bound, count):
            scope.bind(binding)
        self._shared[id(job.shared)] = scope, count
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
            self.budget.spend(_STEPS)
            yield CommandRun(self.pipeline, job, step, step.script, command, scope)
            scope.after(command)

    def step_credentials(self, job: Job, step: Step) -> list[str]:
        """Distinct credentials that a step can access, the nearest last."""
        scope = self.scope(job, step)
        found = [carrier.credential for carrier in scope.carriers().values()]
        for binding in step.inputs:
            own = credential_of(binding, self.names)
            found += [own] if own else scope.in_text(binding.value.value)
        if step.script is not None:
            found += self.named_in(step.script, scope)
        return list(dict.fromkeys(found))

    def holding(self, job: Job) -> Iterator[tuple[Step, list[str]]]:
        """The steps that can use a credential, with its names, including those after a login."""
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
        """Every credential that any step of a job can access, or that its containers receive."""
        found = [name for step in job.steps for name in self.step_credentials(job, step)]
        found += [c for binding in job.others if (c := credential_of(binding, self.names))]
        return list(dict.fromkeys(found))


_BREAK = re.compile(r"[\s'\"]")
_USER_ENDS = re.compile(r"[^\s/'\"]{0,200}@")


def in_url(text: str, offset: int, length: int) -> bool:
    """Whether the part of `text` at `offset` is in the user part or the query of a URL."""
    head = _BREAK.split(text[max(0, offset - _NEAR) : offset])[-1]
    scheme = re.search(r"https?://", head)
    if scheme is None:
        return False
    rest = head[scheme.end() :]
    return "?" in rest or ("/" not in rest and _USER_ENDS.match(text, offset + length) is not None)
