"""Labelled files that are about more than one script: triggers, environments, images, manifests."""

from __future__ import annotations

_W = ".github/workflows/work.yml"
_PUBLISH = """\
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: python publish.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
"""

FILES: dict[str, tuple[str, str]] = {
    "literal in step env": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: python publish.py
        env:
          HF_TOKEN: hf_<34 letters> «ci-literal-token»
""",
    ),
    "literal behind an anchor": (
        ".gitlab-ci.yml",
        """\
.common: &common
  HF_TOKEN: hf_<34 letters> «ci-literal-token»
a:
  variables: *common
  script: [python a.py]
b:
  variables:
    <<: *common
  script: [python b.py]
""",
    ),
    "literal in a comment": (_W, "# HF_TOKEN: hf_<34 letters> «ci-literal-token»\non: push\njobs: {}\n"),
    "literal in circle environment": (
        ".circleci/config.yml",
        """\
version: 2.1
jobs:
  a:
    docker: [{image: python}]
    environment:
      HF_TOKEN: hf_<34 letters> «ci-literal-token»
    steps: [checkout]
""",
    ),
    "literal in travis": (
        ".travis.yml",
        "env:\n  global:\n    - HF_TOKEN=hf_<34 letters> «ci-literal-token»\nscript: [make]\n",
    ),
    "secure in travis": (".travis.yml", "env:\n  global:\n    - secure: abcdef # HF_TOKEN\nscript: [make]\n"),
    "literal in drone": (
        ".drone.yml",
        """\
kind: pipeline
name: a
steps:
  - name: a
    image: python
    environment:
      HF_TOKEN: hf_<34 letters> «ci-literal-token»
    commands: [python a.py]
""",
    ),
    "literal in buildspec": (
        "buildspec.yml",
        """\
version: 0.2
env:
  variables:
    HF_TOKEN: hf_<34 letters> «ci-literal-token»
phases: {build: {commands: [make]}}
""",
    ),
    "literal in dotenv": (".env.production", "A=1\nHF_TOKEN=hf_<34 letters> «ci-literal-token»\n"),
    "empty dotenv": (".env.example", "HF_TOKEN=\nHUGGINGFACE_API_KEY=your-key-here\n"),
    "client dotenv": (".env", "VITE_HF_TOKEN=hf_<34 letters> «ci-literal-token» «ci-token-in-client-bundle»\n"),
    "literal in tfvars": ("prod.tfvars", 'hf_token = "hf_<34 letters>" «ci-literal-token»\n'),
    "terraform default": ("main.tf", 'variable "hf_token" {\n  default = "hf_<34 letters>" «ci-literal-token»\n}\n'),
    "terraform sensitive": ("main.tf", 'variable "hf_token" {\n  type      = string\n  sensitive = true\n}\n'),
    "helm values": ("chart/values.yaml", "huggingface:\n  token: hf_<34 letters> «ci-literal-token»\n"),
    "empty helm values": ("chart/values.yaml", 'huggingface:\n  token: ""\n'),
    "devcontainer": (
        ".devcontainer/devcontainer.json",
        """\
{
  // tools
  "containerEnv": {
    "HF_TOKEN": "hf_<34 letters>" «ci-literal-token»
  }
}
""",
    ),
    "good devcontainer": (
        ".devcontainer/devcontainer.json",
        """\
{
  "remoteEnv": {
    "HF_TOKEN": "${localEnv:HF_TOKEN}"
  }
}
""",
    ),
    "secret in the step": (_W, "on: push\njobs:\n  a:\n" + _PUBLISH),
    "workflow env": (
        _W,
        """\
on: push
env:
  HF_TOKEN: ${{ secrets.HF_TOKEN }} «ci-token-workflow-env»
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: python publish.py
""",
    ),
    "workflow env of a stand-in": (
        _W,
        """\
on: push
env:
  HF_TOKEN: dummy
  HF_HOME: /cache
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: python -m pytest
""",
    ),
    "job env with an installer": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    env:
      HF_TOKEN: ${{ secrets.HF_TOKEN }} «ci-token-workflow-env»
    steps:
      - run: pip install -r requirements.txt
      - run: python publish.py
""",
    ),
    "job env of one script": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    env:
      HF_TOKEN: ${{ secrets.HF_TOKEN }}
    steps:
      - uses: actions/checkout@v4
      - run: python publish.py
""",
    ),
    "gitlab variables": (
        ".gitlab-ci.yml",
        """\
