"""A credential in a manifest, outside a Secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from tokenaudit.ci.model import Binding, BindingKind, is_placeholder
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="k8s-token-configmap",
    title="Credential in a manifest outside a Secret",
    severity=Severity.HIGH,
    why="ConfigMaps and plain `value:` entries are readable for everyone who can list objects of the namespace, are "
    "shown by `kubectl describe`, and are usually committed to git.",
    remedy="Store it in a Secret outside git (External Secrets, Sealed Secrets) and reference it: "
    "`valueFrom: {secretKeyRef: {name: hf, key: token}}`.",
    bad="""\
# k8s/config.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: app
data:
  HF_TOKEN: hf_<34 letters>
""",
    good="""\
# k8s/pod.yaml
apiVersion: v1
kind: Pod
metadata:
  name: app
spec:
  containers:
    - name: app
      env:
        - name: HF_TOKEN
          valueFrom:
            secretKeyRef:
              name: hf
              key: token
""",
    references=("https://kubernetes.io/docs/concepts/configuration/secret/",),
)

_SHORTEST = 20


def check(context: RuleContext) -> Iterator[Problem]:
    """ConfigMap entries and plain environment values."""
    for binding in context.pipeline.bindings():
        if binding.way not in (BindingKind.CONFIG_MAP, BindingKind.PLAIN_VALUE) or not context.names.match(
            binding.name
        ):
            continue
        found = [literal for literal in context.literals if literal.line == binding.value.line]
        if not found and not _secret_like(binding):
            continue
        place = "a ConfigMap" if binding.way is BindingKind.CONFIG_MAP else "a plain `value:`"
        message = f"{binding.name} is in {place}"
        position = (binding.line, binding.column)
        confidence: Literal["medium"] | None = None if found else "medium"
        severity = Severity.CRITICAL if found else None
        yield context.problem(
            RULE, position, binding.where, binding.name, message, severity=severity, confidence=confidence
        )


def _secret_like(binding: Binding) -> bool:
    value = binding.value.value
    return (
        not binding.dynamic and not is_placeholder(value) and len(value) >= _SHORTEST and not set(value) & set(" /{}$")
    )
