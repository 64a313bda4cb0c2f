"""Baselines in the format of detect-secrets: known findings, so that only new ones are reported.

    known = load(path)
    report = apply(whole, known, secrets)           # what the baseline does not list
    save(updated(known, whole, secrets, plugins), path)

The format identifies a credential by the unsalted SHA-1 of its value, so matching needs the values of the run. Findings
that the format has no place for (history only, configuration) are stored under a key of tokenaudit. detect-secrets
ignores that key and drops it when it rewrites the file.
"""

from tokenaudit.baseline.match import Baseline, apply, load, save
from tokenaudit.baseline.update import HostPlugin, updated

__all__ = ["Baseline", "HostPlugin", "apply", "load", "save", "updated"]