variables:
  HF_TOKEN: $HUB_HF_TOKEN «ci-token-workflow-env»
a:
  script:
    - python publish.py
""",
    ),
    "jenkins environment": (
        "Jenkinsfile",
        """\
pipeline {
  environment {
    HF_TOKEN = credentials('hub') «ci-token-workflow-env»
  }
  stages {
    stage('a') {
      steps {
        sh 'python publish.py'
      }
    }
  }
}
""",
    ),
    "jenkins interpolation": (
        "Jenkinsfile",
        """\
node {
  stage('a') {
    sh "hf auth login --token ${params.HF_TOKEN}" «ci-token-in-argv»
    echo "token ${HF_TOKEN}" «ci-token-printed»
  }
}
""",
    ),
    "target with head checkout": (
        _W,
        """\
on:
  pull_request_target: «ci-untrusted-trigger»
    types: [opened]
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          ref: ${{ github.event.pull_request.head.sha }}
      - run: python evaluate.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    ),
    "target without checkout": (
        _W,
        """\
on: [pull_request_target] «ci-untrusted-trigger»
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: python comment.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    ),
    "comment trigger": (
        _W,
        """\
on:
  issue_comment: «ci-untrusted-trigger»
    types: [created]
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: gh pr checkout 1
      - run: python evaluate.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    ),
    "comment trigger of members": (
        _W,
        """\
on: issue_comment
jobs:
  a:
    if: github.event.comment.author_association == 'MEMBER'
    runs-on: ubuntu-latest
    steps:
      - run: python evaluate.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    ),
    "workflow_run of own code": (
        _W,
        """\
on:
  workflow_run:
    workflows: [test]
    types: [completed]
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: python publish.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    ),
    "workflow_run of foreign code": (
        _W,
        """\
on:
  workflow_run: «ci-untrusted-trigger»
    workflows: [test]
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with: {ref: "${{ github.event.workflow_run.head_sha }}"}
      - run: python publish.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    ),
    "target in an environment": (
        _W,
        """\
on: pull_request_target
jobs:
  a:
    runs-on: ubuntu-latest
    environment: reviewed
    steps:
      - run: python comment.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    ),
    "target without a token": (
        _W,
        """\
on: pull_request_target
jobs:
  label:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/labeler@v5
  huggingface:
    runs-on: ubuntu-latest
    steps:
      - run: hf download acme/public
""",
    ),
    "pull request": (_W, "on: pull_request\njobs:\n  a:\n" + _PUBLISH),
    "inherit to a hub workflow": (
        _W,
        """\
on: push
jobs:
  huggingface:
    uses: acme/workflows/.github/workflows/hub.yml@0123456789abcdef0123456789abcdef01234567
    secrets: inherit «ci-secrets-inherit»
""",
    ),
    "inherit elsewhere": (
        _W,
        """\
on: push
jobs:
  lint:
    uses: acme/workflows/.github/workflows/lint.yml@main
    secrets: inherit
""",
    ),
    "named secret": (
        _W,
        """\
on: push
jobs:
  a:
    uses: ./.github/workflows/hub.yml
    secrets:
      HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    ),
    "named secret to a branch": (
        _W,
        """\
on: push
jobs:
  a:
    uses: acme/workflows/.github/workflows/hub.yml@main «ci-unpinned-action»
    secrets:
      HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    ),
    "all secrets": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: python publish_to_huggingface.py
        env:
          ALL: ${{ toJSON(secrets) }} «ci-all-secrets»
""",
    ),
    "all secrets elsewhere": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: python x.py
        env:
          ALL: ${{ toJSON(secrets) }}
""",
    ),
    "unpinned action": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - uses: someone/deploy@v1 «ci-unpinned-action»
        with:
          hf_token: ${{ secrets.HF_TOKEN }}
""",
    ),
    "pinned action": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - uses: someone/deploy@0123456789abcdef0123456789abcdef01234567 # v1
        with:
          hf_token: ${{ secrets.HF_TOKEN }}
""",
    ),
    "unpinned action without the token": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: someone/cache@v1
        with: {path: ~/.cache/huggingface}
      - run: python publish.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    ),
    "push to a space": (
        _W,
        """\
on: push
jobs:
  sync: «ci-no-environment»
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }} «ci-could-be-keyless»
        run: git push https://user:$HF_TOKEN@huggingface.co/spaces/acme/demo main «ci-token-in-url»
""",
    ),
    "upload of a model": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: hf upload acme/model ./out .
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }} «ci-could-be-keyless»
""",
    ),
    "upload in gitlab": (
        ".gitlab-ci.yml",
        """\
