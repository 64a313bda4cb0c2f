"""What a repository offers, judged by its list of files: only pickles, trainer leftovers, code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from tokenaudit.content.change import ContentFinding, FileChange, RepositoryFacts
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.model import Problem, Rule, Severity
from tokenaudit.redaction import mask
from tokenaudit.text import listed

PICKLE_ONLY = Rule(
    id="repo-pickle-only",
    title="Repository offers only pickles",
    severity=Severity.LOW,
    why="Loading a pickle runs the code in it. Anyone who can write to the repository, including with a leaked token, "
    "can run code on the machines that load the weights.",
    remedy="Convert the weights of a revision that you trust to safetensors, then delete the pickles.",
    bad="A model with `pytorch_model.bin` and no `model.safetensors`.",
    good="`model.safetensors`",
    references=("https://huggingface.co/docs/safetensors/index",),
)
TRAINER_LEFTOVERS = Rule(
    id="repo-trainer-leftovers",
    title="Repository contains trainer pickles",
    severity=Severity.INFO,
    why="The model works without the optimizer's state, and each of these files runs code when it is "
    "loaded. "
    "`training_args.bin` can hold tokens and paths of the machine.",
    remedy="Delete them: `hf repo-files delete REPO optimizer.pt scheduler.pt rng_state.pth training_args.bin`.",
    bad="A model with `optimizer.pt` and `training_args.bin`.",
    good="Weights, configuration, tokenizer and card.",
)
REMOTE_CODE = Rule(
    id="repo-remote-code",
    title="Repository has code that runs on load",
    severity=Severity.INFO,
    why="Everyone who loads the repository with `trust_remote_code=True` runs this code. A leaked token with write "
    "access can change it.",
    remedy="Contribute the model to the library, or tell users to pin `revision=` and `code_revision=` to a full "
    "commit id.",
    bad="A model with `modeling_acme.py` and `auto_map`.",
    good="A model with an architecture that the library includes.",
    references=("https://huggingface.co/docs/transformers/main/en/custom_models",),
)
RULES = (PICKLE_ONLY, TRAINER_LEFTOVERS, REMOTE_CODE)

_LEFTOVERS = re.compile(
    r"training_args\.bin|optimizer\.(?:pt|bin)|scheduler\.pt|scaler\.pt|rng_state(?:_\d+)?\.pth|trainer_state\.pt|"
    r"random_states_\d+\.pkl|(?:.*optim_states|.*model_states)\.pt"
)
_WEIGHTS = re.compile(r".*\.(?:bin|pt|pth|ckpt|pkl|pickle|p|joblib|pdparams|dill)", re.IGNORECASE)
_NO_WEIGHTS = re.compile(
    r"(?:tokenizer|vocab|spiece|sentencepiece|merges|dict|openvino_model|flax_model|.*ggml).*\.bin", re.IGNORECASE
)
_SAFE = re.compile(r".*\.(?:safetensors|gguf|onnx|msgpack|tflite|mlmodel)|openvino_model\.xml", re.IGNORECASE)
_LOADED_CODE = re.compile(
    r"(?:modeling|configuration|tokenization|processing|image_processing|feature_extraction|video_processing|generation_utils|"
    r"pipeline|custom_st|modular)(?:_[\w-]+)?\.py|handler\.py|custom_generate/generate\.py|hubconf\.py"
)


def repository_problems(target: str, paths: Iterable[str]) -> Iterator[Problem]:
    """Problems for those who load a model or data set, judged by its files.

    `target` is as in reports: `models/acme/m`, `datasets/acme/d`. `paths` are all files. Spaces are not loaded.
    """
    kind, _, name = target.partition("/")
    files = sorted(set(paths))
    names = {path: PurePosixPath(path).name for path in files}
    leftovers = [path for path in files if _LEFTOVERS.fullmatch(names[path])]
    weights = [
        path
        for path in files
        if _WEIGHTS.fullmatch(names[path]) and path not in leftovers and not _NO_WEIGHTS.fullmatch(names[path])
    ]
    if kind not in {"models", "datasets"}:
        return
    if kind == "models" and weights and not any(_SAFE.fullmatch(names[path]) for path in files):
        yield _problem(
            PICKLE_ONLY, target, weights[0], f"the weights are only available as pickles: {listed(weights, 3)}"
        )
    if leftovers:
        message = f"pickles that only training needs: {listed(leftovers, 3)}"
        yield _problem(TRAINER_LEFTOVERS, target, leftovers[0], message)
    code = [path for path in files if _is_loaded(path, kind, name)]
    if code:
        yield _problem(REMOTE_CODE, target, code[0], f"code that runs when the repository is loaded: {listed(code, 3)}")


def _is_loaded(path: str, kind: str, name: str) -> bool:
    if kind == "datasets":
        return path == f"{name.rpartition('/')[2]}.py"
    return _LOADED_CODE.fullmatch(path) is not None


def _problem(rule: Rule, target: str, path: str, message: str) -> Problem:
    return Problem(
        rule=rule.id,
        severity=rule.severity,
        target=target,
        path=mask(path),
        line=None,
        column=None,
        where=None,
        credential_name=None,
        message=mask(message),
        remedy=rule.remedy,
    )


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """A finding for the file that introduces one of these problems."""
    del content
    name = PurePosixPath(change.path).name
    is_concerned = _LEFTOVERS.fullmatch(name) or _WEIGHTS.fullmatch(name) or name.endswith(".py")
    if change.after is None or not repository.before or not is_concerned:
        return
    target = f"{repository.type}s/{repository.id}"
    before = {problem.rule for problem in repository_problems(target, repository.before)}
    for problem in repository_problems(target, repository.after):
        if problem.rule not in before and problem.path == change.path:
            yield finding(_BY_ID[problem.rule], problem.message, risk="weakens")


_BY_ID = {rule.id: rule for rule in RULES}
