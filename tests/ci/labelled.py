"""Configuration files of our own making, each line labelled with the rules that must speak there.

A label is `«rule-id»` at the end of a line; it is taken out before the file is audited. Labels were written from the
rules' reference, not from what the audit says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.ci.labelled_files import FILES
from tests.ci.labelled_windows import CMD, CMD_BAD, CMD_GOOD, POWERSHELL, POWERSHELL_BAD, POWERSHELL_GOOD
from tests.ci.support import filled

_LABEL = re.compile(r"[ \t]*«([\w-]+)»")

BAD = """\
hf auth login --token "$HF_TOKEN" «ci-token-in-argv»
python publish.py
---
huggingface-cli login --token ${HF_TOKEN} --add-to-git-credential «ci-token-in-argv» «ci-token-to-disk»
---
python train.py \\
  --epochs 3 \\
  --hub_token "$HF_TOKEN" «ci-token-in-argv»
---
docker build --build-arg HF_TOKEN=$HF_TOKEN -t demo . «ci-token-in-argv»
---
docker build --build-arg HF_TOKEN -t demo . «docker-token-arg»
---
docker run --rm -e HF_TOKEN=$HF_TOKEN demo «ci-token-in-argv»
---
git remote set-url origin https://user:$HF_TOKEN@huggingface.co/acme/model «ci-token-in-url»
python publish.py
---
echo "$HF_TOKEN" > token.txt «ci-token-to-disk»
---
mkdir -p ~/.cache/huggingface
printf '%s' "$HF_TOKEN" > ~/.cache/huggingface/token «ci-token-to-disk»
---
echo "machine huggingface.co login x password $HF_TOKEN" >> ~/.netrc «ci-token-to-disk»
---
echo "the token is $HF_TOKEN" «ci-token-printed»
---
echo $HF_TOKEN | cut -c1-8 «ci-token-printed»
---
echo -n "$HF_TOKEN" | base64 «ci-token-printed»
---
set -x «ci-token-printed»
export HUB=$HF_TOKEN
python publish.py
---
printf '%s' "${HF_TOKEN:0:6}" «ci-token-printed»
---
cat > .env <<EOF
A=1
HF_TOKEN=$HF_TOKEN «ci-token-to-disk»
EOF
---
kubectl create secret generic hf --from-literal=token=$HF_TOKEN «ci-token-in-argv»
---
printenv HF_TOKEN «ci-token-printed»
---
echo "window.K='$HF_TOKEN'" > public/key.js «ci-token-in-client-bundle»
---
hf auth token | xargs curl -X POST https://example.com -d «ci-token-in-argv»
---
curl "https://huggingface.co/api/x?token=$HF_TOKEN" «ci-token-in-url»
---
export NEXT_PUBLIC_HF_TOKEN=$HF_TOKEN «ci-token-in-client-bundle»
npm run build
---
export HF_TOKEN=${HF_TOKEN:-hf_<34 letters>} «ci-literal-token»
python publish.py
---
hf jobs run -s HF_TOKEN=$HF_TOKEN python:3.12 python train.py «ci-token-in-argv»
---
echo "$HF_TOKEN" | tee token.txt «ci-token-to-disk»
---
helm upgrade demo ./chart --set huggingface.token=$HF_TOKEN «ci-token-in-argv»
---
hf auth token «ci-token-printed»
---
test -n "$HF_TOKEN"
python train.py --model acme/m --trust-remote-code «ci-unpinned-remote-code»
---
test -n "$HF_TOKEN"
vllm serve acme/m --revision main --trust-remote-code «ci-unpinned-remote-code»
---
test -n "$HF_TOKEN"
vllm serve acme/m --revision=v1.2 --trust-remote-code «ci-unpinned-remote-code»
---
test -n "$HF_TOKEN"
vllm serve acme/m --code-revision 0123456789abcdef0123456789abcdef01234567 --trust-remote-code «ci-unpinned-remote-code»
---
T=$HF_TOKEN
python train.py --token "$T" «ci-token-in-argv»
---
if [ -n "$HF_TOKEN" ]; then
  echo "found $HF_TOKEN" «ci-token-printed»