publish:
  environment: release
  script:
    - hf upload acme/model ./out . «ci-could-be-keyless»
  variables:
    HF_TOKEN: $HUB_HF_TOKEN
""",
    ),
    "keyless": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    permissions: {id-token: write, contents: read}
    steps:
      - run: pip install "huggingface_hub>=1.19"
      - run: hf upload acme/model ./out .
        env:
          HF_OIDC_RESOURCE: acme/model
""",
    ),
    "keyless with an old client": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    permissions: {id-token: write, contents: read}
    steps:
      - run: |
          pip install --upgrade pip
          pip install "huggingface_hub<1.19" «ci-stale-client»
      - run: hf upload acme/model ./out .
        env:
          HF_OIDC_RESOURCE: acme/model
""",
    ),
    "old client without keyless": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: pip install huggingface_hub==0.20
""",
    ),
    "exchanged token unmasked": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    permissions: {id-token: write}
    steps:
      - run: |
          token=$(hf auth token)
          echo "HF_TOKEN=$token" >> "$GITHUB_ENV" «ci-oidc-unmasked»
        env:
          HF_OIDC_RESOURCE: acme/model
""",
    ),
    "exchanged token masked": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    permissions: {id-token: write}
    steps:
      - run: |
          token=$(hf auth token)
          echo "::add-mask::$token"
          echo "HF_TOKEN=$token" >> "$GITHUB_ENV"
        env:
          HF_OIDC_RESOURCE: acme/model
""",
    ),
    "token for all later steps": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo "HF_TOKEN=${{ secrets.HF_TOKEN }}" >> $GITHUB_ENV «ci-token-to-disk»
""",
    ),
    "cached token": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/cache@v4
        with: {path: ~/.cache/huggingface, key: hub}
      - run: echo "${{ secrets.HF_TOKEN }}" > ~/.cache/huggingface/token «ci-token-to-disk»
""",
    ),
    "test of a secret": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    env:
      HAS_HF_TOKEN: ${{ secrets.HF_TOKEN != '' }}
    steps:
      - if: env.HAS_HF_TOKEN == 'true'
        run: echo "$HAS_HF_TOKEN"
""",
    ),
    "other name for the token": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - env:
          TOKEN: ${{ secrets.HF_TOKEN }}
        run: |
          python publish.py
          echo "$TOKEN" «ci-token-printed»
""",
    ),
    "python script": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - shell: python
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: |
          import os
          print(os.environ["HF_TOKEN"]) «ci-token-printed»
""",
    ),
    "python length": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - shell: python
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: |
          import os
          print(len(os.environ["HF_TOKEN"]))
""",
    ),
    "login in python": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: |
          python - <<'PY'
          import os
          from huggingface_hub import login
          login(os.environ["HF_TOKEN"], add_to_git_credential=True) «ci-token-to-disk»
          PY
""",
    ),
    "remote code": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: |
          hf download acme/tool --local-dir tool
          python tool/run.py «ci-unpinned-remote-code»
""",
    ),
    "remote code without a token": (
        _W,
        """\
on: push
jobs:
  huggingface:
    runs-on: ubuntu-latest
    steps:
      - run: python -c 'from_pretrained("a/b", trust_remote_code=True)'
""",
    ),
    "space variable": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: hf spaces variables add acme/demo -e HF_TOKEN=$HF_TOKEN «space-token-in-variable» «ci-token-in-argv»
""",
    ),
    "front end build": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: npm run build
        env:
          REACT_APP_HF_API_KEY: ${{ secrets.HF_API_KEY }} «ci-token-in-client-bundle»
          REACT_APP_HF_MODEL: acme/model
""",
    ),
    "build action": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: docker/build-push-action@0123456789abcdef0123456789abcdef01234567 # v6
        with:
          push: true
          build-args: |
            VERSION=1
            HF_TOKEN=${{ secrets.HF_TOKEN }} «docker-token-arg»
