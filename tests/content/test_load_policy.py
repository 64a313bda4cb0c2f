"""How code loads repositories: unpinned, with trust, as pickles."""

from __future__ import annotations

import json

import pytest

from tokenaudit.content.load_policy import command_problems, load_problems
from tokenaudit.content.load_rules import RULES
from tokenaudit.model import Problem, Skipped

SHA = "0123456789abcdef0123456789abcdef01234567"
CODE, PICKLE, UNSAFE = "load-unpinned-code", "load-unpinned-pickle", "load-unsafe-pickle"
_DOWNLOAD = "import torch, joblib, pickle\nfrom huggingface_hub import hf_hub_download\n"


def found(
    code: str, path: str = "x.py", credentials: dict[str, str] | None = None
) -> list[tuple[str, str, int | None]]:
    problems = list(load_problems("t", path, code.encode(), credentials))
    assert all(isinstance(one, Problem) for one in problems)
    return [(one.rule, one.severity.value, one.line) for one in problems if isinstance(one, Problem)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AutoModel.from_pretrained('a/m', trust_remote_code=True)", [(CODE, "medium", 1)]),
        ("AutoModel.from_pretrained('a/m', trust_remote_code=True, revision='main')", [(CODE, "medium", 1)]),
        ("AutoModel.from_pretrained('a/m', trust_remote_code=True, revision='0123456')", [(CODE, "medium", 1)]),
        ("AutoModel.from_pretrained('a/m', trust_remote_code=True, revision=None)", [(CODE, "medium", 1)]),
        ("AutoModel.from_pretrained('a/m', trust_remote_code=True, code_revision='" + SHA + "')", [(CODE, "medium", 1)]),
        ("T = True\nM = 'a/m'\nAutoModel.from_pretrained(M, trust_remote_code=T)", [(CODE, "medium", 3)]),
        ("def load(name='a/m'):\n    AutoModel.from_pretrained(name, trust_remote_code=True)", [(CODE, "medium", 2)]),
        ("x = AutoModel.from_pretrained\nx('a/m',\n  trust_remote_code=True)", [(CODE, "medium", 2)]),
        ("pipeline('text-generation', model='a/m', trust_remote_code=True)", [(CODE, "medium", 1)]),
        ("SentenceTransformer('a/m', trust_remote_code=True)", [(CODE, "medium", 1)]),
        ("load_dataset('a/d', trust_remote_code=True)", [(CODE, "medium", 1)]),
        ("LLM(model='a/m', trust_remote_code=True)", [(CODE, "medium", 1)]),
        ("import torch\ntorch.hub.load('a/repo', 'm')", [(CODE, "medium", 2)]),
        ("import torch\ntorch.hub.load('a/repo:v1', 'm')", [(CODE, "medium", 2)]),
        ("from kernels import get_kernel\nget_kernel('a/k')", [(CODE, "medium", 2)]),
        ("AutoModel.from_pretrained('a/m', attn_implementation='a/k', revision='" + SHA + "')", [(CODE, "medium", 1)]),
        ("DiffusionPipeline.from_pretrained('a/m', custom_pipeline='b/p', revision='" + SHA + "')", [(CODE, "medium", 1)]),
        ("m.generate(x, custom_generate='b/g', trust_remote_code=True)", [(CODE, "medium", 1)]),
        ("import os\nt = os.environ['HF_TOKEN']\nAutoModel.from_pretrained('a/m', trust_remote_code=True)", [(CODE, "high", 3)]),
        ("def f(x):\n    AutoModel.from_pretrained(x, trust_remote_code=True)", [(CODE, "info", 2)]),
        ("AutoModel.from_pretrained('a/m')", [(PICKLE, "info", 1)]),
        ("M = 'a/m'\nAutoModel.from_pretrained(M)\nAutoModel.from_pretrained('a/n')", [(PICKLE, "info", 2)]),
        ("SentenceTransformer('a/m')", [(PICKLE, "info", 1)]),
        (_DOWNLOAD + "torch.load(hf_hub_download('a/m', 'x.pt'), weights_only=False)", [(UNSAFE, "high", 3)]),
        (_DOWNLOAD + "p = hf_hub_download('a/m', 'x.pt')\ntorch.load(p)", [(UNSAFE, "medium", 4)]),
        (_DOWNLOAD + "p = hf_hub_download('a/m', 'x.pt')\njoblib.load(p)", [(UNSAFE, "medium", 4)]),
        (_DOWNLOAD + "with open(hf_hub_download('a/m', 'x'), 'rb') as f:\n    pickle.load(f)", [(UNSAFE, "medium", 4)]),
        (_DOWNLOAD + f"torch.load(hf_hub_download('a/m', 'x', revision='{SHA}'), weights_only=False)", [(UNSAFE, "low", 3)]),
        ("import torch\ndef f(p):\n    torch.load(p, weights_only=False)", [(UNSAFE, "info", 3)]),
    ],
)  # fmt: skip
def test_loads_that_are_not_as_they_should_be(code: str, expected: list[tuple[str, str, int]]) -> None:
    assert found(code) == expected


