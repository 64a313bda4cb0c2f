"""Configuration files and source code made to cost more than their size: each grows to any number of bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeAlias

Build: TypeAlias = Callable[[int], str]
"""Gives the text of a file of about so many characters."""

WORKFLOW = ".github/workflows/a.yml"
GITLAB = ".gitlab-ci.yml"
_HEAD = "on: push\nenv: {HF_TOKEN: x}\njobs:\n  a:\n    runs-on: x\n    steps:\n"


def repeated(piece: str, *, head: str = "", tail: str = "") -> Build:
    """`piece` over and over."""
    return lambda size: head + piece * (size // len(piece)) + tail


def numbered(piece: str, *, head: str = "", tail: str = "") -> Build:
    """`piece` with a number in place of each `#`, `{}` being the one before."""

    def build(size: int) -> str:
        count = size // (len(piece) + 4)
        return head + "".join(piece.replace("#", str(n)).replace("{}", str(max(n - 1, 0))) for n in range(count)) + tail

    return build


def nested(start: str, end: str, *, middle: str = "a", head: str = "", tail: str = "") -> Build:
    """`start` so many times, then as many times `end`."""
    return lambda size: (
        head + start * (size // (len(start) + len(end))) + middle + end * (size // (len(start) + len(end))) + tail
    )


def two(first: Build, second: Build) -> Build:
    """One half of each."""
    return lambda size: first(size // 2) + second(size // 2)


def _run(build: Build) -> Build:
    """A workflow with one step that runs the text, all on one line."""

    def wrapped(size: int) -> str:
        return _HEAD + "      - run: " + json.dumps(build(size)) + "\n"

    return wrapped


def _wide_extends(size: int) -> str:
    layers, width = 10, max(size // 1000, 4)
    names = [[f"j{layer}x{n}" for n in range(width)] for layer in range(layers)]
    text = "variables: {HF_TOKEN: $X}\n"
    for layer in range(layers):
        parents = f"extends: [{', '.join(names[layer - 1])}], " if layer else ""
        text += "".join(f"{name}: {{{parents}script: [a]}}\n" for name in names[layer][: 4 if layer else width])
    return text


def doubling(template: str, *, head: str = "HF_TOKEN=x\n", tail: str = "\nhf upload $A{} .\n") -> Build:
    """`A1=$A0$A0`, `A2=$A1$A1` …; the number is bound to the size."""

    def build(size: int) -> str:
        count = max(size // 20, 2)
        lines = "".join(template.replace("#", str(n)).replace("{}", str(n - 1)) for n in range(1, count))
        return (
            head
            + template.replace("#", "0").replace("$A{}", "x").replace("${A{}}", "x")
            + lines
            + tail.replace("{}", str(count - 1))
        )

    return build


CONFIGURATION: dict[str, tuple[str, Build]] = {
    "gitlab extends doubling": (GITLAB, numbered("j#: {extends: [j{}, j{}], script: [a]}\n", head="variables: {HF_TOKEN: $X}\n")),
    "gitlab extends wide": (GITLAB, _wide_extends),
    "gitlab extends a chain": (GITLAB, numbered("j#: {extends: j{}, variables: {HF_TOKEN: $X}, script: [a]}\n")),
    "gitlab variables and jobs": (
        GITLAB,
        two(numbered("  HF_TOKEN_#: $X\n", head="variables:\n"), numbered("j#: {script: [a]}\n")),
    ),
    "gitlab includes": (GITLAB, numbered("  - local: /a*a*#*.yml\n", head="# HF_TOKEN\ninclude:\n")),
    "yaml merges": (GITLAB, numbered("a#: &a# {<<: [*a{}, *a{}], HF_TOKEN: $X}\n", head="a: &a0 {b: c}\n")),
    "yaml long keys": (WORKFLOW, lambda size: f"# HF_TOKEN\n? {'k' * (size // 2)}\n:\n" + "  - a\n" * (size // 12)),
    "yaml long keys nested": (
        WORKFLOW,
        lambda size: "# HF_TOKEN\n"
        + "".join(" " * n + "k" * min(size // 150, 1_000) + ":\n" for n in range(80))
        + (" " * 80 + "- a\n") * (size // 168),
    ),
    "yaml tag directives": (WORKFLOW, numbered("%TAG !a#! x\n", tail="---\nHF_TOKEN: x\n")),
    "yaml escapes in lines": (WORKFLOW, repeated("\\t\\x41\n  ", head='HF_TOKEN: "', tail='"\n')),
    "yaml plain lines": (WORKFLOW, repeated("a\n  ", head="HF_TOKEN: ", tail="\n")),
    "yaml brackets": (WORKFLOW, nested("[", "]", head="# HF_TOKEN\na: ")),
    "yaml documents": ("k.yaml", numbered("---\napiVersion: v1\nkind: Pod\nenv: [{name: HF_TOKEN_#, value: b}]\n")),
    "dotenv lines": (".env", numbered("HF_TOKEN_#=a\n")),
    "terraform blocks": ("a.tf", two(numbered("  HF_TOKEN_# = 1\n"), numbered('variable "v#" {\n'))),
    "dockerfile word": ("Dockerfile", repeated("a", head="FROM x\n# HF_TOKEN\nENV ")),
    "dockerfile arg and run": ("Dockerfile", numbered("ARG HF_TOKEN_#\nRUN a\n", head="FROM x\n")),
    "dockerfile env doubling": ("Dockerfile", doubling("ENV A#=$A{}$A{}\n", head="FROM x\nARG HF_TOKEN\n", tail="\nRUN hf upload $A{} .\n")),
    "dockerfile build args": ("Dockerfile", numbered("ARG HF_TOKEN_#\n", head="FROM x\n")),
    "travis word": (".travis.yml", repeated("a", head="# HF_TOKEN\nenv: ")),
    "travis pairs": (".travis.yml", numbered("HF_TOKEN_#=$A ", head="env: ")),
    "jenkins braces": ("Jenkinsfile", repeated("{}", head="// HF_TOKEN\n")),
    "jenkins nested": ("Jenkinsfile", nested("a {", "}", middle="sh 'a';" * 10, head="// HF_TOKEN\n")),
    "jenkins credentials": (
        "Jenkinsfile",
        two(
            numbered("string(credentialsId: 'a', variable: 'HF_TOKEN_#')\n", head="node {\n"),
            repeated("sh 'a'\n", tail="}\n"),
        ),
    ),
    "jenkins triple quotes": ("Jenkinsfile", repeated("\\'''x", head="// HF_TOKEN\n'''")),
    "sequence of scalars": (GITLAB, repeated("    - a\n", head="# HF_TOKEN\nj:\n  script:\n")),
    "cloudbuild arguments": ("cloudbuild.yaml", repeated("  - a\n", head="# HF_TOKEN\nsteps:\n- name: x\n  args:\n")),
    "variables without an end": (GITLAB, repeated("${a", head="variables:\n  HF_TOKEN: ")),
    "environments and steps": (
        WORKFLOW,
        two(
            numbered("      HF_TOKEN_#: ${{ secrets.HF_TOKEN }}\n", head="jobs:\n  a:\n    env:\n"),
            repeated("      - run: a\n", head="    steps:\n"),
        ),
    ),
    "triggers and jobs": (
        WORKFLOW,
        two(
            repeated("- issues\n", head="# HF_TOKEN\non:\n"),
            numbered("  j#: {if: github.event_name == 'push', steps: [{run: 'echo $HF_TOKEN'}]}\n", head="jobs:\n"),
        ),
    ),
    "cached paths and files": (
        WORKFLOW,
        two(
            repeated("            b/c\n", head=_HEAD + "      - uses: actions/cache@v4\n        with:\n          path: |\n"),
            repeated("          echo $HF_TOKEN >d\n", head="      - run: |\n"),
        ),
    ),
    "long file names": (WORKFLOW, _run(lambda size: "echo $HF_TOKEN > " + "public/" * (size // 7))),
    "git fetch on one line": (WORKFLOW, lambda size: _run(repeated("git fetch "))(size).replace("push", "issues", 1)),
    "git push": (WORKFLOW, _run(repeated("git push\n", head="echo $HF_TOKEN\n"))),
    "set x": (WORKFLOW, _run(repeated("x", head="set -", tail="1"))),
    "grep q": (WORKFLOW, _run(repeated("q", head="echo $HF_TOKEN | grep -", tail="1"))),
    "python repo ids": (WORKFLOW, lambda size: _run(repeated("/", head="upload_folder(repo_id='", tail=")"))(size).replace("run:", "shell: python\n        run:")),
    "expressions on one line": (WORKFLOW, _run(repeated("${{a}} "))),
    "expressions indexed": (WORKFLOW, lambda size: _HEAD + "      - run: echo ${{ " + "env[" * (size // 4) + " }}\n"),
    "URLs without an end": (WORKFLOW, _run(repeated("https://${{"))),
    "URLs in one word": (WORKFLOW, _run(repeated("https://u:$HF_TOKEN@h/", head="git clone "))),
    "trust without an end": (WORKFLOW, _run(repeated("f(trust_remote_code=True "))),
    "downloads and runs": (
        WORKFLOW,
        _run(two(numbered("hf download a/b# --local-dir d#\n", head="echo $HF_TOKEN\n"), repeated("./a/b\n"))),
    ),
    "cat to cat": (WORKFLOW, _run(repeated("cat <<<$HF_TOKEN|"))),
    "one group, many redirects": (WORKFLOW, _run(two(repeated("a;", head="{ "), repeated(">f ", head="} ")))),
    "substitutions": (WORKFLOW, _run(nested("$(", ")"))),
    "adjacent words": (WORKFLOW, _run(repeated("/$A"))),
    "other letters": (WORKFLOW, _run(repeated("é $HF_TOKEN "))),
    "toJSON": (WORKFLOW, repeated("${{toJSON(secrets)}} ", head=_HEAD + "      - run: ")),
    "keys of all kinds": (WORKFLOW, numbered("a#: {on: b}\n", head=_HEAD)),
    **{
        f"shell {piece!r}": ("a.sh", repeated(piece, head="echo $HF_TOKEN\n"))
        for piece in ("a|", "`>{", "`<a", ")$", ")", "(", "$(", "${", "<<A\n", "a=(", "if(a){", "[a]", "`", '"', "'", "{ ", "if a; then ", "case a in ", "((", "a | ", "a&&", "[[ ", "\\\n", "$a", "a\n", '"$(')
    },
    **{
        f"powershell {piece!r}": ("a.ps1", repeated(piece, head="echo $env:HF_TOKEN\n"))
        for piece in ("${", "$(", "(", "{", "@{", "a|", "a,", "$a.b", "$(a){", "if(a){", '"', "'", '"$(', "@'\n", "`\n", "[", "-")
    },
    **{
        f"cmd {piece!r}": ("a.bat", repeated(piece, head="echo %HF_TOKEN%\n"))
        for piece in ("(", ")", "%", "!", "%a", '"', "^", "^\n", "a|", "a&", "if a (", "for %%a in (", ">", "set a=%a%\n")
    },
}  # fmt: skip
"""Files that CI systems and deployments read, by what is wrong with them."""

_PY = "from huggingface_hub import HfApi, hf_hub_download\napi = HfApi()\n"
_JS = "import { uploadFile } from '@huggingface/hub';\n"


def _notebook(size: int) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": "# hf"}] * (size // 40)})


def _shell_lines(template: str, *, head: str = "") -> Build:
    return lambda size: head + repeated(template)(size) + "\nhf upload acme/m .\n"


def _workflow_nested(size: int) -> str:
    text = "# hf\nenv: {A: x}\njobs:\n  a:\n"
    for depth in range(min(size // 60, 45)):
        pad = " " * (2 * depth + 4)
        text += f'{pad}env: {{A: "${{{{ env.A }}}}${{{{ env.A }}}}"}}\n{pad}b:\n'
    return text + " " * 120 + "run: hf upload acme/$A .\n"


def _texts_backwards(size: int) -> str:
    """`a11` is made of many `a10`, each of many `a9` …, and the call comes first."""
    lines = (f"a{n} = f'{f'{{a{n - 1}}}' * (size // 100)}'\n" for n in range(1, 12))
    return _PY + "hf_hub_download(a11)\n" + "".join(lines) + "a0 = 'x'\n"


CODE: dict[str, tuple[str, Build]] = {
    "names assigned and used": (
        "a.py",
        two(numbered("x = 'acme/m#'\n", head=_PY), repeated("hf_hub_download(x)\n")),
    ),
    "a function called and its parameter used": (
        "a.py",
        two(
            repeated("    hf_hub_download(x)\n", head=_PY + "def f(x):\n"),
            numbered("f('acme/m#')\n"),
        ),
    ),
    "unknown arguments": (
        "a.py",
        two(repeated("    hf_hub_download(x)\n", head=_PY + "def f(x):\n"), repeated("f(y())\n")),
    ),
    "attributes": ("a.py", two(numbered("a.x = b#()\n", head=_PY), repeated("hf_hub_download(c.x)\n"))),
    "loops": ("a.py", two(numbered("for x in ['acme/m#']: pass\n", head=_PY), repeated("hf_hub_download(x)\n"))),
    "elements": ("a.py", two(numbered("'a#',", head=_PY + "l = [", tail="]\n"), numbered("for x# in l: hf_hub_download(x#)\n"))),
    "texts doubling": ("a.py", numbered("a# = f'{a{}}{a{}}'\n", head=_PY + "a0 = 'acme/m'\n", tail="hf_hub_download(a9)\n")),
    "texts doubling backwards": ("a.py", _texts_backwards),
    "a dictionary": ("a.py", two(numbered("'k#': 'acme/m#',", head=_PY + "d = {", tail="}\n"), numbered("hf_hub_download(d['k#'])\n"))),
    "many parameters": (
        "a.py",
        lambda size: _PY
        + f"def f({', '.join(f'p{n}' for n in range(size // 40))}):\n"
        + "".join(f"    hf_hub_download(p{n})\n" for n in range(size // 40))
        + f"f({', '.join(f'p{n}=1' for n in range(size // 40))})\n",
    ),
    "stars": ("a.py", two(repeated("from a import *\n", head=_PY), repeated("f()\n"))),
    "trainers": (
        "a.py",
        two(
            numbered("TrainingArguments(push_to_hub=True, hub_model_id='acme/m#')\n", head=_PY),
            repeated("trainer.push_to_hub()\n"),
        ),
    ),
    "a long text in many calls": ("a.py", two(repeated("x", head=_PY + "s = '", tail="'\n"), repeated("f(s)\n"))),
    "commands in a variable": (
        "a.py",
        two(repeated("a ", head=_PY + "import os\ns = 'hf ", tail="'\n"), repeated("os.system(s)\n")),
    ),
    "a large number": ("a.py", lambda size: _PY + f"n = 0x{'f' * size}\nhf_hub_download(f'a{{n}}')\n"),
    "a chain of attributes": ("a.py", repeated(".b", head=_PY + "hf_hub_download(a", tail=")\n")),
    "a chain of calls": ("a.py", repeated("()", head=_PY + "hf_hub_download(a", tail=")\n")),
    "a sum": ("a.py", repeated("+a", head=_PY + "hf_hub_download(a", tail=")\n")),
    "signs": ("a.py", repeated("-", head=_PY + "hf_hub_download(", tail="a)\n")),
    "nots": ("a.py", repeated("not ", head=_PY + "hf_hub_download(", tail="a)\n")),
    "calls nested": ("a.py", nested("f(", ")", head=_PY)),
    "lists nested": ("a.py", nested("[", "]", head=_PY)),
    "elifs": ("a.py", repeated("elif a: pass\n", head=_PY + "if a: pass\n")),
    "functions nested": (
        "a.py",
        lambda size: _PY + "".join(" " * n + "def f():\n" for n in range(min(size // 60, 90))) + " " * 90 + "hf_hub_download('a/b')\n",
    ),
    "lambdas nested": ("a.py", repeated("lambda:", head=_PY + "f(", tail="1)\n")),
    "one long line": ("a.py", repeated("hf_hub_download('acme/m');", head=_PY)),
    "shell variables doubling": ("a.sh", doubling("A#=$A{}$A{}\n")),
    "shell braces doubling": ("a.sh", doubling("A#=${A{}}${A{}}\n", tail="\nhf upload ${A{}} .\n")),
    "dockerfile ENV doubling": ("Dockerfile", doubling("ENV A#=$A{}$A{}\n", tail="\nRUN hf upload $A{} .\n")),
    "dockerfile ARG doubling": ("Dockerfile", doubling("ARG A#=$A{}$A{}\n", tail="\nRUN hf upload $A{} .\n")),
    "makefile doubling": ("Makefile", doubling("A#=$(A{})$(A{})\n", tail="\n\thf upload $(A{}) .\n")),
    "a long value in many words": (
        "a.sh",
        two(repeated("x", head="A=", tail="\n"), repeated("$A", head="hf upload ", tail="\n")),
    ),
    "loops within loops": (
        "a.sh",
        lambda size: "".join(f"for {v} in {' '.join(v + str(n) for n in range(size // 40))}; do\n" for v in "abcdef") + "hf upload $a/$b$c$d$e$f .\n",
    ),
    "URLs for curl": ("a.sh", repeated("https://huggingface.co/api/models/acme/m ", head="curl ")),
    "URLs for pip": ("a.sh", repeated("git+https://huggingface.co/acme/m ", head="pip install ")),
    "URLs for git": ("a.sh", repeated("https://huggingface.co/acme/m ", head="git push ")),
    "sudo": ("a.sh", repeated("sudo ", tail="hf upload acme/m .\n")),
    "options of uvx": ("a.sh", repeated("--with a ", head="uvx ", tail="hf upload acme/m .\n")),
    "options of git": ("a.sh", repeated("-c a ", head="git ", tail="push https://huggingface.co/acme/m\n")),
    "one long word": ("a.sh", repeated("a", head="hf upload ")),
    "javascript nested calls": ("a.js", nested("uploadFile({repo: 'acme/m'}, ", ")", head=_JS)),
    "javascript calls": ("a.js", repeated("uploadFile({repo: 'acme/m'});\n", head=_JS)),
    "javascript imports and calls": (
        "a.ts",
        two(numbered("import { uploadFile as u# } from '@huggingface/hub';\n"), numbered("u#({repo: 'a/b'});")),
    ),
    "javascript one import of much": ("a.ts", numbered("a# as b#, ", head="import { ", tail="} from '@huggingface/hub';\n")),
    "a notebook of many cells": ("a.ipynb", _notebook),
    "a notebook nested": ("a.ipynb", nested("[", "]", head='{"cells": ', tail="}")),
    "a notebook of objects nested": ("a.ipynb", nested('{"a":', "}", middle="1", head='{"cells": ', tail="}")),
    "workflow aliases doubling": (WORKFLOW, numbered("a#: &a# [*a{}, *a{}]\n", head="# hf\na: &a0 {run: hf upload a/b .}\n")),
    "workflow environments nested": (WORKFLOW, _workflow_nested),
    "workflow variables and steps": (
        WORKFLOW,
        two(numbered("  A#: b\n", head="# hf\nenv:\n"), repeated("      - {env: {B: c}, run: hf upload a/$B .}\n", head="jobs:\n  a:\n    steps:\n")),
    ),
    "workflow lists nested": (WORKFLOW, nested("[", "]", head="# hf\na: ")),
    **{
        f"shell text {piece!r}": ("a.sh", _shell_lines(piece, head="hf "))
        for piece in ("${a-", "${a", "${{", "${{ ", "$(", "`", "'", '"', "\\\n", "'\n", '"\n', "<<A\n", "for a in ", " ", ";", "a=b\n", "=", "\\", "#", "$a$b", "(", "git ")
    },
    **{
        f"javascript text {piece!r}": ("a.js", repeated(piece, head=_JS))
        for piece in ("/*", "//", "import ", "import {", "let ", "let a ", "require(", "fetch(`https://${", "fetch('https://huggingface.co/api/models/a/b')", "${", "repo:", "(", "a<", "a.", "const a='b' ", "'@huggingface/hub'", "{", "`")
    },
}  # fmt: skip
"""Code that is read for what it needs of the Hub, by what is wrong with it."""