""",
    ),
    "build action with a secret": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: docker/build-push-action@0123456789abcdef0123456789abcdef01234567 # v6
        with:
          push: true
          secrets: |
            hf_token=${{ secrets.HF_TOKEN }}
""",
    ),
    "composite action": (
        "actions/publish/action.yml",
        """\
name: publish
inputs:
  hf_token:
    required: true
runs:
  using: composite
  steps:
    - shell: bash
      run: hf auth login --token ${{ inputs.hf_token }} «ci-token-in-argv»
""",
    ),
    "forgejo": (
        ".forgejo/workflows/a.yml",
        """\
on: push
jobs:
  a:
    runs-on: docker
    steps:
      - run: hf auth login --token ${{ secrets.HF_TOKEN }} «ci-token-in-argv»
""",
    ),
    "dockerfile argument": (
        "Dockerfile",
        """\
FROM python:3.12
ARG VERSION=1
ARG HF_TOKEN «docker-token-arg»
RUN hf download acme/private
""",
    ),
    "dockerfile environment": (
        "docker/app.Dockerfile",
        """\
FROM python:3.12
ARG HUGGINGFACE_TOKEN «docker-token-arg»
ENV PYTHONUNBUFFERED=1 \\
    HF_TOKEN=${HUGGINGFACE_TOKEN} «docker-token-env»
""",
    ),
    "dockerfile literal": ("Dockerfile", "FROM python\nENV HF_TOKEN hf_<34 letters> «docker-token-env»\n"),
    "dockerfile secret": (
        "Dockerfile",
        """\
FROM python:3.12
ENV HF_HOME=/data HF_TOKEN=""
RUN --mount=type=secret,id=hf_token,env=HF_TOKEN \\
    hf download acme/private
""",
    ),
    "dockerfile login": (
        "Containerfile",
        """\
FROM python:3.12
RUN --mount=type=secret,id=hf_token,env=HF_TOKEN \\
    pip install huggingface_hub && \\
    hf auth login --token "$HF_TOKEN" «ci-token-in-argv»
""",
    ),
    "compose literal": (
        "docker-compose.yml",
        """\
services:
  app:
    environment:
      - A=1
      - HF_TOKEN=hf_<34 letters> «compose-literal-token»
""",
    ),
    "compose fallback": (
        "compose.yaml",
        """\
services:
  app:
    environment:
      HF_TOKEN: ${HF_TOKEN:-hf_<34 letters>} «compose-literal-token»
""",
    ),
    "compose build argument": (
        "compose.yaml",
        """\
services:
  app:
    build:
      context: .
      args:
        HF_TOKEN: ${HF_TOKEN} «compose-literal-token»
""",
    ),
    "compose environment": (
        "compose.yaml",
        """\
services:
  app:
    environment:
      HF_TOKEN: ${HF_TOKEN:?}
      HUGGINGFACE_HUB_TOKEN:
  other:
    environment: [HF_TOKEN, "HF_HOME=/data"]
""",
    ),
    "config map": (
        "k8s/app.yaml",
        """\
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
data:
  HF_HOME: /data
  HF_TOKEN: hf_<34 letters> «k8s-token-configmap»
""",
    ),
    "plain value": (
        "k8s/app.yml",
        """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  template:
    spec:
      containers:
        - name: app
          image: app
          env:
            - name: HUGGING_FACE_HUB_TOKEN
              value: hf_<34 letters> «k8s-token-configmap»
            - name: HF_HOME
              value: /data
""",
    ),
    "secret reference": (
        "k8s/app.yml",
        """\
apiVersion: v1
kind: Pod
metadata: {name: app}
spec:
  containers:
    - name: app
      image: app
      env:
        - name: HF_TOKEN
          valueFrom: {secretKeyRef: {name: hub, key: token}}
""",
    ),
    "secret with a literal": (
        "k8s/secret.yaml",
        """\
apiVersion: v1
kind: Secret
metadata: {name: hub}
stringData:
  HF_TOKEN: hf_<34 letters> «ci-literal-token»
""",
    ),
    "makefile": (
        "Makefile",
        """\
login:
\t@hf auth login --token $(HF_TOKEN) «ci-token-in-argv»

publish:
\tpython publish.py
""",
    ),
    "cloud build argument": (
        "cloudbuild.yaml",
        """\
steps:
  - name: gcr.io/cloud-builders/docker
    args:
      - build
      - --build-arg
      - HF_TOKEN=${_HF_TOKEN} «ci-token-in-argv»
      - .
substitutions:
  _HF_TOKEN: ""
""",
    ),
    "other tokens only": (
        _W,
        """\
on: push
env:
  GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}
  PYPI_TOKEN: ${{ secrets.PYPI_TOKEN }}
jobs:
  hf:
    runs-on: ubuntu-latest
    steps:
      - run: |
          echo "$PYPI_TOKEN" > token
          twine upload --password "$PYPI_TOKEN" dist/*
""",
    ),
    "user and token in a URL": (
        _W,
        """\
on: push
jobs:
  a: «ci-no-environment»
    runs-on: ubuntu-latest
    steps:
      - env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }} «ci-could-be-keyless»
          HF_USERNAME: acme
          SPACE: demo
        run: git push https://$HF_USERNAME:$HF_TOKEN@huggingface.co/spaces/$HF_USERNAME/$SPACE main «ci-token-in-url»
""",
    ),
    "clone and later push": (
        _W,
        """\
on: push
jobs:
  a: «ci-no-environment»
    runs-on: ubuntu-latest
    steps:
      - env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }} «ci-could-be-keyless»
        run: git clone https://acme:${HF_TOKEN}@huggingface.co/spaces/acme/demo space «ci-token-in-url»
      - run: |
          cd space
          git commit -am sync
          git push origin main
""",
    ),
    "job env with a prepared installation": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    env:
      HF_TOKEN: ${{ secrets.HF_TOKEN }} «ci-token-workflow-env»
    steps:
      - run: |
          printf 'torch==2.10.0' > constraints.txt
          uv pip install -e ".[quality]"
      - run: python -m pytest