@pytest.mark.parametrize(
    "code",
    [
        f"AutoModel.from_pretrained('a/m', trust_remote_code=True, revision='{SHA}')",
        f"R = '{SHA}'\nAutoModel.from_pretrained('a/m', trust_remote_code=True, revision=R)",
        "AutoModel.from_pretrained('a/m', trust_remote_code=True, revision=args.revision)",
        "AutoModel.from_pretrained('./m', trust_remote_code=True)",
        "AutoModel.from_pretrained('/models/m', trust_remote_code=True)",
        "AutoModel.from_pretrained('outputs/m', trust_remote_code=True)",
        "AutoModel.from_pretrained('a/m', trust_remote_code=True, local_files_only=True)",
        "AutoModel.from_pretrained('a/m', trust_remote_code=True, **options)",
        "AutoModel.from_pretrained('a/m', trust_remote_code=False, use_safetensors=True)",
        f"from huggingface_hub import snapshot_download\np = snapshot_download('a/m', revision='{SHA}')\nAutoModel.from_pretrained(p, trust_remote_code=True)",
        "import os\nos.environ['HF_HUB_OFFLINE'] = '1'\nAutoModel.from_pretrained('a/m', trust_remote_code=True)",
        "AutoTokenizer.from_pretrained('a/m')",
        "AutoConfig.from_pretrained('a/m')",
        f"AutoModel.from_pretrained('a/m', revision='{SHA}')",
        "AutoModel.from_pretrained('a/m', use_safetensors=True)",
        "def f(x):\n    AutoModel.from_pretrained(x)",
        '"""AutoModel.from_pretrained("a/m", trust_remote_code=True)"""',
        "def f():\n    '''\n    >>> AutoModel.from_pretrained('a/m')\n    '''",
        "# AutoModel.from_pretrained('a/m')",
        "x = 'AutoModel.from_pretrained(\"a/m\")'",
        "x = make(attn_implementation='a/k')",
        f"import torch\ntorch.hub.load('a/repo:{SHA}', 'm')",
        "import torch\ntorch.hub.load('.', 'm', source='local')",
        "import torch\ntorch.load('x.pt', weights_only=False)",
        _DOWNLOAD + "torch.load(hf_hub_download('a/m', 'x.pt'), weights_only=True)",
        "from kernels import get_kernel\nget_kernel('a/k', version=1)",
        "import numpy as np\nnp.load('x.npy', allow_pickle=True)",
    ],
)  # fmt: skip
def test_loads_that_are_pinned_local_or_not_known(code: str) -> None:
    assert found(code) == []


def test_the_credential_of_the_step_that_runs_the_script_is_named() -> None:
    code = b"AutoModel.from_pretrained('acme/m', trust_remote_code=True)"
    (problem,) = load_problems("t", "tools/eval.py", code, {"tools/eval.py": "HF_TOKEN"})
    assert isinstance(problem, Problem)
    assert (problem.severity.value, problem.credential_name) == ("high", "HF_TOKEN")
    assert "acme/m without a pinned revision, with HF_TOKEN in its environment" in problem.message
    assert "https://huggingface.co/acme/m" in problem.remedy


def test_notebooks_are_read_and_what_is_not_python_is_reported() -> None:
    cells = [
        {
            "cell_type": "code",
            "source": ["!pip install x\n", "AutoModel.from_pretrained('a/m', trust_remote_code=True)"],
        }
    ]
    assert found(json.dumps({"cells": cells}), "x.ipynb") == [(CODE, "medium", 2)]
    for path, data in (("x.ipynb", b"from_pretrained"), ("x.py", b"from_pretrained(trust_remote_code=True")):
        (one,) = load_problems("t", path, data)
        assert isinstance(one, Skipped)


def test_commands_that_trust_code() -> None:
    for text, lines in {
        "vllm serve a/m --trust-remote-code": [1],
        "vllm serve a/m \\\n  --trust-remote-code": [2],
        f"vllm serve a/m --trust-remote-code \\\n  --revision {SHA}": [],
        "vllm serve a/m --trust-remote-code --revision main": [1],
        "vllm serve a/m --trust-remote-code --revision $REVISION": [],
        "vllm serve /models/m --trust-remote-code": [],
        "python x.py --trust_remote_code false": [],
        "# vllm serve a/m --trust-remote-code": [],
    }.items():
        assert [one.line for one in command_problems("t", "run.sh", text.encode())] == lines, text
    yaml = f"args:\n- --model=a/m\n- --trust-remote-code\n- --revision={SHA}\n"
    assert list(command_problems("t", "k8s.yaml", yaml.encode())) == []
    assert len(list(command_problems("t", "k8s.yaml", yaml.replace(SHA, "v1").encode()))) == 1


def test_examples_of_the_rules() -> None:
    for rule in RULES:
        assert rule.id in [one[0] for one in found(rule.bad)]
        assert found(rule.good) == []
