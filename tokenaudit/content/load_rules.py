"""The rules for loads of what others can change."""

from __future__ import annotations

import re

from tokenaudit.model import Rule, Severity

LARGEST = 2 << 20
"""Size in bytes of the largest file that is read."""
MENTIONS = re.compile(
    rb"from_pretrained|trust.remote.code|SentenceTransformer\(|CrossEncoder\(|hub\.load|get_kernel|custom_pipeline|"
    rb"custom_generate|weights_only|hf_hub_download|snapshot_download|allow_pickle"
)
"""What Python or a notebook mentions if a rule can apply to it."""

COMMAND_MENTION = b"remote"
"""The same for other files."""


_PIN = (
    'Pin it: `revision="<full commit id>"`, and `code_revision=` if the code is in another repository. '
    "`git ls-remote https://huggingface.co/{repository} HEAD` prints the id. A branch, a tag or a short id can be "
    "moved."
)
UNPINNED_CODE = Rule(
    id="load-unpinned-code",
    title="Unpinned code from a repository",
    severity=Severity.MEDIUM,
    why="Anyone who can push to the repository, including with a leaked token, runs code wherever this runs. With a "
    "token in the environment, the token is stolen at the next load.",
    remedy=_PIN.format(repository="OWNER/NAME"),
    bad="""\
# serve.py
from transformers import AutoModel

AutoModel.from_pretrained("acme/model", trust_remote_code=True)
""",
    good="""\
# serve.py
from transformers import AutoModel

AutoModel.from_pretrained(
    "acme/model",
    trust_remote_code=True,
    revision="0123456789abcdef0123456789abcdef01234567",
    code_revision="0123456789abcdef0123456789abcdef01234567",
)
""",
    references=("https://huggingface.co/docs/transformers/main/en/custom_models",),
)
UNPINNED_PICKLE = Rule(
    id="load-unpinned-pickle",
    title="Unpinned weights, possibly loaded as a pickle",
    severity=Severity.INFO,
    why="Without a revision, the newest commit is loaded: its safetensors, or its pickle if it has none.",
    remedy=f"{_PIN.format(repository='OWNER/NAME')} `use_safetensors=True` refuses pickles.",
    bad="""\
# serve.py
from transformers import AutoModel

AutoModel.from_pretrained("acme/model")
""",
    good="""\
# serve.py
from transformers import AutoModel

AutoModel.from_pretrained("acme/model", revision="0123456789abcdef0123456789abcdef01234567", use_safetensors=True)
""",
    references=("https://huggingface.co/docs/safetensors/index",),
)
UNSAFE_PICKLE = Rule(
    id="load-unsafe-pickle",
    title="Downloaded pickle is loaded",
    severity=Severity.MEDIUM,
    why="Loading a pickle runs the code in it. `weights_only=False` switches off torch's protection.",
    remedy="Load safetensors: `safetensors.torch.load_file(path)`. If the pickle must stay: `weights_only=True` "
    "and a pinned `revision=` of the download.",
    bad="""\
# convert.py
import torch
from huggingface_hub import hf_hub_download

torch.load(hf_hub_download("acme/model", "pytorch_model.bin"), weights_only=False)
""",
    good="""\
# convert.py
from huggingface_hub import hf_hub_download
from safetensors.torch import load_file

load_file(hf_hub_download("acme/model", "model.safetensors", revision="0123456789abcdef0123456789abcdef01234567"))
""",
    references=("https://docs.pytorch.org/docs/stable/generated/torch.load.html",),
)
RULES = (UNPINNED_CODE, UNPINNED_PICKLE, UNSAFE_PICKLE)