""",
    ),
    "action of Hugging Face that publishes nothing": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: huggingface/tailscale-action@0123456789abcdef0123456789abcdef01234567 # v1
      - run: python publish.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    ),
    "copy into a bucket": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: hf cp notes.md hf://buckets/acme/releases/notes.md
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }} «ci-could-be-keyless»
""",
    ),
    "jenkins environment of the one stage": (
        "Jenkinsfile",
        """\
pipeline {
  agent any
  stages {
    stage('Publish') {
      environment { HF_TOKEN = credentials('hub') }
      steps {
        sh 'pip install -r requirements.txt'
        sh 'python publish.py'
      }
    }
  }
}
""",
    ),
    "jenkins environment of the pipeline": (
        "Jenkinsfile",
        """\
pipeline {
  agent any
  environment { HF_TOKEN = credentials('hub') } «ci-token-workflow-env»
  stages {
    stage('Publish') {
      steps { sh 'python publish.py' }
    }
  }
}
""",
    ),
    "a pinned download": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: hf download acme/model --revision 0123456789abcdef0123456789abcdef01234567
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    ),
    "a pinned download in Python": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - shell: python
        run: snapshot_download("acme/model", revision="0123456789abcdef0123456789abcdef01234567")
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    ),
    "only a login reads the token": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: hf auth login
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
      - run: hf download acme/model
""",
    ),
    "an unpinned download": (
        _W,
        """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: hf download acme/model
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }} «ci-could-be-keyless»
""",
    ),
    "literal in cirrus": (
        ".cirrus.yml",
        "env:\n  HF_TOKEN: hf_<34 letters> «ci-literal-token»\nwork_task:\n  script: make\n",
    ),
    "encrypted in cirrus": (".cirrus.yml", "work_task:\n  env:\n    HF_TOKEN: ENCRYPTED[abcdef]\n  script: make\n"),
    "cirrus for every task": (
        ".cirrus.yml",
        "env:\n  HF_TOKEN: ENCRYPTED[abcdef] «ci-token-workflow-env»\nwork_task:\n  script: make\n",
    ),
    "literal in semaphore": (
        ".semaphore/semaphore.yml",
        """\
version: v1.0
name: work
global_job_config:
  env_vars:
    - name: HF_TOKEN
      value: hf_<34 letters> «ci-literal-token»
  prologue:
    commands:
      - echo $HF_TOKEN «ci-token-printed»
blocks:
  - name: a
    task:
      env_vars:
        - {name: REPO, value: acme/model}
      jobs:
        - name: a
          commands:
            - hf upload $REPO . --token $HF_TOKEN «ci-token-in-argv»
      epilogue:
        always:
          commands:
            - printenv HF_TOKEN «ci-token-printed»
""",
    ),
    "literal in appveyor": (
        "appveyor.yml",
        "environment:\n  HF_TOKEN: hf_<34 letters> «ci-literal-token»\ntest_script:\n  - python -m pytest\n",
    ),
    "secure in appveyor": (
        "appveyor.yml",
        """\
environment:
  HF_TOKEN:
    secure: abcdef
test_script:
  - cmd: python -m pytest
  - ps: Write-Host $env:HF_TOKEN «ci-token-printed»
  - sh: echo $HF_TOKEN «ci-token-printed»
""",
    ),
}