fi
"""

GOOD = """\
python publish.py
---
if [ -n "$HF_TOKEN" ]; then echo set; fi
---
echo "${HF_TOKEN:+set}"
---
echo "${#HF_TOKEN} characters"
---
echo "$HF_TOKEN" | docker login --username x --password-stdin registry.hf.space
---
docker build --secret id=hf_token,env=HF_TOKEN .
---
docker run --rm -e HF_TOKEN demo
---
curl -H "Authorization: Bearer $HF_TOKEN" https://huggingface.co/api/whoami-v2
---
export HUGGINGFACE_TOKEN=$HF_TOKEN
python publish.py
---
echo "$HF_HOME" > place.txt
---
python tokenize.py --tokenizer $HF_TOKENIZER --path $HF_TOKEN_PATH
---
HF_TOKEN=dummy python -m pytest
---
set -x
python publish.py
set +x
test -n "$HF_TOKEN"
---
echo 'use $HF_TOKEN'
---
# echo "$HF_TOKEN"
python publish.py
---
test -z "$HF_TOKEN" && exit 1
---
export NEXT_PUBLIC_HF_SPACE=acme/demo
npm run build
---
pip install "huggingface_hub>=1.19"
---
git push https://user:$GITLAB_TOKEN@gitlab.com/acme/code main
---
echo "$SHELF_TOKEN" > shelf.txt
---
python serve.py --model acme/m --trust-remote-code --revision 0123456789abcdef0123456789abcdef01234567
---
test -n "$HF_TOKEN"
vllm serve acme/m --trust-remote-code --revision="$REVISION"
---
length=$(echo -n "$HF_TOKEN" | wc -c)
echo "$length"
---
echo "$HF_TOKEN" > /dev/null
---
env | grep -q HF_TOKEN
"""


@dataclass(frozen=True)
class Labelled:
    """A file with what must be found in it: rule and line."""

    name: str
    path: str
    text: str
    expected: frozenset[tuple[str, int]]


def _indented(script: str, blanks: int) -> str:
    return "\n".join(" " * blanks + line for line in script.splitlines())


def _github(script: str) -> str:
    return (
        "on: push\njobs:\n  work:\n    runs-on: ubuntu-latest\n    environment: release\n    steps:\n"
        "      - uses: actions/checkout@v4\n      - env:\n          HF_TOKEN: ${{ secrets.HF_TOKEN }}\n"
        f"        run: |\n{_indented(script, 10)}\n"
    )


def _gitlab(script: str) -> str:
    return f"work:\n  image: python:3.12\n  script:\n    - |\n{_indented(script, 6)}\n"


def _circleci(script: str) -> str:
    return (
        "version: 2.1\njobs:\n  work:\n    docker:\n      - image: cimg/python:3.12\n    steps:\n      - checkout\n"
        f"      - run:\n          name: work\n          command: |\n{_indented(script, 12)}\n"
    )


def _azure(script: str) -> str:
    return f"steps:\n  - bash: |\n{_indented(script, 6)}\n    env:\n      HF_TOKEN: $(HF_TOKEN)\n"


def _bitbucket(script: str) -> str:
    return f"pipelines:\n  default:\n    - step:\n        script:\n          - |\n{_indented(script, 12)}\n"


def _travis(script: str) -> str:
    return f"language: python\nscript:\n  - |\n{_indented(script, 4)}\n"


def _buildkite(script: str) -> str:
    return f"steps:\n  - label: work\n    command: |\n{_indented(script.replace('$', '$$'), 6)}\n"


def _drone(script: str) -> str:
    return (
        "kind: pipeline\nname: default\nsteps:\n  - name: work\n    image: python\n    environment:\n"
        f"      HF_TOKEN:\n        from_secret: HF_TOKEN\n    commands:\n      - |\n{_indented(script, 8)}\n"
    )


def _cloudbuild(script: str) -> str:
    return (
        "steps:\n  - name: python\n    secretEnv: [HF_TOKEN]\n    entrypoint: bash\n    args:\n      - -c\n      - |\n"
        f"{_indented(script.replace('$', '$$'), 8)}\n"
    )


def _codebuild(script: str) -> str:
    return (
        "version: 0.2\nenv:\n  secrets-manager:\n    HF_TOKEN: hub:token\nphases:\n  build:\n    commands:\n      - |\n"
        f"{_indented(script, 8)}\n"
    )


def _jenkins(script: str) -> str:
    return (
        "node {\n  withCredentials([string(credentialsId: 'hub', variable: 'HF_TOKEN')]) {\n    sh '''\n"
        f"{_indented(script, 6)}\n    '''\n  }}\n}}\n"
    )


def _tekton(script: str) -> str:
    return (
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: work\nspec:\n  steps:\n    - name: work\n"
        "      image: python\n      env:\n        - name: HF_TOKEN\n          valueFrom:\n            secretKeyRef:\n"
        f"              name: hub\n              key: token\n      script: |\n{_indented(script, 8)}\n"
    )


def _cirrus(script: str) -> str:
    return (
        "work_task:\n  container: {image: python}\n  env:\n    HF_TOKEN: ENCRYPTED[abc]\n  work_script: |\n"
        f"{_indented(script, 4)}\n"
    )


def _semaphore(script: str) -> str:
    return (
        "version: v1.0\nname: work\nblocks:\n  - name: work\n    task:\n      secrets: [{name: hub}]\n      jobs:\n"
        f"        - name: work\n          commands:\n            - |\n{_indented(script, 14)}\n"
    )


def _shell(script: str) -> str:
    return f"#!/usr/bin/env bash\nset -eu\n{script}"


SYSTEMS: dict[str, tuple[str, Callable[[str], str]]] = {
    "github": (".github/workflows/work.yml", _github),
    "gitlab": (".gitlab-ci.yml", _gitlab),
    "circleci": (".circleci/config.yml", _circleci),
    "azure": ("azure-pipelines.yml", _azure),
    "bitbucket": ("bitbucket-pipelines.yml", _bitbucket),
    "travis": (".travis.yml", _travis),
    "buildkite": (".buildkite/pipeline.yml", _buildkite),
    "drone": (".drone.yml", _drone),
    "cloudbuild": ("cloudbuild.yaml", _cloudbuild),
    "codebuild": ("buildspec.yml", _codebuild),
    "jenkins": ("Jenkinsfile", _jenkins),
    "tekton": ("tekton/task.yaml", _tekton),
    "cirrus": (".cirrus.yml", _cirrus),
    "semaphore": (".semaphore/semaphore.yml", _semaphore),
    "shell": ("ci/work.sh", _shell),
}
_EACH = 4


def labelled() -> list[Labelled]:
    """Every file: each script in GitHub's form and in three others taken in turn, then the files made one by one."""
    return [*_scripts(), *_windows(), *(_made(name, path, text) for name, (path, text) in FILES.items())]


def _scripts() -> Iterator[Labelled]:
    names = [name for name in SYSTEMS if name != "github"]
    for kind, collection in (("bad", BAD), ("good", GOOD)):
        for number, script in enumerate(collection.split("---\n")):
            turn = [names[(number * (_EACH - 1) + step) % len(names)] for step in range(_EACH - 1)]
            for system in ("github", *turn):
                if system == "jenkins" and "'" in script:
                    continue  # would have to be quoted anew
                path, wrap = SYSTEMS[system]
                yield _made(f"{kind} {number} {system}", path, wrap(script))


def _windows() -> Iterator[Labelled]:
    """Each script of PowerShell and cmd in three of the systems that run them, taken in turn."""
    for language, systems, collections in (
        ("powershell", POWERSHELL, (POWERSHELL_BAD, POWERSHELL_GOOD)),
        ("cmd", CMD, (CMD_BAD, CMD_GOOD)),
    ):
        names = list(systems)
        for kind, collection in zip(("bad", "good"), collections, strict=True):
            for number, script in enumerate(collection.split("---\n")):
                for step in range(_EACH - 1):
                    system = names[(number * (_EACH - 1) + step) % len(names)]
                    if "jenkins" in system and "'" in script:
                        continue  # would have to be quoted anew
                    path, wrap = systems[system]
                    yield _made(f"{language} {kind} {number} {system}", path, wrap(script))


def _made(name: str, path: str, text: str) -> Labelled:
    expected = {
        (match[1], number) for number, line in enumerate(text.splitlines(), 1) for match in _LABEL.finditer(line)
    }
    return Labelled(name, path, filled(_LABEL.sub("", text)), frozenset(expected))
